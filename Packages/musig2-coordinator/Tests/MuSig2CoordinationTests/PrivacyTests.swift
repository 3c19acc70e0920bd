import Logging
import MuSig2Session
import Multiformats
import PeerTransport
import Secp256k1
import Synchronization
import Testing

@testable import MuSig2Coordination

@Suite("Privacy of logs and stores") struct PrivacyTests {
    /// Keeps every line with its metadata.
    private struct Recorder: LogHandler {
        final class Lines: Sendable {
            let all = Mutex<[String]>([])
        }

        let lines: Lines
        var logLevel: Logger.Level = .trace
        var metadata: Logger.Metadata = [:]

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let all = metadata.merging(event.metadata ?? [:]) { $1 }
            lines.all.withLock { $0.append("\(event.level) \(event.message) \(all)") }
        }
    }

    /// P2: logs at every level, and what errors and events say, hold no secret key, no nonce and no message.
    @Test func p2NoSecretsInLogs() async throws {
        let network = InMemoryNetwork(clock: VirtualClock(wallMilliseconds: 1_800_000_000_000))
        let lines = Recorder.Lines()
        let logger = Logger(label: "test") { _ in Recorder(lines: lines) }
        let secretBytes = try (0..<2 as Range<UInt64>).map { number in
            try TestKeys.secret(number).withUnsafeBytes { Array($0) }
        }
        var parties: [Party] = []
        for number in 0..<2 as Range<UInt64> {
            parties.append(try await Parties.party(number, on: network, logger: logger))
        }
        let message = Array("a message that nobody should read".utf8)
        let created = try await parties[0].coordinator.createSession(
            SessionRequest(signers: parties.map(\.publicKey), messages: [message]))
        try await parties[1].coordinator.joinSession(created.invitation)
        _ = try await parties[0].coordinator.waitForSignatures(of: created.id)
        _ = try await parties[1].coordinator.waitForSignatures(of: created.id)
        let text = lines.all.withLock { $0.joined(separator: "\n") }
        #expect(text.contains("session.id"))
        #expect(text.contains("complete"))
        for secret in secretBytes {
            #expect(secret.count == 32)
            #expect(!text.lowercased().contains(hex(secret)))
        }
        #expect(!text.contains(hex(message)))
        #expect(!text.contains("nobody should read"))
        for party in parties {
            let stored = await party.store.load(signer: party.publicKey, completions: 10)
            for nonces in stored.sessions.flatMap(\.nonces) { #expect(!text.contains(hex(nonces))) }
        }
    }

    private func hex(_ bytes: [UInt8]) -> String {
        bytes.map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }.joined()
    }
}
