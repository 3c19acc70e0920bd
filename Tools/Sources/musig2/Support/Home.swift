import ArgumentParser
import Foundation

/// Where keys and the node's identity are kept.
struct HomeOptions: ParsableArguments {
    @Option(
        name: .long,
        help: "The folder of key and identity. Default: $MUSIG2_HOME, else ~/.musig2.",
        completion: .directory)
    var home: String?

    /// The folder.
    var folder: URL {
        if let home { return URL(fileURLWithPath: home, isDirectory: true) }
        if let home = ProcessInfo.processInfo.environment["MUSIG2_HOME"], !home.isEmpty {
            return URL(fileURLWithPath: home, isDirectory: true)
        }
        return FileManager.default.homeDirectoryForCurrentUser.appendingPathComponent(".musig2", isDirectory: true)
    }

    /// The file of the signer's secret key.
    var keyFile: String { folder.appendingPathComponent("key").path }

    /// The file of the node's identity.
    var identityFile: String { folder.appendingPathComponent("identity").path }

    /// Makes the folder if there is none, readable by its owner alone.
    func makeFolder() throws(Failure) {
        do {
            try FileManager.default.createDirectory(
                at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw Failure(
                .file, "cannot make the folder \(folder.path): \(error.localizedDescription)",
                hint: "Name another one with --home.")
        }
    }
}
