import MuSig2Session
import Multiformats
import Secp256k1
import Testing
import WireCodec

@testable import MuSig2

/// A session of the worked example: signers with the secret keys 1, 2, … and the secret nonces that the page names. All
/// auxiliary randomness is zero, so that every byte can be computed again.
struct ExampleSession {
    let descriptor: SessionDescriptor
    let crypto: BIP327
    /// For each signer, the two halves of the nonce of each message.
    let secretNonces: [[(UInt64, UInt64)]]
    let nonces: [[[UInt8]]]
    let leaves: [Hash32]
    let transcript: Hash32
    let aggregateNonces: [[UInt8]]
    let contextHash: Hash32
    let partials: [[[UInt8]]]
    let signatures: [SchnorrSignature]

    static let created: UInt64 = 1_795_000_000_000
    static let expires: UInt64 = 1_795_007_200_000
    static let peers = [
        "12D3KooWQidP12BHiYvN9AtPMcKrVfZno76caUg3rx7GmByYEXwT", "12D3KooWKT9Bdbvj7zEA7B9eh9Sw5Tbi7eszrTE2vP4QAwsJTZWk",
        "12D3KooWPbpTwZanpjrhsMXxcYHn8NXTHixhRf8kwqKtGXJ7JuX9",
    ]

    /// What is added to a signer's place for the secret of its message key: 1 where it has none of its own.
    let firstMessageSecret: Int

    init(_ fields: Descriptor, secretNonces: [[(UInt64, UInt64)]], firstMessageSecret: Int = 1) throws {
        self.firstMessageSecret = firstMessageSecret
        descriptor = try SessionDescriptor(bytes: fields.encoded())
        let crypto = try BIP327(descriptor)
        self.crypto = crypto
        self.secretNonces = secretNonces
        let id = descriptor.id
        var parsed: [[PublicNonce]] = []
        for (signer, row) in secretNonces.enumerated() {
            parsed.append(try row.map { try Self.nonce($0, signer: signer).publicNonce })
        }
        nonces = parsed.map { $0.map(\.rawRepresentation) }
        leaves = nonces.enumerated().map { signer, nonces in
            Transcript.leaf(
                session: id, attempt: 1, signer: signer, run: Self.run(signer), nonces: nonces, using: crypto)
        }
        transcript = Transcript.transcript(session: id, attempt: 1, leaves: leaves, using: crypto)
        let (aggregate, context) = try #require(crypto.aggregate(parsed))
        aggregateNonces = aggregate
        contextHash = Transcript.context(transcript: transcript, aggregateNonces: aggregate, using: crypto)
        var partials: [[[UInt8]]] = []
        for (signer, row) in secretNonces.enumerated() {
            var own: [[UInt8]] = []
            for (halves, session) in zip(row, context.sessions) {
                let nonce = try Self.nonce(halves, signer: signer)
                own.append(try session.sign(nonce, with: Self.secretKey(signer)).rawRepresentation)
            }
            partials.append(own)
        }
        self.partials = partials
        signatures = try #require(crypto.signatures(partials: partials, context: context))
        let finalKey = try descriptor.finalKey()
        for (signature, message) in zip(signatures, descriptor.messages) {
            #expect(finalKey.isValidSignature(signature, for: message))
        }
    }

    static func secretKey(_ signer: Int) throws -> SecretKey {
        try SecretKey(copying: Scalar(UInt64(signer + 1)).bytes.span.bytes)
    }

    static func key(_ signer: Int) throws -> [UInt8] { try secretKey(signer).publicKey.compressedRepresentation }

    private static func nonce(_ halves: (UInt64, UInt64), signer: Int) throws -> SecretNonce {
        try SecretNonce(
            first: SecretScalar(copying: Scalar(halves.0).bytes.span.bytes),
            second: SecretScalar(copying: Scalar(halves.1).bytes.span.bytes),
            publicKey: secretKey(signer).publicKey)
    }

    /// A run: its number is 1,795,000,000,001, its 20 random bits are those of the signer's place, from 1.
    static func run(_ signer: Int) -> UInt64 { 1_795_000_000_001 << 20 | UInt64(signer + 1) }

    static func peer(_ signer: Int) throws -> [UInt8] { try PeerID(peers[signer]).bytes }

    static func address(_ signer: Int) throws -> [UInt8] {
        try Multiaddr("/ip4/192.0.2.\(signer + 1)/tcp/4001").bytes
    }

    static func sign(_ tag: MuSig2Session.Tag, _ bytes: [UInt8], signer: Int) throws -> [UInt8] {
        try secretKey(signer).schnorrSignature(for: tag.hash(bytes).bytes, auxiliaryRandomness: .zero).rawRepresentation
    }

    func message(_ signer: Int, attempt: UInt32 = 1, _ payload: Payload) throws -> SignedMessage {
        let body = MessageBody(
            sessionID: descriptor.id.bytes, attempt: attempt, index: UInt32(signer), run: Self.run(signer),
            payload: payload)
        return try SignedMessage(body) {
            try Self.sign(.message, $0, signer: signer + firstMessageSecret - 1)
        }
    }

    func join(_ signer: Int) throws -> SignedMessage {
        try message(
            signer, attempt: 0, .join(Join(peerID: Self.peer(signer), addresses: [Self.address(signer)])))
    }

    func nonceShare(_ signer: Int) throws -> SignedMessage {
        try message(signer, .nonceShare(NonceShare(nonces: nonces[signer])))
    }

    func partialShare(_ signer: Int) throws -> SignedMessage {
        try message(signer, .partialSigShare(PartialSigShare(context: contextHash.bytes, partials: partials[signer])))
    }

    func sync(
        _ signer: Int, isFinal: Bool = false, wanted: [Sync.Wanted] = [], leaves: [Hash32] = []
    ) -> Sync {
        var sync = Sync(sessionID: descriptor.id.bytes, attempt: 1, index: UInt32(signer), run: Self.run(signer))
        sync.isFinal = isFinal
        sync.wanted = wanted
        sync.leaves = leaves.map(\.bytes)
        return sync
    }

    var finalized: SignatureFinalized {
        SignatureFinalized(sessionID: descriptor.id.bytes, signatures: signatures.map(\.rawRepresentation))
    }

    /// A frame as it goes over the stream, its length before it; it is read again as what it was.
    static func frame(_ items: [FrameItem]) throws -> [UInt8] {
        let encoded = Frame(items).encoded()
        #expect(try Frame(decoding: encoded).items == items)
        return FrameEncoder.encode(encoded)
    }

    static func frame(_ messages: SignedMessage...) throws -> [UInt8] {
        try frame(messages.map { .signedMessage($0) })
    }
}

/// The figures of one block of the page, compared one after the other: none is left out.
struct Figures {
    private var lines: ArraySlice<(name: String, value: String)>

    init(_ text: String) {
        var lines: [(name: String, value: String)] = []
        for line in text.split(separator: "\n") {
            let name = line.prefix(26).trimmingCharacters(" ")
            let value = String(line.dropFirst(26))
            if name.isEmpty, let last = lines.indices.last {
                lines[last].value += value
            } else {
                lines.append((name, value))
            }
        }
        self.lines = lines[...]
    }

    mutating func expect(_ name: String, _ value: String, _ location: SourceLocation = #_sourceLocation) {
        let next = lines.popFirst()
        #expect(next?.name == name, sourceLocation: location)
        #expect(next?.value == value, "\(name)", sourceLocation: location)
    }

    mutating func expect(_ name: String, _ bytes: [UInt8], _ location: SourceLocation = #_sourceLocation) {
        expect(name, Hex.encode(bytes), location)
    }

    /// The body and the signature of a message.
    mutating func expect(_ name: String, _ message: SignedMessage, _ location: SourceLocation = #_sourceLocation) {
        expect("\(name) body", message.bodyBytes, location)
        expect("\(name) signature", message.signature, location)
    }

    func expectEnd() { #expect(lines.isEmpty, "\(lines)") }
}

extension Substring {
    fileprivate func trimmingCharacters(_ character: Character) -> String {
        var text = self
        while text.last == character { text.removeLast() }
        while text.first == character { text.removeFirst() }
        return String(text)
    }
}
