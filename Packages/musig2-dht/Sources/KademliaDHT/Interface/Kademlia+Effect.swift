public import Multiformats
public import WireCodec

extension Kademlia {
    /// What the machine asks its caller to do, in order.
    public enum Effect: Hashable, Sendable {
        /// Send a request to a peer. Tell when it is on its way by ``Input/started(_:)``, before which its time does not run, and
        /// how it went by exactly one of ``Input/response(_:_:remote:)``, ``Input/sent(_:)`` and
        /// ``Input/requestFailed(_:_:)``.
        case send(Request)
        /// Answer a request that came in, of this call or, of a value to store, of an earlier one.
        case reply(InboundID, KademliaMessage)
        /// A request that came in is done and has no answer (ADD_PROVIDER): keep the stream and go on reading.
        case noReply(InboundID)
        /// A request that came in broke a rule: reset its stream. A value that there is no room for (``Refusal/isForWantOfRoom``) broke
        /// none: end the stream of PUT_VALUE without an answer.
        case refuse(InboundID, Refusal)
        /// Look at a value, where nobody waits for it, and tell the result by ``Input/checked(_:_:)``.
        case check(Check)
        /// Providers that the operation had not found before. More may follow.
        case progress(OperationID, [Provider])
        /// The operation is over.
        case completed(OperationID, Outcome)
        /// The status is another one now.
        case statusChanged(Status)
        /// A lookup is over, of the caller or of the node itself: figures for metrics.
        case measured(LookupReport)
    }

    /// A request of this node.
    public struct Request: Hashable, Sendable {
        /// Its name.
        public let id: RequestID
        /// The peer to ask.
        public let peer: PeerID
        /// Where the peer is said to be; the caller may know better addresses, or be connected already.
        public let addresses: [Multiaddr]
        /// What to send.
        public let message: KademliaMessage
        /// Whether an answer comes. ADD_PROVIDER has none: write it, and tell ``Input/sent(_:)``.
        public let expectsReply: Bool
        /// How long the whole may take once it is on its way, connecting included. After that the machine goes on without it.
        public let timeout: Duration
    }

    /// Why a request that came in was refused.
    public enum Refusal: Hashable, Sendable {
        /// This node is a client.
        case notServing
        /// The key is empty, too long, or, of a value, not `/namespace/…`.
        case invalidKey
        /// PUT_VALUE without a record.
        case missingRecord
        /// The record's key is not that of the message.
        case keyMismatch
        /// The value is longer than the limit.
        case valueTooLong
        /// No rules are known for the namespace.
        case unknownNamespace
        /// The value does not satisfy the rules of its namespace.
        case invalidValue
        /// A better value is stored.
        case olderValue
        /// The sender's network has put more than is looked at, or as many values as may be are looked at now.
        case tooOften
        /// No room is left for this sender.
        case storeFull
        /// ADD_PROVIDER that names no provider, or others than the sender.
        case notTheProvider
        /// ADD_PROVIDER without an address that this network accepts.
        case noAddresses

        /// Whether another time the same might be taken.
        public var isForWantOfRoom: Bool { self == .tooOften || self == .storeFull }
    }

    /// How an operation ended.
    public enum Outcome: Hashable, Sendable {
        /// Of ``Operation/findPeer(_:)``: where the peer is, or nil if nobody knew. `isVerified` says whether the peer itself
        /// answered at one of the addresses; otherwise they are hearsay.
        case peer(Contact?, isVerified: Bool)
        /// Of ``Operation/closestPeers(_:)``: the closest servers that answered, closest first.
        case closestPeers([Contact])
        /// Of ``Operation/provide(_:for:)``: the record was written to so many servers.
        case provided(servers: Int)
        /// Of ``Operation/findProviders(_:limit:)``: the providers, the most trustworthy first; perhaps none.
        case providers([Provider])
        /// Of ``Operation/putValue(_:value:for:)``: so many servers stored the value.
        case stored(servers: Int)
        /// Of ``Operation/getValue(_:quorum:)``: the best valid value, or nil when none of the servers that were asked holds one.
        case value(Value?)
        /// Of ``Operation/stopProviding(_:)`` and ``Operation/stopPutting(_:)``.
        case stopped
        /// Of ``Operation/bootstrap``: the routing table has so many live servers.
        case bootstrapped(servers: Int)
        /// It was not possible.
        case failed(OperationFailure)
    }

    /// Why an operation was not possible.
    public enum OperationFailure: Hashable, Sendable {
        /// No server is known, or none of those known answered, in all attempts.
        case noPeers
        /// Servers answered, but none took the record.
        case notStored
        /// Servers answered, and most of them reset the stream on which the value came: they keep none of its namespace. It is
        /// not tried again.
        case refused
        /// The key is empty, too long, or, of a value, not `/namespace/…`.
        case invalidKey
        /// The value is longer than the limit.
        case valueTooLong
        /// No rules are known for the namespace.
        case unknownNamespace
        /// The value does not satisfy the rules of its namespace.
        case invalidValue
        /// A better value than the one to be stored is known.
        case olderValue
        /// This node has no address that others could reach it at.
        case noAddresses
        /// As many operations or publications as the limit run already.
        case tooMany
        /// An operation with this name runs already.
        case duplicateOperation
    }

    /// What a lookup cost.
    public struct LookupReport: Hashable, Sendable {
        /// The operation it belongs to; nil for the node's own.
        public var operation: OperationID?
        /// Requests sent.
        public var requests: Int
        /// Requests that were answered.
        public var answers: Int
        /// Requests that failed. Those that were still under way at the end are neither.
        public var failures: Int
        /// How many servers had to be asked one after another to learn of the closest one that answered.
        public var hops: Int
        /// How long it took.
        public var duration: Duration
    }

    /// What is worth showing of a node.
    public struct Status: Hashable, Sendable {
        /// Whether it answers others.
        public var mode: Mode
        /// Servers in the routing table, those aside that did not answer when last asked.
        public var routingTableSize: Int
        /// What it lacks to be ready; nil when it is.
        public var lack: Lack?
        /// Whether it has found its place: it lacks nothing.
        public var isReady: Bool { lack == nil }
    }

    /// What a node lacks that is not ready, the first thing first.
    public enum Lack: String, Hashable, Sendable, CaseIterable {
        /// A lookup of its own place that somebody answered.
        case lookup
        /// Live servers in the routing table: see ``Configuration/minimumReadyServers``.
        case servers
        /// An answer of any peer that is vouched for, when there are such: bootstrap peers and those of ``Input/vouch(_:)``. All others
        /// may be strangers that came for this node alone.
        case vouchedPeers
        /// An answer from a second network, when those that are vouched for are in several.
        case networks
    }
}
