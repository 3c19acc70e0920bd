import Logging
import MuSig2Coordination
import MuSig2Session
import Multiformats
import PeerTransport
import Secp256k1
import WireCodec

/// A node, a session that it is in, and an attacker: a signer of that session or a stranger who knows its id.
final class AttackScene: Sendable {
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    /// What the session is like.
    struct Shape {
        /// All signers: the node, the attacker, and those that never come.
        var signers = 3
        var messages = 1
        var topology = SessionPlan.Topology.mesh
        /// Whether the attacker is the creator, and in a star the coordinator.
        var isAttackersOwn = false
    }

    let coordinator: MuSig2Coordinator
    let network: AttackedNetwork
    let clock: VirtualClock
    let descriptor: SessionDescriptor
    /// The attacker's peer.
    let peer: PeerID
    let secret: SecretKey
    /// The attacker's place in the session.
    let index: Int
    let run: UInt64 = 1

    private init(
        coordinator: MuSig2Coordinator, network: AttackedNetwork, clock: VirtualClock, descriptor: SessionDescriptor,
        peer: PeerID, secret: consuming SecretKey, index: Int
    ) {
        self.coordinator = coordinator
        self.network = network
        self.clock = clock
        self.descriptor = descriptor
        self.peer = peer
        self.secret = secret
        self.index = index
    }

    /// Starts a node that has joined a session; the attacker is connected, and as a signer has joined too.
    static func start(_ shape: Shape, asSigner isSigner: Bool) async throws -> AttackScene {
        let clock = VirtualClock(wallMilliseconds: 1_800_000_000_000)
        let own = SecretKey.generate()
        let secret = SecretKey.generate()
        let network = AttackedNetwork(localPeer: try Self.peer(), addresses: [try Multiaddr("/ip4/127.0.0.1/tcp/1")])
        let peer = try Self.peer()
        let first = [own.publicKey, secret.publicKey]
        var signers: [PublicKey] = shape.isAttackersOwn ? first.reversed() : first
        while signers.count < shape.signers { signers.append(SecretKey.generate().publicKey) }
        var plan = SessionPlan(signerKeys: signers, messages: Self.messages(shape.messages), creator: 0)
        plan.topology = shape.topology
        plan.election = .first
        let now = Now(monotonic: .zero, wallMilliseconds: 1_800_000_000_000)
        let descriptor = try SessionDescriptor(plan, at: now, random: Self.random())
        let announced =
            shape.isAttackersOwn
            ? try Self.announce(descriptor, at: peer, sequence: 1, with: secret)
            : try Self.announce(descriptor, at: peer, sequence: 1, with: own)
        let coordinator = try MuSig2Coordinator(
            network: network,
            signer: own,
            consent: .approveEverything,
            timeSource: clock.timeSource,
            logger: Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }
        )
        try await coordinator.start()
        try await coordinator.joinSession(announcement: announced.encoded())
        let scene = AttackScene(
            coordinator: coordinator, network: network, clock: clock, descriptor: descriptor, peer: peer,
            secret: secret, index: shape.isAttackersOwn ? 0 : 1)
        await network.give([.connected(peer)])
        if isSigner { await network.give([.frame(try scene.frame(scene.join()), from: peer)]) }
        return scene
    }

    private static func announce(
        _ descriptor: SessionDescriptor, at peer: PeerID, sequence: UInt64, with key: borrowing SecretKey
    ) throws -> SignedAnnouncement {
        try VerifiedAnnouncement(
            announcing: descriptor, at: LocalPeer(peer: peer, addresses: []), sequence: sequence, with: key
        ).signed
    }

    static func messages(_ count: Int) -> [[UInt8]] {
        (0..<count).map { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] }
    }

    static func peer() throws -> PeerID {
        try PeerID(publicKey: PublicKeyProtobuf(type: .ed25519, data: Self.random().bytes))
    }

    static func random() -> Hash32 {
        Hash32((0..<32).map { _ in UInt8.random(in: 0...255) }) ?? .zero
    }

    // MARK: What the attacker says

    func frame(_ messages: SignedMessage...) throws -> [UInt8] {
        Frame(messages.map { .signedMessage($0) }).encoded()
    }

    func message(
        _ payload: Payload, attempt: UInt32 = 1, run: UInt64? = nil, index: Int? = nil
    ) throws -> SignedMessage {
        let body = MessageBody(
            sessionID: self.descriptor.id.bytes, attempt: attempt, index: UInt32(index ?? self.index),
            run: run ?? self.run, payload: payload)
        return try SignedMessage(body) { try Tag.message.sign($0, with: self.secret).rawRepresentation }
    }

    /// As if signed: 64 bytes that are no signature of it.
    func forged(
        _ payload: Payload, attempt: UInt32 = 1, run: UInt64? = nil, index: Int? = nil
    ) throws -> SignedMessage {
        let body = MessageBody(
            sessionID: self.descriptor.id.bytes, attempt: attempt, index: UInt32(index ?? self.index),
            run: run ?? self.run, payload: payload)
        return SignedMessage(
            body: body, bodyBytes: body.encoded(), signature: Self.random().bytes + Self.random().bytes)
    }

    func join(run: UInt64? = nil, peer: PeerID? = nil) throws -> SignedMessage {
        try self.message(.join(Join(peerID: (peer ?? self.peer).bytes)), attempt: 0, run: run)
    }

    func announcement(sequence: UInt64, descriptor: SessionDescriptor? = nil) throws -> SignedAnnouncement {
        try Self.announce(descriptor ?? self.descriptor, at: self.peer, sequence: sequence, with: self.secret)
    }
}
