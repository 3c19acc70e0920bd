import Dispatch
import NIOCore
import NIOPosix
import PeerTransport
import Synchronization
import Testing

@testable import PeerTransportNIO

/// R20: names whose servers do not answer.
@Suite(.serialized, .timeLimit(.minutes(1))) struct R20NameTests {
    private typealias Question = NameQueue.Question

    private static let failure = TransportError(.resolutionFailed, "none")

    private func question(_ name: String) -> NameQueue.Question { NameQueue.Question(name, family: 0) }

    /// All that may begin now.
    private func begun(_ queue: inout NameQueue) -> [String] {
        var names: [String] = []
        while let next = queue.next() { names.append(next.name) }
        return names
    }

    @Test func r20StrangersHaveFewPlacesAndOneForADomain() {
        var queue = NameQueue()
        for number in 0..<8 {
            let entry = queue.ask(
                question("\(number).ghost.example"), from: .stranger, ticket: UInt64(number), at: .zero)
            #expect(entry == .waits)
        }
        #expect(begun(&queue) == ["0.ghost.example"])
        _ = queue.ask(question("a.other.example"), from: .stranger, ticket: 10, at: .zero)
        #expect(begun(&queue) == ["a.other.example"])
        // The same for a peer that is said to be under many names.
        let peer = NodeIdentity.generateEd25519().peerID
        for number in 0..<3 {
            let name = question("a.\(number).example")
            _ = queue.ask(name, from: .stranger, of: peer, ticket: UInt64(20 + number), at: .zero)
        }
        #expect(begun(&queue) == ["a.0.example"])
        for number in 3..<6 { _ = queue.ask(question("\(number).z\(number)"), from: .stranger, ticket: 30, at: .zero) }
        #expect(begun(&queue) == ["3.z3"])
        // What the user names has places of its own, also in the domain of a stranger.
        _ = queue.ask(question("mine.ghost.example"), from: .user, ticket: 12, at: .zero)
        #expect(begun(&queue) == ["mine.ghost.example"])
        let told = queue.ended(question("0.ghost.example"), failure: Self.failure, at: .zero)
        #expect(told == [0])
        #expect(begun(&queue) == ["1.ghost.example"])
    }

    @Test func r20ANameIsDroppedWithThoseWhoWantIt() {
        var queue = NameQueue()
        _ = queue.ask(question("a.x.example"), from: .stranger, ticket: 1, at: .zero)
        #expect(begun(&queue) == ["a.x.example"])
        _ = queue.ask(question("b.x.example"), from: .stranger, ticket: 2, at: .zero)
        _ = queue.ask(question("B.x.example."), from: .stranger, ticket: 3, at: .zero)
        queue.cancel(2, question("b.x.example"))
        #expect(queue.count == 2)
        queue.cancel(3, question("b.x.example"))
        #expect(queue.count == 1)
        // One that runs cannot be stopped: it keeps its place.
        queue.cancel(1, question("a.x.example"))
        #expect(queue.count == 1)
        let told = queue.ended(question("a.x.example"), failure: nil, at: .zero)
        #expect(told.isEmpty && queue.count == 0)
    }

    @Test func r20FailuresAreRememberedForAWhile() {
        var limits = NameQueue.Limits()
        limits.failures = 3
        var queue = NameQueue(limits: limits)
        for number in 0..<5 {
            let name = question("\(number).example")
            _ = queue.ask(name, from: .user, ticket: 1, at: .seconds(number))
            _ = queue.next()
            _ = queue.ended(name, failure: Self.failure, at: .seconds(number))
            #expect(queue.failureCount <= 3)
        }
        let known = queue.ask(question("4.example"), from: .user, ticket: 2, at: .seconds(63))
        #expect(known == .failed(Self.failure))
        let forgotten = queue.ask(question("4.example"), from: .user, ticket: 3, at: .seconds(64))
        #expect(forgotten == .waits)
        let pushedOut = queue.ask(question("0.example"), from: .user, ticket: 4, at: .seconds(5))
        #expect(pushedOut == .waits)
    }

    @Test func r20WaitingNamesAreBounded() {
        var limits = NameQueue.Limits()
        limits.waitingStrangers = 3
        limits.waitingUsers = 2
        var queue = NameQueue(limits: limits)
        let strangers = (0..<5).map {
            queue.ask(question("\($0).a.example"), from: .stranger, ticket: UInt64($0), at: .zero)
        }
        #expect(strangers == [.waits, .waits, .waits, .refused, .refused])
        let users = (0..<3).map { queue.ask(question("\($0).b.example"), from: .user, ticket: UInt64($0), at: .zero) }
        #expect(users == [.waits, .waits, .refused])
        // A name of a stranger that the user names too is the user's.
        let shared = queue.ask(question("2.a.example"), from: .user, ticket: 9, at: .zero)
        #expect(shared == .waits)
        #expect(begun(&queue).prefix(3).sorted() == ["0.b.example", "1.b.example", "2.a.example"])
    }

    /// Looks names up when it is told to.
    private final class Gate: Sendable {
        let begun = Event()
        private let names = Mutex<[String]>([])
        private let goOn = DispatchSemaphore(value: 0)

        var all: [String] { names.withLock { $0 } }

        func resolveBlocking(_ question: NameQueue.Question) -> NameResolver.Answer {
            names.withLock { $0.append(question.name) }
            begun.notify()
            guard question.name.hasSuffix("ghost.example") else {
                return Result { try SocketAddress(ipAddress: "203.0.113.7", port: 0) }
                    .map { [$0] }.mapError { _ in TransportError(.resolutionFailed, "") }
            }
            goOn.wait()
            return .failure(TransportError(.resolutionFailed, "no server answers"))
        }

        func open(_ count: Int) { for _ in 0..<count { goOn.signal() } }

        func waitUntilBegun(_ count: Int) async {
            while all.count < count { guard await begun.wait() == .notified else { return } }
        }
    }

    /// Three peers with eight names each, whose servers do not answer; the user's name is looked up at once, and so is another
    /// stranger's.
    @Test func r20SlowNamesHoldUpNobodyElse() async throws {
        let gate = Gate()
        let resolver = NameResolver { gate.resolveBlocking($0) }
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let ghosts = (0..<24).map { number in
            Task {
                try await resolver.addresses(
                    of: question("\(number).ghost.example"), from: .stranger, within: .seconds(60), on: loop)
            }
        }
        await gate.waitUntilBegun(1)
        let mine = try await resolver.addresses(
            of: question("peer.example"), from: .user, within: .seconds(60), on: loop)
        #expect(mine.compactMap(\.ipAddress) == ["203.0.113.7"])
        let other = try await resolver.addresses(
            of: question("peer.elsewhere.example"), from: .stranger, within: .seconds(60), on: loop)
        #expect(other.count == 1)
        #expect(gate.all.count { $0.hasSuffix("ghost.example") } == 1)
        // What waits is gone with those that wanted it; what runs ends when it ends.
        for ghost in ghosts { ghost.cancel() }
        for ghost in ghosts {
            await #expect(throws: TransportError(.cancelled, "")) { try await ghost.value }
        }
        #expect(resolver.count == 1)
        gate.open(1)
        let slow = try #require(gate.all.first { $0.hasSuffix("ghost.example") })
        await #expect(throws: TransportError(.resolutionFailed, "")) {
            try await resolver.addresses(of: question(slow), from: .stranger, within: .seconds(60), on: loop)
        }
        #expect(gate.all.count { $0.hasSuffix("ghost.example") } == 1)
    }
}
