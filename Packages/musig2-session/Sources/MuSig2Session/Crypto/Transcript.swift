public import Secp256k1
import WireCodec

/// The hashes by which signers know that they see the same nonces. Only contributions enter, so that a message signed
/// anew changes nothing. Numbers are big-endian.
public enum Transcript {
    /// leaf_i = H(nonces, session id ‖ u32 attempt ‖ u32 i ‖ u64 run_i ‖ nonce_0 ‖ … ‖ nonce_{m−1}).
    ///
    /// - Parameters:
    ///   - session: The session.
    ///   - attempt: The attempt.
    ///   - signer: The position i.
    ///   - run: The run of the signer in its NONCE_SHARE.
    ///   - nonces: 66 bytes for each message.
    ///   - crypto: What hashes.
    /// - Returns: The hash.
    public static func leaf<Crypto: SessionCrypto>(
        session: SessionID, attempt: UInt32, signer: Int, run: UInt64, nonces: [[UInt8]], using crypto: Crypto
    ) -> Hash32 {
        var bytes = start(session, capacity: 48 + nonces.count * 66)
        append(attempt, to: &bytes)
        append(UInt32(clamping: signer), to: &bytes)
        append(run, to: &bytes)
        for nonce in nonces { bytes += nonce }
        return crypto.hash(.nonces, bytes)
    }

    /// The leaf of the NONCE_SHARE that a body carries.
    static func leaf<Crypto: SessionCrypto>(
        of share: NonceShare, in body: MessageBody, session: SessionID, using crypto: Crypto
    ) -> Hash32 {
        leaf(
            session: session, attempt: body.attempt, signer: Int(body.index), run: body.run, nonces: share.nonces,
            using: crypto)
    }

    /// T = H(transcript, session id ‖ u32 attempt ‖ leaf_0 ‖ … ‖ leaf_{n−1}).
    ///
    /// - Parameters:
    ///   - session: The session.
    ///   - attempt: The attempt.
    ///   - leaves: One leaf for each signer.
    ///   - crypto: What hashes.
    /// - Returns: The hash.
    public static func transcript<Crypto: SessionCrypto>(
        session: SessionID, attempt: UInt32, leaves: [Hash32], using crypto: Crypto
    ) -> Hash32 {
        var bytes = start(session, capacity: 36 + leaves.count * 32)
        append(attempt, to: &bytes)
        for leaf in leaves { leaf.withUnsafeBytes { bytes.append(contentsOf: $0) } }
        return crypto.hash(.transcript, bytes)
    }

    /// C = H(context, T ‖ aggnonce_0 ‖ … ‖ aggnonce_{m−1}).
    ///
    /// - Parameters:
    ///   - transcript: T.
    ///   - aggregateNonces: 66 bytes for each message.
    ///   - crypto: What hashes.
    /// - Returns: The hash.
    public static func context<Crypto: SessionCrypto>(
        transcript: Hash32, aggregateNonces: [[UInt8]], using crypto: Crypto
    ) -> Hash32 {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(32 + aggregateNonces.count * 66)
        transcript.withUnsafeBytes { bytes.append(contentsOf: $0) }
        for nonce in aggregateNonces { bytes += nonce }
        return crypto.hash(.context, bytes)
    }

    private static func start(_ session: SessionID, capacity: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(capacity)
        session.hash.withUnsafeBytes { bytes.append(contentsOf: $0) }
        return bytes
    }

    private static func append(_ number: some FixedWidthInteger, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0) }
    }
}
