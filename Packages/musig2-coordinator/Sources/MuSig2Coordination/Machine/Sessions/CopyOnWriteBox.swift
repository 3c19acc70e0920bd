/// A large value in one piece outside of its owner: a copy of the owner copies a reference, and a change is made in place while there is
/// one owner.
///
/// The storage is an array of one element: it has copy-on-write, costs no class of its own, and is read through its span, since its
/// subscript would copy the element.
struct CopyOnWriteBox<Value> {
    private var storage: [Value]

    init(_ value: Value) {
        storage = [value]
    }

    var value: Value {
        _read { yield storage.span[0] }
        _modify { yield &storage[0] }
    }
}

extension CopyOnWriteBox: Sendable where Value: Sendable {}
