import Foundation
import MuSig2Coordination
import MuSig2Session
import Multiformats
import PeerTransport
import PeerTransportNIO
import PlainClient
import Secp256k1
import WireCodec

/// One way in which strangers use a node up.
struct NodeAttack: Sendable {
    let name: String
    /// Where the node begins: at its attackers, for some.
    var bootstrap: [String] = []
    /// What happens in a first life of the node; nil: it has none. It is started again after that.
    var firstLife: (@Sendable (NodeAttackScene) throws -> Void)?
    /// Attacks until the scene is over, and says when it is under way.
    let run: @Sendable (NodeAttackScene, _ begun: () -> Void) throws -> Void
    /// Looks, while the attack goes on, what others still get.
    var judge: @Sendable (NodeAttackScene) throws -> [Measurement] = { _ in [] }

    /// All that are measured.
    static func all() throws -> [NodeAttack] {
        [
            try Self.forgedRequests(), try Self.records(), try Self.capture(), try Self.hasty(), Self.silence(),
            try Self.unread(), try Self.providers(),
        ]
    }

    private static func frame(_ message: KademliaMessage) -> [UInt8] { FrameEncoder.encode(message.encoded()) }

    // MARK: Forged requests

    /// The nodes that the node begins with answer each request with addresses under which a request would do harm.
    private static func forgedRequests() throws -> NodeAttack {
        let trap = try RequestTrap()
        let liars = try (0..<4).map { _ in try Liar(forging: trap.forgedAddresses) }
        return NodeAttack(
            name: "forged addresses in answers", bootstrap: liars.map(\.address),
            run: { scene, begun in
                begun()
                while !scene.isOver { usleep(20_000) }
                withExtendedLifetime(liars) {}
            },
            judge: { _ in
                [
                    Measurement(
                        step: "Node: forged addresses in answers", parameter: "answers that lied",
                        value: Double(liars.reduce(0) { $0 + $1.answers }), unit: .count, target: .atLeast(1)),
                    Measurement(
                        step: "Node: forged addresses in answers", parameter: "requests made",
                        value: Double(trap.requests), unit: .count, target: .atMost(0)),
                ]
            })
    }

    // MARK: Records

    /// A record of 450 signers is asked for all the time, by eight peers.
    private static func records() throws -> NodeAttack {
        let (key, value) = try Self.record(signers: 450)
        let store = Self.frame(
            KademliaMessage(kind: .putValue, key: key, record: KademliaMessage.Record(key: key, value: value)))
        let request = Self.frame(KademliaMessage(kind: .getValue, key: key))
        return NodeAttack(name: "a record of 450 signers, asked for by eight") { scene, begun in
            let first = try scene.stranger()
            guard let stream = try first.start(NodeAttackScene.kademlia, sending: store),
                try first.answer(on: stream) != nil
            else { throw AttackScene.Failure(description: "the node took no record") }
            guard let stream = try first.start(NodeAttackScene.kademlia, sending: request),
                let answer = try first.answer(on: stream),
                try KademliaMessage(decoding: answer).record?.value == value
            else { throw AttackScene.Failure(description: "the node returned no record") }
            begun()
            try Self.flood(scene, strangers: 8) { _ in request }
        }
    }

    /// The bit of an announcement by which it may stand in a record.
    private static let recordWay: UInt32 = 4

    /// A record under which an announcement of so many signers stands.
    private static func record(signers: Int) throws -> (key: [UInt8], value: [UInt8]) {
        let secret = SecretKey.generate()
        var keys = [secret.publicKey]
        while keys.count < signers { keys.append(SecretKey.generate().publicKey) }
        var plan = SessionPlan(signerKeys: keys, messages: [[1]], creator: 0)
        plan.topology = .star
        let now = Now(monotonic: .zero, wallMilliseconds: UInt64(Date().timeIntervalSince1970 * 1_000))
        let descriptor = try SessionDescriptor(plan, at: now, random: AttackScene.random())
        let announced = try VerifiedAnnouncement(
            announcing: descriptor, at: LocalPeer(peer: AttackScene.peer(), addresses: []), sequence: 1,
            ways: Self.recordWay, with: secret)
        return (RecordName(session: descriptor.id).bytes, announced.signed.encoded())
    }

    // MARK: Capture

    /// Before the node is started again, forty servers that lie have come to it, all of them later than the five honest ones that it began with;
    /// they are still there afterwards.
    private static func capture() throws -> NodeAttack {
        let name = "liars that the node remembers"
        let honest = try (0..<5).map { _ in try HonestServer() }
        let liars = try (0..<40).map { _ in try Liar(forging: []) }
        return NodeAttack(
            name: name, bootstrap: honest.map(\.address),
            firstLife: { scene in
                let node = try scene.address
                for server in honest { try server.begin(at: node) }
                for liar in liars { try liar.visit(node) }
                // What the node remembers is written when it ends.
                _ = try scene.namedPeers()
            },
            run: { scene, begun in
                begun()
                let node = try scene.address
                while !scene.isOver {
                    for liar in liars where !scene.isOver { try liar.visit(node) }
                    usleep(100_000)
                }
            },
            judge: { scene in
                let named = try scene.namedPeers()
                return [
                    Measurement(
                        step: "Node: \(name)", parameter: "honest of 5 after the restart",
                        value: Double(honest.count { named.contains($0.peer) }), unit: .count, target: .atLeast(3))
                ]
            })
    }

    /// Servers come, answer what they are asked, and are gone with their answer.
    private static func hasty() throws -> NodeAttack {
        NodeAttack(name: "servers that answer and leave") { scene, begun in
            begun()
            let node = try scene.address
            for _ in 0..<400 where !scene.isOver {
                let liar = try Liar(forging: [], leavesAfterAnswer: true)
                try liar.visit(node)
            }
            while !scene.isOver { usleep(20_000) }
        }
    }

    // MARK: Silence

    /// 1,200 peers open a stream each, begin a request, and say nothing more.
    private static func silence() -> NodeAttack {
        NodeAttack(
            name: "1,200 silent streams",
            run: { scene, begun in
                var strangers: [PlainConnection] = []
                for _ in 0..<1_200 where !scene.isOver {
                    do {
                        let stranger = try scene.stranger()
                        _ = try stranger.start(NodeAttackScene.kademlia, sending: [0xFF])
                        strangers.append(stranger)
                    } catch is PlainError {
                        // There was no place for it.
                    }
                }
                begun()
                while !scene.isOver { usleep(20_000) }
                withExtendedLifetime(strangers) {}
            },
            judge: { scene in
                var welcome = 0
                for _ in 0..<10 {
                    do {
                        let newcomer = try scene.stranger(from: 0x7f01_0001)
                        _ = try newcomer.open(
                            TransportPair.pingID.name, first: [UInt8](repeating: 7, count: 32))
                        welcome += 1
                    } catch is PlainError {
                        // Turned away.
                    }
                }
                return [
                    Measurement(
                        step: "Node: 1,200 silent streams", parameter: "newcomers of 10", value: Double(welcome),
                        unit: .count, target: .atLeast(10))
                ]
            })
    }

    // MARK: Answers that nobody reads

    /// 1,100 peers ask for the longest answer sixteen times each, and read none.
    private static func unread() throws -> NodeAttack {
        let key = Self.key()
        let request = Self.frame(KademliaMessage(kind: .getProviders, key: key))
        return NodeAttack(name: "1,100 peers that read no answer") { scene, begun in
            for _ in 0..<64 {
                let provider = try Provider(scene)
                try provider.provide(key, addresses: try Self.longAddresses())
            }
            var strangers: [PlainConnection] = []
            for _ in 0..<1_100 where !scene.isOver {
                do {
                    let stranger = try scene.stranger(reading: 4_096)
                    for _ in 0..<16 { _ = try stranger.start(NodeAttackScene.kademlia, sending: request) }
                    strangers.append(stranger)
                } catch is PlainError {
                    // There was no place for it, or it was cut off.
                }
            }
            begun()
            while !scene.isOver { usleep(20_000) }
            withExtendedLifetime(strangers) {}
        }
    }

    // MARK: Providers

    /// Sixty-four peers say without end that they provide a key, and many others.
    private static func providers() throws -> NodeAttack {
        let key = Self.key()
        return NodeAttack(
            name: "providers without end",
            run: { scene, begun in
                var attackers: [Provider] = []
                for _ in 0..<64 {
                    let attacker = try Provider(scene)
                    try attacker.provide(key, addresses: try Self.longAddresses())
                    attackers.append(attacker)
                }
                begun()
                while !scene.isOver {
                    for index in attackers.indices where !scene.isOver {
                        do {
                            try attackers[index].provide(key, addresses: try Self.longAddresses())
                            for _ in 0..<15 {
                                try attackers[index].provide(Self.key(), addresses: try Self.longAddresses())
                            }
                        } catch is PlainError {
                            attackers[index] = try Provider(scene)
                        }
                    }
                }
            },
            judge: { scene in
                var found = 0
                for number in UInt32(1)...10 {
                    let newcomer = try Provider(scene, from: 0x7f01_0000 + number << 8)
                    try newcomer.provide(key, addresses: [Multiaddr("/ip4/127.0.0.1/tcp/4001").bytes])
                    if try newcomer.isProvided(key) { found += 1 }
                }
                return [
                    Measurement(
                        step: "Node: providers without end", parameter: "newcomers of 10", value: Double(found),
                        unit: .count, target: .atLeast(1))
                ]
            })
    }

    private static func key() -> [UInt8] { [0x12, 0x20] + AttackScene.random().bytes }

    /// Eight addresses, as long as they may be.
    private static func longAddresses() throws -> [[UInt8]] {
        try (0..<8).map { _ in
            let name = (0..<90).map { _ in "abcdefghijklmnopqrstuvwxyz".randomElement() ?? "a" }
            return try Multiaddr("/dns4/\(String(name[..<45])).\(String(name[45...])).invalid/tcp/4001").bytes
        }
    }

    // MARK: Floods

    /// Some peers ask as fast as the node answers, on four streams each, and begin again when they are cut off.
    private static func flood(
        _ scene: NodeAttackScene, strangers count: Int, _ request: (Int) -> [UInt8]
    ) throws {
        var strangers: [(connection: PlainConnection, streams: [UInt32])] = []
        while !scene.isOver {
            while strangers.count < count { strangers.append((try scene.stranger(), [])) }
            for index in strangers.indices.reversed() {
                do {
                    let connection = strangers[index].connection
                    if strangers[index].streams.isEmpty {
                        strangers[index].streams = try (0..<4).compactMap { _ in
                            try connection.start(NodeAttackScene.kademlia, sending: request(index))
                        }
                    }
                    strangers[index].streams = try strangers[index].streams.filter {
                        try connection.send(request(index), on: $0)
                    }
                    try connection.drain()
                } catch is PlainError {
                    strangers.remove(at: index)
                }
            }
        }
    }
}

/// A peer that says what it provides.
private struct Provider {
    private let peer: PeerID
    private let connection: PlainConnection

    init(_ scene: NodeAttackScene, from host: UInt32? = nil) throws {
        let identity = NodeIdentity.generateEd25519()
        self.peer = identity.peerID
        var options = PlainOptions.attacker
        options.sourceHost = host
        self.connection = try PlainConnection(
            to: scene.endpoint, as: PlainIdentity(identity, muxer: .early), options)
    }

    /// Says it, and waits for a sign that it was heard.
    func provide(_ key: [UInt8], addresses: [[UInt8]]) throws {
        let own = KademliaMessage.Peer(id: self.peer.bytes, addresses: addresses)
        let message = KademliaMessage(kind: .addProvider, key: key, providerPeers: [own])
        _ = try self.connection.start(
            NodeAttackScene.kademlia, sending: FrameEncoder.encode(message.encoded()))
        try self.connection.ping()
    }

    /// Whether it is among those that the node names.
    func isProvided(_ key: [UInt8]) throws -> Bool {
        let message = KademliaMessage(kind: .getProviders, key: key)
        guard
            let stream = try self.connection.start(
                NodeAttackScene.kademlia, sending: FrameEncoder.encode(message.encoded())),
            let answer = try self.connection.answer(on: stream)
        else { return false }
        return try KademliaMessage(decoding: answer).providerPeers.contains { $0.id == self.peer.bytes }
    }
}
