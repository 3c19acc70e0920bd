public import Multiformats

/// One node of a libp2p Kademlia network, as a pure state machine (libp2p kad-dht specification).
///
/// A value without sockets, clock, randomness or hash function. It is told inputs and answers with effects, so that a log of
/// inputs replays it. Requests that come in are answered in the same call.
public struct Kademlia: Sendable {
    /// Computes the SHA-256 of bytes, 32 bytes.
    public typealias Hash = @Sendable ([UInt8]) -> [UInt8]

    /// This node.
    public let local: PeerID
    /// How it behaves.
    public let configuration: Configuration
    /// What the caller sees of the machine's state.
    public private(set) var status: Status

    /// Makes a node that knows nobody yet.
    ///
    /// - Parameters:
    ///   - local: This node.
    ///   - configuration: How to behave.
    ///   - seed: What all random choices follow from: draw it from the system's generator.
    ///   - hash: SHA-256.
    ///   - namespaces: The rules of values, by namespace: `pk` for keys that begin with `/pk/`.
    public init(
        local: PeerID, configuration: Configuration = Configuration(), seed: UInt64, hash: @escaping Hash,
        namespaces: [String: any RecordRules] = [:]
    ) {
        self.local = local
        self.configuration = configuration
        self.status = Status(mode: configuration.mode, routingTableSize: 0, isReady: false)
    }

    /// Takes one input.
    ///
    /// - Parameters:
    ///   - input: What happened.
    ///   - now: The time.
    /// - Returns: What to do, in order.
    public mutating func handle(_ input: Input, at now: Now) -> [Effect] {
        []
    }

    /// When ``Input/tick`` is due, in monotonic time; nil if nothing waits for time.
    public var nextDeadline: Duration? { nil }
}
