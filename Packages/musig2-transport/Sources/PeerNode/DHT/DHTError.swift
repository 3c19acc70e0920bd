public import PeerTransport

/// What a distributed hash table fails with.
extension TransportError.Code {
    /// This node takes no part in the network that would be searched.
    public static let discoveryOff = TransportError.Code("discoveryOff")
    /// This node has not found its place in the network that would be searched, in the time given.
    public static let notReady = TransportError.Code("notReady")
    /// No peer that was asked answered.
    public static let noAnswer = TransportError.Code("noAnswer")
    /// Nobody took the record that was to be published.
    public static let notStored = TransportError.Code("notStored")
}
