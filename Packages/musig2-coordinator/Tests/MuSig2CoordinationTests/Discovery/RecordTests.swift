import MuSig2Session
import Multiformats
import PeerTransport
import Secp256k1
import Testing
import WireCodec

@testable import MuSig2Coordination

/// The rules of records in a DHT.
@Suite("Records in a DHT") struct RecordTests {
    private let wall: UInt64 = 1_800_000_000_000
    private let rules = AnnouncementRules()

    private func descriptor(
        lifetime: Duration = .seconds(3_600), at wall: UInt64? = nil, metadata: [String: String] = [:]
    ) throws -> SessionDescriptor {
        var plan = SessionPlan(
            signerKeys: [try TestKeys.publicKey(0), try TestKeys.publicKey(1)], messages: [[1]], creator: 0)
        plan.lifetime = lifetime
        plan.metadata = metadata
        return try SessionDescriptor(
            plan, at: Now(monotonic: .zero, wallMilliseconds: wall ?? self.wall), random: .random())
    }

    private func announced(
        _ descriptor: SessionDescriptor, sequence: UInt64 = 1, methods: Set<DiscoveryMethod> = [.record],
        key: UInt64 = 0
    ) throws -> [UInt8] {
        try VerifiedAnnouncement(
            announcing: descriptor,
            at: LocalPeer(peer: try TestKeys.peer(0), addresses: [try Multiaddr("/memory/1").bytes]),
            sequence: sequence,
            ways: methods.bits,
            with: TestKeys.secret(key)
        ).signed.encoded()
    }

    private func name(_ descriptor: SessionDescriptor) -> [UInt8] { RecordName(session: descriptor.id).bytes }

    @Test func namesAreText() throws {
        let session = SessionID(try #require(Hash32((0..<32).map { UInt8($0 * 8) })))
        let name = RecordName(session: session)
        #expect(
            String(decoding: name.bytes, as: UTF8.self)
                == "/musig2-session/0008101820283038404850586068707880889098a0a8b0b8c0c8d0d8e0e8f0f8")
        #expect(RecordName(name.bytes) == name)
        #expect(RecordName(name.bytes, namespace: "other") == nil)
        let own = RecordName(session: session, namespace: "other")
        #expect(RecordName(own.bytes, namespace: "other") == own)
        for wrong in [
            Array(name.bytes.dropLast()), name.bytes + [UInt8(ascii: "0")], Array(name.bytes.dropFirst()), [],
            Array("/musig2-session/".utf8) + session.bytes, Array("\(name.session)".uppercased().utf8),
            Array("/musig2-session/\(session)".uppercased().utf8),
            Array("/musig2-session/".utf8) + [UInt8](repeating: UInt8(ascii: "g"), count: 64),
        ] {
            #expect(RecordName(wrong) == nil)
        }
    }

    @Test func anAnnouncementIsValidUnderItsName() throws {
        let descriptor = try descriptor()
        let value = try announced(descriptor)
        #expect(rules.isValid(value, at: name(descriptor), wallMilliseconds: wall))
        #expect(!rules.isValid(value, at: name(try self.descriptor()), wallMilliseconds: wall))
        #expect(!rules.isValid(value, at: Array("/pk/\(descriptor.id)".utf8), wallMilliseconds: wall))
        #expect(!AnnouncementRules(namespace: "other").isValid(value, at: name(descriptor), wallMilliseconds: wall))
        let other = RecordName(session: descriptor.id, namespace: "other").bytes
        #expect(AnnouncementRules(namespace: "other").isValid(value, at: other, wallMilliseconds: wall))
    }

    /// A node that keeps a record tells it until then without another look.
    @Test func anAnnouncementIsValidUntilItsSessionExpires() throws {
        let descriptor = try descriptor()
        let value = try announced(descriptor)
        let end = descriptor.expiryMilliseconds
        #expect(rules.validUntil(value, at: name(descriptor), wallMilliseconds: wall) == end)
        #expect(rules.validUntil(value, at: name(descriptor), wallMilliseconds: end) == nil)
        #expect(!rules.isValid(value, at: name(descriptor), wallMilliseconds: end))
        #expect(rules.isValid(value, at: name(descriptor), wallMilliseconds: end - 1))
    }

    /// S11: with any bit changed it is no record, under whatever name.
    @Test func s11AnyBitChanged() throws {
        let descriptor = try descriptor(metadata: ["amount": "1 BTC"])
        let value = try announced(descriptor)
        for position in value.indices {
            for bit in 0..<8 as Range<UInt8> {
                var changed = value
                changed[position] ^= 1 << bit
                #expect(!rules.isValid(changed, at: name(descriptor), wallMilliseconds: wall), "\(position).\(bit)")
                guard let signed = try? SignedAnnouncement(decoding: changed) else { continue }
                let id = SessionID(descriptorBytes: signed.announcement.descriptorBytes)
                #expect(!rules.isValid(changed, at: RecordName(session: id).bytes, wallMilliseconds: wall))
            }
        }
        for count in 0..<value.count {
            #expect(!rules.isValid(Array(value.prefix(count)), at: name(descriptor), wallMilliseconds: wall))
        }
    }

    /// S11: fields shifted into each other, another announcer, another key.
    @Test func s11OtherFields() throws {
        let descriptor = try descriptor()
        let good = try SignedAnnouncement(decoding: announced(descriptor))
        let announcement = good.announcement
        let others = [
            Announcement(
                descriptor: descriptor.fields, peerID: try TestKeys.peer(1).bytes, addresses: announcement.addresses,
                sequence: 1, ways: announcement.ways),
            Announcement(
                descriptor: descriptor.fields, peerID: announcement.peerID, addresses: [], sequence: 1,
                ways: announcement.ways),
            Announcement(
                descriptor: descriptor.fields, peerID: announcement.peerID, addresses: announcement.addresses,
                sequence: 2, ways: announcement.ways),
            Announcement(
                descriptor: descriptor.fields, peerID: announcement.peerID, addresses: announcement.addresses,
                sequence: 1, ways: announcement.ways | DiscoveryMethod.inbox.bit),
        ]
        for other in others {
            let forged = SignedAnnouncement(other) { _ in good.signature }
            #expect(!rules.isValid(forged.encoded(), at: name(descriptor), wallMilliseconds: wall))
        }
        // A signer that is not the creator announces nothing.
        let bySigner = try announced(descriptor, key: 1)
        #expect(!rules.isValid(bySigner, at: name(descriptor), wallMilliseconds: wall))
    }

    /// What a creator wants its signers alone to see is not made public by one of them.
    @Test(arguments: [[], [.rendezvous], [.inbox, .rendezvous]] as [Set<DiscoveryMethod>])
    func onlyWhatItsCreatorMakesPublic(_ methods: Set<DiscoveryMethod>) throws {
        let descriptor = try descriptor()
        #expect(
            !rules.isValid(
                try announced(descriptor, methods: methods), at: name(descriptor), wallMilliseconds: wall))
    }

    @Test func timesAreJudged() throws {
        let descriptor = try descriptor()
        let value = try announced(descriptor)
        let expiry = descriptor.expiryMilliseconds
        #expect(rules.isValid(value, at: name(descriptor), wallMilliseconds: expiry - 1))
        #expect(!rules.isValid(value, at: name(descriptor), wallMilliseconds: expiry))
        #expect(rules.isValid(value, at: name(descriptor), wallMilliseconds: wall - 300_000))
        #expect(!rules.isValid(value, at: name(descriptor), wallMilliseconds: wall - 300_001))
    }

    @Test func atMost16KiB() throws {
        func value(_ count: Int) throws -> (SessionDescriptor, [UInt8]) {
            var plan = SessionPlan(
                signerKeys: [try TestKeys.publicKey(0), try TestKeys.publicKey(1)],
                messages: [[UInt8](repeating: 7, count: count)], creator: 0)
            plan.lifetime = .seconds(60)
            let descriptor = try SessionDescriptor(
                plan, at: Now(monotonic: .zero, wallMilliseconds: wall), random: .random())
            return (descriptor, try announced(descriptor))
        }
        let (_, small) = try value(16_000)
        let (fits, most) = try value(16_000 + (16 << 10) - small.count)
        #expect(most.count == 16 << 10)
        #expect(rules.isValid(most, at: name(fits), wallMilliseconds: wall))
        let (large, more) = try value(16_001 + (16 << 10) - small.count)
        #expect(!rules.isValid(more, at: name(large), wallMilliseconds: wall))
    }

    @Test func theHigherSequenceIsBetter() throws {
        let descriptor = try descriptor()
        let low = try announced(descriptor, sequence: 5)
        let high = try announced(descriptor, sequence: 6)
        #expect(rules.isBetter(high, than: low, at: name(descriptor)))
        #expect(!rules.isBetter(low, than: high, at: name(descriptor)))
        #expect(!rules.isBetter(low, than: low, at: name(descriptor)))
        // Two with one sequence: all nodes prefer the same one.
        let twin = try announced(descriptor, sequence: 5)
        #expect(twin != low)
        #expect(
            rules.isBetter(twin, than: low, at: name(descriptor))
                != rules.isBetter(low, than: twin, at: name(descriptor)))
        #expect(rules.isBetter(low, than: [1, 2, 3], at: name(descriptor)))
        #expect(!rules.isBetter([1, 2, 3], than: low, at: name(descriptor)))
    }
}
