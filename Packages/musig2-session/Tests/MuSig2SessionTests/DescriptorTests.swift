import MuSig2
import MuSig2Session
import Multiformats
import Secp256k1
import SessionSimulation
import Testing
import WireCodec

/// What a descriptor is, and which are refused.
@Suite("Descriptors")
struct DescriptorTests {
    private func negated(_ key: PublicKey) throws -> PublicKey {
        var bytes = key.compressedRepresentation
        bytes[0] ^= 1
        return try PublicKey(compressedRepresentation: bytes)
    }

    private func error(_ change: (inout SessionPlan) throws -> Void) throws -> DescriptorError? {
        var plan = try Fixture.plan(signers: 3)
        try change(&plan)
        do throws(DescriptorError) {
            _ = try SessionDescriptor(plan, at: Fixture.start, random: .zero)
            return nil
        } catch {
            return error
        }
    }

    @Test
    func aDescriptorKeepsItsBytes() throws {
        var plan = try Fixture.plan(signers: 3, messages: 2)
        plan.metadata = ["b": "2", "a": "1"]
        let descriptor = try Fixture.descriptor(plan)
        let again = try SessionDescriptor(bytes: descriptor.bytes)
        #expect(again == descriptor && again.bytes == descriptor.bytes && again.id == descriptor.id)
        #expect(again.id == SessionID(Tag.session.hash(descriptor.bytes)))
        #expect(again.signerKeys == plan.signerKeys)
        #expect(again.messageKeys == plan.signerKeys.map(\.xOnly))
        #expect(again.fields.metadata.map(\.key) == ["a", "b"])
        #expect(again.timeout(of: .nonces) == .seconds(300))
        #expect(again.timeout(of: .joins) == nil)
    }

    @Test
    func s13TheSameJobTwiceIsTwoSessions() throws {
        let plan = try Fixture.plan(signers: 2)
        #expect(try Fixture.descriptor(plan, number: 1).id != Fixture.descriptor(plan, number: 2).id)
    }

    @Test
    func s21SignersThatAreTheSame() throws {
        #expect(try error { $0.signerKeys[2] = $0.signerKeys[0] } == .duplicateSigner(0, 2))
        #expect(try error { $0.signerKeys[2] = try negated($0.signerKeys[1]) } == .duplicateSigner(1, 2))
    }

    @Test
    func messageKeysThatAreTheSame() throws {
        let keys = try (100..<103).map { try Fixture.publicKey($0) }
        #expect(try error { $0.messageKeys = keys } == nil)
        #expect(
            try error { $0.messageKeys = [keys[0], keys[1], try negated(keys[0])] } == .duplicateMessageKey(0, 2))
        #expect(
            try error { $0.messageKeys = [keys[0], $0.signerKeys[2], keys[1]] }
                == .messageKeyIsSignerKey(messageKey: 1, signer: 2))
        // One's own signer key may be one's message key.
        #expect(try error { $0.messageKeys = [$0.signerKeys[0], keys[1], keys[2]] } == nil)
    }

    @Test
    func keysThatAreNone() throws {
        let descriptor = try Fixture.descriptor(Fixture.plan(signers: 2))
        var fields = descriptor.fields
        fields.signerKeys[1] = [2] + [UInt8](repeating: 0xFF, count: 32)
        #expect(throws: DescriptorError.invalidSignerKey(index: 1, .coordinateNotBelowFieldSize)) {
            try SessionDescriptor(bytes: fields.encoded())
        }
        fields = descriptor.fields
        fields.signerKeys[1][0] = 4
        #expect(throws: DescriptorError.invalidSignerKey(index: 1, .wrongPrefix(found: 4))) {
            try SessionDescriptor(bytes: fields.encoded())
        }
        fields = descriptor.fields
        fields.messageKeys = [fields.signerKeys[0], [5] + [UInt8](repeating: 1, count: 32)]
        #expect(throws: DescriptorError.invalidMessageKey(index: 1, .wrongPrefix(found: 5))) {
            try SessionDescriptor(bytes: fields.encoded())
        }
        fields = descriptor.fields
        fields.tweaks = [.init([UInt8](repeating: 0xFF, count: 32), isXOnly: true)]
        #expect(throws: DescriptorError.invalidTweak(index: 0)) { try SessionDescriptor(bytes: fields.encoded()) }
    }

    @Test
    func countsAndLimits() throws {
        #expect(try error { $0.signerKeys = [$0.signerKeys[0]] } == .tooFewSigners(found: 1))
        let crowd = try (0..<33).map { try Fixture.publicKey($0) }
        #expect(
            try error {
                $0.signerKeys = crowd
                $0.topology = .mesh
            } == .malformed(WireError("Descriptor", "signer_keys", .tooMany(limit: 32))))
        #expect(try error { $0.signerKeys = crowd } == nil)
        #expect(try error { $0.messages = [] } == .malformed(WireError("Descriptor", "messages", .missing)))
        #expect(
            try error { $0.creator = 3 } == .malformed(WireError("Descriptor", "creator", .outOfRange(3))))
        let longest = 192 << 10
        #expect(
            try error { $0.messages = [[UInt8](repeating: 0, count: longest + 1)] }
                == .malformed(WireError("Descriptor", "messages", .tooLong(limit: longest, found: longest + 1))))
    }

    @Test
    func automaticTopology() throws {
        for (signers, topology) in [(2, .mesh), (8, .mesh), (9, .star)] as [(Int, SessionTopology)] {
            #expect(try Fixture.descriptor(Fixture.plan(signers: signers)).topology == topology)
        }
    }

    @Test
    func s14Clocks() throws {
        let descriptor = try Fixture.descriptor(Fixture.plan(signers: 2))
        let hour: UInt64 = 3_600_000
        func times(_ wall: UInt64) -> DescriptorError? {
            do throws(DescriptorError) {
                try descriptor.checkTimes(at: Now(monotonic: .zero, wallMilliseconds: wall))
                return nil
            } catch {
                return error
            }
        }
        #expect(times(Fixture.wall) == nil)
        #expect(times(Fixture.wall - 300_000) == nil)
        #expect(times(Fixture.wall - hour) == .createdInFuture(milliseconds: hour, limit: 300_000))
        #expect(times(Fixture.wall + 3 * hour) == .expired(sinceMilliseconds: hour))
        #expect(
            try error { $0.lifetime = .seconds(31 * 86_400) }
                == .expiryTooFar(milliseconds: 31 * 86_400_000, limit: 30 * 86_400_000))
    }

    @Test
    func s22OneEncodingOnly() throws {
        let bytes = try Fixture.descriptor(Fixture.plan(signers: 2)).bytes
        for changed in [
            bytes + [0xA8, 0x06, 0x01], bytes + bytes, Array(bytes.dropLast()),
            [0x08, 0x81, 0x00] + bytes.dropFirst(2),
        ] {
            do throws(DescriptorError) {
                _ = try SessionDescriptor(bytes: changed)
                Issue.record("accepted \(changed.count) bytes")
            } catch {
                guard case .malformed = error else {
                    Issue.record("\(error)")
                    continue
                }
            }
        }
    }

    @Test
    func s11Announcements() throws {
        let descriptor = try Fixture.descriptor(Fixture.plan(signers: 2))
        let local = LocalPeer(peer: try Fixture.peer(0), addresses: [[4, 127, 0, 0, 1, 6, 1, 1]])
        let key = try Fixture.secretKey(0)
        let made = try VerifiedAnnouncement(announcing: descriptor, at: local, sequence: 5, with: key)
        let seen = try VerifiedAnnouncement(
            verifying: SignedAnnouncement(decoding: made.signed.encoded()), expecting: descriptor.id)
        #expect(seen == made && seen.peer == local.peer && seen.addresses == local.addresses && seen.sequence == 5)

        let other = try Fixture.descriptor(Fixture.plan(signers: 2), number: 2)
        #expect(throws: AnnouncementError.wrongSession(expected: other.id, found: descriptor.id)) {
            try VerifiedAnnouncement(verifying: made.signed, expecting: other.id)
        }
        // Any field changed, and not signed again.
        for changed in [
            Announcement(descriptor: other.fields, peerID: local.peer.bytes, addresses: local.addresses, sequence: 5),
            Announcement(descriptor: descriptor.fields, peerID: try Fixture.peer(1).bytes, addresses: [], sequence: 5),
            Announcement(descriptor: descriptor.fields, peerID: local.peer.bytes, addresses: [], sequence: 5),
            Announcement(
                descriptor: descriptor.fields, peerID: local.peer.bytes, addresses: local.addresses, sequence: 6),
        ] {
            let forged = SignedAnnouncement(changed) { _ in made.signed.signature }
            #expect(throws: AnnouncementError.wrongSignature(creator: 0)) {
                try VerifiedAnnouncement(verifying: forged)
            }
        }
        // R9: the signature is checked before the other keys are parsed.
        var fields = descriptor.fields
        fields.signerKeys[1] = [2] + [UInt8](repeating: 0xFF, count: 32)
        let dear = Announcement(descriptor: fields, peerID: local.peer.bytes, addresses: [], sequence: 5)
        #expect(throws: AnnouncementError.wrongSignature(creator: 0)) {
            try VerifiedAnnouncement(verifying: SignedAnnouncement(dear) { _ in made.signed.signature })
        }
        let signed = try SignedAnnouncement(dear) { try Tag.announcement.sign($0, with: key).rawRepresentation }
        #expect(throws: AnnouncementError.descriptor(.invalidSignerKey(index: 1, .coordinateNotBelowFieldSize))) {
            try VerifiedAnnouncement(verifying: signed)
        }
        // A further announcement of a session that is known.
        let newer = try VerifiedAnnouncement(announcing: descriptor, at: local, sequence: 6, with: key)
        #expect(try VerifiedAnnouncement(verifying: newer.signed, of: descriptor) == newer)
        #expect(throws: AnnouncementError.wrongSession(expected: other.id, found: descriptor.id)) {
            try VerifiedAnnouncement(verifying: newer.signed, of: other)
        }
        #expect(throws: AnnouncementError.wrongSignature(creator: 0)) {
            try VerifiedAnnouncement(
                verifying: SignedAnnouncement(newer.signed.announcement) { _ in made.signed.signature }, of: descriptor)
        }
        // Another signer cannot announce in the creator's name.
        let bySigner = try VerifiedAnnouncement(
            announcing: descriptor, at: local, sequence: 5, with: Fixture.secretKey(1))
        #expect(throws: AnnouncementError.wrongSignature(creator: 0)) {
            try VerifiedAnnouncement(verifying: bySigner.signed)
        }
    }
}

/// The order of coordinators.
@Suite("The order of coordinators")
struct ElectionOrderTests {
    @Test
    func methods() throws {
        let keys = try (0..<5).map { try Fixture.publicKey($0) }
        let session = SessionID(.zero)
        func order(_ method: ElectionMethod, _ session: SessionID = session) -> [Int] {
            ElectionOrder(method: method, session: session, signerKeys: keys).indices
        }
        #expect(order(.first) == [0, 1, 2, 3, 4])
        #expect(order(.last) == [4, 3, 2, 1, 0])
        #expect(order(.off) == [])
        #expect(order(.lexicographic).map { keys[$0] } == keys.sorted())
        let hashes = keys.map { Tag.election.hash($0.compressedRepresentation) }
        #expect(order(.hash).map { hashes[$0] } == hashes.sorted())
        let bound = keys.map { Tag.election.hash(session.bytes + $0.compressedRepresentation) }
        #expect(order(.hashWithID).map { bound[$0] } == bound.sorted())
        // Without the id the order is the same in every session, with it is not.
        let orders = try (1...20).map { SessionID(try #require(Hash32([UInt8](repeating: $0, count: 32)))) }
        #expect(Set(orders.map { order(.hash, $0) }).count == 1)
        #expect(Set(orders.map { order(.hashWithID, $0) }).count > 1)
    }

    @Test
    func coordinatorOfAnAttempt() throws {
        let keys = try (0..<3).map { try Fixture.publicKey($0) }
        let order = ElectionOrder(method: .last, session: SessionID(.zero), signerKeys: keys)
        #expect((1...4).map { order.coordinator(ofAttempt: $0) } == [2, 1, 0, 2])
        #expect(order.coordinator(ofAttempt: 0) == nil)
        let none = ElectionOrder(method: .off, session: SessionID(.zero), signerKeys: keys)
        #expect(none.coordinator(ofAttempt: 1) == nil)
    }
}
