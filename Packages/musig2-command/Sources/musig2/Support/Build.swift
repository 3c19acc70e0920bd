import CBuild

/// Which build of the command this is.
enum Build {
    /// The version, which follows semantic versioning.
    static let version = "0.1.0"

    /// The version, and the commit if the builder told it, as `make install` does.
    static let text = text(commit: String(cString: build_commit()))

    static func text(commit: String) -> String {
        "\(version) (\(commit.isEmpty ? "development build" : "commit \(commit)"))"
    }
}
