import Testing

@testable import Secp256k1

/// Each test lends memory of its own to a secret, lets the secret go, and looks at what is left in that memory.
@Suite("Wiping")
struct WipingTests {
    private static let secret = hex("0b432b2677937381aef05bb02a66ecd012773062cf3fa2549e44f58ed2401710")

    @Test func bytesAreZeroWhenTheirOwnerIsGone() {
        let left = Self.memoryLeft([UInt8](repeating: 0xEE, count: 48)) { storage in
            #expect(storage.withUnsafeBytes { Array($0) } == [UInt8](repeating: 0xEE, count: 48))
        }
        #expect(left == [UInt8](repeating: 0, count: 48))
    }

    @Test func aKeyIsZeroWhenItIsGone() throws {
        let left = Self.memoryLeft([UInt8](repeating: 0xEE, count: 128)) { storage in
            let key = Self.key(Self.secret, storage)
            #expect(key?.withUnsafeBytes { Array($0) } == Self.secret)
        }
        #expect(left == [UInt8](repeating: 0, count: 128))
    }

    @Test func aKeyThatHasSignedIsZeroWhenItIsGone() throws {
        let left = Self.memoryLeft([UInt8](repeating: 0xEE, count: 128)) { storage in
            guard let key = Self.key(Self.secret, storage) else { return }
            #expect(throws: Never.self) { try key.schnorrSignature(for: [1, 2, 3]) }
            #expect(throws: Never.self) { try key.ecdsaSignature(forDigest: .zero) }
        }
        #expect(left == [UInt8](repeating: 0, count: 128))
    }

    @Test func aRefusedKeyIsZero() throws {
        let left = Self.memoryLeft([UInt8](repeating: 0xEE, count: 128)) { storage in
            let isMade = Self.key(hex(orderHex), storage) != nil
            #expect(!isMade)
        }
        #expect(left == [UInt8](repeating: 0, count: 128))
    }

    @Test func aScalarIsZeroWhenItIsGone() throws {
        let left = Self.memoryLeft(Self.secret) { storage in
            var scalar = SecretScalar(unchecked: storage)
            let error = secretKeyError { () throws(SecretKeyError) in try scalar.multiply(by: Scalar(3)) }
            #expect(error == nil)
        }
        #expect(left == [UInt8](repeating: 0, count: 32))
    }

    @Test func aDeclassifiedScalarIsZero() {
        let left = Self.memoryLeft(Self.secret) { storage in
            #expect(SecretScalar(unchecked: storage).declassify().bytes == Self.secret)
        }
        #expect(left == [UInt8](repeating: 0, count: 32))
    }

    @Test func aRefusedScalarIsZero() {
        for isReducing in [true, false] {
            let left = Self.memoryLeft(hex(orderHex)) { storage in
                #expect(Self.refusal(storage, isReducing: isReducing) == .outOfRange)
            }
            #expect(left == [UInt8](repeating: 0, count: 32), "reducing \(isReducing)")
        }
    }

    /// The control: memory that no secret owned keeps its bytes, so zeros above are the work of the wipe.
    @Test func memoryThatIsNotWipedKeepsItsBytes() {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 32, alignment: 16)
        defer { buffer.deallocate() }
        buffer.copyBytes(from: Self.secret)
        #expect(Array(buffer) == Self.secret)
        SecretBytes.wipe(buffer)
        #expect(Array(buffer) == [UInt8](repeating: 0, count: 32))
        SecretBytes.wipe(UnsafeMutableRawBufferPointer(start: nil, count: 0))
    }

    /// What is left of `bytes` after `body` was given a secret that owns the memory they are in.
    private static func memoryLeft(_ bytes: [UInt8], _ body: (consuming SecretBytes) -> Void) -> [UInt8] {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 16)
        defer { buffer.deallocate() }
        buffer.copyBytes(from: bytes)
        body(SecretBytes(wipingButNotFreeing: buffer))
        return Array(buffer)
    }

    private static func key(_ bytes: [UInt8], _ storage: consuming SecretBytes) -> SecretKey? {
        let source = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
        defer { source.deallocate() }
        source.copyBytes(from: bytes)
        do throws(SecretKeyError) {
            return try SecretKey(UnsafeRawBufferPointer(source), storage: storage)
        } catch {
            return nil
        }
    }

    private static func refusal(_ storage: consuming SecretBytes, isReducing: Bool) -> SecretKeyError? {
        do throws(SecretKeyError) {
            if isReducing {
                _ = try SecretScalar(reducing: storage)
            } else {
                _ = try SecretScalar(storage)
            }
            return nil
        } catch {
            return error
        }
    }
}
