import Multiformats
import PeerTransport
import WireCodec

/// What this node says of itself.
struct SelfDescription {
    /// The most bytes of our message: some implementations read no more.
    static let maximumBytes = 4 << 10
    /// What is left for the address at which the receiver is seen.
    private static let observedAddressBytes = FormatLimits.multiaddrBytes + 4
    /// The most addresses.
    private static let maximumAddresses = 32

    var publicKey: [UInt8]
    var addresses: [Multiaddr]
    /// Those that the others need most first.
    var protocols: [ProtocolID]
    var agentVersion: String
    var protocolVersion: String

    /// The message for peers in one scope: what nobody there can use is left out, and what does not fit, the last first.
    ///
    /// - Parameters:
    ///   - scope: Where the receivers are.
    ///   - sign: Makes a signed record of addresses; empty when there is no key to sign with.
    /// - Returns: The message without the address at which the receiver is seen.
    func message(for scope: AddressScope, sign: ([Multiaddr]) -> [UInt8]) -> Identify {
        var told = AddressOrder.worthiest(
            addresses.compactMap(\.withoutPeerID).filter(scope.canUse), atMost: Self.maximumAddresses)
        var names = protocols.map(\.name)
        while true {
            let message = Identify(
                publicKey: publicKey, listenAddresses: told.map(\.bytes), protocols: names,
                protocolVersion: protocolVersion, agentVersion: agentVersion, signedPeerRecord: sign(told))
            guard message.encoded().count > Self.maximumBytes - Self.observedAddressBytes else { return message }
            if told.count > 4 {
                told.removeLast(told.count / 2)
            } else if !names.isEmpty {
                names.removeLast((names.count + 7) / 8)
            } else {
                return Identify(publicKey: publicKey)
            }
        }
    }
}
