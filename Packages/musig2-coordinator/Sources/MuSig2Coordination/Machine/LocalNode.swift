import Multiformats

/// This node itself: where it is, and what time brings it.
struct LocalNode: Sendable {
    var addresses: [Multiaddr]
    var isShuttingDown = false
    var sleeps = SleepDetector()
    var sweeps = SweepSchedule()
    var absences: AbsenceWatch
}
