import Multiformats
import PeerTransport
import Testing

@testable import PeerNode

@Suite("The protocols of a node")
struct ProtocolTableTests {
    private final class Handler: ProtocolHandler {
        let name = "handler"
        let protocolIDs: [ProtocolID]

        init(_ protocolIDs: [ProtocolID]) { self.protocolIDs = protocolIDs }

        func handle(_ stream: NegotiatedStream, from peer: PeerID) async {}
    }

    private var table = ProtocolTable()

    @Test("protocols are added all or none")
    mutating func allOrNone() {
        let first = table.add(["/b", "/a"], servedBy: .responder(name: "first") { _ in nil })
        #expect(first == nil)
        let other = table.add(["/c", "/a"], servedBy: .handler(Handler(["/c", "/a"])))
        #expect(other?.name == "first" && other?.isResponder == true)
        #expect(table.protocols == ["/a", "/b"] && table["/c"] == nil && table.handlers.isEmpty)
    }

    @Test("a handler goes when all its protocols are removed")
    mutating func removal() {
        let both = Handler(["/a", "/b"])
        _ = table.add(both.protocolIDs, servedBy: .handler(both))
        table.remove(["/a"])
        #expect(table.protocols == ["/b"] && table.handlers.count == 1)
        table.remove(["/a", "/b"])
        #expect(table.protocols.isEmpty && table.handlers.isEmpty)
    }
}
