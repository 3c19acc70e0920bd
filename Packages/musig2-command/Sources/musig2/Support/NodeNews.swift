import PeerNode

/// What a running node says of its place in the DHT: each change that a person should know of, once.
struct NodeNews {
    /// What was said last.
    private enum Place: Equatable {
        case looking
        case alone
        case amongOthers
        case lost
    }

    /// A line, and the event that it stands for.
    struct Line: Equatable {
        var text: String
        var event: String
        var size: Int?
    }

    /// The name of the DHT.
    let network: String
    private var said: Place?

    init(network: String) {
        self.network = network
    }

    /// What is to be said of a status; nil when it is nothing new.
    mutating func line(for status: DHTStatus) -> Line? {
        let size = status.routingTableSize
        let place: Place =
            status.isReady ? (size == 0 ? .alone : .amongOthers) : said == nil || said == .looking ? .looking : .lost
        guard place != said else { return nil }
        defer { said = place }
        switch place {
        case .looking: return Line(text: "starting    looking for the network \(network)", event: "starting")
        case .alone:
            let words = said == .amongOthers || said == .lost ? "alone now" : "alone so far"
            return Line(text: "ready       \(words), in the network \(network)", event: "ready", size: size)
        case .amongOthers:
            return Line(
                text: "ready       with \(size == 1 ? "1 other node" : "\(size) other nodes")", event: "ready",
                size: size)
        case .lost: return Line(text: "notice      no other node answers any more", event: "notReady", size: size)
        }
    }
}
