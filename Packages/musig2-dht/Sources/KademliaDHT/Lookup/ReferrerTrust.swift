/// How far the servers that named peers are trusted: one that names peers that do not answer is trusted less and less.
struct ReferrerTrust: Sendable {
    /// A server that named peers; the first one is this node itself, which is always trusted.
    struct Referrer: Hashable, Sendable {
        fileprivate let index: Int

        static let node = Referrer(index: 0)
    }

    enum Standing: Hashable, Sendable {
        /// More of the peers it named may be asked.
        case trusted
        /// First those that are asked must answer.
        case waiting
        /// Too few of them answered: the others are not asked.
        case doubted
    }

    /// A request to a peer that a server named, at its end.
    struct Request: Hashable, Sendable {
        enum Pace: Hashable, Sendable {
            case inTime
            /// It was slow, which counted as a failure.
            case slow
            /// It was given up: the peer was to be asked once more.
            case givenUp
        }

        let referrer: Referrer
        let pace: Pace
    }

    enum Ending: Hashable, Sendable {
        case answered
        case failed
        /// The peer has answered on another path.
        case onOtherPath
        /// This node could not ask it.
        case notSent
    }

    /// What came of the peers that one server named.
    private struct Record: Sendable {
        let depth: Int
        var outstanding = 0
        var answered = 0
        var failed = 0
    }

    private let toleratedFailures: Int
    private var records = [Record(depth: 0)]

    /// - Parameter toleratedFailures: How many of the peers that a server named may fail before any has answered.
    init(toleratedFailures: Int) {
        self.toleratedFailures = toleratedFailures
    }

    /// Each answer of a named peer lets one more fail.
    func standing(of referrer: Referrer) -> Standing {
        guard referrer != .node else { return .trusted }
        let record = records[referrer.index]
        let tolerated = toleratedFailures + record.answered
        if record.failed >= tolerated { return .doubted }
        return record.failed + record.outstanding >= tolerated ? .waiting : .trusted
    }

    /// How many servers were asked one after another before this one named peers.
    func depth(of referrer: Referrer) -> Int { records[referrer.index].depth }

    /// Adds a server that was itself named by another one.
    mutating func add(namedBy referrer: Referrer) -> Referrer {
        records.append(Record(depth: records[referrer.index].depth + 1))
        return Referrer(index: records.count - 1)
    }

    /// A peer that the server named is asked.
    mutating func asked(_ referrer: Referrer) { records[referrer.index].outstanding += 1 }

    /// A peer that the server named has not answered for a while.
    mutating func slow(_ referrer: Referrer) {
        records[referrer.index].outstanding -= 1
        records[referrer.index].failed += 1
    }

    mutating func ended(_ request: Request, _ ending: Ending) {
        let index = request.referrer.index
        switch (request.pace, ending) {
        case (.inTime, .failed):
            records[index].outstanding -= 1
            records[index].failed += 1
        case (.inTime, _): records[index].outstanding -= 1
        case (.slow, .answered), (.slow, .notSent): records[index].failed -= 1
        case (.slow, _), (.givenUp, _): break
        }
        if ending == .answered { records[index].answered += 1 }
    }
}
