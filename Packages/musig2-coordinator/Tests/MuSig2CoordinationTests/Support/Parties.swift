import Logging
import MuSig2
import MuSig2Coordination
import MuSig2Session
import Multiformats
@_spi(Waiting) import PeerTransport
import Secp256k1

/// A signer with a coordinator on an in-memory network.
struct Party: Sendable {
    let coordinator: MuSig2Coordinator
    let publicKey: PublicKey
    let peer: PeerID
    let store: InMemorySessionStore
}

/// Several signers on one in-memory network with a virtual clock.
struct Parties: Sendable {
    let network: InMemoryNetwork
    let all: [Party]

    subscript(_ index: Int) -> Party { all[index] }
    var keys: [PublicKey] { all.map(\.publicKey) }

    static func start(
        _ count: Int,
        seed: UInt64 = 1,
        plan: FaultPlan = .none,
        configuration: MuSig2Coordinator.Configuration = MuSig2Coordinator.Configuration(),
        consent: any ConsentPolicy = .approveEverything
    ) async throws -> Parties {
        let network = InMemoryNetwork(
            seed: seed,
            plan: plan,
            clock: VirtualClock(wallMilliseconds: 1_800_000_000_000)
        )
        var all: [Party] = []
        for number in 0..<UInt64(count) {
            all.append(
                try await party(
                    number,
                    on: network,
                    configuration: configuration,
                    consent: consent
                ))
        }
        return Parties(network: network, all: all)
    }

    static func party(
        _ number: UInt64,
        peer: PeerID? = nil,
        on network: InMemoryNetwork,
        configuration: MuSig2Coordinator.Configuration = MuSig2Coordinator.Configuration(),
        consent: any ConsentPolicy = .approveEverything,
        store: InMemorySessionStore = InMemorySessionStore(),
        sharedStore: (any SessionStore)? = nil,
        discovery: (InMemoryEndpoint) -> [any SessionDiscovery] = { _ in [] },
        logger: Logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    ) async throws -> Party {
        let peer = try peer ?? TestKeys.peer(number)
        let secret = try TestKeys.secret(number)
        let publicKey = secret.publicKey
        let endpoint = network.endpoint(for: peer)
        let coordinator = try MuSig2Coordinator(
            network: endpoint,
            signer: secret,
            store: sharedStore ?? store,
            discovery: discovery(endpoint),
            consent: consent,
            configuration: configuration,
            timeSource: network.clock.timeSource,
            logger: logger
        )
        try await coordinator.start()
        return Party(coordinator: coordinator, publicKey: publicKey, peer: peer, store: store)
    }

    /// A network with a clock of its own.
    static func network() -> InMemoryNetwork {
        InMemoryNetwork(clock: VirtualClock(wallMilliseconds: 1_800_000_000_000))
    }

    /// A session of three signers, two of which have joined: the creator, and one that the creator has heard.
    static func openSession(
        on network: InMemoryNetwork = network(), creatorStore: (any SessionStore)? = nil
    ) async throws -> (parties: Parties, created: CreatedSession) {
        let creator = try await party(0, on: network, sharedStore: creatorStore)
        let joiner = try await party(1, on: network)
        let third = try TestKeys.publicKey(2)
        let created = try await creator.coordinator.createSession(
            SessionRequest(signers: [creator.publicKey, joiner.publicKey, third], messages: [[1]]))
        let events = await creator.coordinator.events
        try await joiner.coordinator.joinSession(created.invitation)
        for await event in events where event.name == "participantJoined" { break }
        return (Parties(network: network, all: [creator, joiner]), created)
    }

    func shutdown() async {
        await withTaskGroup(of: Void.self) { group in
            for party in all { group.addTask { await party.coordinator.shutdown() } }
            // The coordinators linger by the virtual clock.
            group.addTask {
                var generator = SeededGenerator(seed: 1)
                while !Task.isCancelled, await !areStopped() {
                    network.clock.advance(by: .milliseconds(20 + Int64(generator.next() % 5)))
                    await Task.yield()
                }
            }
            await group.waitForAll()
        }
    }

    private func areStopped() async -> Bool {
        for party in all where await !party.coordinator.isStopped { return false }
        return true
    }

    /// Runs something while the virtual clock goes on, a few times faster than the wall's.
    func advancing<Value: Sendable>(_ body: @Sendable @escaping () async throws -> Value) async throws -> Value {
        let clock = network.clock
        return try await withThrowingTaskGroup(of: Value?.self) { group in
            group.addTask { try await body() }
            group.addTask {
                while !Task.isCancelled {
                    clock.advance(by: .milliseconds(5))
                    do {
                        try await Task.sleep(for: .milliseconds(1))
                    } catch {
                        return nil
                    }
                }
                return nil
            }
            defer { group.cancelAll() }
            while let value = try await group.next() {
                if let value { return value }
            }
            throw CancellationError()
        }
    }
}

/// Verifies as anyone would: with the aggregate key of the descriptor's keys alone.
func verify(
    _ signatures: [SchnorrSignature],
    _ messages: [[UInt8]],
    keys: [PublicKey],
    tweaks: [Tweak] = []
) throws -> Bool {
    let key = try KeyAggContext(keys: keys).applyingTweaks(tweaks).xOnlyKey
    return signatures.count == messages.count
        && zip(signatures, messages).allSatisfy { key.isValidSignature($0, for: $1) }
}

/// A consent policy that asks a person: a test waits for the question and answers it.
struct AskedPerson: ConsentPolicy {
    /// Set when the question is there.
    let asked = OneShot<Void>()
    let answer = OneShot<ConsentDecision>()

    func decide(on request: ConsentRequest) async -> ConsentDecision {
        asked.set(())
        return await answer.wait() ?? .refuse(reason: "cancelled")
    }
}
