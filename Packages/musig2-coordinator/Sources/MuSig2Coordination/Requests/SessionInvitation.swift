public import MuSig2Session
public import Multiformats
import WireCodec

/// What a creator hands to the other signers, by whatever way they talk: which session, and where to ask for it.
///
/// As text it starts with `musig2`, and a typing error is detected. It is not a secret from the signers, but a reader learns that
/// there is a session and where its peers are; what is signed is shown only to holders of the signers' keys.
public struct SessionInvitation: Sendable, Hashable {
    /// Which session.
    public var session: SessionID

    /// Where to ask: addresses that end in `/p2p/` and a peer id. Empty when the session is found through a discovery alone.
    public var addresses: [Multiaddr]

    /// Makes an invitation.
    ///
    /// - Parameters:
    ///   - session: Which session.
    ///   - addresses: Where to ask; each ends in `/p2p/` and a peer id.
    public init(session: SessionID, addresses: [Multiaddr]) {
        self.session = session
        self.addresses = addresses
    }

    /// The peers to ask, with their addresses, in the order of the invitation.
    var providers: [(peer: PeerID, addresses: [Multiaddr])] {
        var order: [PeerID] = []
        var addressesOf: [PeerID: [Multiaddr]] = [:]
        for address in addresses {
            guard let peer = address.peerID else { continue }
            if addressesOf[peer] == nil { order.append(peer) }
            addressesOf[peer, default: []].append(address)
        }
        return order.map { ($0, addressesOf[$0] ?? []) }
    }
}

extension SessionInvitation: LosslessStringConvertible {
    /// Reads the text of an invitation.
    ///
    /// - Parameter text: What ``description`` gave; white space around it is ignored.
    /// - Throws: ``CoordinatorError`` with code ``CoordinatorError/Code/invalidInvitation`` that says what is wrong with the text.
    public init(parsing text: String) throws(CoordinatorError) {
        let invitation: Invitation
        do throws(InvitationError) {
            invitation = try Invitation(text)
        } catch {
            throw CoordinatorError(
                .invalidInvitation, "the invitation cannot be read: \(error)",
                underlying: "\(error)")
        }
        guard let session = SessionID(invitation.sessionID) else {
            throw CoordinatorError(.invalidInvitation, "the invitation names no session")
        }
        self.init(session: session, addresses: invitation.addresses)
    }

    /// Reads the text of an invitation; nil if it is none. ``init(parsing:)`` says why.
    ///
    /// - Parameter description: What ``description`` gave.
    public init?(_ description: String) {
        guard let invitation = try? SessionInvitation(parsing: description) else { return nil }
        self = invitation
    }

    /// The text to hand over. An invitation without a single address has none, and says so.
    public var description: String {
        // An address without a peer id, or too many of them, cannot stand in the text: the others do.
        let usable = WireLimits.standard.told(addresses.filter { $0.peerID != nil })
        for count in stride(from: usable.count, through: 1, by: -1) {
            if let invitation = try? Invitation(sessionID: session.bytes, addresses: Array(usable.prefix(count))) {
                return invitation.text
            }
        }
        return "session \(session), without an address to ask"
    }
}
