import Metrics
import Synchronization

/// Counts what coordinators charge their peers, and nothing else.
final class TokenMeter: MetricsFactory, FloatingPointCounterHandler {
    private let charged = Mutex(0.0)

    /// What was charged since the last call, in signature checks.
    func take() -> Double {
        self.charged.withLock { charged in
            defer { charged = 0 }
            return charged
        }
    }

    func increment(by amount: Double) { self.charged.withLock { $0 += amount } }

    func reset() { _ = self.take() }

    // MARK: What is asked for

    func makeFloatingPointCounter(
        label: String, dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        label == "musig2_work_charged" ? self : NOOPMetricsHandler.instance
    }

    func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        NOOPMetricsHandler.instance
    }

    func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        NOOPMetricsHandler.instance
    }

    func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler { NOOPMetricsHandler.instance }

    func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}

    func destroyCounter(_ handler: any CounterHandler) {}

    func destroyRecorder(_ handler: any RecorderHandler) {}

    func destroyTimer(_ handler: any TimerHandler) {}
}
