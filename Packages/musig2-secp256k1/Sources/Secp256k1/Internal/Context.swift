import CSecp256k1
import Synchronization

/// The one library context of this process.
///
/// Created and randomised once (blinding against side channels), and never written to again: everything else in the
/// library takes a const context, so any number of threads may use it at once. That is what makes `@unchecked Sendable`
/// true.
final class Context: @unchecked Sendable {
    static let shared = Context()

    /// Times the library found an argument it calls illegal. Its default is `abort()`; here the call returns 0 instead.
    static let illegalArgumentCount = Atomic<Int>(0)

    let pointer: OpaquePointer

    private init() {
        guard let pointer = secp256k1_context_create(UInt32(SECP256K1_CONTEXT_NONE)) else {
            // Reached only when the process is out of memory at its first use of the library.
            preconditionFailure("secp256k1_context_create returned no context")
        }
        secp256k1_context_set_illegal_callback(
            pointer,
            { _, _ in Context.illegalArgumentCount.wrappingAdd(1, ordering: .relaxed) },
            nil
        )
        let seed = SecretBytes.random(byteCount: 32)
        defer { DeadStack.wipe() }
        // Returns 0 only for a context that cannot be written to; blinding is a second line of defence, not correctness.
        seed.withUnsafeBytes { seed in
            seed.withUInt8Pointer { _ = secp256k1_context_randomize(pointer, $0) }
        }
        self.pointer = pointer
    }
}
