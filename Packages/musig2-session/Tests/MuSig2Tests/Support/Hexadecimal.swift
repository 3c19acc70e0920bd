/// The bytes that a string of hexadecimal digits stands for.
func bytes(_ hexadecimal: String) throws -> [UInt8] {
    var result: [UInt8] = []
    var digits = hexadecimal.makeIterator()
    while let high = digits.next() {
        guard let low = digits.next(), let byte = UInt8(String([high, low]), radix: 16) else {
            throw HexadecimalError(text: hexadecimal)
        }
        result.append(byte)
    }
    return result
}

/// A string in a test that should be hexadecimal and is not.
struct HexadecimalError: Error {
    var text: String
}
