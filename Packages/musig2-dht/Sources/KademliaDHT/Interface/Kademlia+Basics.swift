public import Multiformats

extension Kademlia {
    /// The time, as the caller tells it: the machine has no clock of its own.
    public struct Now: Hashable, Sendable {
        /// Time since any fixed moment of the process, for timers and lifetimes. It never goes back.
        public var monotonic: Duration
        /// Milliseconds since 1970, for what is agreed with others: when a value was received, whether it is expired.
        public var wallMilliseconds: UInt64

        /// A moment.
        ///
        /// - Parameters:
        ///   - monotonic: Time since any fixed moment of the process.
        ///   - wallMilliseconds: Milliseconds since 1970.
        public init(monotonic: Duration, wallMilliseconds: UInt64) {
            self.monotonic = monotonic
            self.wallMilliseconds = wallMilliseconds
        }
    }

    /// Whether a node answers others.
    public enum Mode: UInt8, Hashable, Sendable, CaseIterable {
        /// It asks and never answers; it is in nobody's routing table.
        case client
        /// It answers, stores for others, and is in their routing tables. It lists the protocol in its identify message.
        case server
    }

    /// A peer with the addresses it may be reached at.
    public struct Contact: Hashable, Sendable {
        /// Its id.
        public var peer: PeerID
        /// Where it may be reached, without `/p2p` at the end.
        public var addresses: [Multiaddr]

        /// Joins a peer with its addresses.
        ///
        /// - Parameters:
        ///   - peer: Its id.
        ///   - addresses: Where it may be reached.
        public init(peer: PeerID, addresses: [Multiaddr]) {
            self.peer = peer
            self.addresses = addresses
        }
    }

    /// A peer that is said to provide a key. A hint: nothing here is proven.
    public struct Provider: Hashable, Sendable {
        /// The id that others named.
        public var peer: PeerID
        /// Where it is said to be reached; may be empty when nobody knew.
        public var addresses: [Multiaddr]
        /// How long ago this node itself got the record; nil for records that others hold, which tell no age.
        public var age: Duration?

        /// Joins a provider with its addresses.
        ///
        /// - Parameters:
        ///   - peer: The id that others named.
        ///   - addresses: Where it is said to be reached.
        ///   - age: How long ago this node itself got the record.
        public init(peer: PeerID, addresses: [Multiaddr], age: Duration? = nil) {
            self.peer = peer
            self.addresses = addresses
            self.age = age
        }
    }

    /// A value that satisfies the rules of its namespace.
    public struct Value: Hashable, Sendable {
        /// The bytes.
        public var bytes: [UInt8]
        /// How long ago the node that returned it says it got it; nil where it does not say.
        public var age: Duration?

        /// Joins a value with its age.
        ///
        /// - Parameters:
        ///   - bytes: The bytes.
        ///   - age: How long ago the node that returned it says it got it.
        public init(bytes: [UInt8], age: Duration? = nil) {
            self.bytes = bytes
            self.age = age
        }
    }

    /// The name of an operation, chosen by the caller; it must not be that of one that still runs.
    public struct OperationID: Hashable, Sendable {
        /// Any number.
        public var rawValue: UInt64
        /// Names an operation.
        public init(_ rawValue: UInt64) { self.rawValue = rawValue }
    }

    /// The name of a request that came in, chosen by the caller; it comes back in the one effect that answers it.
    public struct InboundID: Hashable, Sendable {
        /// Any number.
        public var rawValue: UInt64
        /// Names a request.
        public init(_ rawValue: UInt64) { self.rawValue = rawValue }
    }

    /// The name of a request that the machine makes; it comes back in the one input that tells how it went.
    public struct RequestID: Hashable, Sendable {
        /// Counts up from 1.
        public let rawValue: UInt64
        init(_ rawValue: UInt64) { self.rawValue = rawValue }
    }
}
