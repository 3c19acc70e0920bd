import MuSig2
import MuSig2Session
import Secp256k1
import Testing
import WireCodec

/// The worked example of the protocol's description: a mesh of two that signs for a
/// Taproot output key.
/// The figures were computed by another program, with hashes and a curve of its own.
@Suite("The worked example: Taproot")
struct TaprootExampleTests {
    static let figures = """
        descriptor                0801100122210279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798
                                  222102c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee532056865
                                  6c6c6f42005001580170e0a71278e0a712800180bcd9f29e34880180f690f69e34920120000102
                                  030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
        session id                dd8ee4b553e14661280521b52ab5870e1c746eecdfcad722c47ca4553b558f01
        internal key              3b46d262d2f610e9038b44beabdfe97ab5a0feb89870acc2264edfb7f63ec2ec
        tweak                     915fb45bb4ccc705a7738469d8bfb80389d7b6cd09ed46e2c04bbb4c324163a6
        final key                 abe9374e60e4518ffbc619b0dcbd8e56a58a253dcd2afed1f8deb094e0c682ec
        leaf 0                    76bf8f26cc7c1db46c3b22988aecb1c42c83606fd9360309eb3a76beadd5359d
        leaf 1                    1cf9e1b806de210bdfa6fcbaba8770af7ce05eafa3b92a6731205ac9fc2a9fc4
        T                         a21ae264e7a6ab8c743859722f1a7c6b59c5fcdce329e8b9ab1148f5ee9636ce
        C                         03497f3bed3fba6971fa02d777e402f6ca0f3a3d397353b670f1ef43db9aa330
        PARTIAL 0 body            0a20dd8ee4b553e14661280521b52ab5870e1c746eecdfcad722c47ca4553b558f011001208180
                                  c080deacb98f1a280632440a2003497f3bed3fba6971fa02d777e402f6ca0f3a3d397353b670f1
                                  ef43db9aa3301220839227ef956062d218b1f0f25fd0799a5501deb179b728ed0c2cfe0774ecd8
                                  c3
        PARTIAL 0 signature       18351f4875a5c3e649830741f8f799ad916f0f28cca306caedec4f5d914a2d3659083a97cbf7c5
                                  a34d087884cc8021d7ea088522c2e0f0915ceaf922bc1673ad
        PARTIAL 1 body            0a20dd8ee4b553e14661280521b52ab5870e1c746eecdfcad722c47ca4553b558f011001180120
                                  8280c080deacb98f1a280632440a2003497f3bed3fba6971fa02d777e402f6ca0f3a3d397353b6
                                  70f1ef43db9aa33012206350bed19c6fc9b59c93fa540464ecca689e37f796e107c3483c209ed3
                                  0f35ed
        PARTIAL 1 signature       e25e36a8e28b4f21502a6e5edfe037812183780a8b688ea8dca907f66bd9d3301f2d6fbcddede3
                                  080ef3678ea2bc386f1778f4caabd551a382686483a210f309
        frame of 0                c0010abd010aba010a760a20dd8ee4b553e14661280521b52ab5870e1c746eecdfcad722c47ca4
                                  553b558f011001208180c080deacb98f1a280632440a2003497f3bed3fba6971fa02d777e402f6
                                  ca0f3a3d397353b670f1ef43db9aa3301220839227ef956062d218b1f0f25fd0799a5501deb179
                                  b728ed0c2cfe0774ecd8c3124018351f4875a5c3e649830741f8f799ad916f0f28cca306caedec
                                  4f5d914a2d3659083a97cbf7c5a34d087884cc8021d7ea088522c2e0f0915ceaf922bc1673ad
        frame of 1                c2010abf010abc010a780a20dd8ee4b553e14661280521b52ab5870e1c746eecdfcad722c47ca4
                                  553b558f0110011801208280c080deacb98f1a280632440a2003497f3bed3fba6971fa02d777e4
                                  02f6ca0f3a3d397353b670f1ef43db9aa33012206350bed19c6fc9b59c93fa540464ecca689e37
                                  f796e107c3483c209ed30f35ed1240e25e36a8e28b4f21502a6e5edfe037812183780a8b688ea8
                                  dca907f66bd9d3301f2d6fbcddede3080ef3678ea2bc386f1778f4caabd551a382686483a210f3
                                  09
        final signature           0d5695e80be9904a9b2e4ff502317d70cd54a835b77dacd9c7b8a90539c8e90de9d719c823a8fd
                                  fa82ce59ed323dafb7839c59771817a7515bdae5c37c751e53
        descriptor, root          0801100122210279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798
                                  222102c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee532056865
                                  6c6c6f42220a207777777777777777777777777777777777777777777777777777777777777777
                                  5001580170e0a71278e0a712800180bcd9f29e34880180f690f69e349201200001020304050607
                                  08090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
        session id, root          abab26a152a2892d664c1e5c98d5dcd7b05cfa1fc524dd2120c4a95b31726c93
        tweak, root               1aa23c27107619459a6095d5ef851e769628cbbde452b0051da7ccd33d4ab26a
        final key, root           c88dc4c2a590fcbc227bc53a916716c319cb42ee00304b13d104a28ff1c34e1e
        signature, root           cfa804010a8b30bb850e62dc42cd728bf065082909d1b38a5f491461db34372acda5d08a06eca8
                                  c8237766ee746408a6615e05f622926bd4f99f6e077cc39113
        """

    private func session(_ root: [UInt8]) throws -> ExampleSession {
        var fields = Descriptor(
            signerKeys: [try ExampleSession.key(0), try ExampleSession.key(1)],
            messages: [Array("hello".utf8)],
            createdMilliseconds: ExampleSession.created,
            expiresMilliseconds: ExampleSession.expires,
            random: (0..<32).map { UInt8($0) }
        )
        fields.taproot = Descriptor.Taproot(merkleRoot: root)
        return try ExampleSession(fields, secretNonces: [[(1, 2)], [(2, 1)]])
    }

    @Test func figuresAreOurs() throws {
        var figures = Figures(Self.figures)
        let session = try session([])
        let internalKey = try KeyAggContext(keys: session.descriptor.signerKeys).xOnlyKey
        figures.expect("descriptor", session.descriptor.bytes)
        figures.expect("session id", session.descriptor.id.bytes)
        figures.expect("internal key", internalKey.rawRepresentation)
        let tweak = TaggedHash("TapTweak").hash(internalKey.rawRepresentation)
        figures.expect("tweak", tweak.bytes)
        figures.expect("final key", try session.descriptor.finalKey().rawRepresentation)
        for signer in 0...1 { figures.expect("leaf \(signer)", session.leaves[signer].bytes) }
        figures.expect("T", session.transcript.bytes)
        figures.expect("C", session.contextHash.bytes)
        let partials = try [0, 1].map { try session.partialShare($0) }
        for signer in 0...1 { figures.expect("PARTIAL \(signer)", partials[signer]) }
        for signer in 0...1 { figures.expect("frame of \(signer)", try ExampleSession.frame(partials[signer])) }
        figures.expect("final signature", session.signatures[0].rawRepresentation)

        let root = [UInt8](repeating: 0x77, count: 32)
        let scripts = try self.session(root)
        figures.expect("descriptor, root", scripts.descriptor.bytes)
        figures.expect("session id, root", scripts.descriptor.id.bytes)
        figures.expect("tweak, root", TaggedHash("TapTweak").hash(internalKey.rawRepresentation + root).bytes)
        figures.expect("final key, root", try scripts.descriptor.finalKey().rawRepresentation)
        figures.expect("signature, root", scripts.signatures[0].rawRepresentation)
        figures.expectEnd()
    }
}
