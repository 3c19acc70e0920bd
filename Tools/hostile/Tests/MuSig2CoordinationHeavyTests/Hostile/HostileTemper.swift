import PeerTransport
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
        case share
        case aggregate
        case partial
        case restart
        case abort
        case decline
        case evidence
        case broadcastDone
        case sync
        case echo
    }

    enum Accident: CaseIterable {
        case restart
        case olderStore
        case lostStore
        case joinAgain
        case attempt
        case withdrawal
        case abort
    }

    let steps: Choice<Step>
    let speech: Choice<Speech>
    let accidents: Choice<Accident>
    /// What an enemy's node never sends, so that attempt follows attempt.
    let withheld: Set<MessageType>

    init(using generator: inout SeededGenerator) {
        var steps = Choice<Step>()
        steps[.deliver] = Int.random(in: 40...80, using: &generator)
        steps[.strike] = Int.random(in: 5...40, using: &generator)
        steps[.flap] = Int.random(in: 0...3, using: &generator)
        steps[.accident] = Int.random(in: 0...4, using: &generator)
        self.steps = steps
        var speech = Choice<Speech>()
        for kind in Speech.allCases where Bool.random(using: &generator) {
            speech[kind] = Int.random(in: 1...10, using: &generator)
        }
        speech[.echo] += Int.random(in: 1...15, using: &generator)
        // One ABORT is the end of it.
        if Int.random(in: 0..<4, using: &generator) > 0 { speech[.abort] = 0 }
        self.speech = speech
        var accidents = Choice<Accident>()
        for kind in Accident.allCases where Bool.random(using: &generator) {
            accidents[kind] = Int.random(in: 1...10, using: &generator)
        }
        accidents[.restart] += 1
        if Bool.random(using: &generator) { accidents[.abort] = 0 }
        self.accidents = accidents
        withheld =
            switch Int.random(in: 0..<10, using: &generator) {
            case 0..<4: []
            case 4..<7: [.partialSigShare]
            case 7: [.nonceShare, .noncesComplete]
            default: [.nonceCommit, .nonceCommitsComplete, .nonceShare, .noncesComplete, .partialSigShare]
            }
    }
}

/// Things with weights.
struct Choice<Thing: Hashable & CaseIterable> where Thing.AllCases == [Thing] {
    private var weights: [Thing: Int] = [:]

    subscript(thing: Thing) -> Int {
        get { weights[thing] ?? 0 }
        set { weights[thing] = newValue }
    }

    func pick(using generator: inout SeededGenerator) -> Thing {
        let total = Thing.allCases.reduce(0) { $0 + self[$1] }
        var left = Int.random(in: 0..<max(total, 1), using: &generator)
        for thing in Thing.allCases {
            if left < self[thing] { return thing }
            left -= self[thing]
        }
        return Thing.allCases[0]
    }
}
