public import Multiformats
public import PeerTransport

/// Two networks with peers that can reach each other, made anew for each case of a ``NetworkConformance``.
public struct NetworkPair: Sendable {
    /// One side.
    public var first: any PeerNetwork

    /// The other side.
    public var second: any PeerNetwork

    /// A peer that neither can reach.
    public var unreachable: PeerID

    /// Where that peer is looked for.
    public var unreachableAddresses: [Multiaddr]

    /// Joins two networks.
    ///
    /// - Parameters:
    ///   - first: One side.
    ///   - second: The other side.
    ///   - unreachable: A peer that neither can reach.
    ///   - unreachableAddresses: Where that peer is looked for.
    public init(
        first: any PeerNetwork,
        second: any PeerNetwork,
        unreachable: PeerID,
        unreachableAddresses: [Multiaddr] = []
    ) {
        self.first = first
        self.second = second
        self.unreachable = unreachable
        self.unreachableAddresses = unreachableAddresses
    }
}

/// Takes events from a network one by one. One task uses it at a time.
final class EventProbe {
    let network: any PeerNetwork
    private var waiting = Fifo<PeerNetworkEvent>()

    init(_ network: any PeerNetwork) {
        self.network = network
    }

    /// The next event other than a change of addresses, or nil after the network's end.
    func next() async -> PeerNetworkEvent? {
        while true {
            while let event = waiting.popFirst() {
                if case .addressesChanged = event { continue }
                return event
            }
            let batch = await network.nextEvents()
            if batch.isEmpty { return nil }
            for event in batch { waiting.append(event) }
        }
    }

    func expect(_ expected: PeerNetworkEvent) async throws(ConformanceFailure) {
        let found = await next()
        try require(found == expected, "expected \(short(expected)), found \(found.map(short) ?? "the end")")
    }

    /// Frames from a peer, with nothing else between.
    func frames(_ count: Int, from peer: PeerID) async throws(ConformanceFailure) -> [[UInt8]] {
        var frames: [[UInt8]] = []
        while frames.count < count {
            let found = await next()
            guard case .frame(let bytes, let sender)? = found, sender == peer else {
                throw ConformanceFailure(
                    caseName: "",
                    message:
                        "expected frame \(frames.count) of \(count) from \(peer), "
                        + "found \(found.map(short) ?? "the end")"
                )
            }
            frames.append(bytes)
        }
        return frames
    }

    private func short(_ event: PeerNetworkEvent) -> String {
        guard case .frame(let bytes, let peer) = event else { return "\(event)" }
        return "a frame of \(bytes.count) bytes from \(peer)"
    }
}
