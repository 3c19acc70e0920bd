import MuSig2
import MuSig2Session
import Multiformats
import PeerTransport
import Secp256k1
import Testing
import WireCodec

@testable import MuSig2Coordination

/// Honest signers with coordinators, and one hostile signer, in one session that they all have joined.
final class Scene {
    let network: InMemoryNetwork
    let honest: [Party]
    let hostile: HostileSigner
    let id: SessionID
    let invitation: SessionInvitation
    private let streams: [CoordinatorEvents]
    /// What each honest signer was told, as far as it was read.
    private(set) var told: [[CoordinatorEvent]]

    private init(
        _ network: InMemoryNetwork, _ honest: [Party], _ hostile: HostileSigner, _ created: CreatedSession,
        _ streams: [CoordinatorEvents]
    ) {
        self.network = network
        self.honest = honest
        self.hostile = hostile
        self.streams = streams
        id = created.id
        invitation = created.invitation
        told = Array(repeating: [], count: honest.count)
    }

    /// What may be said about each honest signer.
    struct Character {
        var configuration = MuSig2Coordinator.Configuration()
        var consent: any ConsentPolicy = .approveEverything
        var store: (any SessionStore)?
    }

    /// The first honest signer makes the session; all others look at it. The hostile signer is last in the list, or first.
    static func set(
        _ characters: [Character],
        hostileIsFirst: Bool = false,
        message: [UInt8] = Array("threat".utf8),
        _ change: (inout SessionRequest) -> Void = { _ in }
    ) async throws -> Scene {
        let network = InMemoryNetwork(seed: 1, clock: VirtualClock(wallMilliseconds: 1_800_000_000_000))
        var honest: [Party] = []
        for (number, character) in characters.enumerated() {
            honest.append(
                try await Parties.party(
                    UInt64(number),
                    on: network,
                    configuration: character.configuration,
                    consent: character.consent,
                    sharedStore: character.store
                ))
        }
        let hostile = try HostileSigner(666, on: network)
        let keys = honest.map(\.publicKey)
        var request = SessionRequest(
            signers: hostileIsFirst ? [hostile.publicKey] + keys : keys + [hostile.publicKey], messages: [message])
        request.isSorted = false
        change(&request)
        var streams: [CoordinatorEvents] = []
        for party in honest { streams.append(await party.coordinator.events) }
        let created = try await honest[0].coordinator.createSession(request)
        for party in honest.dropFirst() { try await party.coordinator.joinSession(created.invitation) }
        try await hostile.lookUp(created.id, at: honest[0].peer)
        return Scene(network, honest, hostile, created, streams)
    }

    /// As ``set(_:hostileIsFirst:message:_:)``, and the hostile signer has joined.
    static func joined(
        honest: Int = 2,
        hostileIsFirst: Bool = false,
        _ change: (inout SessionRequest) -> Void = { _ in }
    ) async throws -> Scene {
        let characters = Array(repeating: Character(), count: honest)
        let scene = try await set(characters, hostileIsFirst: hostileIsFirst, change)
        try await scene.join()
        return scene
    }

    /// The hostile signer joins at everyone.
    func join() async throws {
        let join = try hostile.join()
        for party in honest {
            try await hostile.connect(to: party.peer)
            hostile.say(join, to: party.peer)
        }
    }

    /// The positions of the honest signers.
    var indices: [Int] {
        get throws {
            let keys = try hostile.seat.descriptor.signerKeys
            return try honest.map { party in try #require(keys.firstIndex(of: party.publicKey)) }
        }
    }

    /// The nonces of all honest signers.
    func shares(attempt: UInt32 = 1) async throws -> [SignedMessage] {
        var shares: [SignedMessage] = []
        for index in try indices { shares.append(try await hostile.hear(.nonceShare, by: index, attempt: attempt)) }
        return shares
    }

    /// The partial signatures of all honest signers.
    func partials(attempt: UInt32 = 1) async throws -> [SignedMessage] {
        var partials: [SignedMessage] = []
        for index in try indices {
            partials.append(try await hostile.hear(.partialSigShare, by: index, attempt: attempt))
        }
        return partials
    }

    /// Reads what an honest signer is told, until something matches.
    @discardableResult
    func event<Value>(at party: Int, _ match: (CoordinatorEvent) -> Value?) async throws -> Value {
        for event in told[party] {
            if let value = match(event) { return value }
        }
        for await event in streams[party] {
            told[party].append(event)
            if let value = match(event) { return value }
        }
        throw CancellationError()
    }

    func evidence(at party: Int) async throws -> Evidence {
        try await event(at: party) { if case .evidence(_, let evidence) = $0 { evidence } else { nil } }
    }

    func abort(at party: Int) async throws -> AbortReport {
        try await event(at: party) { if case .aborted(_, let report) = $0 { report } else { nil } }
    }

    func error(_ code: CoordinatorError.Code, at party: Int) async throws -> CoordinatorError {
        try await event(at: party) { event in
            if case .error(let error) = event, error.code == code { error } else { nil }
        }
    }

    /// The signers that evidence was told against so far.
    var convicted: Set<UInt32> {
        Set(told.joined().compactMap { if case .evidence(_, let evidence) = $0 { evidence.culprit } else { nil } })
    }

    /// What a third party has: the descriptor's bytes.
    func checker() throws -> EvidenceChecker<BIP327> {
        let descriptor = try SessionDescriptor(bytes: hostile.seat.descriptor.bytes)
        return EvidenceChecker(descriptor: descriptor, crypto: try BIP327(descriptor))
    }

    /// Whether an honest signer's signatures verify for anyone.
    func expectComplete(at party: Int) async throws {
        let signatures = try await honest[party].coordinator.waitForSignatures(of: id)
        let descriptor = try hostile.seat.descriptor
        #expect(try verify(signatures, descriptor.messages, keys: descriptor.signerKeys))
    }

    /// Lets the virtual clock run until the task is cancelled.
    func clockRuns(_ step: Duration = .milliseconds(20)) -> Task<Void, Never> {
        let clock = network.clock
        return Task {
            while !Task.isCancelled {
                clock.advance(by: step)
                await Task.yield()
            }
        }
    }
}
