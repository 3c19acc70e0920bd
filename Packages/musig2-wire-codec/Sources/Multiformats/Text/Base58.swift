/// Base58 with Bitcoin's alphabet (`base58btc` of multibase, without its prefix character).
public enum Base58 {
    private static let text = RadixText("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz")

    /// The base58 text of `bytes`: one `1` for each leading zero byte, then the number.
    ///
    /// The cost grows with the square of the length: meant for identifiers, not for data.
    public static func encode(_ bytes: [UInt8]) -> String { text.encode(bytes) }

    /// The bytes of the base58 `text`, or nil if it holds a character outside the alphabet or is longer than
    /// `maximumCharacters`.
    public static func decode(
        _ text: String, maximumCharacters: Int = FormatLimits.peerIDCharacters
    ) -> [UInt8]? {
        self.text.decode(text.utf8, maximumCharacters: maximumCharacters)
    }
}
