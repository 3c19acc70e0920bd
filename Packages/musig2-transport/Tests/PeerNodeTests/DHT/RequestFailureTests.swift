import KademliaDHT
import PeerTransport
import Testing

@testable import PeerNode

/// What the machine is told of requests that failed.
@Suite struct RequestFailureTests {
    /// This node's own limits are not a server's fault.
    @Test(arguments: [
        (TransportError.Code.limitExceeded, Kademlia.RequestFailure.notSent), (.backingOff, .notSent),
        (.notConnected, .unreachable), (.timedOut, .timedOut), (.streamReset, .reset),
        // An end is no refusal.
        (.streamClosed, .closed), (.connectionClosed, .closed),
        (.protocolNotSupported, .unsupported), (.protocolViolation, .malformed),
    ])
    func failures(code: TransportError.Code, failure: Kademlia.RequestFailure) {
        #expect(NodeDHT.failure(of: TransportError(code, "")) == failure)
    }
}
