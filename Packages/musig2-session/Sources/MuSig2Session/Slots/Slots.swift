/// What fills the slots of one column, by signer. It knows how many are filled: a column of a thousand signers is looked at
/// with each message.
struct Slots<Value: Hashable & Sendable>: Hashable, Sendable, RandomAccessCollection {
    private var values: [Value?]
    /// How many slots are filled.
    private(set) var filled = 0

    init(signers: Int) {
        values = Array(repeating: nil, count: signers)
    }

    var startIndex: Int { values.startIndex }
    var endIndex: Int { values.endIndex }

    /// Whether every slot is filled.
    var isFull: Bool { filled == values.count }

    /// Whether a signer's slot is filled, without a copy of what is in it.
    func isFilled(_ index: Int) -> Bool {
        if case .some = values[index] { true } else { false }
    }

    subscript(index: Int) -> Value? {
        get { values[index] }
        _modify {
            let before = isFilled(index) ? 1 : 0
            defer { filled += (isFilled(index) ? 1 : 0) - before }
            yield &values[index]
        }
    }
}
