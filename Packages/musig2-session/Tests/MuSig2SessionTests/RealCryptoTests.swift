import MuSig2
import MuSig2Session
import Secp256k1
import SessionSimulation
import Testing
import WireCodec

/// Whole sessions on secp256k1, with the real vault.
@Suite("Sessions with BIP-327")
struct RealCryptoTests {
    private func sign(
        _ plan: SessionPlan, seed: UInt64 = 1, weather: Weather = Weather()
    ) throws -> Simulation<RealHands> {
        let descriptor = try Fixture.descriptor(plan)
        let crypto = try BIP327(descriptor)
        let simulation = Simulation(descriptor: descriptor, crypto: crypto, seed: seed, weather: weather) {
            RealHands(crypto: crypto, key: try Fixture.secretKey($0))
        }
        #expect(try simulation.run(until: .seconds(7_000)), "seed \(seed)\n\(simulation.summary)")
        try simulation.checkHonestEnd()
        let key = try descriptor.keyAggContext().xOnlyKey
        for node in simulation.nodes {
            let signatures = try #require(node?.machine.signatures)
            #expect(signatures.count == descriptor.messages.count)
            for (signature, message) in zip(signatures, descriptor.messages) {
                #expect(key.isValidSignature(signature, for: message))
            }
        }
        return simulation
    }

    @Test(arguments: [2, 3])
    func mesh(signers: Int) throws {
        #expect(try sign(Fixture.plan(signers: signers)).penalties.isEmpty)
    }

    @Test
    func star() throws {
        #expect(try sign(Fixture.plan(signers: 10, messages: 2)).penalties.isEmpty)
    }

    @Test
    func commitmentRound() throws {
        var plan = try Fixture.plan(signers: 3)
        plan.hasCommitmentRound = true
        #expect(try sign(plan).penalties.isEmpty)
    }

    @Test
    func messagesOfAnyLengthAndTweaks() throws {
        var plan = try Fixture.plan(signers: 2)
        plan.messages = [[], [1], [UInt8](repeating: 9, count: 1_000)]
        plan.tweaks = [
            try Tweak(bytes: [UInt8](repeating: 1, count: 32), kind: .plain),
            try Tweak(bytes: [UInt8](repeating: 2, count: 32), kind: .xOnly),
        ]
        _ = try sign(plan)
    }

    @Test
    func taproot() throws {
        var plan = try Fixture.plan(signers: 2)
        plan.taproot = .init()
        let keyPath = try Fixture.descriptor(plan).keyAggContext()
        // BIP-341: Q = P + H(TapTweak, P)·G.
        let internalKey = try KeyAggContext(keys: plan.signerKeys).xOnlyKey
        let tweak = TaggedHash("TapTweak").hash(internalKey.rawRepresentation)
        let scalar = try #require(Scalar(canonical: tweak.bytes))
        #expect(internalKey.evenPublicKey.addingGenerator(times: scalar) == .point(keyPath.aggregateKey))
        _ = try sign(plan)
        plan.taproot = .init(merkleRoot: Hash32([UInt8](repeating: 5, count: 32)))
        #expect(try Fixture.descriptor(plan).keyAggContext().aggregateKey != keyPath.aggregateKey)
        _ = try sign(plan)
    }

    @Test
    func ownMessageKeys() throws {
        var plan = try Fixture.plan(signers: 2)
        plan.messageKeys = [try Fixture.publicKey(100), try Fixture.publicKey(101)]
        let descriptor = try Fixture.descriptor(plan)
        let crypto = try BIP327(descriptor)
        let body = Array("a body".utf8)
        let byMessageKey = try Tag.message.sign(body, with: Fixture.secretKey(100)).rawRepresentation
        let bySignerKey = try Tag.message.sign(body, with: Fixture.secretKey(0)).rawRepresentation
        #expect(crypto.isValid(signature: byMessageKey, ofBody: body, signer: 0))
        #expect(!crypto.isValid(signature: bySignerKey, ofBody: body, signer: 0))
        #expect(try descriptor.position(of: Fixture.publicKey(0), messageKey: Fixture.publicKey(100)) == 0)
        #expect(throws: DescriptorError.wrongMessageKey(index: 0)) { try descriptor.position(of: Fixture.publicKey(0)) }
        #expect(throws: DescriptorError.notASigner) { try descriptor.position(of: Fixture.publicKey(9)) }
    }

    @Test(arguments: 0..<3 as Range<UInt64>)
    func stormsAndCrashes(seed: UInt64) throws {
        var weather = Weather()
        weather.loss = 0.3
        weather.delay = 1...300
        weather.crashes = 2
        _ = try sign(Fixture.plan(signers: 3), seed: seed, weather: weather)
    }

    @Test
    func k13ASignatureIsForItsTagAlone() throws {
        let key = try Fixture.secretKey(0)
        let publicKey = key.publicKey.xOnly
        let body = Array("a body that looks like an announcement".utf8)
        for tag in Tag.all {
            let signature = try tag.sign(body, with: key)
            for other in Tag.all { #expect(other.isValid(signature, for: body, by: publicKey) == (other == tag)) }
            #expect(!publicKey.isValidSignature(signature, for: body))
        }
        #expect(Set(Tag.all.map(\.description)).count == 11)
        #expect(Tag.all.allSatisfy { $0.description.hasPrefix("musig2-p2p/") })
    }

    @Test
    func k9ContributionsOutOfRange() throws {
        let crypto = try BIP327(Fixture.descriptor(Fixture.plan(signers: 2)))
        let order: [UInt8] =
            [UInt8](repeating: 0xFF, count: 15) + [
                0xFE, 0xBA, 0xAE, 0xDC, 0xE6, 0xAF, 0x48, 0xA0, 0x3B, 0xBF, 0xD2, 0x5E, 0x8C, 0xD0, 0x36, 0x41, 0x41,
            ]
        #expect(!crypto.isWellFormed(partials: [order]))
        #expect(crypto.isWellFormed(partials: [[UInt8](repeating: 0, count: 32)]))
        #expect(!crypto.isWellFormed(partials: []))
        #expect(crypto.nonces([[UInt8](repeating: 0, count: 66)]) == nil)
        #expect(crypto.nonces([]) == nil)
        // The aggregate of nonces may be infinite: BIP-327 has a rule for it.
        #expect(crypto.context(aggregateNonces: [[UInt8](repeating: 0, count: 66)]) != nil)
        #expect(crypto.context(aggregateNonces: [[UInt8](repeating: 1, count: 66)]) == nil)
    }
}

/// The only holder of secret nonces.
@Suite("The nonce vault")
struct NonceVaultTests {
    private let crypto: BIP327
    private let descriptor: SessionDescriptor

    init() throws {
        descriptor = try Fixture.descriptor(Fixture.plan(signers: 2, messages: 2))
        crypto = try BIP327(descriptor)
    }

    private func handle(attempt: UInt32 = 1, run: UInt64 = 1) -> NonceHandle {
        NonceHandle(session: descriptor.id, attempt: attempt, run: run)
    }

    private func context(_ nonces: [[UInt8]], _ others: [[UInt8]]) throws -> BIP327.Context {
        let parsed = [try #require(crypto.nonces(nonces)), try #require(crypto.nonces(others))]
        return try #require(crypto.aggregate(parsed)).context
    }

    @Test
    func k5ANonceSignsOnce() throws {
        var vault = NonceVault()
        var other = NonceVault()
        let key = try Fixture.secretKey(0)
        let nonces = try vault.generate(handle(), for: crypto, secretKey: key)
        let others = try other.generate(handle(), for: crypto, secretKey: Fixture.secretKey(1))
        let context = try context(nonces, others)
        #expect(vault.count == 1)
        let partials = try vault.sign(handle(), in: context, secretKey: key)
        #expect(
            crypto.isValid(
                partials: partials, nonces: try #require(crypto.nonces(nonces)), signer: 0, context: context))
        #expect(vault.count == 0)
        do throws(NonceVaultError) {
            _ = try vault.sign(handle(), in: context, secretKey: key)
            Issue.record("a nonce signed twice")
        } catch {
            #expect(error == .unknownHandle(handle()))
        }
    }

    @Test
    func k3k6EveryHandleHasItsOwnNonces() throws {
        var vault = NonceVault()
        let key = try Fixture.secretKey(0)
        var seen: Set<[UInt8]> = []
        for attempt in 1...3 as ClosedRange<UInt32> {
            for run in 1...3 as ClosedRange<UInt64> {
                let nonces = try vault.generate(handle(attempt: attempt, run: run), for: crypto, secretKey: key)
                seen.formUnion(nonces)
            }
        }
        #expect(seen.count == 18)
        do throws(NonceVaultError) {
            _ = try vault.generate(handle(), for: crypto, secretKey: key)
            Issue.record("nonces were exchanged")
        } catch {
            #expect(error == .handleInUse(handle()))
        }
    }

    @Test
    func wipedNoncesAreGone() throws {
        var vault = NonceVault()
        let key = try Fixture.secretKey(0)
        let nonces = try vault.generate(handle(), for: crypto, secretKey: key)
        let context = try context(nonces, nonces)
        vault.wipe(handle())
        do throws(NonceVaultError) {
            _ = try vault.sign(handle(), in: context, secretKey: key)
            Issue.record("a wiped nonce signed")
        } catch {
            #expect(error == .unknownHandle(handle()))
        }
        _ = try vault.generate(handle(attempt: 2), for: crypto, secretKey: key)
        vault.wipeAll()
        #expect(vault.count == 0)
    }

    @Test
    func aKeyThatIsNotTheNoncesOwnUsesThemUp() throws {
        var vault = NonceVault()
        let nonces = try vault.generate(handle(), for: crypto, secretKey: Fixture.secretKey(0))
        let context = try context(nonces, nonces)
        let another = try Fixture.secretKey(1)
        let (expected, found) = (try Fixture.publicKey(0), try Fixture.publicKey(1))
        do throws(NonceVaultError) {
            _ = try vault.sign(handle(), in: context, secretKey: another)
            Issue.record("another key signed")
        } catch {
            #expect(error == .signingFailed(.nonceOfAnotherKey(expected: expected, found: found)))
        }
        #expect(vault.count == 0)
    }
}
