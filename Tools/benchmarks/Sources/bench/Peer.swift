import Foundation

/// The musig module of libsecp256k1 in a shared object of its own (see the script `peers`).
///
/// Loaded with local symbols, so that it does not meet the system's libsecp256k1, which ours stands on.
struct Peer {
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    private let prepareFunction: @convention(c) (CInt) -> CInt
    private let runFunction: @convention(c) (UnsafePointer<CChar>, CInt) -> Int64

    /// Loads the shared object at a path.
    init(path: String) throws {
        guard let library = dlopen(path, RTLD_NOW | RTLD_LOCAL) else {
            throw Failure(description: "\(path): \(String(cString: dlerror()))")
        }
        guard let prepare = dlsym(library, "native_musig_prepare"), let run = dlsym(library, "native_musig_run") else {
            throw Failure(description: "\(path): expected native_musig_prepare and native_musig_run, found neither")
        }
        self.prepareFunction = unsafeBitCast(prepare, to: (@convention(c) (CInt) -> CInt).self)
        self.runFunction = unsafeBitCast(
            run, to: (@convention(c) (UnsafePointer<CChar>, CInt) -> Int64).self
        )
    }

    /// Makes keys, nonces and partial signatures for a number of signers.
    func prepare(signers: Int) throws {
        guard self.prepareFunction(CInt(signers)) == 1 else {
            throw Failure(description: "peer: expected to prepare \(signers) signers, and could not")
        }
    }

    /// Runs a step and says how many nanoseconds all runs took.
    func run(_ step: String, _ iterations: Int) throws -> Int64 {
        let nanoseconds = self.runFunction(step, CInt(iterations))
        guard nanoseconds >= 0 else { throw Failure(description: "peer: unknown step \(step)") }
        return nanoseconds
    }
}
