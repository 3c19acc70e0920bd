#if os(Linux)
    import Synchronization
    import Testing

    @testable import Secp256k1

    /// Each test runs an operation on a secret on a stack of its own, and looks for the secret in what is left of the stack.
    @Suite struct DeadStackTests {
        private static let key = hex("0b432b2677937381aef05bb02a66ecd012773062cf3fa2549e44f58ed2401710")
        private static let other = hex("c90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b14e5c9")

        /// The control: what no wiper was told of is found.
        @Test func whatIsNotWipedIsFound() throws {
            let secret = secretBytes(Self.key)
            let pointer = Pointer(secret.withUnsafeBytes { $0.baseAddress })
            let memory = try OwnStack.left { Self.copyToStack(pointer) }
            #expect(SecretSearch(["key": Self.key]).findings(in: memory) != [])
            _ = consume secret
        }

        @Test func makingAKeyLeavesNothing() throws {
            let bytes = Shared(secretBytes(Self.key))
            let memory = try OwnStack.left {
                let isMade = secretKeyError { () throws(SecretKeyError) in
                    _ = try bytes.value.withUnsafeBytes { (bytes) throws(SecretKeyError) in
                        try SecretKey(copying: bytes)
                    }
                }
                if isMade != nil { Issue.record("no key") }
            }
            #expect(SecretSearch(Self.forms("key", Self.key)).findings(in: memory) == [])
        }

        @Test(arguments: [0, 1, 100]) func aSchnorrSignatureLeavesNothing(count: Int) throws {
            let message = [UInt8](repeating: 7, count: count)
            let key = Shared(try secretKey(Self.key))
            let memory = try OwnStack.left {
                do throws(SigningError) {
                    _ = try key.value.schnorrSignature(for: message, auxiliaryRandomness: .zero)
                } catch {
                    Issue.record("\(error)")
                }
            }
            let secrets = try Self.schnorrSecrets(message)
            #expect(SecretSearch(secrets).findings(in: memory) == [])
        }

        @Test func anECDSASignatureLeavesNothing() throws {
            let key = Shared(try secretKey(Self.key))
            let digest = try #require(Hash32(Self.other))
            let memory = try OwnStack.left {
                do throws(SigningError) {
                    _ = try key.value.ecdsaSignature(forDigest: digest)
                } catch {
                    Issue.record("\(error)")
                }
            }
            // The nonce is (z + r * d) / s.
            let signature = try key.value.ecdsaSignature(forDigest: digest)
            let (r, s) = (Scalar(reducing: signature.r), Scalar(reducing: signature.s))
            let nonce = (Scalar(reducing: digest) + r * Self.scalar(Self.key)) * Self.inverse(s)
            let secrets = Self.forms("key", Self.key).merging(Self.forms("nonce", nonce.bytes)) { $1 }
            #expect(SecretSearch(secrets).findings(in: memory) == [])
        }

        enum Operation: CaseIterable {
            case check, reduce, add, multiply, negate, publicPoint, hash, copy, random
        }

        @Test(arguments: Operation.allCases) func aSecretScalarLeavesNothing(operation: Operation) throws {
            let value = Shared(try secretScalar(Self.key))
            let other = Shared(try secretScalar(Self.other))
            let results = Shared(SecretBytes(byteCount: 32))
            let memory = try OwnStack.left {
                let error = secretKeyError { () throws(SecretKeyError) in
                    switch operation {
                    case .check:
                        _ = try value.value.withUnsafeBytes { (bytes) throws(SecretKeyError) in
                            try SecretScalar(copying: bytes)
                        }
                    case .reduce:
                        _ = try SecretScalar(reducing: value.value.withUnsafeBytes { SecretBytes(copying: $0) })
                    case .add: try value.value.add(other.value)
                    case .multiply: try value.value.multiply(by: other.value)
                    case .negate: value.value.negate()
                    case .publicPoint: _ = try value.value.publicPoint()
                    case .hash:
                        results.value = value.value.withUnsafeBytes { TaggedHash("test").secretHash($0) }
                    case .copy: _ = value.value.copy()
                    case .random: results.value = SecretBytes.random(byteCount: 32)
                    }
                }
                if error != nil { Issue.record("\(operation)") }
            }
            let (first, second) = (Self.scalar(Self.key), Self.scalar(Self.other))
            var secrets = Self.forms("first", Self.key).merging(Self.forms("second", Self.other)) { $1 }
            for (name, result) in [("sum", first + second), ("product", first * second)] {
                secrets.merge(Self.forms(name, result.bytes)) { $1 }
            }
            results.value.withUnsafeBytes { secrets["result"] = Array($0) }
            #expect(SecretSearch(secrets).findings(in: memory) == [])
        }

        /// A number and its negative, which is as good.
        private static func forms(_ name: String, _ bytes: [UInt8]) -> [String: [UInt8]] {
            [name: bytes, "-\(name)": (-scalar(bytes)).bytes]
        }

        /// Everything from which a signature without auxiliary randomness gives the key away. BIP-340, "Default signing".
        private static func schnorrSecrets(_ message: [UInt8]) throws -> [String: [UInt8]] {
            let point = try secretKey(key).publicKey
            let key = point.compressedRepresentation[0] == 3 ? -scalar(key) : scalar(key)
            let mask = TaggedHash("BIP0340/aux").hash([UInt8](repeating: 0, count: 32)).bytes
            let masked = zip(key.bytes, mask).map { $0 ^ $1 }
            let nonce = TaggedHash("BIP0340/nonce").hash(masked, point.xOnly.x.bytes, message).bytes
            return forms("key", key.bytes).merging(forms("nonce", nonce)) { $1 }.merging(["masked key": masked]) { $1 }
        }

        private static func scalar(_ bytes: [UInt8]) -> Scalar {
            Hash32(bytes).map { Scalar(reducing: $0) } ?? .zero
        }

        /// s to the power of n - 2.
        private static func inverse(_ value: Scalar) -> Scalar {
            let exponent = (-Scalar(2)).bytes
            var result = Scalar.one
            for bit in 0..<256 {
                result = result * result
                if exponent[bit / 8] >> UInt8(7 - bit % 8) & 1 == 1 { result = result * value }
            }
            return result
        }

        /// Copies to the far end of a frame, where what ends a thread does not reach.
        @inline(never)
        private static func copyToStack(_ pointer: Pointer) {
            withUnsafeTemporaryAllocation(byteCount: 1000, alignment: 16) { buffer in
                if let address = pointer.address { buffer.baseAddress?.copyMemory(from: address, byteCount: 32) }
                seen.store(
                    UnsafeRawBufferPointer(buffer)[Int(seen.load(ordering: .relaxed))], ordering: .relaxed)
            }
        }

        private static let seen = Atomic<UInt8>(0)

        private struct Pointer: @unchecked Sendable {
            let address: UnsafeRawPointer?

            init(_ address: UnsafeRawPointer?) {
                self.address = address
            }
        }
    }
#endif
