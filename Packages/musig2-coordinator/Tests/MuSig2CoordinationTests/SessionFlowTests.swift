import MuSig2
import MuSig2Coordination
import MuSig2Session
import Multiformats
import PeerTransport
import Secp256k1
import Testing
import WireCodec

@Suite("Sessions from start to end") struct SessionFlowTests {
    /// Creates a session at the first party, lets the others join, and returns everybody's signatures.
    private func sign(_ parties: Parties, _ request: SessionRequest) async throws -> [[SchnorrSignature]] {
        let created = try await parties[0].coordinator.createSession(request)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for party in parties.all.dropFirst() {
                group.addTask { try await party.coordinator.joinSession(created.invitation) }
            }
            try await group.waitForAll()
        }
        var signatures: [[SchnorrSignature]] = []
        for party in parties.all {
            signatures.append(try await party.coordinator.waitForSignatures(of: created.id))
        }
        return signatures
    }

    @Test func twoOfTwo() async throws {
        let parties = try await Parties.start(2)
        let message: [UInt8] = Array("two of two".utf8)
        let created = try await parties[0].coordinator.createSession(
            SessionRequest(signers: parties.keys, messages: [message]))
        let joined = try await parties[1].coordinator.joinSession(created.invitation)
        #expect(joined == created.id)
        let first = try await parties[0].coordinator.waitForSignatures(of: created.id)
        let second = try await parties[1].coordinator.waitForSignatures(of: created.id)
        #expect(first == second)
        #expect(try verify(first, [message], keys: parties.keys))
        await parties.shutdown()
    }

    @Test func threeOfThreeMesh() async throws {
        let parties = try await Parties.start(3)
        let message: [UInt8] = Array("three of three".utf8)
        let signatures = try await sign(parties, SessionRequest(signers: parties.keys, messages: [message]))
        #expect(Set(signatures).count == 1)
        #expect(try verify(signatures[0], [message], keys: parties.keys))
        await parties.shutdown()
    }

    @Test func tenInStar() async throws {
        let parties = try await Parties.start(10)
        let message: [UInt8] = Array("a star of ten".utf8)
        let request = SessionRequest(signers: parties.keys, messages: [message])
        let signatures = try await sign(parties, request)
        #expect(Set(signatures).count == 1)
        #expect(try verify(signatures[0], [message], keys: parties.keys))
        await parties.shutdown()
    }

    @Test(arguments: [ElectionMethod.lexicographic, .hash, .first, .last])
    func starWithEachElection(_ election: ElectionMethod) async throws {
        let parties = try await Parties.start(3)
        var request = SessionRequest(signers: parties.keys, messages: [[7]])
        request.topology = .star
        request.election = election
        let signatures = try await sign(parties, request)
        #expect(Set(signatures).count == 1)
        #expect(try verify(signatures[0], [[7]], keys: parties.keys))
        await parties.shutdown()
    }

    @Test func commitmentRound() async throws {
        let parties = try await Parties.start(3)
        var request = SessionRequest(signers: parties.keys, messages: [[1, 2, 3]])
        request.hasCommitmentRound = true
        let signatures = try await sign(parties, request)
        #expect(Set(signatures).count == 1)
        #expect(try verify(signatures[0], [[1, 2, 3]], keys: parties.keys))
        await parties.shutdown()
    }

    @Test func severalMessagesTweaksAndMetadata() async throws {
        let parties = try await Parties.start(3, consent: .approveEverything.allowingRawTweaks())
        let messages: [[UInt8]] = [[], [0], Array(repeating: 7, count: 1_000), Array("fourth".utf8)]
        let tweaks = [
            try Tweak(bytes: Array(repeating: 1, count: 32), kind: .plain),
            try Tweak(bytes: Array(repeating: 2, count: 32), kind: .xOnly),
        ]
        var request = SessionRequest(signers: parties.keys, messages: messages)
        request.tweaks = tweaks
        request.metadata = ["purpose": "test", "amount": "0.1"]
        let signatures = try await sign(parties, request)
        #expect(Set(signatures).count == 1)
        #expect(try verify(signatures[0], messages, keys: parties.keys, tweaks: tweaks))
        await parties.shutdown()
    }

    @Test func taprootOutputKey() async throws {
        let parties = try await Parties.start(2)
        var request = SessionRequest(signers: parties.keys, messages: [[9]])
        request.taproot = SessionPlan.Taproot()
        let signatures = try await sign(parties, request)
        let internalKey = try KeyAggContext(keys: parties.keys).xOnlyKey
        let tweak = TaggedHash("TapTweak").hash(internalKey.rawRepresentation)
        let tweaks = [try Tweak(bytes: tweak.bytes, kind: .xOnly)]
        #expect(try verify(signatures[0], [[9]], keys: parties.keys, tweaks: tweaks))
        await parties.shutdown()
    }

    @Test func sortedSigners() async throws {
        let parties = try await Parties.start(4)
        let request = SessionRequest(signers: parties.keys.reversed(), messages: [[4]])
        let signatures = try await sign(parties, request)
        #expect(try verify(signatures[0], [[4]], keys: parties.keys.sorted()))
        await parties.shutdown()
    }

    @Test func signersInTheGivenOrder() async throws {
        let parties = try await Parties.start(3)
        let given = [parties.keys[2], parties.keys[0], parties.keys[1]]
        var request = SessionRequest(signers: given, messages: [[4]])
        request.isSorted = false
        let signatures = try await sign(parties, request)
        #expect(try verify(signatures[0], [[4]], keys: given))
        #expect(try !verify(signatures[0], [[4]], keys: given.sorted()))
        await parties.shutdown()
    }

    /// The first of BIP-390's test vectors: `rawtr(musig(…))` with the secret key 3 and two public ones.
    @Test func theKeyIsThatOfBIP390() async throws {
        var secret = SecretBytes(byteCount: 32)
        secret.withUnsafeMutableBytes { $0[31] = 3 }
        let own = try SecretKey(secret)
        let others = [
            "03dff1d77f2a671c5f36183726db2341be58feae1da2deced843240f7b502ba659",
            "023590a94e768f8e1815c2f24b4d80a8e3149316c3518ce7b7ad338368d038ca66",
        ].map { Hex.decode($0) }
        let keys = try [own.publicKey] + others.map { try PublicKey(compressedRepresentation: #require($0)) }
        let network = InMemoryNetwork(seed: 1)
        let coordinator = try MuSig2Coordinator(
            network: network.endpoint(for: TestKeys.peer(0)), signer: own, consent: .approveEverything)
        try await coordinator.start()
        let created = try await coordinator.createSession(SessionRequest(signers: keys, messages: [[1]]))
        #expect("\(created.finalKey)" == "789d937bade6673538f3e28d8368dda4d0512f94da44cf477a505716d26a1575")
        try await coordinator.closeSession(created.id)
        await coordinator.shutdown()
    }

    @Test func manySessionsAtOnce() async throws {
        let parties = try await Parties.start(3)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<18 {
                group.addTask {
                    let creator = number % 3
                    let message = [UInt8(number)]
                    let created = try await parties[creator].coordinator.createSession(
                        SessionRequest(signers: parties.keys, messages: [message]))
                    for other in 0..<3 where other != creator {
                        try await parties[other].coordinator.joinSession(created.invitation)
                    }
                    for party in parties.all {
                        let signatures = try await party.coordinator.waitForSignatures(of: created.id)
                        #expect(try verify(signatures, [message], keys: parties.keys))
                    }
                }
            }
            try await group.waitForAll()
        }
        for party in parties.all { #expect(await party.coordinator.activeSessions.isEmpty) }
        await parties.shutdown()
    }

    /// S13: the same job twice is two sessions that do not disturb each other.
    @Test func s13SameJobTwice() async throws {
        let parties = try await Parties.start(2)
        let request = SessionRequest(signers: parties.keys, messages: [[1]])
        let one = try await parties[0].coordinator.createSession(request)
        let two = try await parties[0].coordinator.createSession(request)
        #expect(one.id != two.id)
        try await parties[1].coordinator.joinSession(two.invitation)
        _ = try await parties[0].coordinator.waitForSignatures(of: two.id)
        #expect(try await parties[0].coordinator.signatures(of: one.id) == nil)
        try await parties[1].coordinator.joinSession(one.invitation)
        let first = try await parties[0].coordinator.waitForSignatures(of: one.id)
        #expect(try verify(first, [[1]], keys: parties.keys))
        #expect(try await parties[0].coordinator.waitForSignatures(of: two.id) != first)
        await parties.shutdown()
    }

    @Test func separateMessageKeys() async throws {
        let network = InMemoryNetwork(clock: VirtualClock(wallMilliseconds: 1_800_000_000_000))
        var coordinators: [MuSig2Coordinator] = []
        for number in 0..<2 as Range<UInt64> {
            let coordinator = try MuSig2Coordinator(
                network: network.endpoint(for: TestKeys.peer(number)),
                signer: TestKeys.secret(number),
                messageKey: TestKeys.secret(number + 100),
                consent: .approveEverything,
                timeSource: network.clock.timeSource
            )
            try await coordinator.start()
            coordinators.append(coordinator)
        }
        let keys = coordinators.map(\.signerKey)
        var request = SessionRequest(signers: keys, messages: [[5]])
        request.messageKeys = coordinators.map(\.messageKey)
        let created = try await coordinators[0].createSession(request)
        try await coordinators[1].joinSession(created.invitation)
        let signatures = try await coordinators[1].waitForSignatures(of: created.id)
        #expect(try verify(signatures, [[5]], keys: keys))
        // The protocol's own key must be the one that the descriptor names.
        request.messageKeys = [coordinators[1].messageKey, coordinators[0].messageKey]
        await #expect(throws: CoordinatorError(.invalidRequest, "")) {
            try await coordinators[0].createSession(request)
        }
    }

    @Test func roundsStartedByHand() async throws {
        var configuration = MuSig2Coordinator.Configuration()
        configuration.startsRoundsAutomatically = false
        let parties = try await Parties.start(2, configuration: configuration)
        var request = SessionRequest(signers: parties.keys, messages: [[6]])
        request.hasCommitmentRound = true
        let created = try await parties[0].coordinator.createSession(request)
        let events = await parties[0].coordinator.events(for: created.id)
        var iterator = events.makeAsyncIterator()
        try await parties[1].coordinator.joinSession(created.invitation)
        var seen: [String] = []
        while seen.last != "ready", let event = await iterator.next() { seen.append(event.name) }
        #expect(await parties[0].coordinator.status(of: created.id)?.phase == .gathering(.commitments))
        for party in parties.all { try await party.coordinator.startCommitments(of: created.id) }
        while seen.last != "commitmentsComplete", let event = await iterator.next() { seen.append(event.name) }
        #expect(!seen.contains("nonceReceived"))
        for party in parties.all { try await party.coordinator.startRound1(of: created.id) }
        while seen.last != "noncesComplete", let event = await iterator.next() { seen.append(event.name) }
        #expect(!seen.contains("partialReceived"))
        for party in parties.all { try await party.coordinator.startRound2(of: created.id) }
        let signatures = try await parties[0].coordinator.waitForSignatures(of: created.id)
        #expect(try verify(signatures, [[6]], keys: parties.keys))
        await parties.shutdown()
    }

    @Test func aJoinedSignerInvitesTheNext() async throws {
        let parties = try await Parties.start(3)
        let created = try await parties[0].coordinator.createSession(
            SessionRequest(signers: parties.keys, messages: [[8]]))
        try await parties[1].coordinator.joinSession(created.invitation)
        let invitation = parties[1].coordinator.invitation(to: created.id)
        #expect(invitation != created.invitation)
        try await parties[2].coordinator.joinSession(invitation)
        for party in parties.all {
            let signatures = try await party.coordinator.waitForSignatures(of: created.id)
            #expect(try verify(signatures, [[8]], keys: parties.keys))
        }
        await parties.shutdown()
    }

    @Test func invitationsAsText() async throws {
        let parties = try await Parties.start(2)
        let created = try await parties[0].coordinator.createSession(
            SessionRequest(signers: parties.keys, messages: [[3]]))
        let text = "\(created.invitation)"
        #expect(text.hasPrefix("musig21"))
        #expect(try SessionInvitation(parsing: " \(text)\n") == created.invitation)
        var broken = Array(text)
        broken[20] = broken[20] == "q" ? "p" : "q"
        #expect(throws: CoordinatorError(.invalidInvitation, "")) { try SessionInvitation(parsing: String(broken)) }
        #expect(throws: CoordinatorError(.invalidInvitation, "")) { try SessionInvitation(parsing: "hello") }
        await parties.shutdown()
    }
}
