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
        // The command ends: there is nothing to ask any more.
        guard !Task.isCancelled else { return nil }
        _ = StandardStreams.write("\(question) ", to: STDERR_FILENO)
        let answer = await waiting { readLine()?.trimmingCharacters(in: .whitespaces) }
        // The question ends without an end of line, then.
        if answer == nil { _ = StandardStreams.write("\n", to: STDERR_FILENO) }
        return answer
    }

    /// Prints a question and waits for one key of some; a terminal hands it over at once, and other keys are as if not typed.
    ///
    /// - Parameters:
    ///   - question: The question.
    ///   - keys: The keys that are waited for.
    /// - Returns: The key; nil when none can come any more, or the task is cancelled.
    static func key(_ question: String, of keys: Set<Character>) async -> Character? {
        guard !Task.isCancelled else { return nil }
        let ask: @Sendable () -> Void = { _ = StandardStreams.write("\(question) ", to: STDERR_FILENO) }
        let mode: TerminalMode
        do throws(Failure) {
            mode = try TerminalMode(STDIN_FILENO, .keys, askAgain: ask)
        } catch {
            return nil
        }
        ask()
        let key = await waiting { readKey(of: keys).map(String.init) }
        mode.end()
        _ = StandardStreams.write("\n", to: STDERR_FILENO)
        return key?.first
    }

    private static func readKey(of keys: Set<Character>) -> Character? {
        var byte: UInt8 = 0
        while true {
            let count = read(STDIN_FILENO, &byte, 1)
            if count < 0, errno == EINTR { continue }
            // Ctrl-D, which ends the input of a terminal that hands over lines.
            guard count == 1, byte != 4 else { return nil }
            let key = Character(UnicodeScalar(byte))
            if keys.contains(key) { return key }
        }
    }

    /// Waits for what is read on a thread of its own, as long as the task is not cancelled.
    private static func waiting(_ read: @escaping @Sendable () -> String?) async -> String? {
        openQuestions.wrappingAdd(1, ordering: .relaxed)
        defer { openQuestions.wrappingSubtract(1, ordering: .relaxed) }
        let answer = OneAnswer()
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                answer.await(continuation)
                Thread.detachNewThread { answer.give(read()) }
            }
        } onCancel: {
            answer.give(nil)
        }
    }

    /// Whether a question stands at the terminal that the person has not answered.
    static var isOpen: Bool { openQuestions.load(ordering: .relaxed) > 0 }

    private static let openQuestions = Atomic(0)

    /// Whether a line says yes: nothing else does, so that a slip of the hand signs nothing.
    static func isYes(_ line: String) -> Bool {
        ["y", "yes"].contains(line.trimmingCharacters(in: .whitespaces).lowercased())
    }

    /// Whether there is a person to ask.
    static var isPossible: Bool { isatty(STDIN_FILENO) == 1 }
}

/// Resumes one continuation once, by the first answer.
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
