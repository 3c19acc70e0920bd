/// A peer as a server names it, or as this node itself knows it.
struct Referral: Sendable {
    let key: KademliaKey
    let id: [UInt8]
    let addresses: [[UInt8]]
}

/// A request of a lookup: the path, the candidate by its distance, and how often that was asked.
struct CandidateID: Hashable, Sendable {
    let path: Int
    let distance: KademliaKey
    var attempt = 0
}
