/// The payload of the second and third message of libp2p's Noise handshake (libp2p noise specification).
public struct NoisePayload: WireMessage {
    /// The `PublicKey` message of the sender's identity: the bytes of which its peer id is made.
    public var identityKey: [UInt8]
    /// The identity's signature over `noise-libp2p-static-key:` and the sender's 32-byte static key.
    public var identitySignature: [UInt8]
    /// The muxers that the sender can speak, best first; empty when it did not say.
    public var streamMuxers: [String]

    /// Makes a payload.
    public init(identityKey: [UInt8], identitySignature: [UInt8], streamMuxers: [String] = []) {
        self.identityKey = identityKey
        self.identitySignature = identitySignature
        self.streamMuxers = streamMuxers
    }

    /// The most muxers that are read; a longer list is taken as none.
    public static let maximumMuxers = 100

    /// `NoiseHandshakePayload`.
    public static let messageName = "NoiseHandshakePayload"
    /// Tolerant: others may add extensions.
    public static let mode = ProtobufReader.Mode.tolerant
    /// ``WireLimits/noisePayloadBytes``.
    public static func maximumBytes(_ limits: WireLimits) -> Int { limits.noisePayloadBytes }

    /// Reads all fields.
    public init(from reader: inout ProtobufReader, limits: WireLimits) throws(WireError) {
        self.init(identityKey: [], identitySignature: [])
        while let field = try reader.nextField() {
            switch field.number {
            case 1: identityKey = try reader.bytes(field, "identity_key", limit: limits.noisePayloadBytes)
            case 2: identitySignature = try reader.bytes(field, "identity_sig", limit: limits.noisePayloadBytes)
            case 4:
                let extensions = try reader.message(field, "extensions", as: NoiseExtensions.self, limits: limits)
                streamMuxers = extensions.streamMuxers
            default: try reader.unknown(field)
            }
        }
    }

    /// Writes all fields.
    public func write(to writer: inout ProtobufWriter) {
        writer.bytes(1, identityKey)
        writer.bytes(2, identitySignature)
        if !streamMuxers.isEmpty {
            writer.message(4) { for muxer in streamMuxers { $0.requiredString(2, muxer) } }
        }
    }

    /// Refuses a payload without key or signature.
    public func validate(_ limits: WireLimits) throws(WireError) {
        if identityKey.isEmpty { throw WireError(Self.messageName, "identity_key", .missing) }
        if identitySignature.isEmpty { throw WireError(Self.messageName, "identity_sig", .missing) }
    }
}

/// The extensions of the payload; certificate hashes of WebTransport are skipped.
private struct NoiseExtensions: WireMessage {
    var streamMuxers: [String] = []

    static let messageName = "NoiseExtensions"
    static let mode = ProtobufReader.Mode.tolerant

    init(from reader: inout ProtobufReader, limits: WireLimits) throws(WireError) {
        var muxers: [String] = []
        while let field = try reader.nextField() {
            if field.number == 2 {
                try reader.append(field, "stream_muxers", to: &muxers, limit: 256, count: limits.noisePayloadBytes)
            } else {
                try reader.unknown(field)
            }
        }
        streamMuxers = muxers.count > NoisePayload.maximumMuxers ? [] : muxers
    }

    func write(to writer: inout ProtobufWriter) {
        for muxer in streamMuxers { writer.requiredString(2, muxer) }
    }
}
