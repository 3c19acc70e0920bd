import CMemcheck
import Secp256k1

/// `ctime` runs every check; `ctime N` runs the planted leak number N alone; `ctime count` says how many leaks there are.
///
/// Run under valgrind, with `--error-exitcode`: the exit code of a leak is valgrind's.
@main
enum Main {
    static func main() throws {
        if CommandLine.arguments.dropFirst().first == "count" {
            print(plantedLeaks.count)
            return
        }
        guard memcheck_is_running() != 0 else { throw Failure("this is no test outside valgrind: use Tools/ctime/run") }
        Secrets.install()
        guard Secrets.bytes(0).withUnsafeBytes({ memcheck_is_secret($0.baseAddress, $0.count) }) == 1 else {
            throw Failure("secrets are not marked: this test would pass whatever the code does")
        }
        if let argument = CommandLine.arguments.dropFirst().first {
            guard let index = Int(argument), plantedLeaks.indices.contains(index) else {
                throw Failure("no planted leak has the number \(argument)")
            }
            try self.run([plantedLeaks[index]])
        } else {
            try self.run(secp256k1Checks + muSig2Checks + vaultChecks)
        }
    }

    private static func run(_ checks: [Check]) throws {
        for (index, check) in checks.enumerated() {
            let before = memcheck_count_errors()
            try check.run()
            let reports = memcheck_count_errors() - before
            print("\(reports == 0 ? "ok" : "not ok") \(index + 1) - ctime: \(check.name)")
        }
    }
}
