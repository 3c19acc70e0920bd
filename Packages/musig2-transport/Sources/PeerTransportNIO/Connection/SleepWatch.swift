import NIOCore
import Synchronization

/// What wants to know that the process slept.
protocol SleepWatching: AnyObject {
    /// The process slept, and is awake again.
    func woke()
}

/// Looks whether the process slept, for all connections of an event loop: one timer, while there are any. It belongs to its loop.
final class SleepWatch {
    private let eventLoop: any EventLoop
    private let step: Duration
    private let mark: @Sendable () -> SleepMark
    private var members: [ObjectIdentifier: any SleepWatching] = [:]
    private var timer: Scheduled<Void>?

    /// - Parameters:
    ///   - eventLoop: where it looks.
    ///   - step: how often.
    ///   - mark: the clocks by which it looks.
    init(on eventLoop: any EventLoop, every step: Duration, by mark: @escaping @Sendable () -> SleepMark) {
        self.eventLoop = eventLoop
        self.step = step
        self.mark = mark
    }

    /// Tells a member from now on, and keeps it until it is removed.
    func add(_ member: any SleepWatching) {
        self.members[ObjectIdentifier(member)] = member
        if self.timer == nil { self.arm() }
    }

    func remove(_ member: any SleepWatching) {
        self.members[ObjectIdentifier(member)] = nil
        guard self.members.isEmpty else { return }
        self.timer?.cancel()
        self.timer = nil
    }

    private func arm() {
        let begin = self.mark()
        self.timer = self.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(self.step)) {
            self.look(since: begin)
        }
    }

    private func look(since begin: SleepMark) {
        self.timer = nil
        if begin.hasSlept(until: self.mark(), expecting: self.step) {
            for member in Array(self.members.values) { member.woke() }
        }
        if self.timer == nil, !self.members.isEmpty { self.arm() }
    }
}

/// The watches of a transport, one for each event loop that it has had connections on.
final class SleepWatches: Sendable {
    private let watches = Mutex<[ObjectIdentifier: NIOLoopBound<SleepWatch>]>([:])
    private let step: Duration
    private let mark: @Sendable () -> SleepMark

    init(_ configuration: TCPTransport.Configuration) {
        self.step = configuration.sleepCheck
        self.mark = configuration.sleepMark
    }

    /// The watch of an event loop, for callers on it.
    func watch(on eventLoop: any EventLoop) -> SleepWatch {
        let bound = self.watches.withLock { watches in
            if let watch = watches[ObjectIdentifier(eventLoop)] { return watch }
            let watch = NIOLoopBound(
                SleepWatch(on: eventLoop, every: self.step, by: self.mark), eventLoop: eventLoop)
            watches[ObjectIdentifier(eventLoop)] = watch
            return watch
        }
        return bound.value
    }
}
