import Foundation
import Multiformats
import Secp256k1

/// n signers, each a process of its own with a key of its own, on the loopback interface.
public struct ProcessFlow: Sendable {
    private let command: Command
    private let folder: URL
    private let way: Way
    private let bootstrap: [String]
    private let wire: Wire

    /// Prepares a flow.
    ///
    /// - Parameters:
    ///   - way: How the signers find the session.
    ///   - bootstrap: The address of a node of the DHT, for every way but the invitation.
    ///   - wire: What the signers' bytes travel over.
    /// - Throws: ``FlowError`` if the command is not found, or a file error.
    public init(by way: Way = .invitation, bootstrap: String? = nil, over wire: Wire = .tcp) throws {
        self.way = way
        self.bootstrap = bootstrap.map { ["--bootstrap", $0] } ?? []
        self.wire = wire
        command = try Command()
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("musig2-flow-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    /// Signs one message.
    ///
    /// - Parameters:
    ///   - count: How many signers.
    ///   - topology: How they talk: `automatic`, `mesh` or `star`.
    ///   - message: What they sign.
    ///   - report: Is told what each signer did.
    /// - Returns: What all hold, verified.
    /// - Throws: ``FlowError``.
    public func run(
        signers count: Int,
        topology: String = "automatic",
        message: [UInt8] = Array("signed together".utf8),
        report: @escaping @Sendable (String) -> Void
    ) async throws -> Outcome {
        defer { try? FileManager.default.removeItem(at: folder) }
        let signers = try await command.newKeys(in: (0..<count).map(home)).enumerated().map { index, text in
            guard let bytes = Hex.decode(text) else { throw FlowError("key new: not a key: \(text)") }
            report("signer \(index + 1) made the key \(text)")
            return try PublicKey(compressedRepresentation: bytes)
        }
        let (sessions, publish) = AsyncStream.makeStream(of: Created.self)
        let held = try await withThrowingTaskGroup(of: (Int, [SchnorrSignature]).self) { group in
            group.addTask {
                defer { publish.finish() }
                let arguments =
                    ["create", "--signers", signers.map { "\($0)" }.joined(separator: ",")]
                    + ["--message-hex", Hex.encode(message), "--topology", topology, "--discovery", way.rawValue]
                    + common(0)
                return (0, try await follow(0, arguments, report: report) { publish.yield($0) })
            }
            for await created in sessions {
                for index in 1..<count {
                    group.addTask {
                        let session = try await find(created, index, report: report)
                        let arguments = ["join", session, "--yes"] + common(index)
                        return (index, try await follow(index, arguments, report: report) { _ in })
                    }
                }
                break
            }
            var held = Array(repeating: [SchnorrSignature](), count: count)
            for try await (index, signatures) in group { held[index] = signatures }
            return held
        }
        return try Outcome(signers: signers, messages: [message], held: held)
    }

    private func home(_ index: Int) -> String {
        folder.appendingPathComponent("signer-\(index + 1)").path
    }

    private func common(_ index: Int) -> [String] { network(index) + ["--timeout", "60"] }

    private func network(_ index: Int) -> [String] {
        ["--home", home(index), "--listen", wire.loopback] + bootstrap
    }

    /// What the creator's command printed.
    private struct Created: Sendable {
        let session: String
        let invitation: String
    }

    /// What a signer gives to `musig2 join`.
    private func find(
        _ created: Created,
        _ index: Int,
        report: @Sendable (String) -> Void
    ) async throws -> String {
        switch way {
        case .rendezvous, .record: return created.session
        case .invitation: return created.invitation
        case .inbox:
            // It knows nothing but its own key.
            let (end, finish) = AsyncStream.makeStream(of: Void.self)
            let watched = try await command.follow(
                ["inbox", "--watch", "--every", "1"] + common(index), until: end
            ) { line, process in
                guard line.event == "waiting" else { return .goOn }
                let session = try line.text("session")
                report("signer \(index + 1) (process \(process)) finds session \(session) in its inbox")
                finish.finish()
                return .goOn
            }
            guard let found = watched.lines.first(where: { $0.event == "waiting" }), watched.status == 0 else {
                throw FlowError("signer \(index + 1): inbox: exit status \(watched.status): \(watched.error)")
            }
            return try found.text("session")
        }
    }

    /// Runs one signer's process and reads its lines until it ends.
    private func follow(
        _ index: Int,
        _ arguments: [String],
        report: @Sendable (String) -> Void,
        created: @Sendable (Created) -> Void
    ) async throws -> [SchnorrSignature] {
        let followed = try await command.follow(arguments) { line, process in
            let name = "signer \(index + 1) (process \(process))"
            switch line.event {
            case "invitation":
                report("\(name) created session \(try line.text("session"))")
                created(Created(session: try line.text("session"), invitation: try line.text("invitation")))
            case "session":
                report("\(name) is shown session \(try line.text("session")), and says yes")
            case "participantJoined":
                report("\(name) sees that signer \(try line.number("signer")) joined")
            case "nonceReceived":
                report("\(name) has nonces \(try line.number("received"))/\(try line.number("total"))")
            case "partialReceived":
                report("\(name) has partial signatures \(try line.number("received"))/\(try line.number("total"))")
            case "signature":
                report("\(name) holds the signature \(try line.text("signature"))")
            case "error":
                throw FlowError("\(name): \(try line.text("message"))")
            default: break
            }
            return .goOn
        }
        guard followed.status == 0 else {
            throw FlowError("signer \(index + 1): exit status \(followed.status): \(followed.error)")
        }
        return try followed.lines.filter { $0.event == "signature" }.map { line in
            let signature = try line.text("signature")
            guard let bytes = Hex.decode(signature) else { throw FlowError("not a signature: \(signature)") }
            return try SchnorrSignature(rawRepresentation: bytes)
        }
    }
}
