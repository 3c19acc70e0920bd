/// How a plain client holds its socket.
package struct PlainOptions: Sendable {
    /// The address of this machine that it comes from, such as 0x7f010001 for 127.1.0.1; nil: what the system chooses.
    package var sourceHost: UInt32?
    /// Bytes that the system holds of what was not read; nil: what the system chooses.
    package var systemBuffer: CInt?
    /// Bytes that one read takes at most.
    package var readBytes = 262_144
    /// Whether it goes on when the other side resets a stream.
    package var toleratesResets = false

    package init() {}

    /// As somebody that comes in numbers would: little memory, and no offence taken.
    package static var attacker: PlainOptions {
        var options = PlainOptions()
        options.readBytes = 32_768
        options.toleratesResets = true
        return options
    }
}
