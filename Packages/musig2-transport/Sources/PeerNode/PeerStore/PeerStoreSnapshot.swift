import Multiformats
import PeerTransport
import WireCodec

/// The form in which a ``PeerStore`` is kept outside the process: a protobuf message with a number for its format.
///
/// Reading is total: whatever the bytes are, the result is a snapshot or an error, within the limits. Fields that are not
/// known are skipped, so that a later format can add some.
struct PeerStoreSnapshot: Equatable {
    /// The format that is written.
    static let format: UInt64 = 1
    /// The most bytes that are read.
    static let maximumBytes = 16 << 20
    /// The most peers, and the most addresses or protocols of one, that are read. A store keeps its own limits beside.
    private static let maximumPeers = 65_536
    private static let maximumEntries = 1024

    /// The sequence of the last record that this node signed for itself.
    var lastSequence: UInt64
    var peers: [RememberedPeer]

    struct RememberedPeer: Equatable {
        var id: PeerID
        var peer: PeerStore.Peer

        /// At least the bytes that it takes.
        fileprivate var mostBytes: Int {
            peer.addresses.reduce(0) { $0 + $1.address.bytes.count + 64 }
                + peer.protocols.reduce(0) { $0 + $1.name.utf8.count + 8 } + peer.agentVersion.utf8.count
                + id.bytes.count + 96
        }
    }

    init(of store: PeerStore, lastSequence: UInt64) {
        self.lastSequence = lastSequence
        var kept: [RememberedPeer] = []
        var bytes = 64
        // As much as can be read again, those first for which most speaks.
        for (id, peer) in store.peers.sorted(by: { PeerStore.isWorthLess($1.value, $0.value) }) {
            let remembered = RememberedPeer(id: id, peer: peer)
            bytes += remembered.mostBytes
            guard bytes <= Self.maximumBytes else { break }
            kept.append(remembered)
        }
        peers = kept.sorted { $0.id < $1.id }
    }

    // MARK: Writing

    var bytes: [UInt8] {
        var writer = ProtobufWriter(capacity: 256 * peers.count + 16)
        writer.uint(1, Self.format)
        writer.uint(2, lastSequence)
        for remembered in peers {
            writer.message(3) { writer in
                writer.bytes(1, remembered.id.bytes)
                writer.uint(2, remembered.peer.sequence)
                writer.uint(3, remembered.peer.lastSeen)
                writer.string(4, remembered.peer.agentVersion)
                writer.uint(7, remembered.peer.provenDays)
                writer.uint(8, remembered.peer.lastProven)
                for name in remembered.peer.protocols { writer.requiredString(5, name.name) }
                for address in remembered.peer.addresses {
                    writer.message(6) { writer in
                        writer.bytes(1, address.address.bytes)
                        writer.uint(2, address.source.rawValue)
                        writer.uint(3, address.expiry)
                        writer.uint(4, address.lastSuccess)
                        writer.uint(5, address.failures)
                    }
                }
            }
        }
        return writer.bytes
    }

    // MARK: Reading

    /// Reads a snapshot.
    ///
    /// - Parameter bytes: What ``bytes`` gave once.
    /// - Throws: `WireError` for bytes that are not a snapshot, or one of another format.
    init(_ bytes: [UInt8]) throws(WireError) {
        guard bytes.count <= Self.maximumBytes else {
            throw WireError("PeerStore", .tooLong(limit: Self.maximumBytes, found: bytes.count))
        }
        var reader = ProtobufReader(bytes, message: "PeerStore", mode: .tolerant)
        var format: UInt64 = 0
        lastSequence = 0
        peers = []
        while let field = try reader.nextField() {
            switch field.number {
            case 1: format = try reader.uint64(field, "format")
            case 2: lastSequence = try reader.uint64(field, "last_sequence")
            case 3:
                guard peers.count < Self.maximumPeers else {
                    throw reader.error("peers", .tooMany(limit: Self.maximumPeers))
                }
                var part = try reader.submessage(field, "peers", message: "Peer")
                peers.append(try Self.peer(&part))
            default: try reader.unknown(field)
            }
        }
        guard format == Self.format else { throw reader.error("format", .outOfRange(format)) }
    }

    private static func peer(_ reader: inout ProtobufReader) throws(WireError) -> RememberedPeer {
        var id: [UInt8] = []
        var peer = PeerStore.Peer()
        var names: [String] = []
        while let field = try reader.nextField() {
            switch field.number {
            case 1: id = try reader.bytes(field, "id", limit: WireLimits.standard.peerIDBytes)
            case 2: peer.sequence = try reader.uint64(field, "sequence")
            case 3: peer.lastSeen = try reader.uint64(field, "last_seen")
            case 4: peer.agentVersion = try reader.string(field, "agent", limit: PeerStatement.maximumText)
            case 7: peer.provenDays = try reader.uint32(field, "proven_days")
            case 8: peer.lastProven = try reader.uint64(field, "last_proven")
            case 5:
                try reader.append(
                    field, "protocols", to: &names, limit: ProtocolID.maximumLength, count: maximumEntries)
            case 6:
                guard peer.addresses.count < maximumEntries else {
                    throw reader.error("addresses", .tooMany(limit: maximumEntries))
                }
                var part = try reader.submessage(field, "addresses", message: "Address")
                peer.addresses.append(try address(&part))
            default: try reader.unknown(field)
            }
        }
        peer.protocols = names.map { ProtocolID($0) }
        do throws(PeerIDError) {
            return RememberedPeer(id: try PeerID(bytes: id), peer: peer)
        } catch {
            throw reader.error("id", .conflict(error.description))
        }
    }

    private static func address(_ reader: inout ProtobufReader) throws(WireError) -> PeerStore.Address {
        var bytes: [UInt8] = []
        var source: UInt32 = 0
        var (expiry, lastSuccess): (UInt64, UInt64) = (0, 0)
        var failures: UInt32 = 0
        while let field = try reader.nextField() {
            switch field.number {
            case 1: bytes = try reader.bytes(field, "address", limit: FormatLimits.multiaddrBytes)
            case 2: source = try reader.uint32(field, "source")
            case 3: expiry = try reader.uint64(field, "expiry")
            case 4: lastSuccess = try reader.uint64(field, "last_success")
            case 5: failures = try reader.uint32(field, "failures")
            default: try reader.unknown(field)
            }
        }
        guard let reason = PeerStore.Source(rawValue: source) else {
            throw reader.error("source", .outOfRange(UInt64(source)))
        }
        do throws(MultiaddrError) {
            return PeerStore.Address(
                address: try Multiaddr(bytes: bytes), source: reason, expiry: expiry, lastSuccess: lastSuccess,
                failures: failures)
        } catch {
            throw reader.error("address", .conflict(error.description))
        }
    }
}
