import MuSig2
import MuSig2Session
import Multiformats
import Secp256k1
import WireCodec

struct Store {
    func write(_ message: SignedMessage, as row: LedgerRow) throws {}
    func keep(_ record: SessionRecord) {}
}

struct Network {
    func send(_ items: [SessionItem], to peer: PeerID) {}
    func connect(to peer: PeerID, at addresses: [[UInt8]]) {}
    func watch(_ peer: PeerID) {}
    func release(_ peer: PeerID) {}
    func count(_ offense: SessionOffense, against peer: PeerID) {}
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
            case .penalize(let peer, let offense):
                network.count(offense, against: peer)
            }
        }
    }
    return machine.status
}

/// A session that its signer has approved, and that nobody else joins.
func waitForAStranger() throws {
    let own = SecretKey.generate()
    let stranger = SecretKey.generate()
    let plan = SessionPlan(
        signerKeys: [own.publicKey, stranger.publicKey], messages: [Array("one package alone".utf8)], creator: 0)
    let peer = try PeerID("12D3KooWQidP12BHiYvN9AtPMcKrVfZno76caUg3rx7GmByYEXwT")
    let status = try run(plan, key: own, peer: peer, at: Now(monotonic: .zero, wallMilliseconds: 1_700_000_000_000))
    precondition(status.phase == .gathering(.joins), "it waits for the stranger")
}
