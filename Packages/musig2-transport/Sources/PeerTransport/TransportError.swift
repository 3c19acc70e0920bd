/// What went wrong in a transport, a connection, a stream or the node above them.
///
/// Two errors are equal when their ``code`` is equal: the code is what a program decides by, ``message`` is for people
/// and names what was expected and what was found. New codes may be added in a minor release; compare against the
/// ones you handle and treat the rest alike.
public struct TransportError: Error, Sendable {
    /// The kind of failure: stable, and able to grow.
    public var code: Code

    /// One sentence for people: what failed, what was expected, what was found.
    public var message: String

    /// The text of the error below this one, when there is one, such as the operating system's.
    public var underlying: String?

    /// Makes an error.
    ///
    /// - Parameters:
    ///   - code: The kind of failure.
    ///   - message: One sentence for people.
    ///   - underlying: The text of the error below this one.
    public init(_ code: Code, _ message: String, underlying: String? = nil) {
        self.code = code
        self.message = message
        self.underlying = underlying
    }

    /// The kind of a ``TransportError``.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The stable name of the code, in lower camel case.
        public let name: String

        /// Makes a code of one's own. Transports made by users add theirs with a prefix.
        ///
        /// - Parameter name: The stable name of the code.
        public init(_ name: String) {
            self.name = name
        }

        /// The stable name of the code.
        public var description: String { name }

        /// A value given by the caller cannot be used: an empty protocol list, a protocol id with a line break, a limit
        /// of zero.
        public static let invalidArgument = Code("invalidArgument")
        /// No transport here can dial or listen on this kind of address.
        public static let unsupportedAddress = Code("unsupportedAddress")
        /// The address to listen on is taken by another socket.
        public static let addressInUse = Code("addressInUse")
        /// The address to listen on is not one of this machine, or needs rights this process does not have.
        public static let addressNotAvailable = Code("addressNotAvailable")
        /// A DNS name has no usable address.
        public static let resolutionFailed = Code("resolutionFailed")
        /// Nobody listens at the address.
        public static let connectionRefused = Code("connectionRefused")
        /// No route leads to the address.
        public static let unreachable = Code("unreachable")
        /// A stage took longer than its limit; the message names the stage and the limit.
        public static let timedOut = Code("timedOut")
        /// The other side does not speak the expected protocol at all.
        public static let notAPeer = Code("notAPeer")
        /// The two sides have no protocol in common.
        public static let protocolNotSupported = Code("protocolNotSupported")
        /// The secure handshake failed: the other side is not the peer that it claims to be, or its messages were altered.
        public static let securityFailed = Code("securityFailed")
        /// The other side proved an identity other than the expected one.
        public static let peerMismatch = Code("peerMismatch")
        /// The other side broke the rules of a protocol; the connection is closed.
        public static let protocolViolation = Code("protocolViolation")
        /// A limit on connections, streams, handshakes, bytes or frames was reached.
        public static let limitExceeded = Code("limitExceeded")
        /// The stream was reset by either side: bytes not yet read are gone.
        public static let streamReset = Code("streamReset")
        /// This side of the stream was closed before: nothing more can be written.
        public static let streamClosed = Code("streamClosed")
        /// The connection is closed.
        public static let connectionClosed = Code("connectionClosed")
        /// No connection to the peer and no address to reach it at.
        public static let notConnected = Code("notConnected")
        /// Every address of the peer failed lately, and is left alone for a while.
        public static let backingOff = Code("backingOff")
        /// The task that waited was cancelled.
        public static let cancelled = Code("cancelled")
        /// The node, listener or network was shut down.
        public static let shutDown = Code("shutDown")
        /// The operating system failed a call in a way that none of the other codes says.
        public static let systemFailure = Code("systemFailure")
    }
}

extension TransportError: Equatable {
    /// Equal when the codes are.
    public static func == (left: TransportError, right: TransportError) -> Bool {
        left.code == right.code
    }
}

extension TransportError: CustomStringConvertible {
    /// `code: message (underlying)`.
    public var description: String {
        guard let underlying else { return "\(code): \(message)" }
        return "\(code): \(message) (\(underlying))"
    }
}
