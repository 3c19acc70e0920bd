import MuSig2Session
import Multiformats
import PeerTransport
import PeerTransportTestKit
import Secp256k1
import Synchronization
import Testing

@testable import MuSig2Coordination

/// Coordinators that find each other through discoveries.
@Suite("Discoveries", .timeLimit(.minutes(5))) struct DiscoveryTests {
    private let found = Array("found".utf8)

    private func request(_ parties: [Party], _ methods: Set<DiscoveryMethod>) -> SessionRequest {
        var request = SessionRequest(signers: parties.map(\.publicKey), messages: [found])
        request.discovery = methods
        return request
    }

    private func expectSigned(_ parties: [Party], _ id: SessionID) async throws {
        for party in parties {
            let signatures = try await party.coordinator.waitForSignatures(of: id)
            #expect(try verify(signatures, [found], keys: parties.map(\.publicKey)))
        }
    }

    /// Waits until the creator's session can be found.
    private func announced(_ id: SessionID, _ events: CoordinatorEvents) async throws {
        for await event in events {
            if case .error(let error) = event { throw error }
            if event == .announced(id) { return }
        }
        throw CancellationError()
    }

    @Test(arguments: [DiscoveryMethod.rendezvous, .record]) func byIDAlone(_ method: DiscoveryMethod) async throws {
        let meeting = try await Meeting.start(3)
        let events = await meeting[0].coordinator.events
        let created = try await meeting[0].coordinator.createSession(request(meeting.parties, [method]))
        try await announced(created.id, events)
        let preview = try await meeting[1].coordinator.previewSession(id: created.id)
        #expect(preview.descriptor.messages == [found])
        #expect(preview.ownIndex == 1)
        for party in meeting.parties.dropFirst() { try await party.coordinator.joinSession(id: created.id) }
        try await expectSigned(meeting.parties, created.id)
        await meeting.shutdown()
        #expect(meeting.renewed == 0)
    }

    @Test func byInbox() async throws {
        let meeting = try await Meeting.start(3)
        #expect(try await meeting[1].coordinator.inbox().isEmpty)
        let events = await meeting[0].coordinator.events
        let created = try await meeting[0].coordinator.createSession(request(meeting.parties, [.inbox]))
        try await announced(created.id, events)
        for (number, party) in meeting.parties.enumerated().dropFirst() {
            let waiting = try await party.coordinator.inbox()
            #expect(waiting.map(\.session) == [created.id])
            #expect(waiting.map(\.ownIndex) == [number])
            try await party.coordinator.joinSession(id: created.id)
            #expect(try await party.coordinator.inbox().isEmpty)
        }
        try await expectSigned(meeting.parties, created.id)
        await meeting.shutdown()
        #expect(meeting.renewed == 0)
    }

    @Test func anInboxIsWatched() async throws {
        let meeting = try await Meeting.start(2)
        var waiting = try await meeting[1].coordinator.watchInbox(every: .seconds(60)).makeAsyncIterator()
        let events = await meeting[0].coordinator.events
        var ids: [SessionID] = []
        for round in 0..<2 {
            let created = try await meeting[0].coordinator.createSession(request(meeting.parties, [.inbox]))
            try await announced(created.id, events)
            ids.append(created.id)
            // The watcher looks once a minute, and tells each once.
            let mover = meeting.move(unlessLooking: meeting[1])
            defer { mover.cancel() }
            guard case .waiting(let preview)? = await waiting.next() else {
                Issue.record("expected a session that waits")
                return
            }
            #expect(preview.session == ids[round])
        }
        #expect(CoordinatorEvent.waiting(try await meeting[1].coordinator.inbox()[0]).session == ids[0])
        await meeting.shutdown()
        #expect(await waiting.next() == nil)
    }

    /// Nobody reads any more: the watch ends.
    @Test func aWatchWithoutReadersEnds() async throws {
        let meeting = try await Meeting.start(1)
        do {
            let events = try await meeting[0].coordinator.watchInbox(every: .seconds(60))
            #expect(await meeting[0].coordinator.machine.discovery.inbox != nil)
            _ = events
        }
        _ = try await meeting[0].coordinator.inbox()
        _ = try await meeting[0].coordinator.inbox()
        #expect(await meeting[0].coordinator.machine.discovery.inbox == nil)
        await meeting.shutdown()
    }

    /// None of the ways: the announcement is handed over by the application.
    @Test func byHand() async throws {
        let meeting = try await Meeting.start(2)
        let created = try await meeting[0].coordinator.createSession(request(meeting.parties, .invitation))
        await #expect(throws: CoordinatorError(.unknownSession, "")) {
            try await meeting[1].coordinator.announcement(of: created.id)
        }
        let announcement = try await meeting[0].coordinator.announcement(of: created.id)
        #expect(try await meeting[1].coordinator.previewSession(announcement: announcement).session == created.id)
        await #expect(throws: CoordinatorError(.announcementRefused, "")) {
            try await meeting[1].coordinator.joinSession(announcement: announcement.map { $0 ^ 1 })
        }
        await #expect(throws: CoordinatorError(.announcementRefused, "")) {
            var changed = announcement
            changed[announcement.count - 1] ^= 1
            try await meeting[1].coordinator.joinSession(announcement: changed)
        }
        try await meeting[1].coordinator.joinSession(announcement: announcement)
        await #expect(throws: CoordinatorError(.alreadyJoined, "")) {
            try await meeting[1].coordinator.joinSession(announcement: announcement)
        }
        try await expectSigned(meeting.parties, created.id)
        #expect(meeting.discovery.providerRecords.isEmpty)
        await meeting.shutdown()
    }

    /// A way of one's own: a board on which announcements are pinned.
    @Test func aWayOfOnesOwn() async throws {
        let board = Board()
        let meeting = try await Meeting.start(3, methods: { _, _ in [board] })
        let events = await meeting[0].coordinator.events
        let created = try await meeting[0].coordinator.createSession(request(meeting.parties, [board.method]))
        try await announced(created.id, events)
        for party in meeting.parties.dropFirst() { try await party.coordinator.joinSession(id: created.id) }
        try await expectSigned(meeting.parties, created.id)
        await meeting.shutdown()
        #expect(board.pinned.withLock { $0.isEmpty })
        #expect(DiscoveryMethod(number: 15, name: "taken", subject: .session, isDaily: true, isPublic: false) == nil)
        #expect(DiscoveryMethod(number: 32, name: "none", subject: .session, isDaily: true, isPublic: false) == nil)
    }

    /// A discovery that never answers: its time is limited, and the invitation works all the same.
    @Test func aDiscoveryThatHangs() async throws {
        var configuration = MuSig2Coordinator.Configuration()
        configuration.discovery.retries = 1
        let meeting = try await Meeting.start(2, configuration: configuration, methods: { _, _ in [Hanging()] })
        let events = await meeting[0].coordinator.events
        let created = try await meeting[0].coordinator.createSession(request(meeting.parties, [.rendezvous]))
        let looking = Task { try await meeting[1].coordinator.joinSession(id: created.id) }
        let error = await meeting.advancing { () -> CoordinatorError? in
            for await event in events {
                if case .error(let error) = event { return error }
            }
            return nil
        }
        #expect(error == CoordinatorError(.publishFailed, ""))
        await #expect(throws: CoordinatorError(.lookupFailed, "")) {
            try await meeting.advancing { try await looking.value }
        }
        try await meeting[1].coordinator.joinSession(created.invitation)
        try await expectSigned(meeting.parties, created.id)
        await meeting.shutdown()
    }

    @Test func mistakesAreClear() async throws {
        let meeting = try await Meeting.start(2)
        let bare = try await Meeting.start(2, methods: { _, _ in [] })
        // No discovery for the way that is asked for; rendezvous is only the default.
        for method in [DiscoveryMethod.inbox, .record] {
            await #expect(throws: CoordinatorError(.invalidRequest, "")) {
                try await bare[0].coordinator.createSession(request(bare.parties, [method]))
            }
        }
        let created = try await bare[0].coordinator.createSession(request(bare.parties, [.rendezvous]))
        await #expect(throws: CoordinatorError(.unreachable, "")) { try await bare[1].coordinator.inbox() }
        await #expect(throws: CoordinatorError(.unreachable, "")) { try await bare[1].coordinator.watchInbox() }
        await #expect(throws: CoordinatorError(.unreachable, "")) {
            try await bare[1].coordinator.joinSession(id: created.id)
        }
        // A record must be small.
        var large = request(meeting.parties, [.record])
        large.messages = [[UInt8](repeating: 1, count: 17_000)]
        await #expect(throws: CoordinatorError(.invalidRequest, "")) {
            try await meeting[0].coordinator.createSession(large)
        }
        #expect(await meeting[0].coordinator.activeSessions.isEmpty)
        // Nobody has it.
        let nowhere = SessionID(Hash32.zero)
        await #expect(throws: CoordinatorError(.notFound, "")) {
            try await meeting.advancing { try await meeting[1].coordinator.previewSession(id: nowhere) }
        }
        // Two for one way.
        let peer = try TestKeys.peer(9)
        #expect(throws: CoordinatorError(.invalidConfiguration, "")) {
            try MuSig2Coordinator(
                network: meeting.network.endpoint(for: peer), signer: TestKeys.secret(9),
                discovery: [Hanging(), Hanging()])
        }
        await meeting.shutdown()
        await bare.shutdown()
    }
}

/// Coordinators on one in-memory network, with one in-memory DHT.
struct Meeting: Sendable {
    let network: InMemoryNetwork
    let discovery: InMemoryDiscovery
    let parties: [Party]

    subscript(_ index: Int) -> Party { parties[index] }

    static func start(
        _ count: Int,
        configuration: MuSig2Coordinator.Configuration = MuSig2Coordinator.Configuration(),
        methods: (InMemoryDiscovery, InMemoryEndpoint) -> [any SessionDiscovery] = { discovery, endpoint in
            let member = discovery.member(endpoint.localPeer) { endpoint.addresses }
            return .dht(peers: member, values: member)
        }
    ) async throws -> Meeting {
        let network = InMemoryNetwork(seed: 1, clock: VirtualClock(wallMilliseconds: 1_800_000_000_000))
        let discovery = InMemoryDiscovery(
            timeSource: network.clock.timeSource, rules: [RecordName.defaultNamespace: AnnouncementRules()])
        var parties: [Party] = []
        for number in 0..<UInt64(count) {
            parties.append(
                try await Parties.party(
                    number, on: network, configuration: configuration, discovery: { methods(discovery, $0) }))
        }
        return Meeting(network: network, discovery: discovery, parties: parties)
    }

    /// How many keys and names are still renewed.
    var renewed: Int {
        parties.reduce(discovery.renewedNames.count) { $0 + discovery.keys(providedBy: $1.peer).count }
    }

    func shutdown() async { await Parties(network: network, all: parties).shutdown() }

    /// Runs something while the clock goes from one deadline to the next.
    func advancing<Value: Sendable>(
        _ body: @Sendable @escaping () async throws -> Value
    ) async rethrows -> Value {
        let mover = move()
        defer { mover.cancel() }
        return try await body()
    }

    /// Moves the clock from one deadline to the next, until it is cancelled; it stands still while a party asks others something, so that
    /// no time-out decides.
    func move(unlessLooking party: Party? = nil) -> Task<Void, Never> {
        let clock = network.clock
        return Task {
            while !Task.isCancelled {
                if await party?.coordinator.machine.discovery.lookups.isEmpty ?? true { clock.advanceToNextDeadline() }
                await Task.yield()
            }
        }
    }
}

/// A way of one's own: announcements are pinned to a board.
private final class Board: SessionDiscovery {
    let method: DiscoveryMethod
    let pinned = Mutex<[DiscoveryKey: [UInt8]]>([:])

    init() {
        method =
            DiscoveryMethod(number: 20, name: "board", subject: .session, isDaily: false, isPublic: true) ?? .record
    }

    func publish(
        _ key: DiscoveryKey, announcement: [UInt8]?, for lifetime: Duration
    ) async throws(TransportError) {
        pinned.withLock { $0[key] = announcement }
    }

    func withdraw(_ key: DiscoveryKey) async {
        pinned.withLock { $0[key] = nil }
    }

    func find(_ key: DiscoveryKey, limit: Int) async throws(TransportError) -> [DiscoveryHint] {
        pinned.withLock { $0[key].map { [.announcement($0)] } ?? [] }
    }
}

/// Answers nothing until it is cancelled.
private struct Hanging: SessionDiscovery {
    let method = DiscoveryMethod.rendezvous

    private func hang() async throws(TransportError) {
        let (stream, continuation) = AsyncStream<Void>.makeStream()
        for await _ in stream {}
        continuation.finish()
        throw TransportError(.cancelled, "gave up")
    }

    func publish(
        _ key: DiscoveryKey, announcement: [UInt8]?, for lifetime: Duration
    ) async throws(TransportError) {
        try await hang()
    }

    func withdraw(_ key: DiscoveryKey) async {}

    func find(_ key: DiscoveryKey, limit: Int) async throws(TransportError) -> [DiscoveryHint] {
        try await hang()
        return []
    }
}
