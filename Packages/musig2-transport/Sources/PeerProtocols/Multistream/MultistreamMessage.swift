/// The texts and the framing of multistream-select 1.0.
///
/// A message is an unsigned varint length, the text, and a newline; the length counts the newline
/// (multistream-select 1.0, <https://github.com/multiformats/multistream-select>).
public enum MultistreamMessage {
    /// The text that both sides send first.
    public static let header = "/multistream/1.0.0"

    /// The message with the header, which both sides send first.
    static let encodedHeader = encode(header)

    /// The answer to a proposal that the listener does not speak.
    public static let notAvailable = "na"

    /// The longest text this side can frame in two length bytes, newline included.
    public static let maximumEncodableLength = 1 << 14 - 1

    /// The bytes of one message: length, text, newline.
    ///
    /// A text longer than `maximumEncodableLength` is never proposed, as `ProtocolID`s are checked when the negotiator
    /// is made; the varint below is right for any length all the same.
    public static func encode(_ text: String) -> [UInt8] {
        let utf8 = text.utf8
        var length = utf8.count + 1
        var bytes: [UInt8] = []
        bytes.reserveCapacity(length + 2)
        while length >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: length) | 0x80)
            length >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: length))
        bytes.append(contentsOf: utf8)
        bytes.append(UInt8(ascii: "\n"))
        return bytes
    }
}
