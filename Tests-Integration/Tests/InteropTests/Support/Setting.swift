import Multiformats
import PeerTransportNIO
import Testing

/// How two nodes meet: each row of the matrix is tested in each of these ways.
struct Setting: Sendable, CustomTestStringConvertible {
    /// Which side dials.
    enum Direction: String, CaseIterable, Sendable {
        case weDial = "we dial"
        case theyDial = "they dial"
    }

    /// What carries the connection.
    enum Carrier: String, CaseIterable, Sendable {
        case tcp = "TCP"
        case webSocket = "WebSocket"
    }

    /// The kind of both nodes' identities.
    enum Key: String, CaseIterable, Sendable {
        case ed25519
        case secp256k1
    }

    var direction: Direction
    var carrier: Carrier
    var key: Key

    static let all: [Setting] = Direction.allCases.flatMap { direction in
        Carrier.allCases.flatMap { carrier in
            Key.allCases.map { key in Setting(direction: direction, carrier: carrier, key: key) }
        }
    }

    var testDescription: String { "\(direction.rawValue) over \(carrier.rawValue) with \(key.rawValue)" }

    /// Where a node listens: any port of the loopback interface.
    var listenAddress: String {
        switch carrier {
        case .tcp: "/ip4/127.0.0.1/tcp/0"
        case .webSocket: "/ip4/127.0.0.1/tcp/0/ws"
        }
    }

    /// A fresh identity for our node.
    func identity() -> NodeIdentity {
        switch key {
        case .ed25519: .generateEd25519()
        case .secp256k1: .generateSecp256k1()
        }
    }
}
