import Secp256k1
import Testing

@testable import MuSig2

/// What a signer contributes with one bit changed on the way: whatever follows must name that signer and nobody else.
enum BitFlip {
    private static func flip(_ raw: [UInt8], bit: Int) -> [UInt8] {
        var raw = raw
        raw[bit / 8] ^= 1 << UInt8(bit % 8)
        return raw
    }

    /// The others aggregate a changed key; the signer signs with the key that it has.
    static func changeKey(_ group: Group, signer: Int, bit: Int) throws {
        var raw = group.context.keys.map(\.compressedRepresentation)
        raw[signer] = flip(raw[signer], bit: bit)
        let changed: KeyAggContext
        do throws(KeyAggError) {
            changed = try KeyAggContext(compressedKeys: raw)
        } catch {
            guard case .invalidContribution(let blame) = error else {
                Issue.record("key of signer \(signer), bit \(bit): \(error)")
                return
            }
            #expect(blame.signer == signer && blame.contribution == .publicKey, "bit \(bit)")
            return
        }
        let session = try group.session(context: changed)
        // The signer's own view is the group's session; the others' partials are made in the changed one.
        var partials = try group.partials()
        for other in group.context.keys.indices where other != signer {
            let nonce = try group.signers.nonce(other, seed: group.seed)
            let key = try group.signers.secretKey(other)
            partials[other] = try session.sign(nonce, with: key)
        }
        expectBlame(session, partials, group.publicNonces, signer: signer, "key, bit \(bit)")
    }

    /// Everybody adds up a changed nonce; the signer signs with the nonce that it has.
    static func changeNonce(_ group: Group, signer: Int, bit: Int) throws {
        var raw = group.publicNonces.map(\.rawRepresentation)
        raw[signer] = flip(raw[signer], bit: bit)
        do throws(NonceAggError) {
            _ = try AggregateNonce(aggregating: raw)
        } catch {
            guard case .invalidContribution(let blame) = error else {
                Issue.record("nonce of signer \(signer), bit \(bit): \(error)")
                return
            }
            #expect(blame.signer == signer && blame.contribution == .publicNonce, "bit \(bit)")
            return
        }
        let nonces = try raw.map { try PublicNonce(rawRepresentation: $0) }
        let session = try group.session(publicNonces: nonces)
        let partials = try group.signers.partials(in: session, seed: group.seed)
        expectBlame(session, partials, nonces, signer: signer, "nonce, bit \(bit)")
    }

    static func changePartial(_ group: Group, _ partials: [PartialSignature], signer: Int, bit: Int) {
        var raw = partials.map(\.rawRepresentation)
        raw[signer] = flip(raw[signer], bit: bit)
        let error = thrown { () throws(AggregationError) in
            _ = try group.session.aggregate(rawPartials: raw, publicNonces: group.publicNonces)
        }
        let tooLarge = InvalidContribution(
            signer: signer, contribution: .partialSignature, reason: .scalarNotBelowOrder)
        let expected: [AggregationError?] = [
            .invalidPartialSignatures(signers: [signer]), .invalidContribution(tooLarge),
        ]
        #expect(expected.contains(error), "partial signature of signer \(signer), bit \(bit)")
    }

    /// The signers are given a changed sum of their nonces: that is no signer's doing, whatever the sum looks like.
    static func changeAggregateNonce(_ group: Group, bit: Int) throws {
        let raw = flip(group.session.aggregateNonce.rawRepresentation, bit: bit)
        let sum: AggregateNonce
        do throws(InvalidContribution) {
            sum = try AggregateNonce(rawRepresentation: raw)
        } catch {
            #expect(error.signer == nil && error.contribution == .aggregateNonce, "aggregate nonce, bit \(bit)")
            return
        }
        let session = try SigningSession(context: group.context, aggregateNonce: sum, message: group.session.message)
        let partials = try group.signers.partials(in: session, seed: group.seed)
        let error = thrown { () throws(AggregationError) in
            _ = try session.aggregate(partials, publicNonces: group.publicNonces)
        }
        #expect(error == .aggregateNonceIsNotTheSum, "aggregate nonce, bit \(bit)")
        #expect(
            session.signersOfInvalid(partials, publicNonces: group.publicNonces) == [], "aggregate nonce, bit \(bit)")
    }

    private static func expectBlame(
        _ session: SigningSession, _ partials: [PartialSignature], _ nonces: [PublicNonce], signer: Int,
        _ what: String
    ) {
        let error = thrown { () throws(AggregationError) in
            _ = try session.aggregate(partials, publicNonces: nonces)
        }
        #expect(error == .invalidPartialSignatures(signers: [signer]), "\(what) of signer \(signer)")
    }
}
