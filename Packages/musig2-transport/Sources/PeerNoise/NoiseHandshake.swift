public import Crypto

/// The `XX` handshake of libp2p Noise, either side, as bytes in and bytes out.
///
/// It knows nothing of what the payloads say: it hands over the payload it received together with the static key that the
/// payload must vouch for, and takes its own payload ready made. Messages come and go without their two length bytes.
///
///     -> e
///     <- e, ee, s, es, payload
///     -> s, se, payload
public struct NoiseHandshake: Sendable {
    /// Which side this is; the dialler is the initiator.
    public enum Role: Sendable {
        case initiator
        case responder
    }

    /// What the other side has proven to hold, and what it said.
    public struct Remote: Equatable, Sendable {
        /// Its Noise static public key, 32 bytes.
        public var staticKey: [UInt8]
        /// The decrypted payload: a `NoiseHandshakePayload` protobuf, not yet checked.
        public var payload: [UInt8]

        /// A static key of 32 bytes and the payload that came with it.
        public init(staticKey: [UInt8], payload: [UInt8]) {
            self.staticKey = staticKey
            self.payload = payload
        }
    }

    /// The keys of a finished handshake.
    public struct Keys: Sendable {
        /// The key of what this side sends, 32 bytes.
        public var send: SymmetricKey
        /// The key of what the other side sends, 32 bytes.
        public var receive: SymmetricKey
        /// The hash over the whole handshake, 32 bytes.
        public var handshakeHash: [UInt8]
    }

    /// What to do after ``start()``.
    public enum StartAction: Equatable, Sendable {
        case send([UInt8])
        case wait
    }

    /// What to do after ``receive(message:)``.
    public enum ReceiveAction: Sendable {
        /// Responder, after message 1: send message 2.
        case send([UInt8])
        /// Initiator, after message 2: check the remote, then call ``finish()`` for message 3.
        case check(Remote)
        /// Responder, after message 3: check the remote; if it is right, the keys are ready.
        case finished(Remote, Keys)
        /// The handshake is over.
        case fail(NoiseError)
    }

    private enum State {
        case initiatorIdle
        case initiatorAwaitsMessage2
        case initiatorAwaitsFinish(remoteEphemeral: Curve25519.KeyAgreement.PublicKey)
        case responderAwaitsMessage1
        case responderAwaitsMessage3
        case over
    }

    private static let keyLength = 32
    private static let tagLength = 16

    private var state: State
    private var symmetric = NoiseSymmetricState()
    private let staticKey: Curve25519.KeyAgreement.PrivateKey
    private let ephemeralKey: Curve25519.KeyAgreement.PrivateKey
    private let payload: [UInt8]

    /// A handshake that has not begun.
    ///
    /// - Parameters:
    ///   - role: which side this is.
    ///   - staticKey: the Noise static key that the payload vouches for.
    ///   - ephemeralKey: a key made for this handshake alone; only tests give one.
    ///   - payload: the `NoiseHandshakePayload` bytes to send.
    public init(
        role: Role,
        staticKey: Curve25519.KeyAgreement.PrivateKey,
        ephemeralKey: Curve25519.KeyAgreement.PrivateKey = .init(),
        payload: [UInt8]
    ) {
        state = role == .initiator ? .initiatorIdle : .responderAwaitsMessage1
        self.staticKey = staticKey
        self.ephemeralKey = ephemeralKey
        self.payload = payload
    }

    /// Begins: the initiator sends message 1.
    public mutating func start() -> StartAction {
        guard case .initiatorIdle = state else { return .wait }
        let ephemeral = Array(ephemeralKey.publicKey.rawRepresentation)
        symmetric.mixHash(ephemeral)
        // The payload of message 1 is empty and in the clear; it is hashed nevertheless.
        symmetric.mixHash([])
        state = .initiatorAwaitsMessage2
        return .send(ephemeral)
    }

    /// Takes the next handshake message.
    public mutating func receive(message: [UInt8]) -> ReceiveAction {
        let state = self.state
        self.state = .over
        do throws(NoiseError) {
            switch state {
            case .responderAwaitsMessage1:
                let reply = try respond(to: message)
                self.state = .responderAwaitsMessage3
                return .send(reply)
            case .initiatorAwaitsMessage2:
                let (remote, ephemeral) = try readMessage2(message)
                self.state = .initiatorAwaitsFinish(remoteEphemeral: ephemeral)
                return .check(remote)
            case .responderAwaitsMessage3:
                let remote = try readMessage3(message)
                let keys = symmetric.split()
                return .finished(
                    remote,
                    Keys(
                        send: keys.responderToInitiator, receive: keys.initiatorToResponder,
                        handshakeHash: symmetric.hash))
            case .initiatorIdle, .initiatorAwaitsFinish, .over:
                return .fail(.outOfOrder)
            }
        } catch {
            return .fail(error)
        }
    }

    /// The initiator's last step, once the remote was found to be right: message 3 and the keys.
    public mutating func finish() throws(NoiseError) -> (message: [UInt8], keys: Keys) {
        guard case .initiatorAwaitsFinish(let remoteEphemeral) = state else { throw .outOfOrder }
        state = .over
        var message = try symmetric.encryptAndHash(Array(staticKey.publicKey.rawRepresentation))
        try mix(staticKey, remoteEphemeral, message: 3)
        message += try symmetric.encryptAndHash(payload)
        let keys = symmetric.split()
        return (
            message,
            Keys(
                send: keys.initiatorToResponder, receive: keys.responderToInitiator, handshakeHash: symmetric.hash)
        )
    }

    private mutating func respond(to message: [UInt8]) throws(NoiseError) -> [UInt8] {
        guard message.count == Self.keyLength else {
            throw .wrongMessageLength(message: 1, expected: "\(Self.keyLength)", found: message.count)
        }
        let remoteEphemeral = try Self.publicKey(message[...], message: 1)
        symmetric.mixHash(message)
        symmetric.mixHash([])

        let ephemeral = Array(ephemeralKey.publicKey.rawRepresentation)
        symmetric.mixHash(ephemeral)
        try mix(ephemeralKey, remoteEphemeral, message: 1)
        var reply = ephemeral
        reply += try symmetric.encryptAndHash(Array(staticKey.publicKey.rawRepresentation))
        try mix(staticKey, remoteEphemeral, message: 1)
        reply += try symmetric.encryptAndHash(payload)
        return reply
    }

    private mutating func readMessage2(
        _ message: [UInt8]
    ) throws(NoiseError) -> (Remote, Curve25519.KeyAgreement.PublicKey) {
        let sealedKey = Self.keyLength + Self.tagLength
        guard message.count >= Self.keyLength + sealedKey + Self.tagLength else {
            throw .wrongMessageLength(
                message: 2, expected: "at least \(Self.keyLength + sealedKey + Self.tagLength)", found: message.count)
        }
        let ephemeral = message.prefix(Self.keyLength)
        let remoteEphemeral = try Self.publicKey(ephemeral, message: 2)
        symmetric.mixHash(Array(ephemeral))
        try mix(ephemeralKey, remoteEphemeral, message: 2)
        let staticBytes = try symmetric.decryptAndHash(
            Array(message[Self.keyLength..<(Self.keyLength + sealedKey)]), message: 2)
        try mix(ephemeralKey, try Self.publicKey(staticBytes[...], message: 2), message: 2)
        let payload = try symmetric.decryptAndHash(
            Array(message.dropFirst(Self.keyLength + sealedKey)), message: 2)
        return (Remote(staticKey: staticBytes, payload: payload), remoteEphemeral)
    }

    private mutating func readMessage3(_ message: [UInt8]) throws(NoiseError) -> Remote {
        let sealedKey = Self.keyLength + Self.tagLength
        guard message.count >= sealedKey + Self.tagLength else {
            throw .wrongMessageLength(
                message: 3, expected: "at least \(sealedKey + Self.tagLength)", found: message.count)
        }
        let staticBytes = try symmetric.decryptAndHash(Array(message.prefix(sealedKey)), message: 3)
        try mix(ephemeralKey, try Self.publicKey(staticBytes[...], message: 3), message: 3)
        let payload = try symmetric.decryptAndHash(Array(message.dropFirst(sealedKey)), message: 3)
        return Remote(staticKey: staticBytes, payload: payload)
    }

    private mutating func mix(
        _ own: Curve25519.KeyAgreement.PrivateKey,
        _ other: Curve25519.KeyAgreement.PublicKey,
        message: Int
    ) throws(NoiseError) {
        let secret: SharedSecret
        do {
            secret = try own.sharedSecretFromKeyAgreement(with: other)
        } catch {
            throw .invalidKey(message: message)
        }
        // A point of low order gives an all-zero secret, which anybody knows. Not every back end refuses it.
        guard secret.withUnsafeBytes({ $0.contains { $0 != 0 } }) else { throw .invalidKey(message: message) }
        symmetric.mixKey(secret)
    }

    private static func publicKey(
        _ bytes: ArraySlice<UInt8>, message: Int
    ) throws(NoiseError) -> Curve25519.KeyAgreement.PublicKey {
        do {
            return try Curve25519.KeyAgreement.PublicKey(rawRepresentation: bytes)
        } catch {
            throw .invalidKey(message: message)
        }
    }
}
