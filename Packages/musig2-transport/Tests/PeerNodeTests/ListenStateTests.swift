import Multiformats
import PeerTransport
import Testing

@testable import PeerNode

@Suite("The listeners of a node")
struct ListenStateTests {
    private var state = ListenState()

    @Test("addresses are told again only when they have changed")
    mutating func told() throws {
        let address = try Multiaddr("/memory/1")
        let isNew = state.tell([address])
        let isNewAgain = state.tell([address])
        let isNewWithout = state.tell([])
        #expect(isNew && !isNewAgain && isNewWithout)
    }

    @Test("what is closed has no addresses and watches nothing")
    mutating func closing() async throws {
        let address = try Multiaddr("/memory/1")
        state.add([HandedTransport(address)])
        #expect(state.addresses == [address])
        let watch = Task { () -> Void in
            while !Task.isCancelled { await Task.yield() }
        }
        state.watch { watch }
        var isStartedTwice = false
        state.watch {
            isStartedTwice = true
            return watch
        }
        let closed = state.close()
        #expect(closed.count == 1 && state.addresses.isEmpty && !isStartedTwice)
        await watch.value
        let none = state.close()
        #expect(none.isEmpty)
    }
}
