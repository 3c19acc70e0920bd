import PeerTransport
import Synchronization

/// The answer to a request that came in, of a value which must be looked at first.
final class LateAnswer: Sendable {
    /// Called when the answer is there.
    let wake = ResponderWake()
    private let state = Mutex<NodeDHT.Verdict?>(nil)

    /// What the machine has said; nil before that, and when the DHT has ended.
    var verdict: NodeDHT.Verdict? { state.withLock { $0 } }

    func set(_ verdict: NodeDHT.Verdict?) {
        state.withLock { $0 = verdict }
        wake.wake()
    }
}
