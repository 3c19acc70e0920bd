import Foundation

/// Measurements as a table for people and as JSON for programs.
struct Report {
    var measurements: [Measurement] = []
    /// The load of the machine before and after.
    var loads: [Double] = []

    /// What the figures were measured under.
    var circumstances: String {
        let loads = self.loads.map { String(format: "%.1f", $0) }.joined(separator: ", then ")
        return "\(ProcessInfo.processInfo.activeProcessorCount) cores, load \(loads)"
    }

    /// A line for each measurement, columns aligned.
    func table() -> String {
        let header = ["step", "n", "ours", "peer", "", "ratio", "target", ""]
        let rows = self.measurements.map { measurement in
            [
                measurement.step, measurement.parameter, self.number(measurement.value),
                measurement.peerValue.map { self.number($0) } ?? "", measurement.unit.rawValue,
                measurement.ratio.map { String(format: "%.2f", $0) } ?? "",
                self.text(measurement.target),
                measurement.isMet.map { $0 ? "met" : "MISSED" } ?? "",
            ]
        }
        let widths = header.indices.map { column in
            ([header] + rows).map { $0[column].count }.max() ?? 0
        }
        return ([header] + rows).map { row in
            row.indices.map { column in
                let padding = String(repeating: " ", count: widths[column] - row[column].count)
                return [0, 4, 7].contains(column) ? row[column] + padding : padding + row[column]
            }.joined(separator: "  ")
        }.joined(separator: "\n")
    }

    /// The same as one JSON object.
    func json() throws -> Data {
        struct Row: Encodable {
            var step: String
            var parameter: String
            var value: Double
            var unit: String
            var peerValue: Double?
            var ratio: Double?
            var target: String?
            var isMet: Bool?
        }
        let rows = self.measurements.map { measurement in
            Row(
                step: measurement.step,
                parameter: measurement.parameter,
                value: measurement.value,
                unit: measurement.unit.rawValue,
                peerValue: measurement.peerValue,
                ratio: measurement.ratio,
                target: measurement.target.map { self.text($0) },
                isMet: measurement.isMet
            )
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        struct Root: Encodable {
            var circumstances: String
            var measurements: [Row]
        }
        return try encoder.encode(Root(circumstances: self.circumstances, measurements: rows))
    }

    private func number(_ value: Double) -> String {
        String(format: abs(value) < 10 ? "%.2f" : "%.1f", value)
    }

    private func text(_ target: Measurement.Target?) -> String {
        switch target {
        case .ratio(let most): "ratio <= " + String(format: "%.2f", most)
        case .ratioAtLeast(let least): "ratio >= " + String(format: "%.2f", least)
        case .atMost(let most): "<= " + String(format: "%g", most)
        case .atLeast(let least): ">= " + String(format: "%g", least)
        case nil: ""
        }
    }
}

/// How many threads wanted to run during the last minute, all processes together.
func loadAverage() -> Double {
    var loads = [0.0, 0.0, 0.0]
    return getloadavg(&loads, 3) > 0 ? loads[0] : 0
}
