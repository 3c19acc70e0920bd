import MuSig2Coordination
import MuSig2Session
import Multiformats
import Secp256k1
import WireCodec

/// One kind of message that costs its receiver more than its sender, or might.
struct Attack: Sendable {
    /// Who sends it.
    enum Sender: String, Sendable, CaseIterable {
        /// A peer that knows the session id and no key.
        case stranger
        /// A signer of the session.
        case signer = "co-signer"
    }

    let name: String
    var senders = Sender.allCases
    var shape = AttackScene.Shape()
    /// The frames, one after the other, each different from the others where it may be.
    let frame: @Sendable (AttackScene, Int) throws -> [UInt8]

    /// One message in a frame.
    static func message(
        _ name: String, by senders: [Sender] = Sender.allCases, _ shape: AttackScene.Shape = AttackScene.Shape(),
        _ make: @escaping @Sendable (AttackScene, Int) throws -> SignedMessage
    ) -> Attack {
        Attack(name: name, senders: senders, shape: shape) { scene, number in try scene.frame(make(scene, number)) }
    }

    /// One unsigned item in a frame.
    static func item(
        _ name: String, by senders: [Sender] = Sender.allCases, _ shape: AttackScene.Shape = AttackScene.Shape(),
        _ make: @escaping @Sendable (AttackScene, Int) throws -> FrameItem
    ) -> Attack {
        Attack(name: name, senders: senders, shape: shape) { scene, number in
            Frame([try make(scene, number)]).encoded()
        }
    }
}

extension Attack {
    /// All that are measured.
    static func all() throws -> [Attack] {
        try Attack.unsigned + Attack.announcements() + Attack.rounds + Attack.statements
    }

    // MARK: Unsigned items

    private static var unsigned: [Attack] {
        [
            Attack(name: "Malformed frame") { _, _ in [0xFF, 0xFF, 0xFF] },
            Attack(name: "4,096 items, the last malformed") { scene, _ in
                Frame([FrameItem](repeating: .sync(scene.sync()), count: 4_095)).encoded() + [0x0A, 0]
            },
            item("SYNC, 3 signers") { scene, _ in .sync(scene.sync()) },
            item("SYNC, everything wanted, 1,000 signers", large) { scene, _ in
                .sync(scene.sync(wanting: [.join, .nonceShare, .noncesComplete, .partialSigShare]))
            },
            item("SYNC, with 1,000 leaves", large) { scene, number in
                .sync(scene.sync(leaves: scene.descriptor.signerKeys.count, number))
            },
            Attack(name: "4,096 SYNCs in a frame") { scene, _ in
                Frame([FrameItem](repeating: .sync(scene.sync()), count: 4_096)).encoded()
            },
            item("SYNC of an unknown session") { _, _ in
                .sync(Sync(sessionID: AttackScene.random().bytes, attempt: 1, index: 1, run: 1))
            },
            item("ERROR") { scene, _ in
                .error(
                    ErrorReply(sessionID: scene.descriptor.id.bytes, code: 1, text: String(repeating: "x", count: 512)))
            },
            item("HELLO, unknown key") { _, _ in
                .hello(Hello(dhtKey: [0x12, 0x20] + AttackScene.random().bytes, a: AttackScene.random().bytes))
            },
            item("HELLO, known key") { scene, _ in .hello(scene.hello()) },
            Attack(name: "HELLO and a joiner with a wrong signature") { scene, _ in
                let hello = scene.hello()
                let joiner = HelloJoiner(
                    a: hello.a, messageKey: scene.secret.publicKey.compressedRepresentation,
                    signature: AttackScene.random().bytes + AttackScene.random().bytes)
                return Frame([.hello(hello), .helloJoiner(joiner)]).encoded()
            },
            item("HELLO proof, unasked") { _, _ in
                .helloProof(
                    HelloProof(
                        a: AttackScene.random().bytes, b: AttackScene.random().bytes,
                        proof: AttackScene.random().bytes))
            },
            item("SIGNATURE_FINALIZED, wrong") { scene, _ in .signatureFinalized(scene.signatures()) },
            item("SIGNATURE_FINALIZED, 4,096 wrong", manyMessages) { scene, _ in .signatureFinalized(scene.signatures())
            },
            Attack(name: "300 SIGNATURE_FINALIZED in a frame, wrong") { scene, _ in
                Frame((0..<300).map { _ in .signatureFinalized(scene.signatures()) }).encoded()
            },
        ]
    }

    // MARK: Announcements

    private static func announcements() throws -> [Attack] {
        // 1,000 keys with small x, and as many message keys: they deflate to a tenth.
        let dear = try AttackScene.dearDescriptor()
        var zeros = AttackScene.Shape()
        zeros.isAttackersOwn = true
        var own = zeros
        own.signers = 1_000
        own.topology = .star
        return [
            item("Announcement of 2,000 keys, unasked, deflated") { scene, number in
                .announcement(try scene.announcement(sequence: UInt64(number + 2), descriptor: dear))
            },
            item("Announcement of 192 KiB of zeros, unasked, deflated") { scene, number in
                .announcement(try scene.announcement(sequence: UInt64(number + 2), descriptor: AttackScene.zeros.get()))
            },
            item("HELLO answer, 2,000 keys, unasked, deflated") { scene, number in
                let announcement = try scene.announcement(sequence: UInt64(number + 2), descriptor: dear)
                return .helloAnnouncements(
                    HelloAnnouncements(a: AttackScene.random().bytes, announcements: [announcement]))
            },
            item("HELLO answer, 1 MiB of zeros, unasked, deflated") { scene, number in
                let announcement = try scene.announcement(
                    sequence: UInt64(number + 2), descriptor: AttackScene.zeros.get())
                return .helloAnnouncements(
                    HelloAnnouncements(
                        a: AttackScene.random().bytes,
                        announcements: [SignedAnnouncement](repeating: announcement, count: 5)))
            },
            item("Announcement of the session, newer each time", by: [.signer], own) { scene, number in
                .announcement(try scene.announcement(sequence: UInt64(number + 2)))
            },
            item("Announcement of the session, not newer", by: [.signer], own) { scene, _ in
                .announcement(try scene.announcement(sequence: 1))
            },
            Attack(name: "Announcement, forged signature, 2,000 keys", senders: [.signer], shape: own) {
                scene, number in
                var writer = ProtobufWriter()
                let signed = try scene.announcement(sequence: UInt64(number + 2))
                let forged = SignedAnnouncement(signed.announcement) { _ in
                    AttackScene.random().bytes + AttackScene.random().bytes
                }
                writer.message(1) { $0.message(9, forged) }
                return writer.bytes
            },
        ]
    }

    // MARK: Rounds

    private static var large: AttackScene.Shape { AttackScene.Shape(signers: 1_000, topology: .star) }
    private static var manyMessages: AttackScene.Shape { AttackScene.Shape(signers: 2, messages: 4_096) }
    private static var attackersStar: AttackScene.Shape {
        AttackScene.Shape(signers: 2, messages: 4_096, topology: .star, isAttackersOwn: true)
    }
    /// Others are missing, so that the attempt goes on.
    private static var openMesh: AttackScene.Shape { AttackScene.Shape(signers: 3, messages: 2_700) }

    private static var rounds: [Attack] {
        [
            message("JOIN, forged", by: [.stranger]) { scene, number in
                try scene.forged(.join(Join(peerID: scene.peer.bytes)), attempt: 0, run: UInt64(number + 2))
            },
            message("JOIN, ever higher runs", by: [.signer]) { scene, number in
                try scene.join(run: UInt64(number + 2))
            },
            message("JOIN, ever other peers", by: [.signer]) { scene, number in
                try scene.join(run: UInt64(number + 2), peer: AttackScene.peer())
            },
            message("NONCE_SHARE, forged") { scene, number in
                try scene.forged(.nonceShare(NonceShare(nonces: [AttackScene.nonce])), run: UInt64(number + 2))
            },
            message("NONCE_SHARE of 2,700 messages, ever higher runs", openMesh) { scene, number in
                try scene.message(.nonceShare(scene.nonces()), run: UInt64(number + 2))
            },
            message("NONCE_SHARE of 2,700 messages, ever lower runs", openMesh) { scene, number in
                try scene.message(.nonceShare(scene.nonces()), run: UInt64(1_000_000 - number))
            },
            message("NONCE_SHARE of 2,700 messages, infinite at the end", openMesh) { scene, number in
                try scene.message(.nonceShare(scene.nonces(spoilt: true)), run: UInt64(number + 2))
            },
            message("NONCE_COMMIT, no commitment round") { scene, number in
                try scene.message(.nonceCommit(NonceCommit(leaf: AttackScene.random().bytes)), run: UInt64(number + 2))
            },
            message("NONCES_COMPLETE of 4,096 messages, other runs", by: [.signer], attackersStar) { scene, number in
                let complete = NoncesComplete(
                    leaves: [AttackScene.random().bytes, AttackScene.random().bytes],
                    aggregateNonces: [[UInt8]](repeating: AttackScene.nonce, count: 4_096))
                return try scene.message(.noncesComplete(complete), run: UInt64(number + 2))
            },
            message("PARTIAL_SIG_SHARE of 2,700 messages, other runs", openMesh) { scene, number in
                let share = PartialSigShare(
                    context: AttackScene.random().bytes,
                    partials: [[UInt8]](repeating: [UInt8](repeating: 1, count: 32), count: 2_700))
                return try scene.message(.partialSigShare(share), run: UInt64(number + 2))
            },
            message("RESTART, ever higher attempts") { scene, number in
                try scene.message(.restart(Restart(reason: .timeout)), attempt: UInt32(min(number + 2, 128)))
            },
        ]
    }

    // MARK: Statements

    private static var statements: [Attack] {
        [
            message("ABORT, forged") { scene, number in
                try scene.forged(
                    .abort(Abort(reason: .requested, stage: .beforePartial)), attempt: 0, run: UInt64(number + 2))
            },
            message("ABORT with 3,002 messages as evidence") { scene, number in
                var abort = Abort(reason: .invalidContribution, stage: .beforePartial)
                abort.evidence = try scene.evidence(.contradiction, number)
                return try scene.message(.abort(abort), attempt: 0, run: UInt64(number + 2))
            },
            Attack(name: "SYNC, after an ABORT of a megabyte", senders: [.signer]) { scene, number in
                guard number == 0 else { return Frame([.sync(scene.sync())]).encoded() }
                var abort = Abort(reason: .invalidContribution, stage: .beforePartial)
                abort.evidence = try scene.evidence(.contradiction, 0)
                return try scene.frame(scene.message(.abort(abort), attempt: 0))
            },
            message("EVIDENCE of 3,002 messages, contradiction") { scene, number in
                try scene.message(
                    .evidence(scene.evidence(.contradiction, number)), attempt: 0, run: UInt64(number + 2))
            },
            message("EVIDENCE of 1,001 messages, wrong aggregate", large) { scene, number in
                try scene.message(
                    .evidence(scene.evidence(.wrongAggregate, number)), attempt: 0, run: UInt64(number + 2))
            },
            message("EVIDENCE, the last signature forged") { scene, number in
                try scene.message(.evidence(scene.evidence(.contradiction, number, count: 2, spoilt: true)), attempt: 0)
            },
            message("BROADCAST_DONE") { scene, number in
                try scene.message(
                    .broadcastDone(BroadcastDone(transactionID: AttackScene.random().bytes)), attempt: 0,
                    run: UInt64(number + 2))
            },
        ]
    }
}
