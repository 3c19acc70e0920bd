import Foundation

extension Terminal {
    /// How wide lines for a stream may be.
    static func columns(of descriptor: CInt) -> Int { max(size(of: descriptor)?.columns ?? SessionView.columns, 40) }

    /// How large the terminal is that a stream leads to, in characters; nil: it leads to none, or that does not say it.
    static func size(of descriptor: CInt) -> (columns: Int, rows: Int)? {
        var size = winsize()
        guard isatty(descriptor) == 1, ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0
        else { return nil }
        return (Int(size.ws_col), Int(size.ws_row))
    }
}
