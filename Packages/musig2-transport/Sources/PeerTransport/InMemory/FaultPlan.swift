public import Multiformats

/// What goes wrong on an ``InMemoryNetwork``: chances for each frame, and faults at set times.
///
/// What befalls the k-th frame of a link follows from the network's seed, the two peers and k alone.
public struct FaultPlan: Sendable, Hashable {
    /// The share of frames that are lost, 0 to 1.
    public var loss: Double

    /// The share of frames that arrive twice, 0 to 1.
    public var duplication: Double

    /// The share of frames that are held back by ``reorderDelay`` and may be overtaken, 0 to 1.
    public var reordering: Double

    /// How long a frame, a connection attempt or a close is on the way.
    public var delay: ClosedRange<Duration>

    /// How much longer a frame that may be overtaken is on the way, and the second copy of one that is duplicated.
    public var reorderDelay: ClosedRange<Duration>

    /// What happens at set times of the network's clock.
    public var schedule: [ScheduledFault]

    /// Makes a plan.
    ///
    /// - Parameters:
    ///   - loss: The share of frames that are lost.
    ///   - duplication: The share of frames that arrive twice.
    ///   - reordering: The share of frames that are held back and may be overtaken.
    ///   - delay: How long anything is on the way.
    ///   - reorderDelay: How much longer a frame that may be overtaken is on the way.
    ///   - schedule: What happens at set times.
    public init(
        loss: Double = 0,
        duplication: Double = 0,
        reordering: Double = 0,
        delay: ClosedRange<Duration> = .zero ... .zero,
        reorderDelay: ClosedRange<Duration> = .milliseconds(1) ... .milliseconds(20),
        schedule: [ScheduledFault] = []
    ) {
        self.loss = loss
        self.duplication = duplication
        self.reordering = reordering
        self.delay = delay
        self.reorderDelay = reorderDelay
        self.schedule = schedule
    }

    /// Nothing goes wrong, and everything arrives at once, without the clock being moved.
    public static let none = FaultPlan()

    /// One thing that befalls an ``InMemoryNetwork``.
    public enum Fault: Sendable, Hashable {
        /// Peers reach only peers of their own group; connections across are cut. Peers in no group form one together.
        case partition([[PeerID]])
        /// Everybody can reach everybody again; connections that were cut stay cut until asked for anew.
        case heal
        /// A peer's process dies: its endpoint ends without a word, and the others see it disconnect.
        case crash(PeerID)
        /// The connection between two peers breaks; what was on the way is lost.
        case cut(PeerID, PeerID)
    }

    /// A fault with its time.
    public struct ScheduledFault: Sendable, Hashable {
        /// When, as uptime of the network's clock.
        public var at: Duration

        /// What.
        public var fault: Fault

        /// Joins a time with a fault.
        ///
        /// - Parameters:
        ///   - at: When, as uptime of the network's clock.
        ///   - fault: What.
        public init(at: Duration, _ fault: Fault) {
            self.at = at
            self.fault = fault
        }
    }
}
