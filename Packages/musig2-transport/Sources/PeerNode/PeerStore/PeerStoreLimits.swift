/// How much a node remembers of peers, and for how long.
package struct PeerStoreLimits: Sendable, Hashable {
    /// The most peers. Above it those go of which the least is known for sure.
    package var peers = 1024

    /// The most addresses of one peer.
    package var addressesPerPeer = 16

    /// The most protocols of one peer.
    package var protocolsPerPeer = 64

    /// The most bytes of the name of a protocol that is remembered.
    package var protocolBytes = 128

    /// How long an address counts at which the peer was reached.
    package var provenLifetime: Duration = .seconds(7 * 86_400)

    /// How long an address counts that the peer has signed.
    package var certifiedLifetime: Duration = .seconds(7 * 86_400)

    /// How long an address counts that the peer named itself.
    package var identifyLifetime: Duration = .seconds(86_400)

    /// How long an address counts that somebody else named.
    package var hintLifetime: Duration = .seconds(3600)

    /// Makes limits with the defaults.
    package init() {}
}
