import MuSig2Coordinator
import MuSig2Session
import PeerTransport
import Secp256k1
import Testing

@Suite struct SessionFlowTests {
    @Test func twoOfTwo() async throws {
        let parties = try await Parties.start(2)
        let message: [UInt8] = Array("two of two".utf8)
        let created = try await parties[0].coordinator.createSession(
            SessionRequest(signers: parties.keys, messages: [message]))
        let joined = try await parties[1].coordinator.joinSession(created.invitation)
        #expect(joined == created.id)
        let first = try await parties[0].coordinator.signatures(of: created.id)
        let second = try await parties[1].coordinator.signatures(of: created.id)
        #expect(first == second)
        #expect(try verify(first, [message], keys: parties.keys))
        await parties.shutdown()
    }
}
