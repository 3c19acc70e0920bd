extension QRCode {
    /// The light border that a camera needs, in modules.
    static let border = 4

    /// How many columns of a terminal the code takes.
    var columns: Int { side + 2 * Self.border }

    /// The code in half blocks, two rows of modules in a line.
    ///
    /// - Parameter colored: Whether the terminal takes colors: dark is black and light is white then, whatever the
    ///   terminal's own are. Without, light is the color of its text, which suits a dark terminal; most cameras read the
    ///   reverse as well.
    func lines(colored: Bool) -> [String] {
        stride(from: -Self.border, to: side + Self.border, by: 2).map { row in
            let characters = (-Self.border..<side + Self.border).map { column -> Character in
                // An odd number of rows: the last half line is border, too.
                switch (self[column, row], self[column, row + 1]) {
                case (true, true): " "
                case (true, false): "▄"
                case (false, true): "▀"
                case (false, false): "█"
                }
            }
            let line = String(characters)
            return colored ? "\u{1B}[97;40m\(line)\u{1B}[0m" : line
        }
    }
}
