/// A first-in, first-out queue on an array: appending and taking cost a constant on average. Other modules build it for their
/// elements themselves, since a queue of any element at all would cost several times as much.
package struct Fifo<Element> {
    @usableFromInline var elements: [Element?] = []
    @usableFromInline var head = 0

    @inlinable package init() {}

    @inlinable package var count: Int { elements.count - head }
    @inlinable package var isEmpty: Bool { count == 0 }

    /// The element that was appended last.
    @inlinable package var last: Element? {
        get { isEmpty ? nil : elements[elements.count - 1] }
        set {
            guard !isEmpty else { return }
            if let newValue {
                elements[elements.count - 1] = newValue
            } else {
                elements.removeLast()
            }
        }
    }

    @inlinable package mutating func append(_ element: Element) {
        elements.append(element)
    }

    @inlinable package mutating func popFirst() -> Element? {
        guard head < elements.count else { return nil }
        let element = elements[head]
        elements[head] = nil
        head += 1
        if head == elements.count {
            elements.removeAll(keepingCapacity: elements.capacity <= 64)
            head = 0
        } else if head >= 32, head * 2 >= elements.count {
            elements.removeFirst(head)
            head = 0
        }
        return element
    }

    @inlinable package mutating func removeAll() {
        elements = []
        head = 0
    }
}
