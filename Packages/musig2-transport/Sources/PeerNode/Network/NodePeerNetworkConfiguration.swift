public import PeerTransport

extension NodePeerNetwork {
    /// The protocol, limits and timeouts of a ``NodePeerNetwork``.
    public struct Configuration: Sendable {
        /// The stream protocol by which two networks find each other.
        public var protocolID: ProtocolID

        /// The longest frame in bytes, without its length prefix, both ways. A peer that sends a longer one is
        /// disconnected.
        public var maximumFrameBytes = 1 << 20

        /// The most frames that wait to be sent to one peer; above it new ones are dropped.
        package var maximumQueuedFrames = 4096

        /// The most bytes that wait to be sent to one peer; above it new frames are dropped.
        public var maximumQueuedBytes = 16 << 20

        /// How many bytes of waiting frames go to the stream in one write, unless a single frame is larger.
        package var writeBatchBytes = 256 << 10

        /// How many bytes are asked of the stream in one read.
        package var readBytes = 64 << 10

        /// How long a peer may take to make room for one such write, before it is disconnected: one that never reads must not
        /// hold what waits for it for ever.
        package var writeTimeout: Duration = .seconds(60)

        /// How long a peer that came by itself, and is not protected, may take until its first whole frame is there; then it is left.
        package var firstFrameTimeout: Duration = .seconds(30)

        /// How often the outgoing stream of one connected peer is opened again after the peer has reset it.
        package var maximumReopenings = 8

        /// How long a stream may go on after the same peer has opened a newer one in its place.
        package var handoverGrace: Duration = .seconds(1)

        /// How long ``NodePeerNetwork/disconnect(_:)`` and ``NodePeerNetwork/shutdown()`` wait for a peer to have read what
        /// was queued and sent, all in all; and how long frames that came before the loss of a connection are passed on after it.
        package var lingerTimeout: Duration = .seconds(2)

        /// How much may wait to be taken by ``NodePeerNetwork/nextEvents()``.
        public var events = PeerEventQueue.Limits()

        /// Makes a configuration with the defaults.
        ///
        /// - Parameter protocolID: The stream protocol by which two networks find each other.
        public init(protocolID: ProtocolID) {
            self.protocolID = protocolID
        }
    }
}
