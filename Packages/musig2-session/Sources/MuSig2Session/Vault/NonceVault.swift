public import MuSig2
public import Secp256k1

/// The only holder of secret nonces: one-shot boxes under handles.
///
/// It cannot be copied. What it holds is in the memory of this process and nowhere else, and is wiped when it is used
/// or not wanted any more. All nonces of an attempt are consumed together.
public struct NonceVault: ~Copyable {
    /// A secret nonce that can be taken once. A class because a dictionary takes no noncopyable values.
    private final class Box {
        private var nonce: SecretNonce?

        init(_ nonce: consuming SecretNonce) {
            self.nonce = consume nonce
        }

        func take() -> SecretNonce? {
            nonce.take()
        }
    }

    private var boxes: [NonceHandle: [Box]] = [:]

    /// An empty vault.
    public init() {}

    /// How many handles have nonces.
    public var count: Int { boxes.count }

    /// Draws one nonce for each message with all inputs of BIP-327 and fresh randomness of the system, and keeps them.
    ///
    /// - Parameters:
    ///   - handle: What stands for the nonces. One that has nonces already is refused: it would exchange them.
    ///   - crypto: The session.
    ///   - secretKey: The signer's key.
    /// - Returns: The public nonces, 66 bytes for each message.
    /// - Throws: ``NonceVaultError``.
    public mutating func generate(
        _ handle: NonceHandle, for crypto: BIP327, secretKey: borrowing SecretKey
    ) throws(NonceVaultError) -> [[UInt8]] {
        guard boxes[handle] == nil else { throw .handleInUse(handle) }
        var made: [Box] = []
        var publicNonces: [[UInt8]] = []
        let aggregateKey = crypto.keyAgg.xOnlyKey
        for (position, message) in crypto.descriptor.messages.enumerated() {
            let nonce: SecretNonce
            do throws(NonceGenError) {
                nonce = try SecretNonce.generate(
                    secretKey: secretKey,
                    aggregateKey: aggregateKey,
                    message: message,
                    extraInput: handle.extraInput(message: position)
                )
            } catch {
                throw .generationFailed(error)
            }
            publicNonces.append(nonce.publicNonce.rawRepresentation)
            made.append(Box(nonce))
        }
        boxes[handle] = made
        return publicNonces
    }

    /// Makes one partial signature for each message. The nonces are used up, whatever happens.
    ///
    /// - Parameters:
    ///   - handle: What stands for the nonces.
    ///   - context: The attempt.
    ///   - secretKey: The signer's key.
    /// - Returns: The partial signatures, 32 bytes for each message.
    /// - Throws: ``NonceVaultError``.
    public mutating func sign(
        _ handle: NonceHandle, in context: BIP327.Context, secretKey: borrowing SecretKey
    ) throws(NonceVaultError) -> [[UInt8]] {
        guard let taken = boxes.removeValue(forKey: handle) else { throw .unknownHandle(handle) }
        guard taken.count == context.sessions.count else {
            throw .wrongCount(expected: taken.count, found: context.sessions.count)
        }
        var partials: [[UInt8]] = []
        for (box, session) in zip(taken, context.sessions) {
            guard let nonce = box.take() else { throw .unknownHandle(handle) }
            do throws(PartialSignError) {
                partials.append(try session.sign(nonce, with: secretKey).rawRepresentation)
            } catch {
                throw .signingFailed(error)
            }
        }
        return partials
    }

    /// Wipes the nonces under a handle, if there are any.
    ///
    /// - Parameter handle: What stands for the nonces.
    public mutating func wipe(_ handle: NonceHandle) {
        boxes[handle] = nil
    }

    /// Wipes everything.
    public mutating func wipeAll() {
        boxes.removeAll()
    }
}

/// Why a vault did not do what it was asked.
public enum NonceVaultError: Error, Hashable, Sendable, CustomStringConvertible {
    /// There are nonces under the handle already.
    case handleInUse(NonceHandle)
    /// There are no nonces under the handle: they were used, wiped, or never drawn here.
    case unknownHandle(NonceHandle)
    /// There are more or fewer messages than nonces.
    case wrongCount(expected: Int, found: Int)
    /// No nonces could be drawn.
    case generationFailed(NonceGenError)
    /// No partial signature could be made.
    case signingFailed(PartialSignError)

    /// What is wrong, in words.
    public var description: String {
        switch self {
        case .handleInUse(let handle): "vault: expected no \(handle), found some"
        case .unknownHandle(let handle): "vault: expected \(handle), found none"
        case .wrongCount(let expected, let found): "vault: expected \(expected) messages, found \(found)"
        case .generationFailed(let error): "vault: \(error)"
        case .signingFailed(let error): "vault: \(error)"
        }
    }
}

extension NonceHandle {
    /// What tells this nonce from all others of this signer besides key and message: session id ‖ u32 attempt ‖ u64 run
    /// ‖ u32 position of the message, big-endian.
    func extraInput(message: Int) -> [UInt8] {
        var bytes = session.bytes
        withUnsafeBytes(of: attempt.bigEndian) { bytes.append(contentsOf: $0) }
        withUnsafeBytes(of: run.bigEndian) { bytes.append(contentsOf: $0) }
        withUnsafeBytes(of: UInt32(clamping: message).bigEndian) { bytes.append(contentsOf: $0) }
        return bytes
    }
}
