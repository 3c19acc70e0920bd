import KademliaDHT
import Multiformats
import PeerTransport
import PeerTransportNIO
import WireCodec

/// What an identify message of a connected peer says, as far as it can be believed.
struct PeerStatement: Equatable {
    /// The most addresses of one peer that are kept.
    static let maximumAddresses = 32
    /// The most addresses of one peer that are looked at, to keep the worthiest.
    private static let maximumSeen = 256
    /// The most protocols of one peer that are kept: ten times what the largest nodes serve.
    static let maximumProtocols = 256
    /// The most bytes of a version text that are kept.
    static let maximumText = 128

    /// What may be used of the addresses that it listed.
    var addresses: [Multiaddr]
    /// The addresses that it signed, and what may be used of them.
    var certified: Certified?
    var protocols: Set<ProtocolID>
    var agentVersion: String
    var protocolVersion: String
    var observedAddress: Multiaddr?
    /// How many addresses and protocols were left out, by reason.
    var refused = Refused()
    /// Why the signed record does not count, if there was one.
    var worthlessRecord: String?

    /// What may be used of the addresses that a peer signed.
    struct Certified: Equatable {
        var sequence: UInt64
        var addresses: [Multiaddr]
    }

    /// What was left out of a message.
    struct Refused: Equatable {
        /// Not a multiaddr, or one with parts that are not known here.
        var unknown = 0
        /// They lead to another peer.
        var foreign = 0
        /// Addresses of a network that is not this peer's, as seen from where it connected: a peer of the Internet that
        /// names 192.168.0.1 would have others knock at their own doors. Also what nobody can be reached at, and what asks for
        /// more than a connection: a path, a port of another service.
        var outOfPlace = 0
        /// More than are kept.
        var tooMany = 0

        var total: Int { unknown + foreign + outOfPlace + tooMany }
    }

    /// Judges a message.
    ///
    /// - Parameters:
    ///   - message: All that the peer said in one go.
    ///   - peer: The peer that said it, as proven by the handshake.
    ///   - remoteAddress: Where the peer is, as seen from here.
    /// - Throws: `IdentifyError` for a lie.
    init(_ message: Identify, from peer: PeerID, at remoteAddress: Multiaddr) throws(IdentifyError) {
        if !message.publicKey.isEmpty {
            guard Self.isKey(message.publicKey, of: peer) else { throw .anotherKey }
        }
        var protocols: Set<ProtocolID> = []
        var refused = Refused()
        for name in message.protocols {
            let id = ProtocolID(name)
            guard protocols.count < Self.maximumProtocols else {
                refused.tooMany += 1
                continue
            }
            if id.isValid { protocols.insert(id) }
        }
        self.protocols = protocols
        agentVersion = Self.shortened(message.agentVersion)
        protocolVersion = Self.shortened(message.protocolVersion)
        addresses = Self.usable(message.listenAddresses, of: peer, at: remoteAddress, &refused)
        if !message.signedPeerRecord.isEmpty {
            switch CertifiedAddresses.verdict(on: message.signedPeerRecord, from: peer) {
            case .anotherPeers: throw .anotherPeersRecord
            case .worthless(let reason): worthlessRecord = reason
            case .valid(let record):
                var ignored = Refused()
                let usable = Self.usable(record.addresses, of: peer, at: remoteAddress, &ignored)
                certified = Certified(sequence: record.sequence, addresses: usable)
            }
        }
        self.refused = refused
        if let observed = Self.address(message.observedAddress)?.withoutPeerID, observed.isUsable {
            observedAddress = observed
        }
    }

    private static func isKey(_ bytes: [UInt8], of peer: PeerID) -> Bool {
        do throws(KeyProtobufError) {
            return IdentityVerification.isKey(try PublicKeyProtobuf(bytes: bytes), of: peer)
        } catch {
            return false
        }
    }

    /// What can be used of addresses that a peer named: known parts, without the `/p2p/` end, and within its reach.
    private static func usable(
        _ addresses: [[UInt8]],
        of peer: PeerID,
        at remoteAddress: Multiaddr,
        _ refused: inout Refused
    ) -> [Multiaddr] {
        let scope = remoteAddress.scope
        var usable: [Multiaddr] = []
        var seen: Set<Multiaddr> = []
        for bytes in addresses {
            guard let address = address(bytes), let bare = address.withoutPeerID else {
                refused.unknown += 1
                continue
            }
            if let named = address.peerID, named != peer {
                refused.foreign += 1
            } else if !scope.canUse(bare) || !Hearsay.isHarmless(bare) {
                refused.outOfPlace += 1
            } else if usable.count == maximumSeen {
                refused.tooMany += 1
            } else if seen.insert(bare).inserted {
                usable.append(bare)
            }
        }
        guard usable.count > maximumAddresses else { return usable }
        refused.tooMany += usable.count - maximumAddresses
        return AddressOrder.worthiest(usable, atMost: maximumAddresses)
    }

    private static func address(_ bytes: [UInt8]) -> Multiaddr? {
        do throws(MultiaddrError) {
            return try Multiaddr(bytes: bytes)
        } catch {
            return nil
        }
    }

    /// A text for people: at most ``maximumText`` bytes, and nothing that moves the cursor.
    private static func shortened(_ text: String) -> String {
        var result = ""
        var bytes = 0
        for scalar in text.unicodeScalars {
            bytes += scalar.utf8.count
            guard bytes <= maximumText else { break }
            guard scalar.properties.generalCategory != .control, scalar.properties.generalCategory != .format else {
                continue
            }
            result.unicodeScalars.append(scalar)
        }
        return result
    }
}

extension PeerInformation {
    /// Takes over what the peer said.
    ///
    /// - Parameters:
    ///   - statement: The judged message.
    ///   - isPush: Whether what is missing is unchanged. No message erases addresses by naming none: some send pushes
    ///     without.
    ///   - knownSequence: The sequence of the last record of the peer that was believed, 0 if there was none.
    /// - Returns: Whether the signed record was an old one, which counts for nothing.
    @discardableResult
    mutating func update(by statement: PeerStatement, isPush: Bool, knownSequence: UInt64) -> Bool {
        var isStale = false
        if let certified = statement.certified, certified.sequence >= knownSequence {
            if certified.addresses.isEmpty {
                // Nobody here can use what it signed: what it merely says may serve.
                isCertified = false
                if !isPush || !statement.addresses.isEmpty { addresses = statement.addresses }
            } else {
                addresses = certified.addresses
                isCertified = true
            }
        } else {
            isStale = statement.certified != nil
            // Signed addresses stand until newer signed ones come.
            if !isCertified, !isPush || !statement.addresses.isEmpty { addresses = statement.addresses }
        }
        if !isPush || !statement.protocols.isEmpty { protocols = statement.protocols }
        if !isPush || !statement.agentVersion.isEmpty { agentVersion = statement.agentVersion }
        if !isPush || !statement.protocolVersion.isEmpty { protocolVersion = statement.protocolVersion }
        if let observed = statement.observedAddress { observedAddress = observed }
        return isStale
    }
}
