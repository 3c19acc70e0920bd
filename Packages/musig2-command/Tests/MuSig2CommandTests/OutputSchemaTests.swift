import Foundation
import JSONSchema
import MuSig2Coordination
import MuSig2Session
import Multiformats
import Secp256k1
import Testing
import WireCodec

@testable import musig2

/// What docs/json.schema.json says of the output is what the code prints. The flows hold every line of every process to
/// it as well.
struct OutputSchemaTests {
    private let schema: JSONSchema
    private let session = SessionID(Hash32.random())
    private let peer: PeerID
    private let key = SecretKey.generate().publicKey

    init() throws {
        schema = try JSONSchema.ofOutput()
        peer = try PeerID("12D3KooWQidP12BHiYvN9AtPMcKrVfZno76caUg3rx7GmByYEXwT")
    }

    /// One of each kind of event.
    private func events() throws -> [CoordinatorEvent] {
        [
            .created(session, finalKey: key.xOnly), .announced(session), .joined(session, finalKey: key.xOnly),
            .participantJoined(session, signer: 0, peer: peer, joined: 1, total: 2),
            .declined(session, signer: 1, reason: "no"), .ready(session),
            .commitmentReceived(session, attempt: 1, signer: 0, received: 1, total: 2),
            .commitmentsComplete(session, attempt: 1),
            .nonceReceived(session, attempt: 1, signer: 0, received: 1, total: 2),
            .noncesComplete(session, attempt: 1),
            .partialReceived(session, attempt: 1, signer: 0, received: 1, total: 2), .complete(session, []),
            .error(CoordinatorError(.clockSkew, "the clock is wrong")),
            .attemptRestarted(session, attempt: 2, reason: .newRun, by: 0),
            .coordinatorChanged(session, attempt: 2, coordinator: 0),
            .notHeard(session, attempt: 1, signers: [0], by: 1),
            .contextDiffers(session, attempt: 1, signers: [0], by: 1, orBy: true),
            .newRuns(session, attempt: 1, signers: [0], by: 1),
            .broadcastStated(session, transaction: [], by: 0), .restored(session), .expired(session), .left(session),
            .absent(session, signers: [0], waitingFor: [0, 2]),
            .closed(session), .peerConnected(peer), .peerDisconnected(peer), .missed(1),
        ]
    }

    /// Whether an event stands above. A new kind of event does not compile here: give it a place there, and in the schema
    /// if it is printed.
    private func isListed(_ event: CoordinatorEvent) -> Bool {
        switch event {
        case .created, .announced, .joined, .participantJoined, .ready, .commitmentReceived, .commitmentsComplete,
            .nonceReceived, .noncesComplete, .partialReceived, .complete, .error, .attemptRestarted,
            .coordinatorChanged, .notHeard, .contextDiffers, .newRuns, .broadcastStated, .restored, .expired, .left,
            .closed, .peerConnected, .peerDisconnected, .missed, .declined, .absent:
            true
        // These need a whole session; nothing is printed of the first and the last under their own names.
        case .aborted, .evidence, .waiting: false
        }
    }

    @Test
    func everyEventIsInTheSchema() throws {
        var printed: Set<String> = []
        var presence = Presence()
        for event in try events() {
            #expect(isListed(event))
            let lines = [presence.line(event), ProgressLine(event)].compactMap(\.self)
            if case .participantJoined = event { _ = presence.line(.peerDisconnected(peer)) }
            for line in lines {
                let name = if case .error = event { "notice" } else { event.name }
                try check(name, line.fields)
                printed.insert(name)
            }
        }
        // What the sources print under a name of their own.
        for name in try namesInTheSources() {
            #expect(schema.events.contains(name), "\(name) is not in docs/json.schema.json")
            printed.insert(name)
        }
        // Those that need a whole session, or a peer that went: the flows see them.
        printed.formUnion(["evidence", "peerConnected", "peerDisconnected"])
        #expect(schema.events.subtracting(printed).sorted() == [], "no code prints these")
    }

    /// Signers, attempts and messages are counted as people count.
    @Test
    func everythingCountsFromOne() throws {
        let joined = ProgressLine(.participantJoined(session, signer: 0, peer: peer, joined: 1, total: 2))
        #expect(joined?.fields["signer"] == 1)
        let nonce = ProgressLine(.nonceReceived(session, attempt: 1, signer: 1, received: 1, total: 2))
        #expect(nonce?.fields["signer"] == 2 && nonce?.fields["attempt"] == 1)
        let missing = ProgressLine(.notHeard(session, attempt: 1, signers: [0, 2], by: 1))
        #expect(missing?.fields["signers"] == .array([1, 3]) && missing?.fields["by"] == 2)
    }

    @Test
    func whatIsNotInTheSchemaIsRefused() {
        for line in [
            #"{}"#, #"{"event":"nothing"}"#, #"{"event":"missed"}"#, #"{"event":"missed","count":-1}"#,
            #"{"event":"missed","count":"1"}"#, #"{"event":"missed","count":1.5}"#,
            #"{"event":"missed","count":1,"more":1}"#,
            #"{"event":"notHeard","attempt":1,"signers":[0],"by":1}"#,
            #"{"event":"notHeard","attempt":0,"signers":[1],"by":1}"#, #"[]"#, #"no JSON"#,
        ] {
            #expect(throws: (any Error).self, "\(line)") { try schema.check(line: line) }
        }
        #expect(throws: Never.self) { try schema.check(line: #"{"event":"missed","count":1}"#) }
    }

    private func check(_ event: String, _ fields: [String: JSONValue]) throws {
        var fields = fields
        fields["event"] = .string(event)
        try schema.check(line: try JSONValue.object(fields).line())
    }

    /// Each `event: "name"` of the command's sources.
    private func namesInTheSources() throws -> Set<String> {
        let sources = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("Sources/musig2")
        let files = try #require(FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil))
        var names: Set<String> = []
        for case let file as URL in files where file.pathExtension == "swift" {
            let text = try String(contentsOf: file, encoding: .utf8)
            for match in text.matches(of: #/(?:event: |writeJSON\()"(?<name>\w+)"/#) {
                names.insert(String(match.name))
            }
        }
        #expect(names.count > 20)
        return names
    }
}
