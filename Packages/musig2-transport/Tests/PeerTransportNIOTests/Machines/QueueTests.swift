import Multiformats
import PeerTransport
import Synchronization
import Testing

@testable import PeerTransportNIO

@Suite("Queues and counts")
struct QueueTests {
    @Test("a byte queue is a queue of bytes, whatever goes in and out in which pieces")
    func byteQueue() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<200 {
            var queue = ByteQueue()
            var model: [UInt8] = []
            for _ in 0..<60 {
                let count = Int.random(in: 0...200, using: &generator)
                switch Int.random(in: 0..<4, using: &generator) {
                case 0:
                    let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
                    queue.append(bytes)
                    model += bytes
                case 1:
                    let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
                    bytes.withUnsafeBytes { queue.append(copying: $0) }
                    model += bytes
                case 2:
                    guard !queue.isEmpty, count > 0 else { continue }
                    let taken = queue.take(upTo: count)
                    #expect(!taken.isEmpty && taken.count <= count, "seed \(seed)")
                    #expect(taken == Array(model.prefix(taken.count)), "seed \(seed)")
                    model.removeFirst(taken.count)
                default:
                    var drained: [UInt8] = []
                    queue.drain(count) { drained += Array($0) }
                    #expect(drained == Array(model.prefix(count)), "seed \(seed)")
                    model.removeFirst(drained.count)
                }
                #expect(queue.count == model.count, "seed \(seed)")
            }
        }
    }

    @Test("single bytes are gathered, so that they cost what they weigh")
    func gathers() {
        var queue = ByteQueue()
        for byte in 0..<20_000 { [UInt8(truncatingIfNeeded: byte)].withUnsafeBytes { queue.append(copying: $0) } }
        #expect(queue.take(upTo: 1_000_000).count == 16_384)
        #expect(queue.take(upTo: 1_000_000).count == 20_000 - 16_384)
        #expect(queue.isEmpty)
        #expect(queue.take(upTo: 1) == [])
    }

    @Test("a place in the count is given back once, however it ends")
    func count() throws {
        var limits = TCPTransport.Limits()
        limits.connections = 2
        limits.halfOpenConnections = 1
        limits.connectionsPerPeer = 1
        let count = ConnectionCount(limits: limits)
        let peer = NodeIdentity.generateEd25519().peerID
        let first = try count.open(isInbound: true)
        #expect(first.settle(peer: peer) == nil)
        let second = try count.open(isInbound: true)
        #expect(throws: TransportError(.limitExceeded, "")) { _ = try count.open(isInbound: false) }
        #expect(second.settle(peer: peer)?.message == "connections with \(peer): expected at most 1")
        second.release()
        #expect(count.total == 1)
        first.release()
        first.release()
        #expect(count.total == 0)
        let third = try count.open(isInbound: true)
        third.release()
        #expect(third.settle(peer: peer)?.code == .connectionClosed)
        #expect(count.total == 0)
        let fourth = try count.open(isInbound: false)
        #expect(fourth.settle(peer: peer) == nil)
    }

    @Test("those who come in numbers make room for each other, and nobody else for them")
    func evictionOfMany() throws {
        var limits = TCPTransport.Limits()
        limits.halfOpenConnections = 4
        let count = ConnectionCount(limits: limits)
        let evicted = Mutex<[String]>([])
        func open(_ address: String) throws {
            let slot = try count.open(isInbound: true, from: Multiaddr("/ip4/\(address)/tcp/1"))
            slot.onEviction { _ in evicted.withLock { $0.append(address) } }
        }
        for address in ["127.1.0.1", "127.0.0.1", "127.0.0.2", "192.0.2.1"] { try open(address) }
        for number in 3...100 { try open("127.0.0.\(number)") }
        #expect(evicted.withLock { $0 } == (1...98).map { "127.0.0.\($0)" })
        // Among equals it is the oldest.
        try open("192.0.2.2")
        try open("192.0.2.3")
        #expect(evicted.withLock { $0.suffix(2) } == ["127.0.0.99", "192.0.2.1"])
    }

    @Test("the oldest unfinished handshake makes room, and only that")
    func eviction() throws {
        var limits = TCPTransport.Limits()
        limits.halfOpenConnections = 2
        let count = ConnectionCount(limits: limits)
        let evicted = Mutex<[String]>([])
        func open(_ name: String) throws -> ConnectionCount.Slot {
            let slot = try count.open(isInbound: true)
            slot.onEviction { _ in evicted.withLock { $0.append(name) } }
            return slot
        }
        let done = try open("done")
        #expect(done.settle(peer: NodeIdentity.generateEd25519().peerID) == nil)
        let first = try open("first")
        let gone = try open("gone")
        gone.release()
        _ = try open("second")
        #expect(evicted.withLock { $0 } == [])
        _ = try count.open(isInbound: false)
        #expect(evicted.withLock { $0 } == [], "dials are not counted here")
        _ = try open("third")
        #expect(evicted.withLock { $0 } == ["first"])
        #expect(count.total == 5, "it counts until it is closed")
        first.release()
        #expect(count.total == 4)
        // One that has to go before it could say how.
        let hasty = try count.open(isInbound: true)
        _ = try open("fourth")
        _ = try open("fifth")
        hasty.onEviction { _ in evicted.withLock { $0.append("hasty") } }
        #expect(evicted.withLock { $0 } == ["first", "second", "third", "hasty"])
    }

    @Test("those who come in numbers leave room for dials")
    func inboundLimit() throws {
        var limits = TCPTransport.Limits()
        limits.connections = 3
        limits.inboundConnections = 2
        let count = ConnectionCount(limits: limits)
        let slots = try (0..<2).map { _ in try count.open(isInbound: true) }
        let error = #expect(throws: TransportError.self) { _ = try count.open(isInbound: true) }
        #expect(error?.message == "inbound connections: expected at most 2")
        let dial = try count.open(isInbound: false)
        slots[0].release()
        #expect(throws: Never.self) { _ = try count.open(isInbound: true) }
        dial.release()
        #expect(count.total == 2)
    }

    @Test("above half of the total each connection is held to its share: a quarter, by connections")
    func share() throws {
        var limits = TCPTransport.Limits()
        limits.connections = 4
        limits.receiveBuffer = 800
        limits.connectionReceiveBuffer = 300
        let count = ConnectionCount(limits: limits)
        let (one, two) = (try count.open(isInbound: true), try count.open(isInbound: true))
        #expect(one.hold(300) == 300)
        #expect(two.hold(100) == 300)
        #expect(two.hold(1) == 50)
        #expect(one.hold(-1) == 300)
        #expect(count.heldBytes == 400)
    }
}
