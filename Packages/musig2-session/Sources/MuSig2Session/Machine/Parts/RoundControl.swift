/// Which rounds may start, and how they are made, as the application says.
struct RoundControl: Hashable, Sendable {
    private let startsAutomatically: Bool
    private var started: Set<Round> = []
    /// Whether each partial signature is verified when it arrives.
    var verifiesEveryPartial: Bool

    init(_ configuration: SessionConfiguration) {
        startsAutomatically = configuration.startsRoundsAutomatically
        verifiesEveryPartial = configuration.verifiesEveryPartial
    }

    mutating func start(_ round: Round) {
        started.insert(round)
    }

    /// Whether a round may start.
    func mayStart(_ round: Round) -> Bool {
        if startsAutomatically || started.contains(round) { return true }
        // Nonces are drawn for the commitments, where there are any.
        return round == .commitments && started.contains(.nonces)
    }

    /// Whether the time of a column runs. A round that the application starts has no deadline before it did.
    func isTimed(_ column: Column) -> Bool {
        switch column {
        case .joins: false
        case .commitments, .commitmentsComplete: mayStart(.commitments)
        case .nonces, .noncesComplete: mayStart(.nonces)
        case .partials, .signature: mayStart(.partials)
        }
    }
}
