/// The lengths of the byte strings in the messages.
public enum WireSize {
    /// A session id.
    public static let sessionID = 32
    /// A compressed public key.
    public static let publicKey = 33
    /// A BIP-340 signature.
    public static let signature = 64
    /// A public nonce, or an aggregate nonce (BIP-327).
    public static let nonce = 66
    /// A partial signature (BIP-327).
    public static let partialSignature = 32
    /// A hash: leaf, transcript, context, proof, transaction id; also random strings and tweaks.
    public static let hash = 32
    /// A SHA2-256 multihash, as a DHT key.
    public static let dhtKey = 34
}

/// Checks that several messages share.
enum WireCheck {
    static func length(_ message: String, _ field: String, _ value: [UInt8], _ expected: Int) throws(WireError) {
        guard value.count == expected else {
            throw WireError(
                message, field, value.isEmpty ? .missing : .wrongLength(expected: expected, found: value.count))
        }
    }

    static func lengths(_ message: String, _ field: String, _ values: [[UInt8]], _ expected: Int) throws(WireError) {
        for value in values where value.count != expected {
            throw WireError(message, field, .wrongLength(expected: expected, found: value.count))
        }
    }

    static func count(_ message: String, _ field: String, _ found: Int, in range: ClosedRange<Int>) throws(WireError) {
        if found < range.lowerBound { throw WireError(message, field, .missing) }
        if found > range.upperBound { throw WireError(message, field, .tooMany(limit: range.upperBound)) }
    }

    static func ascending(_ message: String, _ field: String, _ values: [UInt32]) throws(WireError) {
        for (value, next) in zip(values, values.dropFirst()) where value >= next {
            throw WireError(message, field, .notAscending)
        }
    }

    static func indices(
        _ message: String, _ field: String, _ values: [UInt32], _ limits: WireLimits
    ) throws(WireError) {
        try count(message, field, values.count, in: 0...limits.signers)
        try ascending(message, field, values)
        if let last = values.last { try index(message, field, last, limits) }
    }

    static func index(_ message: String, _ field: String, _ value: UInt32, _ limits: WireLimits) throws(WireError) {
        guard Int(value) < limits.signers else { throw WireError(message, field, .outOfRange(UInt64(value))) }
    }

    static func run(_ message: String, _ value: UInt64) throws(WireError) {
        if value == 0 { throw WireError(message, "run", .missing) }
        guard value < 1 << 63 else { throw WireError(message, "run", .outOfRange(value)) }
    }

    static func peer(
        _ message: String, _ peerID: [UInt8], _ addresses: [[UInt8]], _ limits: WireLimits
    ) throws(WireError) {
        if peerID.isEmpty { throw WireError(message, "peer_id", .missing) }
        guard peerID.count <= limits.peerIDBytes else {
            throw WireError(message, "peer_id", .tooLong(limit: limits.peerIDBytes, found: peerID.count))
        }
        try count(message, "addresses", addresses.count, in: 0...limits.addresses)
        for address in addresses {
            if address.isEmpty { throw WireError(message, "addresses", .wrongLength(expected: 1, found: 0)) }
            guard address.count <= limits.addressBytes else {
                throw WireError(message, "addresses", .tooLong(limit: limits.addressBytes, found: address.count))
            }
        }
    }

    static func text(_ message: String, _ field: String, _ value: String, _ limits: WireLimits) throws(WireError) {
        guard value.utf8.count <= limits.textBytes else {
            throw WireError(message, field, .tooLong(limit: limits.textBytes, found: value.utf8.count))
        }
    }
}
