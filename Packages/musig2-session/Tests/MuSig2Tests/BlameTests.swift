import Secp256k1
import Testing

@testable import MuSig2

@Suite("Blame")
struct BlameTests {
    private func group() throws -> Group {
        try Group(seed: 20, count: 4, tweakCount: 2)
    }

    @Test("Wrong partial signatures are pinned on their signers, all of them and nobody else")
    func wrongPartials() throws {
        let group = try self.group()
        var partials = try group.partials()
        partials[1] = PartialSignature(partials[1].scalar + .one)
        partials[3] = PartialSignature(-partials[3].scalar)
        let error = thrown { () throws(AggregationError) in
            _ = try group.session.aggregate(partials, publicNonces: group.publicNonces)
        }
        #expect(error == .invalidPartialSignatures(signers: [1, 3]))
        #expect(
            error?.description
                == "partial signatures: expected valid ones, found invalid ones of signers 1, 3"
        )
        #expect(group.session.signersOfInvalid(partials, publicNonces: group.publicNonces) == [1, 3])
        #expect(group.session.signersOfInvalid(Array(partials.prefix(3)), publicNonces: group.publicNonces) == [1, 3])
    }

    @Test("Without the nonces nobody is named")
    func withoutNonces() throws {
        let group = try self.group()
        var partials = try group.partials()
        partials[0] = PartialSignature(.zero)
        let error = thrown { () throws(AggregationError) in _ = try group.session.aggregate(partials) }
        #expect(error == .invalidSignature)
    }

    @Test("Zero, and what makes the sum zero, are numbers like others: decoded, and wrong")
    func zero() throws {
        let group = try self.group()
        let partials = try group.partials()
        let others = partials.dropLast().reduce(Scalar.zero) { $0 + $1.scalar }
        for wrong in [Scalar.zero, -others, -(others + group.session.tweakTerm)] {
            var changed = partials
            changed[3] = try PartialSignature(rawRepresentation: PartialSignature(wrong).rawRepresentation)
            let error = thrown { () throws(AggregationError) in
                _ = try group.session.aggregate(changed, publicNonces: group.publicNonces)
            }
            #expect(error == .invalidPartialSignatures(signers: [3]))
        }
    }

    @Test("A partial signature that is no number below the order names its signer")
    func partialTooLarge() throws {
        let group = try self.group()
        var raw = try group.partials().map(\.rawRepresentation)
        raw[2] = [UInt8](repeating: 0xFF, count: 32)
        let error = thrown { () throws(AggregationError) in _ = try group.session.aggregate(rawPartials: raw) }
        let blame = InvalidContribution(signer: 2, contribution: .partialSignature, reason: .scalarNotBelowOrder)
        #expect(error == .invalidContribution(blame))
        #expect(
            error?.description
                == "partial signature of signer 2: expected a number below the order of the group, found a larger one"
        )
        raw[2] = [1, 2]
        let short = thrown { () throws(AggregationError) in _ = try group.session.aggregate(rawPartials: raw) }
        let reason = ContributionError.wrongLength(expected: 32, found: 2)
        #expect(
            short
                == .invalidContribution(
                    InvalidContribution(signer: 2, contribution: .partialSignature, reason: reason)
                )
        )
        #expect(reason.description == "expected 32 bytes, found 2")
    }

    @Test("There is one partial signature and one nonce for each signer")
    func counts() throws {
        let group = try self.group()
        var partials = try group.partials()
        let missing = thrown { () throws(AggregationError) in
            _ = try group.session.aggregate(Array(partials.dropLast()))
        }
        #expect(missing == .wrongNumberOfPartialSignatures(expected: 4, found: 3))
        let raw = thrown { () throws(AggregationError) in _ = try group.session.aggregate(rawPartials: []) }
        #expect(raw == .wrongNumberOfPartialSignatures(expected: 4, found: 0))
        partials[0] = PartialSignature(.one)
        let nonces = thrown { () throws(AggregationError) in
            _ = try group.session.aggregate(partials, publicNonces: [])
        }
        #expect(nonces == .wrongNumberOfPublicNonces(expected: 4, found: 0))
    }

    @Test("An index that no signer has is never valid")
    func indices() throws {
        let group = try self.group()
        let partial = try group.partials()[0]
        for signer in [-1, 1, 4, Int.max, Int.min] {
            #expect(!group.session.isValid(partial, publicNonce: group.publicNonces[0], signer: signer))
        }
        #expect(group.session.isValid(partial, publicNonce: group.publicNonces[0], signer: 0))
    }

    @Test("A wrong aggregate nonce blames the aggregator, and no signer")
    func wrongAggregateNonce() throws {
        let group = try self.group()
        let elsewhere = try Group(seed: 21, count: 4)
        let session = try SigningSession(
            context: group.context, aggregateNonce: elsewhere.session.aggregateNonce, message: group.session.message
        )
        let partials = try group.signers.partials(in: session, seed: group.seed)
        for signer in 0..<4 {
            #expect(session.isValid(partials[signer], publicNonce: group.publicNonces[signer], signer: signer))
        }
        let error = thrown { () throws(AggregationError) in
            _ = try session.aggregate(partials, publicNonces: group.publicNonces)
        }
        #expect(error == .aggregateNonceIsNotTheSum)
    }

    @Test("Keys and nonces that cannot be decoded name their signer, the part and the reason")
    func undecodable() throws {
        let group = try self.group()
        var keys = group.context.keys.map(\.compressedRepresentation)
        keys[2][0] = 5
        let keyError = thrown { () throws(KeyAggError) in _ = try KeyAggContext(compressedKeys: keys) }
        let keyReason = ContributionError.invalidPoint(offset: 0, .wrongPrefix(found: 5))
        #expect(
            keyError
                == .invalidContribution(InvalidContribution(signer: 2, contribution: .publicKey, reason: keyReason))
        )
        keys[2] = []
        let emptyKey = thrown { () throws(KeyAggError) in _ = try KeyAggContext(compressedKeys: keys) }
        let emptyReason = ContributionError.invalidPoint(offset: 0, .wrongByteCount(expected: 33, found: 0))
        #expect(
            emptyKey
                == .invalidContribution(InvalidContribution(signer: 2, contribution: .publicKey, reason: emptyReason))
        )

        var nonces = group.publicNonces.map(\.rawRepresentation)
        nonces[1].replaceSubrange(33..<66, with: [UInt8](repeating: 0, count: 33))
        let nonceError = thrown { () throws(NonceAggError) in _ = try AggregateNonce(aggregating: nonces) }
        let nonceReason = ContributionError.invalidPoint(offset: 33, .wrongPrefix(found: 0))
        let nonceBlame = InvalidContribution(signer: 1, contribution: .publicNonce, reason: nonceReason)
        #expect(nonceError == .invalidContribution(nonceBlame))
        #expect(
            nonceBlame.description
                == "public nonce of signer 1: point at byte 33: public key: expected a first byte of 02 or 03, found 00"
        )
        let parsed = thrown { () throws(InvalidContribution) in _ = try PublicNonce.parse(nonces) }
        #expect(parsed == nonceBlame)
        #expect(try PublicNonce.parse(group.publicNonces.map(\.rawRepresentation)) == group.publicNonces)
        nonces[1].removeLast()
        let shortNonce = thrown { () throws(NonceAggError) in _ = try AggregateNonce(aggregating: nonces) }
        let shortReason = ContributionError.wrongLength(expected: 66, found: 65)
        #expect(
            shortNonce
                == .invalidContribution(
                    InvalidContribution(signer: 1, contribution: .publicNonce, reason: shortReason)
                )
        )
        let sum = thrown { () throws(InvalidContribution) in
            _ = try AggregateNonce(rawRepresentation: [UInt8](repeating: 0, count: 67))
        }
        let sumReason = ContributionError.wrongLength(expected: 66, found: 67)
        #expect(sum == InvalidContribution(signer: nil, contribution: .aggregateNonce, reason: sumReason))
        #expect(sum?.description == "aggregate nonce: expected 66 bytes, found 67")
    }

    @Test("Each contribution has a name")
    func names() {
        let all: [Contribution] = [.publicKey, .publicNonce, .aggregateNonce, .aggregateOtherNonce, .partialSignature]
        #expect(Set(all.map(\.description)).count == 5)
    }
}
