import Dispatch
import Foundation
import Secp256k1
import Synchronization

/// How a terminal takes what is typed while it is asked for something that is not shown. Restored when the question is over,
/// while the process is stopped (Ctrl-Z), and before a signal ends the command: what asks waits for those signals too.
final class TerminalMode: Sendable {
    enum Kind {
        /// Whole lines, which are not shown.
        case lines
        /// Each key at once, which is not shown.
        case keys
    }

    /// What is in force, and what was before.
    private struct Current {
        let descriptor: CInt
        var before: termios
        var during: termios
        /// Asks again after the process was stopped.
        let askAgain: @Sendable () -> Void
    }

    private static let current = Mutex<Current?>(nil)

    /// Whether a terminal is asked now.
    static var isActive: Bool { current.withLock { $0 != nil } }

    private let descriptor: CInt
    private let kind: Kind

    /// Changes the terminal. What was typed before is thrown away. One at a time.
    ///
    /// - Parameters:
    ///   - descriptor: The terminal.
    ///   - kind: How it is to take what is typed.
    ///   - askAgain: Called when the process goes on after it was stopped.
    /// - Throws: ``Failure`` when this is no terminal.
    init(_ descriptor: CInt, _ kind: Kind, askAgain: @escaping @Sendable () -> Void) throws(Failure) {
        self.descriptor = descriptor
        self.kind = kind
        Self.signals.watch()
        guard Self.waitForForeground(descriptor) else {
            throw Failure(.file, "cannot ask at the terminal: this command runs in the background")
        }
        var before = termios()
        guard tcgetattr(descriptor, &before) == 0 else { throw Self.failure() }
        var during = before
        during.c_lflag &= ~tcflag_t(ECHO | (kind == .keys ? ICANON : 0))
        // Ctrl-\ would end the process as it stands.
        withUnsafeMutableBytes(of: &during.c_cc) { keys in
            keys[Int(VQUIT)] = Self.noKey
            if kind == .keys { (keys[Int(VMIN)], keys[Int(VTIME)]) = (1, 0) }
        }
        let isSet = Self.current.withLock { current in
            guard tcsetattr(descriptor, TCSAFLUSH, &during) == 0 else { return false }
            current = Current(descriptor: descriptor, before: before, during: during, askAgain: askAgain)
            return true
        }
        guard isSet else { throw Self.failure() }
    }

    /// Restores the terminal. What was typed beyond the answer is thrown away, with the rest of a paste that is still coming:
    /// it is not for the shell.
    func end() {
        Self.current.withLock { current in
            guard var mode = current else { return }
            current = nil
            if kind == .lines { Self.discard(descriptor, mode.during) }
            _ = tcsetattr(descriptor, TCSAFLUSH, &mode.before)
        }
    }

    /// Reads what is there, and what comes within a moment of it.
    private static func discard(_ descriptor: CInt, _ during: termios) {
        // The beginning of a line is something to read, too.
        var keys = during
        keys.c_lflag &= ~tcflag_t(ICANON)
        guard tcsetattr(descriptor, TCSANOW, &keys) == 0 else { return }
        var chunk = [UInt8](repeating: 0, count: 4_096)
        defer { chunk.withUnsafeMutableBytes { SecretBytes.wipe($0) } }
        var patience: CInt = 0
        for _ in 0..<longestPaste / chunk.count {
            var ready = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&ready, 1, patience) > 0, ready.revents & Int16(POLLIN) != 0,
                chunk.withUnsafeMutableBytes({ read(descriptor, $0.baseAddress, $0.count) }) > 0
            else { return }
            patience = pause
        }
    }

    /// How long a paste may pause, in milliseconds.
    private static let pause: CInt = 100
    /// The most bytes of a paste that are thrown away.
    private static let longestPaste = 1 << 20

    #if os(Linux)
        private static let noKey: UInt8 = 0
    #else
        private static let noKey = UInt8(truncatingIfNeeded: _POSIX_VDISABLE)
    #endif

    private static func failure() -> Failure {
        Failure(.file, "cannot ask at the terminal: \(FileFailure.reason())")
    }

    // MARK: Stopping

    private static let signals = Signals()

    private static func restore() {
        current.withLock { current in
            if var mode = current { _ = tcsetattr(mode.descriptor, TCSAFLUSH, &mode.before) }
        }
    }

    /// Stops the process as Ctrl-Z does, with the terminal restored meanwhile.
    private static func stop() {
        restore()
        kill(getpid(), SIGSTOP)
    }

    /// Takes the terminal again after the process was stopped, by whatever.
    private static func goOn() {
        guard let descriptor = current.withLock(\.?.descriptor), waitForForeground(descriptor) else { return }
        let askAgain = current.withLock { current -> (@Sendable () -> Void)? in
            guard var mode = current else { return nil }
            _ = tcsetattr(mode.descriptor, TCSAFLUSH, &mode.during)
            return mode.askAgain
        }
        askAgain?()
    }

    /// Stops the process as long as it runs in the background, as the system does with one that reads from its terminal there:
    /// the threads on which that is done here have the signal blocked.
    ///
    /// - Returns: False where no shell could bring it to the foreground: the system does not stop it then.
    private static func waitForForeground(_ descriptor: CInt) -> Bool {
        for _ in 0..<mostStops {
            let foreground = tcgetpgrp(descriptor)
            if foreground < 0 || foreground == getpgrp() { return true }
            var (signals, before) = (sigset_t(), sigset_t())
            sigemptyset(&signals)
            sigaddset(&signals, SIGTTIN)
            pthread_sigmask(SIG_UNBLOCK, &signals, &before)
            raise(SIGTTIN)
            pthread_sigmask(SIG_SETMASK, &before, nil)
        }
        return false
    }

    /// How often a shell may let a process go on in the background that asks there.
    private static let mostStops = 100

    /// Ctrl-Z, and going on after it: watched from the first question until the process ends.
    private final class Signals: Sendable {
        // Only kept: nobody changes them after they were made.
        private nonisolated(unsafe) let sources: [any DispatchSourceSignal]

        init() {
            let queue = DispatchQueue(label: "musig2.terminal")
            let registered = DispatchGroup()
            sources = [(SIGTSTP, TerminalMode.stop), (SIGCONT, TerminalMode.goOn)].map { number, handler in
                #if !os(Linux)
                    if number == SIGTSTP { signal(number, SIG_IGN) }
                #endif
                let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
                registered.enter()
                source.setEventHandler(handler: handler)
                source.setRegistrationHandler { registered.leave() }
                source.resume()
                return source
            }
            registered.wait()
            // Whatever still asks when the command ends.
            atexit { TerminalMode.restore() }
        }

        /// Watches; the first call begins.
        func watch() {}
    }
}
