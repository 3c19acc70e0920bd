import MuSig2
import MuSig2Coordination
import MuSig2Node
import MuSig2Session
import PeerNode
import PeerTransportNIO
import Secp256k1
import Testing

@Suite("Examples of the README", .serialized) struct ReadmeExampleTests {
    @Test(.timeLimit(.minutes(1))) func twoSigners() async throws {
        let message = Array("hello".utf8)
        let aliceKey = SecretKey.generate()
        let bobKey = SecretKey.generate()

        let alice = try await SigningNode.start(signer: aliceKey, listenAddresses: [.loopback])
        let bob = try await SigningNode.start(
            signer: bobKey,
            listenAddresses: [.loopback],
            consent: .askForOthers { request in
                // Show request.descriptor to the person that decides.
                request.descriptor.messages == [message] ? .approve : .refuse(reason: "not what was agreed")
            }
        )

        let keys = [alice.coordinator.signerKey, bob.coordinator.signerKey]
        let session = try await alice.coordinator.createSession(SessionRequest(signers: keys, messages: [message]))
        let invitation = "\(session.invitation)"  // musig21…: send it to Bob

        try await bob.coordinator.joinSession(SessionInvitation(parsing: invitation))
        let signature = try await bob.coordinator.waitForSignatures(of: session.id)[0]

        #expect(try KeyAggContext(keys: KeySort.sorted(keys)).xOnlyKey.isValidSignature(signature, for: message))
        await bob.shutdown()
        await alice.shutdown()
    }

    @Test(.timeLimit(.minutes(1))) func byInbox() async throws {
        let message = Array("hello".utf8)
        let aliceKey = SecretKey.generate()
        let bobKey = SecretKey.generate()
        let helper = try PeerNode(identity: .generateEd25519())
        try await helper.listen(on: [ListenAddress.loopback.multiaddr])
        try helper.startDHT(NodeDHT.Configuration(mode: .server, prefix: "/example"))

        // All that the two know is one node of a DHT.
        let dht = NodeDHT.Configuration(mode: .client, prefix: "/example", bootstrap: helper.addresses)
        let alice = try await SigningNode.start(signer: aliceKey, listenAddresses: [.loopback], dht: dht)
        let bob = try await SigningNode.start(
            signer: bobKey, listenAddresses: [.loopback], dht: dht, consent: .approveEverything)

        var request = SessionRequest(
            signers: [alice.coordinator.signerKey, bob.coordinator.signerKey], messages: [message])
        request.discovery = [.inbox]
        let session = try await alice.coordinator.createSession(request)

        for await event in try await bob.coordinator.watchInbox(every: .seconds(1)) {
            guard case .waiting(let preview) = event else { continue }
            try await bob.coordinator.joinSession(id: preview.session)
            break
        }
        let signature = try await bob.coordinator.waitForSignatures(of: session.id)[0]

        #expect(
            try KeyAggContext(keys: KeySort.sorted(request.signerKeys)).xOnlyKey.isValidSignature(
                signature, for: message))
        await bob.shutdown()
        await alice.shutdown()
        await helper.shutdown()
    }
}
