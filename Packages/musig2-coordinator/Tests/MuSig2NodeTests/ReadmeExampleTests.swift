import MuSig2
import MuSig2Coordinator
import MuSig2Node
import MuSig2Session
import Secp256k1
import Testing

@Suite(.serialized) struct ReadmeExampleTests {
    @Test(.timeLimit(.minutes(1))) func twoSigners() async throws {
        let message = Array("hello".utf8)
        let aliceKey = SecretKey.generate()
        let bobKey = SecretKey.generate()

        let alice = try await SigningNode.start(signer: aliceKey, listenOn: SigningNode.loopback)
        let bob = try await SigningNode.start(
            signer: bobKey,
            listenOn: SigningNode.loopback,
            consent: .ask { request in
                // Show request.descriptor to whoever decides.
                request.descriptor.messages == [message] ? .approve : .refuse(reason: "not what was agreed")
            }
        )

        let keys = [alice.coordinator.signerKey, bob.coordinator.signerKey]
        let session = try await alice.coordinator.createSession(SessionRequest(signers: keys, messages: [message]))
        let invitation = "\(session.invitation)"  // musig21…: send it to Bob

        try await bob.coordinator.joinSession(SessionInvitation(parsing: invitation))
        let signature = try await bob.coordinator.signatures(of: session.id)[0]

        #expect(try KeyAggContext(keys: keys).xOnlyKey.isValidSignature(signature, for: message))
        await bob.shutdown()
        await alice.shutdown()
    }
}
