import MuSig2Coordination
import MuSig2Node
import Secp256k1

let aliceKey = SecretKey.generate()
let bobKey = SecretKey.generate()
let signers = [aliceKey.publicKey, bobKey.publicKey]
let alice = try await SigningNode.start(
    signer: aliceKey.copy(), listenAddresses: [.loopback], consent: .approveEverything)
let bob = try await SigningNode.start(
    signer: bobKey.copy(), listenAddresses: [.loopback], consent: .approveEverything)

let message = Array("one package alone".utf8)
let session = try await alice.coordinator.createSession(SessionRequest(signers: signers, messages: [message]))
try await bob.coordinator.joinSession(session.invitation)
let signatures = try await bob.coordinator.waitForSignatures(of: session.id)
precondition(signatures.count == 1)

await alice.shutdown()
await bob.shutdown()
print("two signers over TCP, one signature of \(signatures[0].rawRepresentation.count) bytes")
