import MuSig2Session
import Multiformats
import Secp256k1
import Testing
import WireCodec

/// The worked example of the protocol's description: a mesh of two.
/// The figures were computed by another program, with hashes and a curve of its own.
@Suite("The worked example: mesh")
struct MeshExampleTests {
    static let figures = """
        descriptor                0801100122210279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798
                                  222102c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee532056865
                                  6c6c6f5001580170e0a71278e0a712800180bcd9f29e34880180f690f69e349201200001020304
                                  05060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
        session id                45bcc9ea7aa8ba69efab2d0cde48a732271c8beec30116e5b496c3bc5c9f5f8e
        final key                 3b46d262d2f610e9038b44beabdfe97ab5a0feb89870acc2264edfb7f63ec2ec
        election, 0               ef68d435978b9529af6667b0df2a84dd3a31feca98ec9fb0a30c80f700d765f3
        election, 1               9f46bb56e8ba9e1586c3b320c5cdba0a086b4b11f577afcd2d1a58803f79fe96
        order                     1, 0
        rendezvous, 20775         12207c9a7fbe2e1a3cc4fb8c566aac604d2ecff981f6100ce4e69f3fe30bc56cf608
        inbox of 1, 20775         12203bdcc136ecdebfdb325f7090b4ab1d63c606f715e5cb181e870789bdeb94bdc4
        announcement              0a90010801100122210279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16
                                  f81798222102c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee532
                                  0568656c6c6f5001580170e0a71278e0a712800180bcd9f29e34880180f690f69e349201200001
                                  02030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f1226002408011220dd
                                  6704beec4ae194662fe6ed5a17ff453a49ab9e35bcd63804fc33645a1eb6061a0804c000020106
                                  0fa12080bcd9f29e342801
        its signature             a3808509ac46e7012bb17ebd8a6dee55a2a7305b959da319f5a4f09def433729bebf7587b93e88
                                  6c5511f6e0e8830b6cae5c001404042a26e3a849cd3d162161
        hello x                   45bcc9ea7aa8ba69efab2d0cde48a732271c8beec30116e5b496c3bc5c9f5f8e00260024080112
                                  20dd6704beec4ae194662fe6ed5a17ff453a49ab9e35bcd63804fc33645a1eb606002600240801
                                  12208f24fd8c993a0c42740e15f77af5ebf8d571d3e2a0f3c956beb49ed43e388f9daaaaaaaaaa
                                  aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbbbbbbbbb
                                  bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
        hello proof               2d06b10a64d075bf0d5f8085fd131e30b602fd774fda212283be1a1c3d82f16f
        joiner signature          49a344fe453922d4db365c2fa8fea03e1b511ffeaf133ae2d08b28b749f349d14c106657098c60
                                  59d11b7cc2608df1f5b3011357c7722b6cba338c4d738cd8cf
        Hello frame               4a0a482a460a2212207c9a7fbe2e1a3cc4fb8c566aac604d2ecff981f6100ce4e69f3fe30bc56c
                                  f6081220aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
        HelloProof frame          6a0a6832660a20aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
                                  1220bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb1a202d06b1
                                  0a64d075bf0d5f8085fd131e30b602fd774fda212283be1a1c3d82f16f
        HelloJoiner frame         8d010a8a013a87010a20aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
                                  aaaaaa122102c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee51a
                                  4049a344fe453922d4db365c2fa8fea03e1b511ffeaf133ae2d08b28b749f349d14c106657098c
                                  6059d11b7cc2608df1f5b3011357c7722b6cba338c4d738cd8cf
        its answer                be020abb0242b8020a20aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
                                  aaaaaa1293020ace010a90010801100122210279be667ef9dcbbac55a06295ce870b07029bfcdb
                                  2dce28d959f2815b16f81798222102c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7
                                  abac09b95c709ee5320568656c6c6f5001580170e0a71278e0a712800180bcd9f29e34880180f6
                                  90f69e34920120000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
                                  1226002408011220dd6704beec4ae194662fe6ed5a17ff453a49ab9e35bcd63804fc33645a1eb6
                                  061a0804c0000201060fa12080bcd9f29e3428011240a3808509ac46e7012bb17ebd8a6dee55a2
                                  a7305b959da319f5a4f09def433729bebf7587b93e886c5511f6e0e8830b6cae5c001404042a26
                                  e3a849cd3d162161
        invitation                musig21pgsyt0xfafa23wnfa74j6rx7fznnyfcu30hvxqgkuk6fdsautj04lrsjxyzvqqqzqyrqlgd
                                  9qvnqqfqgqyfzpht8qjlwcjhpj3nzlehdtgtl73f6fx4euddu6cuqflpnv3dpadsxg42vxn
        JOIN 0 body               0a2045bcc9ea7aa8ba69efab2d0cde48a732271c8beec30116e5b496c3bc5c9f5f8e208180c080
                                  deacb98f1a280132320a26002408011220dd6704beec4ae194662fe6ed5a17ff453a49ab9e35bc
                                  d63804fc33645a1eb606120804c0000201060fa1
        JOIN 0 signature          3d1f1790b30c457428edde36b6bde96575244bbc8fca8c1ebdf7aa6601b8ddd15b24d78d42f28f
                                  e15faeebc8b965ef035a89110b6b292ab9b3e23a08a0bdf98f
        JOIN 1 body               0a2045bcc9ea7aa8ba69efab2d0cde48a732271c8beec30116e5b496c3bc5c9f5f8e1801208280
                                  c080deacb98f1a280132320a260024080112208f24fd8c993a0c42740e15f77af5ebf8d571d3e2
                                  a0f3c956beb49ed43e388f9d120804c0000202060fa1
        JOIN 1 signature          3b0ab3f82206fe585920f711a1f5eea04cf61191e64f0922b305b901a92a6ee609a1818f7fd6cc
                                  d24f6f28efc41c4c01a87ec936c44e749ac65f04d423fb42d4
        NONCE_SHARE 0 body        0a2045bcc9ea7aa8ba69efab2d0cde48a732271c8beec30116e5b496c3bc5c9f5f8e1001208180
                                  c080deacb98f1a280432440a420279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959
                                  f2815b16f8179802c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709e
                                  e5
        NONCE_SHARE 0 signature   f7f2feb550c5dd97b88f51d5de5ed37e02109e660cac7acab7d1ad845f88f0b1921937877395c7
                                  e8095d64761e6a87a7fff8efe0e606362f23186e145d0d9b24
        NONCE_SHARE 1 body        0a2045bcc9ea7aa8ba69efab2d0cde48a732271c8beec30116e5b496c3bc5c9f5f8e1001180120
                                  8280c080deacb98f1a280432440a4202c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3c
                                  a7abac09b95c709ee50279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16
                                  f81798
        NONCE_SHARE 1 signature   5eb20c88b9f732bb6185d7908389b6344127bbd29021995f80c182dcdb19483a67333cd24eb478
                                  ecb0abcf8fa8eb0a41c13943e278ccfb987466889debb66436
        H(message, body)          7026d4fd5a1f8fd40ea90ab940f0a07f170e4a755c92643402cf427401a42952
        frame of 0                ec020aa9010aa6010a620a2045bcc9ea7aa8ba69efab2d0cde48a732271c8beec30116e5b496c3
                                  bc5c9f5f8e208180c080deacb98f1a280132320a26002408011220dd6704beec4ae194662fe6ed
                                  5a17ff453a49ab9e35bcd63804fc33645a1eb606120804c0000201060fa112403d1f1790b30c45
                                  7428edde36b6bde96575244bbc8fca8c1ebdf7aa6601b8ddd15b24d78d42f28fe15faeebc8b965
                                  ef035a89110b6b292ab9b3e23a08a0bdf98f0abd010aba010a760a2045bcc9ea7aa8ba69efab2d
                                  0cde48a732271c8beec30116e5b496c3bc5c9f5f8e1001208180c080deacb98f1a280432440a42
                                  0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f8179802c6047f9441
                                  ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee51240f7f2feb550c5dd97b88f
                                  51d5de5ed37e02109e660cac7acab7d1ad845f88f0b1921937877395c7e8095d64761e6a87a7ff
                                  f8efe0e606362f23186e145d0d9b24
        frame of 1                f0020aab010aa8010a640a2045bcc9ea7aa8ba69efab2d0cde48a732271c8beec30116e5b496c3
                                  bc5c9f5f8e1801208280c080deacb98f1a280132320a260024080112208f24fd8c993a0c42740e
                                  15f77af5ebf8d571d3e2a0f3c956beb49ed43e388f9d120804c0000202060fa112403b0ab3f822
                                  06fe585920f711a1f5eea04cf61191e64f0922b305b901a92a6ee609a1818f7fd6ccd24f6f28ef
                                  c41c4c01a87ec936c44e749ac65f04d423fb42d40abf010abc010a780a2045bcc9ea7aa8ba69ef
                                  ab2d0cde48a732271c8beec30116e5b496c3bc5c9f5f8e10011801208280c080deacb98f1a2804
                                  32440a4202c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee50279
                                  be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f8179812405eb20c88b9f7
                                  32bb6185d7908389b6344127bbd29021995f80c182dcdb19483a67333cd24eb478ecb0abcf8fa8
                                  eb0a41c13943e278ccfb987466889debb66436
        leaf 0                    1c109245ecd34ac09e6ef266a7c64030a0e254161d2618e6c9aded361b257a58
        leaf 1                    e5e68e5b939ed1411498d51d4f5047dc02455824e761856f2be2a9aad6b83a8a
        T                         ea683501ffb54721548285e9b39712fd603d431775b9ca2eede2143bf133cb12
        aggregate nonce           02f9308a019258c31049344f85f89d5229b531c845836f99b08601f113bce036f902f9308a0192
                                  58c31049344f85f89d5229b531c845836f99b08601f113bce036f9
        C                         67f8a872fa7a9c0a1f09818aaa867f3d742a89f315fa6b672ecf3f644e23c046
        PARTIAL 0 body            0a2045bcc9ea7aa8ba69efab2d0cde48a732271c8beec30116e5b496c3bc5c9f5f8e1001208180
                                  c080deacb98f1a280632440a2067f8a872fa7a9c0a1f09818aaa867f3d742a89f315fa6b672ecf
                                  3f644e23c0461220cbc751707ed696755dcdf3dab10ce44873ffa1ebaa180bcfabd2da4a02a60e
                                  6e
        PARTIAL 0 signature       c69518f3ed4f47df7336e5501f25ee44a1050a4150033f2d865a914bb90bd0479055a52ab7948d
                                  e8e4678f0c190b47447d7cf11b1785c6b2b53d7353c5f4fccf
        PARTIAL 1 body            0a2045bcc9ea7aa8ba69efab2d0cde48a732271c8beec30116e5b496c3bc5c9f5f8e1001180120
                                  8280c080deacb98f1a280632440a2067f8a872fa7a9c0a1f09818aaa867f3d742a89f315fa6b67
                                  2ecf3f644e23c04612208df013cdffae0f3c11906dad1f5995dae9e017cea15eaa2355a05d878f
                                  16cca5
        PARTIAL 1 signature       0cf45a370a4d165079530702743642765980c258bde7117206f10ac62a138975e0d6589101c325
                                  1e7f1d313c40a8abd3f2fb7d6817a836f3d9cdf1fbbb090571
        frame of 0                c0010abd010aba010a760a2045bcc9ea7aa8ba69efab2d0cde48a732271c8beec30116e5b496c3
                                  bc5c9f5f8e1001208180c080deacb98f1a280632440a2067f8a872fa7a9c0a1f09818aaa867f3d
                                  742a89f315fa6b672ecf3f644e23c0461220cbc751707ed696755dcdf3dab10ce44873ffa1ebaa
                                  180bcfabd2da4a02a60e6e1240c69518f3ed4f47df7336e5501f25ee44a1050a4150033f2d865a
                                  914bb90bd0479055a52ab7948de8e4678f0c190b47447d7cf11b1785c6b2b53d7353c5f4fccf
        final signature           520bfd2200fcfe84167d1505f8b1deb74f37c6d12ae3c3e43d3b54313b34b91f59b7653e7e84a5
                                  b16f5e6187d0667a24a330dcd39c2e15b741a0d944c18699d2
        SYNC of 0                 0a2045bcc9ea7aa8ba69efab2d0cde48a732271c8beec30116e5b496c3bc5c9f5f8e1001208180
                                  c080deacb98f1a3205080112010132050804120101
        its frame                 400a3e1a3c0a2045bcc9ea7aa8ba69efab2d0cde48a732271c8beec30116e5b496c3bc5c9f5f8e
                                  1001208180c080deacb98f1a3205080112010132050804120101
        SYNC of 1, final          0a2045bcc9ea7aa8ba69efab2d0cde48a732271c8beec30116e5b496c3bc5c9f5f8e1001180120
                                  8280c080deacb98f1a2801
        its frame                 360a341a320a2045bcc9ea7aa8ba69efab2d0cde48a732271c8beec30116e5b496c3bc5c9f5f8e
                                  10011801208280c080deacb98f1a2801
        FINALIZED frame           680a6612640a2045bcc9ea7aa8ba69efab2d0cde48a732271c8beec30116e5b496c3bc5c9f5f8e
                                  1240520bfd2200fcfe84167d1505f8b1deb74f37c6d12ae3c3e43d3b54313b34b91f59b7653e7e
                                  84a5b16f5e6187d0667a24a330dcd39c2e15b741a0d944c18699d2
        """

    @Test func figuresAreOurs() throws {
        let fields = Descriptor(
            signerKeys: [try ExampleSession.key(0), try ExampleSession.key(1)],
            messages: [Array("hello".utf8)],
            createdMilliseconds: ExampleSession.created,
            expiresMilliseconds: ExampleSession.expires,
            random: (0..<32).map { UInt8($0) }
        )
        let session = try ExampleSession(fields, secretNonces: [[(1, 2)], [(2, 1)]])
        var figures = Figures(Self.figures)
        try expectNames(session, &figures)
        let joins = try [0, 1].map { try session.join($0) }
        let shares = try [0, 1].map { try session.nonceShare($0) }
        for signer in 0...1 { figures.expect("JOIN \(signer)", joins[signer]) }
        for signer in 0...1 { figures.expect("NONCE_SHARE \(signer)", shares[signer]) }
        figures.expect("H(message, body)", Tag.message.hash(shares[0].bodyBytes).bytes)
        for signer in 0...1 {
            figures.expect("frame of \(signer)", try ExampleSession.frame(joins[signer], shares[signer]))
        }
        for signer in 0...1 { figures.expect("leaf \(signer)", session.leaves[signer].bytes) }
        figures.expect("T", session.transcript.bytes)
        figures.expect("aggregate nonce", session.aggregateNonces[0])
        figures.expect("C", session.contextHash.bytes)
        let partials = try [0, 1].map { try session.partialShare($0) }
        for signer in 0...1 { figures.expect("PARTIAL \(signer)", partials[signer]) }
        figures.expect("frame of 0", try ExampleSession.frame(partials[0]))
        figures.expect("final signature", session.signatures[0].rawRepresentation)
        let wanting = session.sync(0, wanted: [.init(.join, indices: [1]), .init(.nonceShare, indices: [1])])
        figures.expect("SYNC of 0", wanting.encoded())
        figures.expect("its frame", try ExampleSession.frame([.sync(wanting)]))
        let final = session.sync(1, isFinal: true)
        figures.expect("SYNC of 1, final", final.encoded())
        figures.expect("its frame", try ExampleSession.frame([.sync(final)]))
        figures.expect("FINALIZED frame", try ExampleSession.frame([.signatureFinalized(session.finalized)]))
        figures.expectEnd()
    }

    /// The descriptor and what follows from it before anything is signed.
    private func expectNames(_ session: ExampleSession, _ figures: inout Figures) throws {
        let descriptor = session.descriptor
        figures.expect("descriptor", descriptor.bytes)
        figures.expect("session id", descriptor.id.bytes)
        figures.expect("final key", try descriptor.finalKey().rawRepresentation)
        for signer in 0...1 {
            let hash = Tag.election.hash(descriptor.id.bytes + (try ExampleSession.key(signer)))
            figures.expect("election, \(signer)", hash.bytes)
        }
        figures.expect("order", descriptor.electionOrder.indices.map { "\($0)" }.joined(separator: ", "))
        let day = bigEndian(UInt32(ExampleSession.created / 86_400_000))
        figures.expect("rendezvous, 20775", [0x12, 0x20] + Tag.rendezvous.hash(descriptor.id.bytes + day).bytes)
        let x = Array(try ExampleSession.key(1).dropFirst())
        figures.expect("inbox of 1, 20775", [0x12, 0x20] + Tag.inbox.hash(x + day).bytes)

        let announcement = Announcement(
            descriptor: descriptor.fields, peerID: try ExampleSession.peer(0),
            addresses: [try ExampleSession.address(0)], sequence: ExampleSession.created, ways: 1)
        figures.expect("announcement", announcement.encoded())
        let signature = try ExampleSession.sign(.announcement, announcement.encoded(), signer: 0)
        figures.expect("its signature", signature)
        _ = try VerifiedAnnouncement(verifying: SignedAnnouncement(announcement) { _ in signature })

        var hello = descriptor.id.bytes
        for signer in 0...1 {
            let peer = try ExampleSession.peer(signer)
            hello += bigEndian(UInt16(peer.count)) + peer
        }
        hello += [UInt8](repeating: 0xaa, count: 32) + [UInt8](repeating: 0xbb, count: 32)
        figures.expect("hello x", hello)
        figures.expect("hello proof", Tag.helloProvider.hash(hello).bytes)
        let joiner = try ExampleSession.sign(.helloJoiner, hello, signer: 1)
        figures.expect("joiner signature", joiner)

        let (a, b) = ([UInt8](repeating: 0xaa, count: 32), [UInt8](repeating: 0xbb, count: 32))
        let place = [0x12, 0x20] + Tag.rendezvous.hash(descriptor.id.bytes + day).bytes
        figures.expect("Hello frame", try ExampleSession.frame([.hello(Hello(dhtKey: place, a: a))]))
        let proof = HelloProof(a: a, b: b, proof: Tag.helloProvider.hash(hello).bytes)
        figures.expect("HelloProof frame", try ExampleSession.frame([.helloProof(proof)]))
        let shown = HelloJoiner(a: a, messageKey: try ExampleSession.key(1), signature: joiner)
        figures.expect("HelloJoiner frame", try ExampleSession.frame([.helloJoiner(shown)]))
        let answer = HelloAnnouncements(a: a, announcements: [SignedAnnouncement(announcement) { _ in signature }])
        // An announcement without a byte that is deflated: the one encoding of the item that is not.
        var plain = ProtobufWriter()
        plain.message(1) { $0.message(8, answer) }
        #expect(try Frame(decoding: plain.bytes).items == [.helloAnnouncements(answer)])
        figures.expect("its answer", FrameEncoder.encode(plain.bytes))
        let address = try Multiaddr("/ip4/192.0.2.1/tcp/4001/p2p/\(ExampleSession.peers[0])")
        let invitation = try Invitation(sessionID: descriptor.id.bytes, addresses: [address])
        figures.expect("invitation", invitation.text)
        #expect(try Invitation(invitation.text) == invitation)
    }

    private func bigEndian(_ number: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: number.bigEndian) { Array($0) }
    }
}
