import Multiformats
import WireCodec

/// What `--announce` tells others: only what somebody could dial, and what has room in the messages of the protocol.
struct AnnouncedAddresses {
    /// The addresses, in the order given.
    let addresses: [Multiaddr]
    /// Those that are too long to be told.
    let leftOut: [Multiaddr]

    /// Judges the addresses that a person named.
    ///
    /// - Parameters:
    ///   - named: As named.
    ///   - peer: The node's own id, the only one that may stand at their end.
    /// - Throws: ``Failure`` with status 64 for an address that nobody could dial, and where all are too long.
    init(_ named: [Multiaddr], of peer: PeerID) throws(Failure) {
        for address in named {
            guard let problem = Self.problem(of: address, peer) else { continue }
            throw Failure(
                .usage, "--announce: \"\(address)\" \(problem)",
                hint: "Name what others dial, for example /ip4/203.0.113.7/tcp/4001, or /dns4/example.org/tcp/4001/ws.")
        }
        let limit = WireLimits.standard.addressBytes
        var (short, long): ([Multiaddr], [Multiaddr]) = ([], [])
        for address in named {
            // Others are told which node is there: the id stands at the end of each.
            let told = address.peerID == nil ? try? address.appending(peer) : address
            if let told, told.bytes.count <= limit { short.append(address) } else { long.append(address) }
        }
        (addresses, leftOut) = (short, long)
        if let long = leftOut.first, addresses.isEmpty {
            throw Failure(
                .usage, "--announce: \"\(long)\" is too long: with the peer id, others are told at most \(limit) bytes",
                hint: "Take a shorter name, or an IP address.")
        }
    }

    /// Why nobody could dial an address as that of this node; nil if somebody could.
    private static func problem(of address: Multiaddr, _ peer: PeerID) -> String? {
        var rest = address.components[...]
        switch rest.popFirst() {
        case .ip4, .ip6: if address.isUnspecified { return "is no place: it stands for all addresses of a machine" }
        case .dns, .dns4, .dns6: break
        default: return "begins with no IP address and no name"
        }
        guard case .tcp(let port) = rest.popFirst() else { return "has no TCP port behind the host" }
        guard port != 0 else { return "has port 0, at which nobody listens" }
        for component in rest {
            switch component {
            case .ws, .wss, .tls, .sni, .httpPath: break
            case .p2p(peer): break
            case .p2p(let other): return "names the peer \(other), and this node is \(peer)"
            default: return "goes on with /\(component.name), which this node does not speak"
            }
        }
        return nil
    }
}
