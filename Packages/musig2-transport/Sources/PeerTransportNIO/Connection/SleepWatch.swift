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
        members[ObjectIdentifier(member)] = member
        if timer == nil { arm() }
    }

    func remove(_ member: any SleepWatching) {
        members[ObjectIdentifier(member)] = nil
        guard members.isEmpty else { return }
        timer?.cancel()
        timer = nil
    }

    private func arm() {
        let begin = mark()
        timer = eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(step)) {
            self.look(since: begin)
        }
    }

    private func look(since begin: SleepMark) {
        timer = nil
        if begin.hasSlept(until: mark(), expecting: step) {
            for member in Array(members.values) { member.woke() }
        }
        if timer == nil, !members.isEmpty { arm() }
    }
}

/// The watches of a transport, one for each event loop that it has had connections on.
final class SleepWatches: Sendable {
    private let watches = Mutex<[ObjectIdentifier: NIOLoopBound<SleepWatch>]>([:])
    private let step: Duration
    private let mark: @Sendable () -> SleepMark

    init(_ configuration: TCPTransport.Configuration) {
        step = configuration.sleepCheck
        mark = configuration.sleepMark
    }

    /// The watch of an event loop, for callers on it.
    func watch(on eventLoop: any EventLoop) -> SleepWatch {
        let bound = self.watches.withLock { watches in
            if let watch = watches[ObjectIdentifier(eventLoop)] { return watch }
            let watch = NIOLoopBound(
                SleepWatch(on: eventLoop, every: step, by: mark), eventLoop: eventLoop)
            watches[ObjectIdentifier(eventLoop)] = watch
            return watch
        }
        return bound.value
    }
}
