import CProcess
import Foundation
import Secp256k1

/// Keeps what this process holds in memory out of crash reports, core dumps and swap.
enum Secrecy {
    /// To be called before anything else. On Linux the program may start anew in the course of it, with settings that are
    /// read before `main` only.
    static func begin() {
        restartIfNeeded()
        // Refused by no system that is supported; the pages of secrets are left out of dumps all the same.
        _ = process_refuse_dumps()
        SecretMemory.protect()
    }

    /// What is to be told of the protection of secrets; nil if it is complete.
    static var shortcoming: String? {
        let protection = SecretMemory.protection
        guard !protection.isLocked else { return nil }
        return "secrets may be written to swap: \(protection)"
    }

    /// The environment with which this program must have been started; nil if that is so.
    ///
    /// Swift's crash report shows the memory at each register and what the registers hold, unless it is told not to:
    /// half a key, by chance. As JSON it shows them in any case. The last of several settings counts. The dynamic loader
    /// saves the registers on the stack when it looks up a function at its first call; it is to look them up now.
    static func missingEnvironment(_ environment: [String: String]) -> [String: String]? {
        var wanted: [String: String] = [:]
        let settings = environment["SWIFT_BACKTRACE"] ?? ""
        let end = settings.contains("format=") ? "format=text,registers=none" : "registers=none"
        if settings != end, !settings.hasSuffix(",\(end)") {
            wanted["SWIFT_BACKTRACE"] = settings.isEmpty ? end : "\(settings),\(end)"
        }
        if environment["LD_BIND_NOW", default: ""].isEmpty { wanted["LD_BIND_NOW"] = "1" }
        return wanted.isEmpty ? nil : wanted
    }

    private static func restartIfNeeded() {
        #if os(Linux)
            guard let missing = missingEnvironment(ProcessInfo.processInfo.environment) else { return }
            for (name, value) in missing { setenv(name, value, 1) }
            // By its own name, which others see; by the link if that leads nowhere any more.
            if let path = realpath("/proc/self/exe", nil) {
                execv(path, CommandLine.unsafeArgv)
                free(path)
            }
            execv("/proc/self/exe", CommandLine.unsafeArgv)
        #endif
        // Without new settings no report at all.
        for fatal in [SIGQUIT, SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGTRAP] { signal(fatal, SIG_DFL) }
    }
}
