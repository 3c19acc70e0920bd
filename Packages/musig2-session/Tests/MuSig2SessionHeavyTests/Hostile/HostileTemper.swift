import SessionSimulation
import WireCodec

/// What an enemy of a session tends to do, and what tends to happen. Each session has its own mixture, in which most
/// things are missing: an enemy that does everything ends every session before anything deep can happen.
struct HostileTemper {
    enum Step: CaseIterable {
        case deliver
        case strike
        case flap
        case accident
    }

    enum Speech: CaseIterable {
        case join
        case commit
        case share
        case aggregate
        case partial
        case restart
        case abort
        case decline
        case evidence
        case broadcastDone
        case sync
        case signatures
        case echo
    }

    enum Accident: CaseIterable {
        case restart
        case olderStore
        case lostStore
        case joinAgain
        case attempt
        case storeFailure
        case withdrawal
        case abort
    }

    let steps: Choice<Step>
    let speech: Choice<Speech>
    let accidents: Choice<Accident>
    /// How many of an enemy's contributions are what its machine would send too, so that they contradict nothing.
    let rightness: Double
    /// What an enemy's machine never sends, so that attempt follows attempt.
    let withheld: Set<MessageType>

    init(using random: inout SplitMix64) {
        var steps = Choice<Step>()
        steps[.deliver] = Int.random(in: 40...80, using: &random)
        steps[.strike] = Int.random(in: 5...40, using: &random)
        steps[.flap] = Int.random(in: 0...4, using: &random)
        steps[.accident] = Int.random(in: 0...4, using: &random)
        self.steps = steps
        var speech = Choice<Speech>()
        for kind in Speech.allCases where Bool.random(using: &random) {
            speech[kind] = Int.random(in: 1...10, using: &random)
        }
        speech[.echo] += Int.random(in: 1...15, using: &random)
        // One ABORT is the end of it.
        if Int.random(in: 0..<4, using: &random) > 0 { speech[.abort] = 0 }
        self.speech = speech
        var accidents = Choice<Accident>()
        for kind in Accident.allCases where Bool.random(using: &random) {
            accidents[kind] = Int.random(in: 1...10, using: &random)
        }
        accidents[.restart] += 1
        if Bool.random(using: &random) { accidents[.abort] = 0 }
        self.accidents = accidents
        withheld =
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<5: []
            case 5..<7: [.partialSigShare]
            case 7: [.nonceShare, .noncesComplete]
            default: [.nonceCommit, .nonceCommitsComplete, .nonceShare, .noncesComplete, .partialSigShare]
            }
        rightness = [0, 0.5, 0.9, 1].randomElement(using: &random) ?? 1
    }
}

/// Things with weights.
struct Choice<Thing: Hashable & CaseIterable> where Thing.AllCases == [Thing] {
    private var weights: [Thing: Int] = [:]

    subscript(thing: Thing) -> Int {
        get { weights[thing] ?? 0 }
        set { weights[thing] = newValue }
    }

    func pick(using random: inout SplitMix64) -> Thing {
        let total = Thing.allCases.reduce(0) { $0 + self[$1] }
        var left = Int.random(in: 0..<max(total, 1), using: &random)
        for thing in Thing.allCases {
            if left < self[thing] { return thing }
            left -= self[thing]
        }
        return Thing.allCases[0]
    }
}
