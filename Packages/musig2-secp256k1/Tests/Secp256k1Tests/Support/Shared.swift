/// A secret that a closure or an array can hold.
final class Shared<Value: ~Copyable> {
    var value: Value

    init(_ value: consuming Value) {
        self.value = value
    }
}
