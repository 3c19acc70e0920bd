import Metrics
import MuSig2Session
@_spi(Waiting) import PeerTransport
public import ServiceLifecycle

extension MuSig2Coordinator: Service {
    /// Runs until the task is cancelled or the service group shuts down gracefully, and leaves nothing behind.
    ///
    /// - Throws: ``CoordinatorError`` with code ``CoordinatorError/Code/storeUnreadable`` when the store cannot be read, or
    ///   ``CoordinatorError/Code/notRunning`` when it ran before.
    public func run() async throws {
        try await begin()
        await withGracefulShutdownHandler {
            await drain()
        } onGracefulShutdown: {
            // The handler cannot wait; the drain ends once the shutdown has closed the network.
            Task { await self.shutdown() }
        }
        await shutdown()
    }

    /// Starts, and returns once unfinished sessions of the store are resumed. End it with ``shutdown()``.
    ///
    /// - Throws: As ``run()``.
    public func start() async throws(CoordinatorError) {
        try await begin()
        life.drain = Task { await self.drain() }
    }

    /// Ends: lets the others hear of what is finished, dialling those that are gone, for at most ``MuSig2Coordinator/Configuration/Timeouts/linger``
    /// (`SessionStatus.undelivered` names those that did not), wipes all nonces, closes the network,
    /// and ends all streams of events. Unfinished sessions are not aborted: the next process goes on with what the store has.
    public func shutdown() async {
        switch life.phase {
        case .new:
            life.phase = .stopped
            await network.shutdown()
            return
        case .stopped: return
        case .starting:
            await started.waitThroughCancellation()
            return await shutdown()
        case .stopping:
            await stopped.waitThroughCancellation()
            return
        case .running: break
        }
        life.phase = .stopping
        await linger()
        timer.task?.cancel()
        await timer.task?.value
        timer.task = nil
        let waiting = tasks.cancelAll()
        // What is published is withdrawn while there is a network.
        for task in tasks.publications.all { await task.value }
        await network.shutdown()
        for task in waiting { await task.value }
        await life.drain?.value
        life.drain = nil
        vault.wipeAll()
        waiters.failAll(CoordinatorError(.notRunning, "the coordinator was shut down"))
        hub.close()
        life.phase = .stopped
        stopped.set(())
    }

    /// Reads the store and goes on with what is in it.
    private func begin() async throws(CoordinatorError) {
        guard life.phase == .new else {
            throw CoordinatorError(.notRunning, "a coordinator runs once: make another one")
        }
        life.phase = .starting
        defer { started.set(()) }
        let stored: StoredState
        do {
            stored = try await store.load(signer: signerKey, completions: configuration.limits.finishedSessions)
        } catch {
            life.phase = .stopped
            stopped.set(())
            await network.shutdown()
            throw CoordinatorError(
                .storeUnreadable, "the store cannot be read: mend it and start again", underlying: "\(error)")
        }
        machine.local.addresses = network.addresses
        inputs.append(.started(nextRunNumber: stored.nextRunNumber))
        for completion in stored.completions.reversed() { inputs.append(.restoreCompletion(completion)) }
        // What goes on comes before what has ended, of which not all is taken in.
        let sessions = stored.sessions.sorted { left, right in
            if (left.end == nil) != (right.end == nil) { return left.end == nil }
            return left.id < right.id
        }
        for session in sessions { inputs.append(.restore(session)) }
        life.phase = .running
        await processInputs()
    }

    /// Takes the network's events, a batch in a turn.
    private func drain() async {
        while true {
            let events = await network.nextEvents()
            if events.isEmpty { return }
            for event in events {
                if case .frame(let bytes, _) = event {
                    reporter.metrics.framesReceived.increment()
                    reporter.metrics.bytesReceived.increment(by: Int64(bytes.count))
                }
                inputs.append(.network(event))
            }
            await processInputs()
        }
    }

    /// In how many steps the time of ``linger()`` is waited for. After a sleep of the process all of them begin anew.
    private static let lingerSteps = 10

    /// Waits until all others have said that they have the signatures of what is finished here, and those that can be reached have heard
    /// what was declined.
    private func linger() async {
        machine.prepareShutdown()
        inputs.append(.tick)
        await processInputs()
        guard machine.sessions.lingering > 0 else { return }
        let reply = OneShot<Void>()
        life.lingerEnd = reply
        let limit = Task {
            var left = Self.lingerSteps
            var wakings = machine.local.sleeps.count
            while left > 0 {
                do { try await time.sleep(configuration.timeouts.linger / Self.lingerSteps) } catch { return }
                await process(.tick)
                left = machine.local.sleeps.count == wakings ? left - 1 : Self.lingerSteps
                wakings = machine.local.sleeps.count
            }
            reply.set(())
        }
        _ = await reply.wait()
        life.lingerEnd = nil
        limit.cancel()
        await limit.value
    }
}
