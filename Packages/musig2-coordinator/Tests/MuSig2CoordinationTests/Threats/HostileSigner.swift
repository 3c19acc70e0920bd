import MuSig2
import MuSig2Session
import Multiformats
import PeerTransport
import Secp256k1
import Testing
import WireCodec

@testable import MuSig2Coordination

/// A signer that holds its key and keeps no rule: a bare place on the network, from which a test speaks the wire format by hand.
final class HostileSigner {
    /// One item of a frame that came.
    struct Heard {
        let item: FrameItem
        let from: PeerID
    }

    /// Its place in a session.
    struct Seat {
        let descriptor: SessionDescriptor
        let crypto: BIP327
        let index: Int
        let run: UInt64
    }

    /// What is signed in an attempt.
    struct Agreement {
        let leaves: [Hash32]
        let aggregateNonces: [[UInt8]]
        let contextHash: Hash32
        let context: BIP327.Context
    }

    let peer: PeerID
    let publicKey: PublicKey
    private let network: InMemoryNetwork
    private let secret: SecretKey
    private let endpoint: InMemoryEndpoint
    private var vault = NonceVault()
    private var seated: Seat?
    private var generator: SeededGenerator
    /// Those that were drawn last.
    private(set) var publicNonces: [[UInt8]] = []

    /// All that came, in order.
    private(set) var heard: [Heard] = []
    private(set) var connected: Set<PeerID> = []

    init(_ number: UInt64, on network: InMemoryNetwork) throws {
        self.network = network
        peer = try TestKeys.peer(number)
        secret = try TestKeys.secret(number)
        publicKey = secret.publicKey
        endpoint = network.endpoint(for: peer)
        generator = SeededGenerator(seed: number)
    }

    // MARK: The network

    func connect(to other: PeerID) async throws {
        guard !connected.contains(other) else { return }
        endpoint.connect(to: other, addresses: [])
        while !connected.contains(other) { try await listen() }
    }

    func disconnect(from other: PeerID) async throws {
        endpoint.disconnect(other)
        try await untilDisconnected(from: other)
    }

    func untilDisconnected(from other: PeerID) async throws {
        while connected.contains(other) { try await listen() }
    }

    func send(_ items: [FrameItem], to others: PeerID...) {
        for other in others { endpoint.send(Frame(items).encoded(), to: other) }
    }

    func send(bytes: [UInt8], to other: PeerID) { endpoint.send(bytes, to: other) }

    func say(_ messages: SignedMessage..., to others: PeerID...) {
        for other in others { send(messages.map { .signedMessage($0) }, to: other) }
    }

    /// Waits for events of the network.
    func listen() async throws {
        let events = await endpoint.nextEvents()
        try #require(!events.isEmpty, "the network was shut down, or the time of the test is over")
        for event in events {
            switch event {
            case .connected(let other): connected.insert(other)
            case .disconnected(let other): connected.remove(other)
            case .frame(let bytes, let from):
                heard += try Frame(decoding: bytes).inflated().items.map { Heard(item: $0, from: from) }
            case .connectFailed, .addressesChanged: break
            }
        }
    }

    /// Waits for something among all that came.
    func hear<Value>(_ match: (Heard) throws -> Value?) async throws -> Value {
        var read = 0
        while true {
            while read < heard.count {
                if let value = try match(heard[read]) { return value }
                read += 1
            }
            try await listen()
        }
    }

    /// Waits for a signed message.
    func hear(_ type: MessageType, by signer: Int, attempt: UInt32 = 1) async throws -> SignedMessage {
        try await hear { heard in
            guard case .signedMessage(let message) = heard.item, message.body.type == type,
                message.body.index == UInt32(signer), message.body.attempt == attempt
            else { return nil }
            return message
        }
    }

    /// The signed messages that came so far from one peer.
    func messages(_ type: MessageType, from other: PeerID) -> [SignedMessage] {
        heard.compactMap { heard in
            guard heard.from == other, case .signedMessage(let message) = heard.item, message.body.type == type else {
                return nil
            }
            return message
        }
    }

    func forget() { heard.removeAll() }

    /// Waits until a peer has taken all that was sent to it, and has answered: its answer to a HELLO comes after.
    func settle(with other: PeerID, session: SessionID? = nil) async throws {
        let session = try session ?? #require(seated).descriptor.id
        for _ in 0..<2 { _ = try await prove(session, at: other) }
    }

    // MARK: The HELLO

    func randomHash() -> Hash32 {
        Hash32((0..<32).map { _ in UInt8.random(in: 0...255, using: &generator) }) ?? .zero
    }

    func rendezvous(_ session: SessionID) -> [UInt8] {
        let time = network.clock.timeSource.now()
        let now = Now(monotonic: time.uptime, wallMilliseconds: time.wallMilliseconds)
        return ProviderKey(.session(session), day: DiscoveryDay.of(now)).bytes
    }

    /// The first two steps of a HELLO.
    func prove(_ session: SessionID, at provider: PeerID) async throws -> HelloTranscript {
        let a = randomHash()
        send([.hello(Hello(dhtKey: rendezvous(session), a: a.bytes))], to: provider)
        let proof = try await hear { heard in
            if case .helloProof(let proof) = heard.item, proof.a == a.bytes { proof } else { nil }
        }
        let b = try #require(Hash32(proof.b))
        let transcript = HelloTranscript(secret: session.hash, provider: provider, joiner: peer, a: a, b: b)
        #expect(transcript.providerProof.bytes == proof.proof)
        return transcript
    }

    /// The first two steps of a HELLO for the inbox of a key.
    func prove(inbox key: XOnlyPublicKey, at provider: PeerID) async throws -> HelloTranscript {
        let time = network.clock.timeSource.now()
        let day = UInt32(time.wallMilliseconds / 86_400_000)
        let a = randomHash()
        send([.hello(Hello(dhtKey: ProviderKey(.inbox(key), day: day).bytes, a: a.bytes))], to: provider)
        let proof = try await hear { heard in
            if case .helloProof(let proof) = heard.item, proof.a == a.bytes { proof } else { nil }
        }
        let b = try #require(Hash32(proof.b))
        let transcript = HelloTranscript(secret: key.x, provider: provider, joiner: peer, a: a, b: b)
        #expect(transcript.providerProof.bytes == proof.proof)
        return transcript
    }

    func joiner(_ transcript: HelloTranscript) throws -> HelloJoiner {
        HelloJoiner(
            a: transcript.a.bytes,
            messageKey: publicKey.compressedRepresentation,
            signature: try Tag.helloJoiner.sign(transcript.bytes, with: secret).rawRepresentation
        )
    }

    /// Looks at a session as an honest joiner does, and takes its seat.
    @discardableResult
    func lookUp(_ session: SessionID, at provider: PeerID) async throws -> Seat {
        try await connect(to: provider)
        let transcript = try await prove(session, at: provider)
        send([.helloJoiner(try joiner(transcript))], to: provider)
        let answer = try await hear { heard in
            if case .helloAnnouncements(let answer) = heard.item, answer.a == transcript.a.bytes { answer } else { nil }
        }
        let announcement = try #require(answer.announcements.first)
        return try sit(VerifiedAnnouncement(verifying: announcement, expecting: session).descriptor)
    }

    @discardableResult
    func sit(_ descriptor: SessionDescriptor) throws -> Seat {
        let seat = Seat(
            descriptor: descriptor,
            crypto: try BIP327(descriptor),
            index: try descriptor.position(of: publicKey),
            run: network.clock.timeSource.now().wallMilliseconds
        )
        seated = seat
        return seat
    }

    /// Signs an announcement of whatever it is given.
    func announcement(_ descriptor: SessionDescriptor, sequence: UInt64 = 1) throws -> SignedAnnouncement {
        try VerifiedAnnouncement(
            announcing: descriptor, at: LocalPeer(peer: peer, addresses: []), sequence: sequence, with: secret
        ).signed
    }

    // MARK: The session

    var seat: Seat {
        get throws { try #require(seated) }
    }

    /// A message under its own key, whatever it says.
    func message(
        _ payload: Payload, attempt: UInt32 = 1, run: UInt64? = nil, index: Int? = nil, session: SessionID? = nil
    ) throws -> SignedMessage {
        let seat = try seat
        let body = MessageBody(
            sessionID: (session ?? seat.descriptor.id).bytes,
            attempt: attempt,
            index: UInt32(index ?? seat.index),
            run: run ?? seat.run,
            payload: payload
        )
        return try SignedMessage(body) { try Tag.message.sign($0, with: secret).rawRepresentation }
    }

    func join() throws -> SignedMessage { try message(.join(Join(peerID: peer.bytes)), attempt: 0) }

    func nonces(_ nonces: [[UInt8]], attempt: UInt32 = 1) throws -> SignedMessage {
        try message(.nonceShare(NonceShare(nonces: nonces)), attempt: attempt)
    }

    func partials(_ partials: [[UInt8]], _ agreement: Agreement, attempt: UInt32 = 1) throws -> SignedMessage {
        let share = PartialSigShare(context: agreement.contextHash.bytes, partials: partials)
        return try message(.partialSigShare(share), attempt: attempt)
    }

    private func handle(_ label: UInt64, _ attempt: UInt32) throws -> NonceHandle {
        NonceHandle(session: try seat.descriptor.id, attempt: attempt, run: label)
    }

    /// Draws nonces; several labels are several sets for one attempt.
    func draw(_ label: UInt64 = 0, attempt: UInt32 = 1) throws -> [[UInt8]] {
        publicNonces = try vault.generate(handle(label, attempt), for: seat.crypto, secretKey: secret)
        return publicNonces
    }

    /// Signs with the nonces of a label.
    func sign(_ agreement: Agreement, _ label: UInt64 = 0, attempt: UInt32 = 1) throws -> [[UInt8]] {
        try vault.sign(handle(label, attempt), in: agreement.context, secretKey: secret)
    }

    /// What all nonces of an attempt add up to: its own, and those of the messages.
    func agreement(_ shares: [SignedMessage], attempt: UInt32 = 1) throws -> Agreement {
        let seat = try seat
        var nonces: [[PublicNonce]] = []
        for share in shares.sorted(by: { $0.body.index < $1.body.index }) {
            nonces.append(try #require(seat.crypto.nonces(NonceShare(decoding: share.body.payload).nonces)))
        }
        let (aggregateNonces, _) = try #require(seat.crypto.aggregate(nonces))
        return try agreement(shares, aggregateNonces: aggregateNonces, attempt: attempt)
    }

    /// As ``agreement(_:attempt:)``, with aggregate nonces of one's choice.
    func agreement(
        _ shares: [SignedMessage], aggregateNonces: [[UInt8]], attempt: UInt32 = 1
    ) throws -> Agreement {
        let seat = try seat
        var leaves: [Hash32] = []
        for share in shares.sorted(by: { $0.body.index < $1.body.index }) {
            leaves.append(
                Transcript.leaf(
                    session: seat.descriptor.id,
                    attempt: attempt,
                    signer: Int(share.body.index),
                    run: share.body.run,
                    nonces: try NonceShare(decoding: share.body.payload).nonces,
                    using: seat.crypto
                ))
        }
        let transcript = Transcript.transcript(
            session: seat.descriptor.id, attempt: attempt, leaves: leaves, using: seat.crypto)
        return Agreement(
            leaves: leaves,
            aggregateNonces: aggregateNonces,
            contextHash: Transcript.context(
                transcript: transcript, aggregateNonces: aggregateNonces, using: seat.crypto),
            context: try #require(seat.crypto.context(aggregateNonces: aggregateNonces))
        )
    }
}
