import Foundation
import PeerTransport
import PlainClient
import Synchronization

/// What the ping of an honest client takes while a node, the command's own, is under attack by strangers, and what memory the node takes
/// meanwhile.
///
/// Everything is on this machine: attackers and client take their share of its cores, so the figures are no better than the machine.
struct NodeAbuseBenchmarks {
    let isQuick: Bool
    /// The `musig2` command.
    let program: URL

    /// Bytes that a node may hold for its peers, as it is configured by default.
    private static let configuredMegabytes = 536.87

    private var seconds: Int { self.isQuick ? 2 : 8 }

    /// Measures each attack against a node of its own.
    func measure() throws -> [Measurement] {
        // Writing to a connection that the node has closed is an error like another.
        signal(SIGPIPE, SIG_IGN)
        Self.raiseDescriptorLimit()
        return try NodeAttack.all().flatMap { attack in
            do {
                return try self.measure(attack)
            } catch {
                throw AttackScene.Failure(description: "\(attack.name): \(error)")
            }
        }
    }

    private func measure(_ attack: NodeAttack) throws -> [Measurement] {
        let scene = try NodeAttackScene(self.program, attack.bootstrap)
        if let firstLife = attack.firstLife {
            try firstLife(scene)
            try scene.restart()
        }
        var client = try HonestClient(of: scene.endpoint)
        let quiet = try client.ping(for: .seconds(1))
        let attacker = Attacker(attack, scene)
        attacker.begin()
        // The client does not fall silent meanwhile: a connection that nothing uses may go.
        while try !attacker.isUnderWay { _ = try client.ping(for: .milliseconds(50)) }
        let end = ContinuousClock.now + .seconds(self.seconds)
        var loud: [Double] = []
        var resident = 0
        while ContinuousClock.now < end {
            loud += try client.ping(for: .milliseconds(200))
            resident = max(resident, try scene.node.residentBytes())
        }
        let findings = try attack.judge(scene)
        try attacker.end()
        try scene.end()
        let ratios = median(loud) / median(quiet)
        return [
            Measurement(
                step: "Node: \(attack.name)", parameter: "honest ping", value: median(loud), peerValue: median(quiet),
                ratio: ratios, target: .ratio(5)),
            Measurement(
                step: "Node: \(attack.name)", parameter: "memory", value: Double(resident) / 1e6, unit: .megabytes,
                target: .atMost((1.2 * Self.configuredMegabytes).rounded())),
            Measurement(
                step: "Node: \(attack.name)", parameter: "honest connections lost", value: Double(client.losses),
                unit: .count, target: .atMost(0)),
        ] + findings
    }

    /// An attacker needs more files than a shell allows at first; the node is given the same.
    private static func raiseDescriptorLimit() {
        var limit = rlimit()
        guard getrlimit(Self.files, &limit) == 0 else { return }
        limit.rlim_cur = min(limit.rlim_max, 8_192)
        setrlimit(Self.files, &limit)
    }

    #if canImport(Glibc)
        private static let files = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    #else
        private static let files = RLIMIT_NOFILE
    #endif
}

/// Pings a node all the time, a thousand times in a second at most, and comes again when it is cut off.
private struct HonestClient {
    private let endpoint: PlainEndpoint
    private let identity: PlainIdentity
    private var link: (connection: PlainConnection, stream: UInt32)
    /// How often the node has cut it off.
    private(set) var losses = 0

    private static let message = [UInt8](repeating: 7, count: 32)

    init(of endpoint: PlainEndpoint) throws {
        self.endpoint = endpoint
        self.identity = try PlainIdentity(muxer: .early)
        self.link = try Self.connect(to: endpoint, as: self.identity)
    }

    private static func connect(
        to endpoint: PlainEndpoint, as identity: PlainIdentity
    ) throws -> (PlainConnection, UInt32) {
        let connection = try PlainConnection(to: endpoint, as: identity)
        return (connection, try connection.open(TransportPair.pingID.name, first: Self.message))
    }

    /// Pings for a while.
    ///
    /// - Returns: Microseconds of each.
    mutating func ping(for length: Duration) throws -> [Double] {
        let clock = ContinuousClock()
        let end = clock.now + length
        var times: [Double] = []
        while clock.now < end {
            let start = clock.now
            do {
                try self.link.connection.echo(Self.message, on: self.link.stream)
            } catch is PlainError {
                self.losses += 1
                self.link = try Self.connect(to: self.endpoint, as: self.identity)
                continue
            }
            times.append((clock.now - start) / .microseconds(1))
            usleep(1_000)
        }
        return times
    }
}

/// Carries out an attack on a thread of its own.
private final class Attacker: Sendable {
    private let attack: NodeAttack
    private let scene: NodeAttackScene
    private let hasBegun = Atomic(false)
    private let hasEnded = DispatchSemaphore(value: 0)
    private let failure = Mutex<(any Error)?>(nil)

    init(_ attack: NodeAttack, _ scene: NodeAttackScene) {
        self.attack = attack
        self.scene = scene
    }

    func begin() {
        Thread.detachNewThread {
            do {
                try self.attack.run(self.scene) { self.hasBegun.store(true, ordering: .relaxed) }
            } catch {
                self.failure.withLock { $0 = error }
            }
            self.hasEnded.signal()
        }
    }

    /// Whether all that the attack prepares is done.
    var isUnderWay: Bool {
        get throws {
            if let error = self.failure.withLock({ $0 }) { throw error }
            return self.hasBegun.load(ordering: .relaxed)
        }
    }

    /// Returns when it is over.
    func end() throws {
        self.scene.stop()
        self.hasEnded.wait()
        if let error = self.failure.withLock({ $0 }) { throw error }
    }
}
