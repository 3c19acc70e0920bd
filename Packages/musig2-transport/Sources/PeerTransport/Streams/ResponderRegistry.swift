import Synchronization

/// The protocols that are answered by a ``StreamResponder``, and the factories of the responders.
///
/// One registry is shared by a node and the transports that can serve streams by themselves: what is registered counts from
/// the next stream on. It may be used from any thread.
public final class ResponderRegistry: Sendable {
    /// How many protocols may be registered at once.
    public let capacity: Int

    private let factories = Mutex<[ProtocolID: ResponderFactory]>([:])

    /// Makes an empty registry.
    ///
    /// - Parameter capacity: How many protocols may be registered at once.
    public init(capacity: Int = 256) {
        self.capacity = capacity
    }

    /// Answers inbound streams of a protocol from now on.
    ///
    /// - Parameters:
    ///   - protocolID: What the streams speak.
    ///   - factory: Makes a responder for each stream, on the transport's own thread: it must be quick and must not wait.
    /// - Throws: ``TransportError/Code/invalidArgument`` for a protocol id that cannot be sent or is registered already,
    ///   ``TransportError/Code/limitExceeded`` when the registry is full.
    public func register(_ protocolID: ProtocolID, _ factory: @escaping ResponderFactory) throws(TransportError) {
        guard protocolID.isValid else {
            throw TransportError(
                .invalidArgument, "not a protocol id that can be sent: \(protocolID.name.debugDescription)")
        }
        let capacity = capacity
        try factories.withLock { (factories) throws(TransportError) in
            guard factories[protocolID] == nil else {
                throw TransportError(.invalidArgument, "\(protocolID) has a responder already")
            }
            guard factories.count < capacity else {
                throw TransportError(.limitExceeded, "protocols with a responder: expected at most \(capacity)")
            }
            factories[protocolID] = factory
        }
    }

    /// Answers no more streams of a protocol. Streams that are being served go on.
    ///
    /// - Parameter protocolID: What the streams speak.
    public func unregister(_ protocolID: ProtocolID) {
        _ = factories.withLock { $0.removeValue(forKey: protocolID) }
    }

    /// Looks up the factory for a protocol.
    ///
    /// - Parameter protocolID: What a stream speaks.
    /// - Returns: The factory that makes its responder; nil when nobody does.
    public func factory(for protocolID: ProtocolID) -> ResponderFactory? {
        factories.withLock { $0[protocolID] }
    }

    /// The protocols that are registered, in no order.
    public var protocolIDs: [ProtocolID] {
        factories.withLock { Array($0.keys) }
    }
}
