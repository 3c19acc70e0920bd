import Foundation
import Multiformats
import PeerTransport
import PeerTransportTestKit
import Testing

/// The examples of the guides pass the suites, and the guides show the code that does.
@Suite struct ExampleTests {
    @Test(arguments: TransportConformance.Case.allCases)
    func transport(_ testCase: TransportConformance.Case) async throws {
        try await TransportConformance {
            let board = Switchboard()
            let (one, two) = (try testPeer(1), try testPeer(2))
            return TransportPair(
                listening: SwitchboardTransport(peer: one, board: board),
                listeningPeer: one,
                listenAddress: try Multiaddr("/memory/5"),
                dialing: SwitchboardTransport(peer: two, board: board),
                dialingPeer: two
            )
        }.run(testCase)
    }

    @Test(arguments: NetworkConformance.Case.allCases)
    func network(_ testCase: NetworkConformance.Case) async throws {
        try await NetworkConformance {
            let room = MailRoom()
            return NetworkPair(
                first: MailboxNetwork(peer: try testPeer(1), room: room),
                second: MailboxNetwork(peer: try testPeer(2), room: room),
                unreachable: try testPeer(3)
            )
        }.run(testCase)
    }

    private static let examples = URL(fileURLWithPath: #filePath).deletingLastPathComponent()

    /// The guides stand beside the packages, and are not there when this package stands alone.
    private static let guides = examples.appendingPathComponent("../../../../../docs", isDirectory: true)
        .standardizedFileURL

    private static var hasGuides: Bool {
        FileManager.default.fileExists(atPath: guides.appendingPathComponent("custom-transport.md").path)
    }

    @Test(
        .enabled(if: hasGuides),
        arguments: [
            ("custom-transport.md", "SwitchboardTransport.swift"), ("custom-network.md", "MailboxNetwork.swift"),
        ]
    )
    func theGuideShowsTheFile(guide: String, file: String) throws {
        let text = try String(contentsOf: Self.guides.appendingPathComponent(guide), encoding: .utf8)
        let code = try String(contentsOf: Self.examples.appendingPathComponent(file), encoding: .utf8)
        let blocks = text.components(separatedBy: "```swift\n").dropFirst().compactMap {
            $0.components(separatedBy: "```").first
        }
        #expect(blocks.contains(code), "docs/\(guide) must contain \(file) as it is")
    }
}
