import MuSig2
import MuSig2Coordination
import MuSig2Node
import Secp256k1

func signTogether() async throws -> Bool {
    let aliceKey = SecretKey.generate()
    let bobKey = SecretKey.generate()
    let signers = [aliceKey.publicKey, bobKey.publicKey]
    let alice = try await SigningNode.start(
        signer: aliceKey, listenAddresses: [.loopback], consent: .approveEverything)
    let bob = try await SigningNode.start(
        signer: bobKey, listenAddresses: [.loopback], consent: .approveEverything)

    let message = Array("1 BTC to Carol".utf8)
    let session = try await alice.coordinator.createSession(SessionRequest(signers: signers, messages: [message]))
    try await bob.coordinator.joinSession(session.invitation)
    let signatures = try await bob.coordinator.waitForSignatures(of: session.id)

    await alice.shutdown()
    await bob.shutdown()
    return try KeyAggContext(keys: KeySort.sorted(signers)).xOnlyKey.isValidSignature(signatures[0], for: message)
}
