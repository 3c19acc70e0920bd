import Multiformats

/// Who a transport is in its handshakes.
struct TransportIdentity {
    let peerID: PeerID
    let credentials: NoiseCredentials
}
