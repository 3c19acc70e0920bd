import FuzzTargets

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// libFuzzer, if this program was linked with it. Looked up by name, so that the package also builds without.
enum Driver {
    /// What libFuzzer calls for each input.
    typealias Callback = @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt

    private typealias Run =
        @convention(c) (
            UnsafeMutablePointer<CInt>, UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
            Callback
        ) -> CInt

    /// A C function captures nothing: the target is chosen once, before the driver starts.
    nonisolated(unsafe) private static var target: FuzzTarget?

    /// Runs libFuzzer on a target.
    /// - Returns: the exit code, or nil if the program was linked without libFuzzer.
    static func run(_ target: FuzzTarget, arguments: [String]) -> CInt? {
        guard let symbol = dlsym(dlopen(nil, RTLD_NOW), "LLVMFuzzerRunDriver") else { return nil }
        let run = unsafeBitCast(symbol, to: Run.self)
        self.target = target
        var count = CInt(arguments.count)
        let vector = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: arguments.count + 1)
        for (index, argument) in arguments.enumerated() {
            vector[index] = strdup(argument)
        }
        vector[arguments.count] = nil
        var pointer: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = vector
        return run(&count, &pointer) { data, size in
            Driver.target?.body(Array(UnsafeBufferPointer(start: data, count: size)))
            return 0
        }
    }
}
