import KademliaDHT

extension Kademlia.Lack {
    /// In words, for errors and logs.
    var text: String {
        switch self {
        case .lookup: "a lookup that somebody answered"
        case .servers: "servers"
        case .vouchedPeers: "an answer of a peer that it was told to begin with, or that was reliable before"
        case .networks: "an answer from a second network"
        }
    }
}
