import MuSig2
import Secp256k1

/// The steps of BIP-327, each against the musig module where that is loaded.
struct MuSig2Benchmarks {
    let stopwatch: Stopwatch
    let peer: Peer?

    /// Measures every step for a number of signers.
    func measure(signers count: Int) throws -> [Measurement] {
        let fixture = try MuSig2Fixture(count: count)
        try self.peer?.prepare(signers: count)
        return [
            try self.keyAggregation(fixture),
            try self.nonceGeneration(fixture),
            try self.nonceAggregation(fixture),
            try self.partialSign(fixture),
            try self.partialVerify(fixture),
            try self.session(fixture),
        ]
    }

    private func keyAggregation(_ fixture: MuSig2Fixture) throws -> Measurement {
        try self.measure("KeyAgg", fixture, target: .ratio(1.3)) { count in
            for _ in 0..<count {
                blackHole(try KeyAggContext(keys: fixture.keys))
            }
        }
    }

    private func nonceGeneration(_ fixture: MuSig2Fixture) throws -> Measurement {
        let key = try MuSig2Fixture.secretKey(fixture.secretKeys[0])
        return try self.measure("NonceGen", fixture, target: .ratio(1.55)) { count in
            for _ in 0..<count {
                let nonce = try SecretNonce.generate(
                    secretKey: key, aggregateKey: fixture.context.xOnlyKey, message: fixture.message
                )
                blackHole(nonce.publicNonce.rawRepresentation)
            }
        }
    }

    private func nonceAggregation(_ fixture: MuSig2Fixture) throws -> Measurement {
        try self.measure("NonceAgg", fixture, target: .ratio(1.45)) { count in
            for _ in 0..<count {
                blackHole(try AggregateNonce(aggregating: fixture.rawNonces).rawRepresentation)
            }
        }
    }

    private func partialSign(_ fixture: MuSig2Fixture) throws -> Measurement {
        let key = try MuSig2Fixture.secretKey(fixture.secretKeys[0])
        let boxes = NonceBoxes()
        // At most this many in a round: drawing nonces takes a hundred times longer than signing with them.
        let most = 200
        return try self.measure(
            "PartialSign", fixture, target: .ratio(0.8), mostRuns: most,
            prepare: { count in
                while boxes.count < count {
                    boxes.put(try SecretNonce.generateInAdvance(secretKey: key))
                }
            },
            run: { count in
                for _ in 0..<count {
                    blackHole(try fixture.session.sign(boxes.take(), with: key))
                }
            }
        )
    }

    private func partialVerify(_ fixture: MuSig2Fixture) throws -> Measurement {
        try self.measure("PartialVerify", fixture, target: .ratio(1.45)) { count in
            for _ in 0..<count {
                let isValid = fixture.session.isValid(
                    fixture.partials[1], publicNonce: fixture.nonces[1], signer: 1
                )
                guard isValid else { throw Peer.Failure(description: "partial signature: expected a valid one") }
            }
        }
    }

    /// One signer's whole session, as the peer's (see `native_musig.c`), but without a look at each partial signature:
    /// the final signature is what is verified.
    private func session(_ fixture: MuSig2Fixture) throws -> Measurement {
        let key = try MuSig2Fixture.secretKey(fixture.secretKeys[0])
        let target: Double? = [2: 1.05, 3: 0.9, 100: 0.6][fixture.count]
        let inputs = SessionInputs(fixture)
        return try self.measure(
            "Session", fixture, target: target.map { .ratio($0) },
            prepare: { try inputs.prepare($0) },
            run: { count in
                for _ in 0..<count {
                    let input = try inputs.take()
                    let context = try KeyAggContext(compressedKeys: fixture.rawKeys).applyingTweak(fixture.tweak)
                    let nonce = try SecretNonce.generate(
                        secretKey: key, aggregateKey: context.xOnlyKey, message: fixture.message
                    )
                    blackHole(nonce.publicNonce.rawRepresentation)
                    let session = try SigningSession(
                        context: context,
                        aggregateNonce: AggregateNonce(aggregating: input.rawNonces),
                        message: fixture.message
                    )
                    var partials = input.rawPartials
                    partials[0] = try session.sign(inputs.nonces.take(), with: key).rawRepresentation
                    blackHole(try session.aggregate(rawPartials: partials))
                }
            }
        )
    }

    private func measure(
        _ step: String, _ fixture: MuSig2Fixture, target: Measurement.Target?, mostRuns: Int = 5_000,
        prepare: (Int) throws -> Void = { _ in }, run: (Int) throws -> Void
    ) throws -> Measurement {
        let result = try self.stopwatch.measure(
            mostRuns: mostRuns,
            prepare: prepare,
            run: run,
            peer: self.peer.map { peer in { count in try peer.run(step, count) } }
        )
        return Measurement(
            step: step, parameter: String(fixture.count), value: result.ours, peerValue: result.peer,
            ratio: result.ratio, target: target
        )
    }
}

/// What the other signers send in each of a round's sessions, made before the round.
final class SessionInputs {
    struct Input {
        var rawNonces: [[UInt8]]
        /// The first signer's is a placeholder: that is the signer whose session is measured.
        var rawPartials: [[UInt8]]
    }

    let nonces = NonceBoxes()
    private let fixture: MuSig2Fixture
    private var inputs: [Input] = []

    init(_ fixture: MuSig2Fixture) {
        self.fixture = fixture
    }

    func take() throws -> Input {
        guard let input = self.inputs.popLast() else { throw NonceBoxes.Empty() }
        return input
    }

    func prepare(_ count: Int) throws {
        while self.inputs.count < count {
            let others = NonceBoxes()
            var publicNonces: [PublicNonce] = []
            for signer in 0..<self.fixture.count {
                let nonce = try SecretNonce.generateWithoutSecretKey(publicKey: self.fixture.keys[signer])
                publicNonces.append(nonce.publicNonce)
                if signer == 0 {
                    self.nonces.put(nonce)
                } else {
                    others.put(nonce)
                }
            }
            let session = try SigningSession(
                context: self.fixture.context, aggregateNonce: AggregateNonce(aggregating: publicNonces),
                message: self.fixture.message
            )
            var rawPartials = [[UInt8]](repeating: [], count: self.fixture.count)
            for signer in (1..<self.fixture.count).reversed() {
                let key = try MuSig2Fixture.secretKey(self.fixture.secretKeys[signer])
                rawPartials[signer] = try session.sign(others.take(), with: key).rawRepresentation
            }
            self.inputs.append(Input(rawNonces: publicNonces.map(\.rawRepresentation), rawPartials: rawPartials))
        }
    }
}

/// Keeps a value from being optimised away.
@inline(never)
func blackHole<T>(_ value: T) {}
