public import MuSig2
public import Secp256k1

/// What a session computes, with the module `MuSig2`: BIP-327 on secp256k1.
public struct BIP327: SessionCrypto {
    /// The session values of each message.
    public struct Context: Hashable, Sendable {
        /// One for each message, in order.
        public let sessions: [SigningSession]
    }

    /// The session.
    public let descriptor: SessionDescriptor

    /// The signers' keys and the key that is signed for, with all tweaks.
    public let keyAgg: KeyAggContext

    /// Aggregates the descriptor's keys.
    ///
    /// - Parameter descriptor: The session.
    /// - Throws: ``DescriptorError/invalidAggregateKey(_:)``: tweaks that cancel the key, for which nobody can sign.
    public init(_ descriptor: SessionDescriptor) throws(DescriptorError) {
        self.descriptor = descriptor
        keyAgg = try descriptor.keyAggContext()
    }

    /// The key that the final signatures are for, all tweaks applied.
    public var finalKey: XOnlyPublicKey { keyAgg.xOnlyKey }

    /// By session.
    public static func == (left: BIP327, right: BIP327) -> Bool { left.descriptor == right.descriptor }

    /// By session.
    public func hash(into hasher: inout Hasher) { hasher.combine(descriptor) }

    /// H(tag, bytes).
    public func hash(_ tag: Tag, _ bytes: [UInt8]) -> Hash32 { tag.hash(bytes) }

    /// Whether a body is signed by a signer's message key under the tag `message`.
    public func isValid(signature: [UInt8], ofBody body: [UInt8], signer: Int) -> Bool {
        guard descriptor.messageKeys.indices.contains(signer) else { return false }
        do throws(SignatureError) {
            let signature = try SchnorrSignature(rawRepresentation: signature)
            return Tag.message.isValid(signature, for: body, by: descriptor.messageKeys[signer])
        } catch {
            return false
        }
    }

    /// Parses one signer's public nonces.
    public func nonces(_ bytes: [[UInt8]]) -> [PublicNonce]? {
        guard bytes.count == descriptor.messages.count else { return nil }
        do throws(ContributionError) {
            var nonces: [PublicNonce] = []
            nonces.reserveCapacity(bytes.count)
            for bytes in bytes { nonces.append(try PublicNonce(rawRepresentation: bytes)) }
            return nonces
        } catch {
            return nil
        }
    }

    /// Adds up all signers' nonces.
    public func aggregate(_ nonces: [[PublicNonce]]) -> (aggregateNonces: [[UInt8]], context: Context)? {
        do throws(NonceAggError) {
            var sums: [AggregateNonce] = []
            for message in descriptor.messages.indices {
                sums.append(try AggregateNonce(aggregating: nonces.map { $0[message] }))
            }
            return context(sums).map { (sums.map(\.rawRepresentation), $0) }
        } catch {
            return nil
        }
    }

    /// Reads aggregate nonces that a coordinator added up.
    public func context(aggregateNonces: [[UInt8]]) -> Context? {
        guard aggregateNonces.count == descriptor.messages.count else { return nil }
        do throws(InvalidContribution) {
            var sums: [AggregateNonce] = []
            for bytes in aggregateNonces { sums.append(try AggregateNonce(rawRepresentation: bytes)) }
            return context(sums)
        } catch {
            return nil
        }
    }

    private func context(_ sums: [AggregateNonce]) -> Context? {
        do throws(SigningSessionError) {
            var sessions: [SigningSession] = []
            sessions.reserveCapacity(sums.count)
            for (sum, message) in zip(sums, descriptor.messages) {
                sessions.append(try SigningSession(context: keyAgg, aggregateNonce: sum, message: message))
            }
            return Context(sessions: sessions)
        } catch {
            return nil
        }
    }

    private func partials(_ bytes: [[UInt8]]) -> [PartialSignature]? {
        guard bytes.count == descriptor.messages.count else { return nil }
        do throws(ContributionError) {
            var partials: [PartialSignature] = []
            for bytes in bytes { partials.append(try PartialSignature(rawRepresentation: bytes)) }
            return partials
        } catch {
            return nil
        }
    }

    /// Whether there is one partial signature for each message, each a number below the order of the group.
    public func isWellFormed(partials bytes: [[UInt8]]) -> Bool { partials(bytes) != nil }

    /// Whether all of one signer's partial signatures are valid.
    public func isValid(partials bytes: [[UInt8]], nonces: [PublicNonce], signer: Int, context: Context) -> Bool {
        guard let partials = partials(bytes), nonces.count == partials.count, context.sessions.count == partials.count
        else { return false }
        return partials.indices.allSatisfy {
            context.sessions[$0].isValid(partials[$0], publicNonce: nonces[$0], signer: signer)
        }
    }

    /// Adds up all signers' partial signatures, and verifies the sums.
    public func signatures(partials bytes: [[[UInt8]]], context: Context) -> [SchnorrSignature]? {
        let bySigner = bytes.compactMap { partials($0) }
        guard bySigner.count == descriptor.signerKeys.count else { return nil }
        do throws(AggregationError) {
            var signatures: [SchnorrSignature] = []
            for (message, session) in context.sessions.enumerated() {
                signatures.append(try session.aggregate(bySigner.map { $0[message] }))
            }
            return signatures
        } catch {
            return nil
        }
    }

    /// Whether these are valid signatures of all the descriptor's messages, in order.
    public func isValid(signatures: [SchnorrSignature]) -> Bool {
        guard signatures.count == descriptor.messages.count else { return false }
        let key = keyAgg.xOnlyKey
        return zip(signatures, descriptor.messages).allSatisfy { key.isValidSignature($0, for: $1) }
    }
}
