import CSecp256k1

/// The part of the stack that no function uses any more, and that still holds what they left there.
enum DeadStack {
    /// Overwrites 8 KiB below the caller's frame. To be called by a function after its callees have handled secrets.
    @inline(__always)
    static func wipe() {
        wipe_dead_stack()
    }

    /// Overwrites the registers that a copy of a secret went through, before anything saves them on the stack.
    @inline(__always)
    static func wipeCopyRegisters() {
        wipe_copy_registers()
    }
}
