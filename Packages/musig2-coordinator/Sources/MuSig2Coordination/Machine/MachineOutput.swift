import MuSig2Session

/// What comes of an input, besides frames.
struct MachineOutput: Sendable {
    private var effects: [CoordinatorEffect] = []
    /// Inputs for sessions that came up while another input was handled.
    private var pending: [(SessionID, SessionInput)] = []

    mutating func append(_ effect: CoordinatorEffect) {
        effects.append(effect)
    }

    mutating func takeEffects() -> [CoordinatorEffect] {
        let taken = effects
        effects = []
        return taken
    }

    mutating func append(_ input: SessionInput, for session: SessionID) {
        pending.append((session, input))
    }

    /// Takes the inputs for sessions; empty when there are none left.
    mutating func takePending() -> [(SessionID, SessionInput)] {
        guard !pending.isEmpty else { return [] }
        let taken = pending
        pending.removeAll(keepingCapacity: true)
        return taken
    }
}
