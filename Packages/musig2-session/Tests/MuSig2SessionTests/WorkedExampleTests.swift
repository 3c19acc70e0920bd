import MuSig2Session
import Multiformats
import Secp256k1
import Testing
import WireCodec

/// The worked example of the protocol's description. The figures were computed by another program, with hashes of its
/// own.
@Suite struct WorkedExampleTests {
    static let figures = """
        descriptor         0801100122210279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798
                           222102c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee532056865
                           6c6c6f5001580170e0a71278e0a712800180bcd9f29e34880180f690f69e349201200001020304
                           05060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
        session id         45bcc9ea7aa8ba69efab2d0cde48a732271c8beec30116e5b496c3bc5c9f5f8e
        election, 0        ef68d435978b9529af6667b0df2a84dd3a31feca98ec9fb0a30c80f700d765f3
        election, 1        9f46bb56e8ba9e1586c3b320c5cdba0a086b4b11f577afcd2d1a58803f79fe96
        order              1, 0
        rendezvous, 20775  12207c9a7fbe2e1a3cc4fb8c566aac604d2ecff981f6100ce4e69f3fe30bc56cf608
        inbox of 1, 20775  12203bdcc136ecdebfdb325f7090b4ab1d63c606f715e5cb181e870789bdeb94bdc4
        leaf 0             8b936ebd32adab4ad853f524956abfe97bc4b86f8d317bb8eab070a812ce3030
        leaf 1             c49e39f4702f8bd5dff0bca2a79d2c1099cc69af71c3d5197ae39c99febebad5
        T                  be7e0ce5184a2a689439da0c1b21d0c3f95f0596f2dd919b4db0d23e0c1799ff
        C                  420c2e78811dc9c08ebfcba9cc1336816c09b4b2ebac3305eeef396f9a35b8c6
        body               0a2045bcc9ea7aa8ba69efab2d0cde48a732271c8beec30116e5b496c3bc5c9f5f8e10012081bc
                           d9f29e34280432440a420279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b
                           16f8179802c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5
        H(message, body)   6f3b33be33c03c92d70ecc802d3924769f102fabf93d8471f65ec38aa879313b
        hello proof        2d06b10a64d075bf0d5f8085fd131e30b602fd774fda212283be1a1c3d82f16f
        """

    private func expect(_ name: String, _ bytes: [UInt8], _ location: SourceLocation = #_sourceLocation) {
        let joined = Self.figures.filter { !$0.isWhitespace }
        let line = name.filter { !$0.isWhitespace } + Hex.encode(bytes)
        #expect(joined.contains(line), "\(name): \(Hex.encode(bytes))", sourceLocation: location)
    }

    private func bigEndian(_ number: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: number.bigEndian) { Array($0) }
    }

    @Test func figuresAreOurs() throws {
        let one = try #require(Hex.decode("0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"))
        let two = try #require(Hex.decode("02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5"))
        let fields = Descriptor(
            signerKeys: [one, two],
            messages: [Array("hello".utf8)],
            createdMilliseconds: 1_795_000_000_000,
            expiresMilliseconds: 1_795_007_200_000,
            random: (0..<32).map { UInt8($0) }
        )
        let descriptor = try SessionDescriptor(bytes: fields.encoded())
        let crypto = try BIP327(descriptor)
        expect("descriptor", descriptor.bytes)
        expect("session id", descriptor.id.bytes)
        expect("election, 0", Tag.election.hash(descriptor.id.bytes + one).bytes)
        expect("election, 1", Tag.election.hash(descriptor.id.bytes + two).bytes)
        #expect(descriptor.electionOrder.indices == [1, 0])
        let day = UInt32(1_795_000_000_000 / 86_400_000)
        #expect(day == 20_775)
        expect(
            "rendezvous, 20775", [0x12, 0x20] + Tag.rendezvous.hash(descriptor.id.bytes + bigEndian(day)).bytes)
        let x = Array(two.dropFirst())
        expect("inbox of 1, 20775", [0x12, 0x20] + Tag.inbox.hash(x + bigEndian(day)).bytes)

        let nonces = [[one + two], [two + one]]
        let run: UInt64 = 1_795_000_000_001
        let leaves = nonces.enumerated().map { index, nonces in
            Transcript.leaf(
                session: descriptor.id, attempt: 1, signer: index, run: run, nonces: nonces, using: crypto)
        }
        expect("leaf 0", leaves[0].bytes)
        expect("leaf 1", leaves[1].bytes)
        let transcript = Transcript.transcript(session: descriptor.id, attempt: 1, leaves: leaves, using: crypto)
        expect("T", transcript.bytes)
        let parsed = try nonces.map { try #require(crypto.nonces($0)) }
        let (aggregate, _) = try #require(crypto.aggregate(parsed))
        expect("C", Transcript.context(transcript: transcript, aggregateNonces: aggregate, using: crypto).bytes)

        let body = MessageBody(
            sessionID: descriptor.id.bytes,
            attempt: 1,
            index: 0,
            run: run,
            payload: .nonceShare(NonceShare(nonces: nonces[0]))
        ).encoded()
        expect("body", body)
        expect("H(message, body)", Tag.message.hash(body).bytes)

        let provider = try PeerID("12D3KooWQidP12BHiYvN9AtPMcKrVfZno76caUg3rx7GmByYEXwT").bytes
        let joiner = try PeerID("12D3KooWKT9Bdbvj7zEA7B9eh9Sw5Tbi7eszrTE2vP4QAwsJTZWk").bytes
        var hello = descriptor.id.bytes
        for peer in [provider, joiner] { hello += bigEndian(UInt16(peer.count)) + peer }
        hello += [UInt8](repeating: 0xaa, count: 32) + [UInt8](repeating: 0xbb, count: 32)
        expect("hello proof", Tag.helloProvider.hash(hello).bytes)
    }
}
