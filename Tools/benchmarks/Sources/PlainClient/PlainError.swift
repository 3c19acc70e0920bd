/// Why a plain client could not go on.
package struct PlainError: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) {
        self.description = description
    }
}
