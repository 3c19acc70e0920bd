import Foundation
import Synchronization

/// Asks the person at the terminal.
enum Prompt {
    /// Prints a question and waits for a line; true if it is `y` or `yes`, in letters of either case.
    static func confirms(_ question: String) async -> Bool {
        isYes(await answer(to: "\(question) [y/N]") ?? "")
    }

    /// Prints a question and waits for a line.
    ///
    /// Reading blocks a thread of its own, so that the wait can be left.
    ///
    /// - Returns: The line without the spaces around it; nil when there is none, or the task is cancelled.
    static func answer(to question: String) async -> String? {
        _ = StandardStreams.write("\(question) ", to: STDERR_FILENO)
        let answer = OneAnswer()
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                answer.await(continuation)
                Thread.detachNewThread {
                    answer.give(readLine()?.trimmingCharacters(in: .whitespaces))
                }
            }
        } onCancel: {
            answer.give(nil)
        }
    }

    /// Whether a line says yes: nothing else does, so that a slip of the hand signs nothing.
    static func isYes(_ line: String) -> Bool {
        ["y", "yes"].contains(line.trimmingCharacters(in: .whitespaces).lowercased())
    }

    /// Whether there is a person to ask.
    static var isPossible: Bool { isatty(STDIN_FILENO) == 1 }
}

/// Resumes one continuation once, whoever is first.
private final class OneAnswer: Sendable {
    private enum State {
        case empty
        case waiting(CheckedContinuation<String?, Never>)
        case given(String?)
    }

    private let state = Mutex(State.empty)

    func await(_ continuation: CheckedContinuation<String?, Never>) {
        let given: String?? = state.withLock { state in
            if case .given(let answer) = state { return .some(answer) }
            state = .waiting(continuation)
            return nil
        }
        if let given { continuation.resume(returning: given) }
    }

    func give(_ answer: String?) {
        let waiting: CheckedContinuation<String?, Never>? = state.withLock { state in
            defer { if case .given = state {} else { state = .given(answer) } }
            guard case .waiting(let continuation) = state else { return nil }
            return continuation
        }
        waiting?.resume(returning: answer)
    }
}
