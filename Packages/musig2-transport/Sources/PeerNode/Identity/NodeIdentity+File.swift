public import PeerTransport
public import PeerTransportNIO
import Secp256k1

extension NodeIdentity {
    /// Which kind of key a new identity gets.
    public enum KeyKind: Sendable, Hashable {
        /// What every libp2p implementation knows: the default.
        case ed25519
        /// The curve of Bitcoin's keys.
        case secp256k1
    }

    /// Reads an identity from a file, or makes a new one and keeps it there.
    ///
    /// The file holds a libp2p `PrivateKey` message and nothing else, with mode 0600. It appears whole or not at all;
    /// of two processes that start at once both get the same identity.
    ///
    /// - Parameters:
    ///   - path: The file. Its directory must be there.
    ///   - kind: Which kind of key a new identity gets; a file that is there may hold either.
    /// - Returns: The identity in the file.
    /// - Throws: `TransportError.Code.identityFile` when the file cannot be read or made, others could have read
    ///   it, or it is not an identity.
    public static func loadOrCreate(
        at path: String,
        kind: KeyKind = .ed25519
    ) throws(TransportError) -> NodeIdentity {
        if let identity = try load(from: path) { return identity }
        let identity = kind == .ed25519 ? generateEd25519() : generateSecp256k1()
        if try identity.save(to: path) { return identity }
        guard let other = try load(from: path) else {
            throw TransportError(.identityFile, "identity file \(path): it came and went while being made")
        }
        return other
    }

    /// Reads an identity from a file.
    ///
    /// - Parameter path: The file.
    /// - Returns: The identity, or nil when there is no such file.
    /// - Throws: `TransportError.Code.identityFile` when the file cannot be read, others could have read it, or
    ///   it is not an identity.
    public static func load(from path: String) throws(TransportError) -> NodeIdentity? {
        guard let bytes = try Self.file(at: path).readSecret() else { return nil }
        do throws(NodeIdentityError) {
            return try NodeIdentity(privateKeyBytes: bytes)
        } catch {
            throw TransportError(
                .identityFile,
                "identity file \(path): expected a libp2p private key of \(bytes.count) bytes",
                underlying: error.description
            )
        }
    }

    /// Keeps the identity in a new file with mode 0600.
    ///
    /// - Parameter path: The file. Its directory must be there.
    /// - Returns: False when there is a file of this name already, which is left as it is.
    /// - Throws: `TransportError.Code.identityFile` when the file cannot be made.
    @discardableResult
    public func save(to path: String) throws(TransportError) -> Bool {
        let key: SecretBytes
        do throws(NodeIdentityError) {
            key = try privateKeyBytes()
        } catch {
            throw TransportError(.identityFile, "the identity cannot be written", underlying: error.description)
        }
        return try Self.file(at: path).create(key)
    }

    private static func file(at path: String) -> PrivateFile {
        PrivateFile(
            path: path, kind: "identity file", code: .identityFile, exposure: "read the key", maximumBytes: 4096)
    }
}
