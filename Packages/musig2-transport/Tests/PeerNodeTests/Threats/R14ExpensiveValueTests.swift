import Foundation
import Multiformats
import PeerNode
import PeerTransport
import PeerTransportTestKit
import Synchronization
import Testing
import WireCodec

/// R14: values that take long to look at hold up nobody.
@Suite(.serialized, .timeLimit(.minutes(1))) struct R14ExpensiveValueTests {
    /// Looks at a value until it is let go on.
    private final class SlowRules: ValueRules {
        /// Told when a look begins.
        let begun = Event()
        let looks = Atomic<Int>(0)
        private let goOn = DispatchSemaphore(value: 0)

        func isValid(_ value: [UInt8], at key: [UInt8], wallMilliseconds: UInt64) -> Bool {
            looks.wrappingAdd(1, ordering: .relaxed)
            begun.notify()
            goOn.wait()
            return value.first != 0
        }

        func isBetter(_ left: [UInt8], than right: [UInt8], at key: [UInt8]) -> Bool { left.count > right.count }
        func letGoOn() { goOn.signal() }
    }

    private func put(_ value: [UInt8]) -> [UInt8] {
        let record = KademliaMessage.Record(key: DHTWorld.name("x"), value: value)
        return FrameEncoder.encode(
            KademliaMessage(kind: .putValue, key: DHTWorld.name("x"), record: record).encoded())
    }

    private func ask(_ bytes: [UInt8], on stream: any ByteStream, answers: Int = 1) async throws -> [KademliaMessage] {
        try await stream.write(bytes)
        var decoder = FrameDecoder(maximumLength: WireLimits.standard.kademliaMessageBytes)
        var messages: [KademliaMessage] = []
        while messages.count < answers, let bytes = try await stream.read(upTo: 65_536) {
            for frame in try decoder.feed(bytes) { messages.append(try KademliaMessage(decoding: frame)) }
        }
        return messages
    }

    @Test(arguments: DHTWorld.Way.allCases)
    func r14AValueThatIsLookedAtHoldsUpNobody(_ way: DHTWorld.Way) async throws {
        let world = DHTWorld(way)
        let rules = SlowRules()
        let dht = try await world.member(1, .server) { $0.rules["test"] = rules }
        let (liar, honest) = (try await world.node(2), try await world.node(3))
        for node in [liar, honest] { try await node.connect(to: dht.node.localPeer, addresses: dht.node.addresses) }
        let slow = try await liar.openStream(to: dht.node.localPeer, protocols: [DHTWorld.protocolID]).stream
        let ping = FrameEncoder.encode(KademliaMessage(kind: .ping).encoded())
        // What comes behind it on the same stream waits, and is answered in order.
        try await slow.write(ping + put([1, 2, 3]) + ping)
        guard await rules.begun.wait() == .notified else { return }
        // While it is looked at, others are answered, also by who comes on the same connection.
        for node in [honest, liar] {
            let stream = try await node.openStream(to: dht.node.localPeer, protocols: [DHTWorld.protocolID]).stream
            let get = KademliaMessage(kind: .getValue, key: DHTWorld.name("x"))
            #expect(try await ask(FrameEncoder.encode(get.encoded()), on: stream).map(\.kind) == [.getValue])
        }
        rules.letGoOn()
        let answers = try await ask(ping, on: slow, answers: 4)
        #expect(answers.map(\.kind) == [.ping, .putValue, .ping, .ping])
        #expect(answers.count > 1 && answers[1].record?.value == [1, 2, 3])
        // One that is not valid resets the stream, as before.
        rules.letGoOn()
        await #expect(throws: TransportError(.streamReset, "")) { try await ask(put([0]), on: slow) }
        #expect(rules.looks.load(ordering: .relaxed) == 2)
        for node in [liar, honest, dht.node] { await node.shutdown() }
    }

    /// A DHT that ends while a value is looked at lets go of the one that waits for the answer.
    @Test func r14AShutdownEndsWhatWaits() async throws {
        let rules = SlowRules()
        let world = DHTWorld()
        let dht = try await world.member(1, .server) { $0.rules["test"] = rules }
        let asker = try await world.node(2)
        try await asker.connect(to: dht.node.localPeer, addresses: dht.node.addresses)
        let stream = try await asker.openStream(to: dht.node.localPeer, protocols: [DHTWorld.protocolID]).stream
        try await stream.write(put([1]))
        guard await rules.begun.wait() == .notified else { return }
        let end = Task { await dht.shutdown() }
        await #expect(throws: TransportError(.streamReset, "")) { _ = try await stream.read(upTo: 10) }
        rules.letGoOn()
        await end.value
        await asker.shutdown()
        await dht.node.shutdown()
    }
}
