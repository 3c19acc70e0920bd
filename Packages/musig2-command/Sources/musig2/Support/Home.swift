import ArgumentParser
import Foundation

/// Where keys and the node's identity are kept.
struct HomeOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "The folder of key and identity. Default: $MUSIG2_HOME, else ~/.musig2.", valueName: "folder"),
        completion: .directory)
    var home: String?

    func validate() throws {
        // An empty path would be the current folder: a variable that is not set must not put a key there.
        if home == "" { throw ValidationError("--home: expected a folder, found an empty text") }
    }

    /// The folder.
    var folder: URL {
        if let home { return URL(fileURLWithPath: home, isDirectory: true) }
        let environment = ProcessInfo.processInfo.environment
        if let home = environment["MUSIG2_HOME"], !home.isEmpty { return URL(fileURLWithPath: home, isDirectory: true) }
        // Foundation asks the user database alone, where a shell's `~` is $HOME.
        let user =
            if let home = environment["HOME"], !home.isEmpty {
                URL(fileURLWithPath: home, isDirectory: true)
            } else {
                FileManager.default.homeDirectoryForCurrentUser
            }
        return user.appendingPathComponent(".musig2", isDirectory: true)
    }

    /// The file of the signer's secret key.
    var keyFile: String { folder.appendingPathComponent("key").path }

    /// The file of the node's identity.
    var identityFile: String { folder.appendingPathComponent("identity").path }

    /// The peers that the node knows, and where they were.
    var peersFile: String { folder.appendingPathComponent("peers").path }

    /// The folder of the sessions that processes of this home are in.
    var sessionsFolder: String { folder.appendingPathComponent("sessions").path }

    /// Makes the folder if there is none, readable by its owner alone.
    func makeFolder() throws(Failure) { try Self.makeFolder(folder.path) }

    /// Makes a folder if there is none, readable by its owner alone.
    static func makeFolder(_ path: String) throws(Failure) {
        guard make(path) else {
            throw Failure(
                .file, "cannot make the folder \(path): \(FileFailure.reason())",
                hint: "Name another one with --home.")
        }
    }

    /// Whether there is a folder, made with those above it where need be; `errno` says why not.
    private static func make(_ path: String) -> Bool {
        if mkdir(path, 0o700) == 0 { return true }
        if errno == ENOENT, case let above = (path as NSString).deletingLastPathComponent, above != path, above != "" {
            return make(above) && mkdir(path, 0o700) == 0
        }
        var status = stat()
        guard errno == EEXIST, stat(path, &status) == 0 else { return false }
        if status.st_mode & S_IFMT == S_IFDIR { return true }
        errno = ENOTDIR
        return false
    }
}
