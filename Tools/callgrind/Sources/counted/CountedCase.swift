/// One operation whose instructions are counted.
struct CountedCase {
    struct Failure: Error, CustomStringConvertible {
        var description: String

        init(_ description: String) {
            self.description = description
        }
    }

    /// Runs the operation once.
    typealias Run = () throws -> Void

    var name: String
    /// Makes what the operation needs, which is not counted.
    var prepare: () throws -> Run

    init(_ name: String, _ prepare: @escaping () throws -> Run) {
        self.name = name
        self.prepare = prepare
    }

    static var all: [CountedCase] { frames + messages + lookups + streams }
}

/// Keeps the compiler from leaving out what nobody looks at.
@inline(never)
func use<Value>(_ value: Value) {}
