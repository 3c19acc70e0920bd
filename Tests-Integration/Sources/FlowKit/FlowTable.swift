import Synchronization

/// What was run, a line each: the flow, how many signatures were verified, and how long it took.
public final class FlowTable: Sendable, CustomStringConvertible {
    private struct Row {
        let flow: String
        let verified: String
        let seconds: String
    }

    private let rows = Mutex<[Row]>([])

    /// An empty table.
    public init() {}

    /// Adds a line.
    ///
    /// - Parameters:
    ///   - flow: What was run.
    ///   - verified: How many signatures came of it, each verified; nil: it failed.
    ///   - duration: The time that it took.
    public func add(_ flow: String, verified: Int?, took duration: Duration) {
        let tenths = Int((duration / .milliseconds(100)).rounded())
        let row = Row(
            flow: flow, verified: verified.map { String($0) } ?? "failed", seconds: "\(tenths / 10).\(tenths % 10)")
        rows.withLock { $0.append(row) }
    }

    /// The lines under their titles, in columns.
    public var description: String {
        let lines =
            [Row(flow: "flow", verified: "verified signatures", seconds: "seconds")] + rows.withLock { Array($0) }
        func width(_ column: (Row) -> String) -> Int { lines.map { column($0).count }.max() ?? 0 }
        func spaces(_ width: Int, _ text: String) -> String { String(repeating: " ", count: width - text.count) }
        let widths = (flow: width(\.flow), verified: width(\.verified), seconds: width(\.seconds))
        return lines.map { line in
            line.flow + spaces(widths.flow, line.flow) + "  " + spaces(widths.verified, line.verified) + line.verified
                + "  " + spaces(widths.seconds, line.seconds) + line.seconds
        }.joined(separator: "\n")
    }
}
