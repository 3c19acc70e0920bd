/// One operation on secrets. It passes if memcheck has nothing to report while it runs.
struct Check: Sendable {
    var name: String
    var run: @Sendable () throws -> Void

    init(_ name: String, _ run: @escaping @Sendable () throws -> Void) {
        self.name = name
        self.run = run
    }
}
