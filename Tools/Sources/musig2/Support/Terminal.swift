import Foundation
import Secp256k1

/// The terminal of the process, whatever its streams lead to.
struct Terminal: Sendable {
    private let descriptor: CInt

    /// nil for a process without a terminal: a service, or a step of a script that runs without one.
    init?() {
        let descriptor = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)
        guard descriptor >= 0 else { return nil }
        self.descriptor = descriptor
    }

    /// Asks for a line and does not show what is typed.
    ///
    /// A signal that ends the command ends the wait first: the terminal shows again what is typed.
    ///
    /// - Parameters:
    ///   - question: What is asked for.
    ///   - limit: The most bytes of the answer.
    /// - Returns: At least one byte.
    /// - Throws: ``Failure`` when nothing is typed, or too much.
    func secret(_ question: String, limit: Int) async throws(Failure) -> SecretText {
        let interruption = await Interruption()
        var shown = termios()
        guard tcgetattr(descriptor, &shown) == 0 else {
            throw Failure(.file, "cannot ask at the terminal: \(FileFailure.reason())")
        }
        var hidden = shown
        hidden.c_lflag &= ~tcflag_t(ECHO)
        guard tcsetattr(descriptor, TCSAFLUSH, &hidden) == 0 else {
            throw Failure(.file, "cannot ask at the terminal: \(FileFailure.reason())")
        }
        defer {
            // What was pasted behind the secret is not left to the shell.
            tcsetattr(descriptor, TCSAFLUSH, &shown)
            // That of the person is not shown either.
            _ = StandardStreams.write("\n", to: descriptor)
        }
        _ = StandardStreams.write("\(question): ", to: descriptor)
        let (answers, answer) = AsyncStream.makeStream(of: Result<SecretText, Failure>.self)
        // Reading blocks a thread of its own, so that the wait can be left.
        Thread.detachNewThread { [descriptor] in
            answer.yield(Self.read(descriptor, limit))
            answer.finish()
        }
        let result = await withTaskGroup(of: Result<SecretText, Failure>?.self) { group in
            group.addTask {
                for await answer in answers { return answer }
                return nil
            }
            group.addTask {
                await interruption.wait()
                return nil
            }
            defer { group.cancelAll() }
            return await group.next() ?? nil
        }
        guard let result else { throw Failure(.interrupted, "interrupted") }
        return try result.get()
    }

    private static func read(_ descriptor: CInt, _ limit: Int) -> Result<SecretText, Failure> {
        do throws(SecretText.ReadError) {
            let text = try SecretText.read(descriptor, limit: limit, to: .line).trimmed()
            return text.bytes.count > 0 ? .success(text) : .failure(Failure(.refused, "nothing was typed"))
        } catch {
            switch error {
            case .tooLong: return .failure(Failure(.usage, "expected at most \(limit) bytes, found more"))
            case .system(let reason): return .failure(Failure(.file, "cannot read from the terminal: \(reason)"))
            }
        }
    }
}
