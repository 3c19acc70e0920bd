import MuSig2Session
import Secp256k1
import Testing
import WireCodec

/// The worked example of the protocol's description: a mesh with a commitment round and message keys, and evidence.
/// The figures were computed by another program, with hashes and a curve of its own.
@Suite("The worked example: commitments")
struct CommitmentExampleTests {
    static let figures = """
        descriptor                0801100122210279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798
                                  222102c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee52a210377
                                  4ae7f858a9411e5ef4246b70c65aac5649980be5c17891bbec17895da008cb2a2103d01115d548
                                  e7561b15c38f004d734633687cf4419620095bc5b0f47070afe85a320568656c6c6f5001580160
                                  0168e0d40370e0a71278e0a712800180bcd9f29e34880180f690f69e3492012040414243444546
                                  4748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f
        session id                e20497693e8a244f27a693a7605bd2ddce2990c5711e21047128e0c4233df43f
        final key                 3b46d262d2f610e9038b44beabdfe97ab5a0feb89870acc2264edfb7f63ec2ec
        JOIN 0 body               0a20e20497693e8a244f27a693a7605bd2ddce2990c5711e21047128e0c4233df43f208180c080
                                  deacb98f1a280132320a26002408011220dd6704beec4ae194662fe6ed5a17ff453a49ab9e35bc
                                  d63804fc33645a1eb606120804c0000201060fa1
        JOIN 0 signature          be201b1c2e5cc756535cd4029cd23a25897f2e7469db389b9471eb8ba985ffc1853fdc45418eb7
                                  0298f23e411df0515485983152b127f133efac84c5ca7ca4c3
        JOIN 1 body               0a20e20497693e8a244f27a693a7605bd2ddce2990c5711e21047128e0c4233df43f1801208280
                                  c080deacb98f1a280132320a260024080112208f24fd8c993a0c42740e15f77af5ebf8d571d3e2
                                  a0f3c956beb49ed43e388f9d120804c0000202060fa1
        JOIN 1 signature          72de32c95797bee465e73c26bd646f585e51da5c479d288bebfb0185ed03290a3abcb87eaec963
                                  13642f94b17787e05452b9c4b281a07a2d8a7fb6412fb2656d
        leaf 0                    8a9d6e728037af00840ee81eb7d7ec04bba31e08d1900d44e4235f758bfe04a3
        NONCE_COMMIT 0 body       0a20e20497693e8a244f27a693a7605bd2ddce2990c5711e21047128e0c4233df43f1001208180
                                  c080deacb98f1a280232220a208a9d6e728037af00840ee81eb7d7ec04bba31e08d1900d44e423
                                  5f758bfe04a3
        NONCE_COMMIT 0 signature  bf4f71bb294764c269ff7071d774e1fb67897f4237629077b8113788e51ca4e7485d2654da531e
                                  51075d732e91b0ed193bebc4a81a66d3886c380e1da583e9ee
        leaf 1                    491008a277eecbf8f4508da5e154fad6e99aa3d42925f6da25af8331750c2d6e
        NONCE_COMMIT 1 body       0a20e20497693e8a244f27a693a7605bd2ddce2990c5711e21047128e0c4233df43f1001180120
                                  8280c080deacb98f1a280232220a20491008a277eecbf8f4508da5e154fad6e99aa3d42925f6da
                                  25af8331750c2d6e
        NONCE_COMMIT 1 signature  1378e28cacc19424ffe17142f8dbcaea0fb5e38361e13d422409f7426287e1ae823331102b717c
                                  ef1e2ec16892936dd37d21847daa3557689f14af713c45cd30
        frame of 0                ca020aa9010aa6010a620a20e20497693e8a244f27a693a7605bd2ddce2990c5711e21047128e0
                                  c4233df43f208180c080deacb98f1a280132320a26002408011220dd6704beec4ae194662fe6ed
                                  5a17ff453a49ab9e35bcd63804fc33645a1eb606120804c0000201060fa11240be201b1c2e5cc7
                                  56535cd4029cd23a25897f2e7469db389b9471eb8ba985ffc1853fdc45418eb70298f23e411df0
                                  515485983152b127f133efac84c5ca7ca4c30a9b010a98010a540a20e20497693e8a244f27a693
                                  a7605bd2ddce2990c5711e21047128e0c4233df43f1001208180c080deacb98f1a280232220a20
                                  8a9d6e728037af00840ee81eb7d7ec04bba31e08d1900d44e4235f758bfe04a31240bf4f71bb29
                                  4764c269ff7071d774e1fb67897f4237629077b8113788e51ca4e7485d2654da531e51075d732e
                                  91b0ed193bebc4a81a66d3886c380e1da583e9ee
        T                         4492b8214abed80c635da5ea4a0b55d846f5f79c7c883a5b5bf946e73eb45ea5
        COMPLETE 0 body           0a20e20497693e8a244f27a693a7605bd2ddce2990c5711e21047128e0c4233df43f1001208180
                                  c080deacb98f1a280332220a204492b8214abed80c635da5ea4a0b55d846f5f79c7c883a5b5bf9
                                  46e73eb45ea5
        COMPLETE 0 signature      a176547d384f6e00c2c3ef5b71fbd59fdd4371b8849227c9539d55275631a69086498dd8634596
                                  b1743ce835ac6ba166ea48d96fa268edabc1ffc27bed5bd8ea
        COMPLETE 1 body           0a20e20497693e8a244f27a693a7605bd2ddce2990c5711e21047128e0c4233df43f1001180120
                                  8280c080deacb98f1a280332220a204492b8214abed80c635da5ea4a0b55d846f5f79c7c883a5b
                                  5bf946e73eb45ea5
        COMPLETE 1 signature      2073cc7df42da377c6ba373e450571c75d82f0f2e100eb758e9af1c2a0386ec28654aaeb1112ff
                                  d9eeb51359f877c74f0416ff8a3e1819a3bf6a62cdc3919b5c
        frame of 0                9e010a9b010a98010a540a20e20497693e8a244f27a693a7605bd2ddce2990c5711e21047128e0
                                  c4233df43f1001208180c080deacb98f1a280332220a204492b8214abed80c635da5ea4a0b55d8
                                  46f5f79c7c883a5b5bf946e73eb45ea51240a176547d384f6e00c2c3ef5b71fbd59fdd4371b884
                                  9227c9539d55275631a69086498dd8634596b1743ce835ac6ba166ea48d96fa268edabc1ffc27b
                                  ed5bd8ea
        NONCE_SHARE 0 body        0a20e20497693e8a244f27a693a7605bd2ddce2990c5711e21047128e0c4233df43f1001208180
                                  c080deacb98f1a280432440a420279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959
                                  f2815b16f8179802c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709e
                                  e5
        NONCE_SHARE 0 signature   474451f73e118954b939db6f4916316b37d2e9097de148f46bf0f156ad33361dcf78002f80c09f
                                  b25ffcbad1a295c0384ae79ae9d2ab01ef1e68f2eface76fe3
        NONCE_SHARE 1 body        0a20e20497693e8a244f27a693a7605bd2ddce2990c5711e21047128e0c4233df43f1001180120
                                  8280c080deacb98f1a280432440a4202c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3c
                                  a7abac09b95c709ee50279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16
                                  f81798
        NONCE_SHARE 1 signature   e1085db08828bf657ceec9cee27fb812f333297f5ac59a6a7d08ff6cbf3f25a517b1825d6beb22
                                  3e6b82040465aa9ab9ff57426ea4310688010140444fa1d987
        frame of 0                c0010abd010aba010a760a20e20497693e8a244f27a693a7605bd2ddce2990c5711e21047128e0
                                  c4233df43f1001208180c080deacb98f1a280432440a420279be667ef9dcbbac55a06295ce870b
                                  07029bfcdb2dce28d959f2815b16f8179802c6047f9441ed7d6d3045406e95c07cd85c778e4b8c
                                  ef3ca7abac09b95c709ee51240474451f73e118954b939db6f4916316b37d2e9097de148f46bf0
                                  f156ad33361dcf78002f80c09fb25ffcbad1a295c0384ae79ae9d2ab01ef1e68f2eface76fe3
        C                         9f83277ea642baa708d1c6c1b877e6e5e4e159650d7a552ee7de3d41ba11886c
        PARTIAL 0 body            0a20e20497693e8a244f27a693a7605bd2ddce2990c5711e21047128e0c4233df43f1001208180
                                  c080deacb98f1a280632440a209f83277ea642baa708d1c6c1b877e6e5e4e159650d7a552ee7de
                                  3d41ba11886c1220cbc751707ed696755dcdf3dab10ce44873ffa1ebaa180bcfabd2da4a02a60e
                                  6e
        PARTIAL 0 signature       2d447e9a580e15dd4f681533f057b832bce72a2d967cc0335b04e7e86932e6de0ebadd97999e00
                                  2db153e2b842c07b21c3ae21180e7438f6795dc0717439b657
        PARTIAL 1 body            0a20e20497693e8a244f27a693a7605bd2ddce2990c5711e21047128e0c4233df43f1001180120
                                  8280c080deacb98f1a280632440a209f83277ea642baa708d1c6c1b877e6e5e4e159650d7a552e
                                  e7de3d41ba11886c12208df013cdffae0f3c11906dad1f5995dae9e017cea15eaa2355a05d878f
                                  16cca5
        PARTIAL 1 signature       74837004aa19551c54c49151d0bdaba209d209d29eaa7b39653da6386e5a7683b8c653edaa3faf
                                  7a6c63a03b4a4318336d257e4a1b419deeab597a046e14891f
        final signature           520bfd2200fcfe84167d1505f8b1deb74f37c6d12ae3c3e43d3b54313b34b91f59b7653e7e84a5
                                  b16f5e6187d0667a24a330dcd39c2e15b741a0d944c18699d2
        other COMMIT 1 body       0a20e20497693e8a244f27a693a7605bd2ddce2990c5711e21047128e0c4233df43f1001180120
                                  8280c080deacb98f1a280232220a20cccccccccccccccccccccccccccccccccccccccccccccccc
                                  cccccccccccccccc
        other COMMIT 1 signature  683d51ea5cd4f98c828b638b3e90379b26a086e624968b8a356fa98eccc63a5bf1973238a9e3d6
                                  54923715b346a0407353f0eaf4e5512b12249076a213961c11
        EVIDENCE body             0a20e20497693e8a244f27a693a7605bd2ddce2990c5711e21047128e0c4233df43f208180c080
                                  deacb98f1a280932be02080110011a9a010a560a20e20497693e8a244f27a693a7605bd2ddce29
                                  90c5711e21047128e0c4233df43f10011801208280c080deacb98f1a280232220a20491008a277
                                  eecbf8f4508da5e154fad6e99aa3d42925f6da25af8331750c2d6e12401378e28cacc19424ffe1
                                  7142f8dbcaea0fb5e38361e13d422409f7426287e1ae823331102b717cef1e2ec16892936dd37d
                                  21847daa3557689f14af713c45cd301a9a010a560a20e20497693e8a244f27a693a7605bd2ddce
                                  2990c5711e21047128e0c4233df43f10011801208280c080deacb98f1a280232220a20cccccccc
                                  cccccccccccccccccccccccccccccccccccccccccccccccccccccccc1240683d51ea5cd4f98c82
                                  8b638b3e90379b26a086e624968b8a356fa98eccc63a5bf1973238a9e3d654923715b346a04073
                                  53f0eaf4e5512b12249076a213961c11
        EVIDENCE signature        ac35fa2b75b284fa599074459bfc820d4d1793903bff89963045300b335fa51aa9274606723c54
                                  ac779d280e9f699d6ead948e91c143ca1150d5dc040163b667
        its frame                 ba030ab7030ab4030aef020a20e20497693e8a244f27a693a7605bd2ddce2990c5711e21047128
                                  e0c4233df43f208180c080deacb98f1a280932be02080110011a9a010a560a20e20497693e8a24
                                  4f27a693a7605bd2ddce2990c5711e21047128e0c4233df43f10011801208280c080deacb98f1a
                                  280232220a20491008a277eecbf8f4508da5e154fad6e99aa3d42925f6da25af8331750c2d6e12
                                  401378e28cacc19424ffe17142f8dbcaea0fb5e38361e13d422409f7426287e1ae823331102b71
                                  7cef1e2ec16892936dd37d21847daa3557689f14af713c45cd301a9a010a560a20e20497693e8a
                                  244f27a693a7605bd2ddce2990c5711e21047128e0c4233df43f10011801208280c080deacb98f
                                  1a280232220a20cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc
                                  1240683d51ea5cd4f98c828b638b3e90379b26a086e624968b8a356fa98eccc63a5bf1973238a9
                                  e3d654923715b346a0407353f0eaf4e5512b12249076a213961c111240ac35fa2b75b284fa5990
                                  74459bfc820d4d1793903bff89963045300b335fa51aa9274606723c54ac779d280e9f699d6ead
                                  948e91c143ca1150d5dc040163b667
        """

    @Test func figuresAreOurs() throws {
        var fields = Descriptor(
            signerKeys: [try ExampleSession.key(0), try ExampleSession.key(1)],
            messages: [Array("hello".utf8)],
            createdMilliseconds: ExampleSession.created,
            expiresMilliseconds: ExampleSession.expires,
            random: (64..<96).map { UInt8($0) }
        )
        // Signer i's message key has the secret i + 11.
        fields.messageKeys = [try ExampleSession.key(10), try ExampleSession.key(11)]
        fields.hasCommitmentRound = true
        fields.commitTimeoutMilliseconds = 60_000
        let session = try ExampleSession(fields, secretNonces: [[(1, 2)], [(2, 1)]], firstMessageSecret: 11)
        var figures = Figures(Self.figures)
        figures.expect("descriptor", session.descriptor.bytes)
        figures.expect("session id", session.descriptor.id.bytes)
        figures.expect("final key", try session.descriptor.finalKey().rawRepresentation)
        let joins = try [0, 1].map { try session.join($0) }
        for signer in 0...1 { figures.expect("JOIN \(signer)", joins[signer]) }
        let commits = try [0, 1].map { try commit(session, $0, to: session.leaves[$0].bytes) }
        for signer in 0...1 {
            figures.expect("leaf \(signer)", session.leaves[signer].bytes)
            figures.expect("NONCE_COMMIT \(signer)", commits[signer])
        }
        figures.expect("frame of 0", try ExampleSession.frame(joins[0], commits[0]))
        figures.expect("T", session.transcript.bytes)
        let complete = try [0, 1].map { signer in
            try session.message(
                signer, .nonceCommitsComplete(NonceCommitsComplete(transcript: session.transcript.bytes)))
        }
        for signer in 0...1 { figures.expect("COMPLETE \(signer)", complete[signer]) }
        figures.expect("frame of 0", try ExampleSession.frame(complete[0]))
        let shares = try [0, 1].map { try session.nonceShare($0) }
        for signer in 0...1 { figures.expect("NONCE_SHARE \(signer)", shares[signer]) }
        figures.expect("frame of 0", try ExampleSession.frame(shares[0]))
        figures.expect("C", session.contextHash.bytes)
        for signer in 0...1 { figures.expect("PARTIAL \(signer)", try session.partialShare(signer)) }
        figures.expect("final signature", session.signatures[0].rawRepresentation)
        try expectEvidence(session, commits[1], &figures)
        figures.expectEnd()
    }

    private func commit(_ session: ExampleSession, _ signer: Int, to leaf: [UInt8]) throws -> SignedMessage {
        try session.message(signer, .nonceCommit(NonceCommit(leaf: leaf)))
    }

    /// Two commitments in one run convict their signer.
    private func expectEvidence(
        _ session: ExampleSession, _ commitment: SignedMessage, _ figures: inout Figures
    ) throws {
        let other = try commit(session, 1, to: [UInt8](repeating: 0xcc, count: 32))
        figures.expect("other COMMIT 1", other)
        let evidence = Evidence(kind: .contradiction, culprit: 1, signedMessages: [commitment, other])
        #expect(try EvidenceChecker(descriptor: session.descriptor, crypto: session.crypto).check(evidence) == 1)
        let message = try session.message(0, attempt: 0, .evidence(evidence))
        figures.expect("EVIDENCE", message)
        figures.expect("its frame", try ExampleSession.frame(message))
    }
}
