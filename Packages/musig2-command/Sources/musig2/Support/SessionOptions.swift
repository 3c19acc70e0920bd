import ArgumentParser

/// Which session a command is about.
struct SessionOptions: ParsableArguments {
    @Argument(
        help: ArgumentHelp(
            "The session id, 64 hexadecimal digits; or the invitation, musig21… Blanks and line breaks do not matter.",
            valueName: "session"))
    var parts: [String]

    /// The id or the invitation.
    var text: String { Self.joined(parts) }

    /// A text that has no blanks, without those that a mail program has put into it, and in one again if a shell has divided it.
    static func joined(_ parts: [String]) -> String {
        let scalars = parts.joined().unicodeScalars.filter {
            !$0.properties.isWhitespace && !$0.properties.isDefaultIgnorableCodePoint
        }
        return String(String.UnicodeScalarView(scalars))
    }
}
