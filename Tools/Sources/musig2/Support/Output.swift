import ArgumentParser
import Foundation

/// Which form the output takes.
enum OutputFormat: Sendable {
    /// Lines for people: results on standard output, progress on standard error.
    case human
    /// One JSON object a line, all on standard output, each with an `event`.
    case json
}

/// The options that choose the form of the output.
struct OutputOptions: ParsableArguments {
    @Flag(name: .long, help: "Print JSON lines. The default when standard output is not a terminal.")
    var json = false

    @Flag(name: .long, help: "Print for people even when standard output is not a terminal.")
    var human = false

    func validate() throws {
        if json && human { throw ValidationError("--json and --human exclude each other") }
    }

    /// What the options, and else the terminal, ask for.
    var output: Output {
        let format: OutputFormat = json ? .json : human || isatty(STDOUT_FILENO) == 1 ? .human : .json
        return Output(format: format)
    }
}

/// Writes the lines of the command.
struct Output: Sendable {
    let format: OutputFormat

    /// A result: what the person called the command for.
    func result(_ human: String, event: String, _ fields: [String: JSONValue]) throws {
        switch format {
        case .human: Self.write(human, to: FileHandle.standardOutput)
        case .json: try writeJSON(event, fields)
        }
    }

    /// Progress: what happens meanwhile.
    func progress(_ human: String, event: String, _ fields: [String: JSONValue]) throws {
        switch format {
        case .human: Self.write(human, to: FileHandle.standardError)
        case .json: try writeJSON(event, fields)
        }
    }

    /// A failure, before the command ends with its status.
    func failure(_ failure: Failure) throws {
        switch format {
        case .human:
            Self.write("error: \(failure.message)", to: FileHandle.standardError)
            if let hint = failure.hint { Self.write("       \(hint)", to: FileHandle.standardError) }
        case .json:
            var fields: [String: JSONValue] = [
                "message": .string(failure.message), "status": .integer(Int(failure.status.rawValue)),
            ]
            if let hint = failure.hint { fields["hint"] = .string(hint) }
            try writeJSON("error", fields)
        }
    }

    private func writeJSON(_ event: String, _ fields: [String: JSONValue]) throws {
        var fields = fields
        fields["event"] = .string(event)
        Self.write(try JSONValue.object(fields).line(), to: FileHandle.standardOutput)
    }

    private static func write(_ line: String, to file: FileHandle) {
        file.write(Data("\(line)\n".utf8))
    }
}

/// Runs the body of a command; a failure is printed and becomes the exit status.
func reporting(_ output: Output, _ body: () async throws -> Void) async throws {
    do {
        try await body()
    } catch let failure as Failure {
        try output.failure(failure)
        throw failure.status.code
    }
}
