import Multiformats

/// The identity of a transport in its handshakes.
struct TransportIdentity {
    let peerID: PeerID
    let credentials: NoiseCredentials
}
