import Multiformats
import PeerTransport
import Testing

@testable import PeerTransportNIO

@Suite("Queues and counts")
struct QueueTests {
    @Test("a byte queue is a queue of bytes, whatever goes in and out in which pieces")
    func byteQueue() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var generator = SplitMix64(seed: seed)
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
        #expect(throws: TransportError(.limitExceeded, "")) { _ = try count.open(isInbound: true) }
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
}
