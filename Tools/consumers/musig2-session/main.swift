import MuSig2
import MuSig2Session
import Multiformats
import Secp256k1
import WireCodec

/// A function, since signing consumes a nonce, and a global variable cannot be consumed.
func signTogether() throws -> (key: XOnlyPublicKey, signature: SchnorrSignature) {
    let alice = SecretKey.generate()
    let bob = SecretKey.generate()
    let keys = try KeyAggContext(keys: KeySort.sorted([alice.publicKey, bob.publicKey]))
    let message = Array("one package alone".utf8)

    let aliceNonce = try SecretNonce.generate(secretKey: alice, aggregateKey: keys.xOnlyKey, message: message)
    let bobNonce = try SecretNonce.generate(secretKey: bob, aggregateKey: keys.xOnlyKey, message: message)
    let aggregate = try AggregateNonce(aggregating: [aliceNonce.publicNonce, bobNonce.publicNonce])
    let session = try SigningSession(context: keys, aggregateNonce: aggregate, message: message)

    let partials = [try session.sign(aliceNonce, with: alice), try session.sign(bobNonce, with: bob)]
    let signature = try session.aggregate(partials)
    precondition(keys.xOnlyKey.isValidSignature(signature, for: message))
    return (keys.xOnlyKey, signature)
}

/// What came over a wire.
struct Received {
    var keys: [[UInt8]]
    var nonces: [[UInt8]]
    var partials: [[UInt8]]
}

func combine(_ received: Received, _ message: [UInt8]) throws {
    let keys = try KeyAggContext(compressedKeys: received.keys)
    let nonces = try PublicNonce.parse(received.nonces)
    let aggregate = try AggregateNonce(aggregating: nonces)
    let session = try SigningSession(context: keys, aggregateNonce: aggregate, message: message)
    do {
        let signature = try session.aggregate(rawPartials: received.partials, publicNonces: nonces)
        print("signed: \(signature)")
    } catch AggregationError.invalidPartialSignatures(let signers) {
        print("signers \(signers) sent partial signatures that do not fit")
    }
}

struct Store {
    func write(_ message: SignedMessage, as row: LedgerRow) throws {}
    func keep(_ record: SessionRecord) {}
}

struct Network {
    func send(_ items: [SessionItem], to peer: PeerID) {}
    func connect(to peer: PeerID, at addresses: [[UInt8]]) {}
    func watch(_ peer: PeerID) {}
    func release(_ peer: PeerID) {}
    func count(_ offence: SessionOffence, against peer: PeerID) {}
}

func run(_ plan: SessionPlan, key: borrowing SecretKey, peer: PeerID, at now: Now) throws -> SessionStatus {
    let (run, addresses, store, network) = (UInt64(1), [[UInt8]](), Store(), Network())

    let descriptor = try SessionDescriptor(plan, at: now, random: .random())
    let crypto = try BIP327(descriptor)
    var machine = SessionMachine(
        descriptor: descriptor, crypto: crypto, index: try descriptor.position(of: key.publicKey), run: run,
        local: LocalPeer(peer: peer, addresses: addresses), at: now)
    var vault = NonceVault()

    var inputs: [SessionInput] = [.approved]
    while !inputs.isEmpty {
        for effect in machine.handle(inputs.removeFirst(), at: now) {
            switch effect {
            case .issue(let message, let row):
                let signed = try SignedMessage(message.body) { try Tag.message.sign($0, with: key).rawRepresentation }
                try store.write(signed, as: row)
                inputs.append(.issued(signed))
            case .raiseRun(let higher):
                let number = RunNumber.number(of: higher) + 1
                inputs.append(.runRaised(RunNumber.run(number, random: .random(in: 0...(.max)))))
            case .generateNonces(let handle):
                inputs.append(.noncesGenerated(handle, try vault.generate(handle, for: crypto, secretKey: key)))
            case .confirmSigning(let attempt):
                inputs.append(.signingConfirmed(attempt: attempt))
            case .signPartials(let handle, let context):
                inputs.append(.partialsSigned(handle, try vault.sign(handle, in: context, secretKey: key)))
            case .wipe(let handle):
                vault.wipe(handle)
            case .send(let items, let peer):
                network.send(items, to: peer)
            case .connect(let peer, let request):
                network.connect(to: peer, at: request.addresses)
            case .watch(let peer):
                network.watch(peer)
            case .release(let peer):
                network.release(peer)
            case .persist(let record):
                store.keep(record)
            case .event(let event):
                print(event)
            case .penalise(let peer, let offence):
                network.count(offence, against: peer)
            }
        }
    }
    return machine.status
}

let result = try signTogether()

let key = SecretKey.generate()
let stranger = SecretKey.generate()
do {
    try combine(Received(keys: [[2], [3]], nonces: [], partials: []), [])
    preconditionFailure("keys of one byte")
} catch let error as KeyAggError {
    print(error)
}
let plan = SessionPlan(
    signerKeys: [key.publicKey, stranger.publicKey], messages: [Array("one package alone".utf8)], creator: 0)
let peer = try PeerID("12D3KooWQidP12BHiYvN9AtPMcKrVfZno76caUg3rx7GmByYEXwT")
let status = try run(plan, key: key, peer: peer, at: Now(monotonic: .zero, wallMilliseconds: 1_700_000_000_000))
precondition(status.phase == .gathering(.joins), "it waits for the stranger")
print("two signers, one signature under \(result.key)")
