import Foundation

extension Command {
    /// Makes a key in each home. The keys ascend: sessions sort their signers, and a signer's number is then the place of its home.
    ///
    /// - Parameter homes: The folders, which are made.
    /// - Returns: The public keys, in the order of the homes.
    /// - Throws: ``FlowError`` when a key is not made, or a file error.
    public func newKeys(in homes: [String]) async throws -> [String] {
        var keys: [(text: String, home: String)] = []
        for home in homes {
            let made = try await run(["key", "new", "--home", home, "--json"])
            guard made.status == 0 else { throw FlowError("key new: exit status \(made.status): \(made.error)") }
            keys.append((try JSONLine(made.output).text("publicKey"), home))
        }
        keys.sort { $0.text < $1.text }
        for (key, home) in zip(keys, homes) {
            try FileManager.default.moveItem(atPath: "\(key.home)/key", toPath: "\(home)/key.sorted")
        }
        for home in homes {
            try FileManager.default.moveItem(atPath: "\(home)/key.sorted", toPath: "\(home)/key")
        }
        return keys.map(\.text)
    }
}
