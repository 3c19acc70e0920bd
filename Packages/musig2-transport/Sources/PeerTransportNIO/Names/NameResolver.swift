import Dispatch
import Multiformats
import NIOCore
@_spi(Waiting) import PeerTransport
import Synchronization

/// Looks names up on a few threads of its own, in the order of a ``NameQueue``: others that look up names in this process, and
/// those that wait here, are not held up by a name with a server that does not answer.
final class NameResolver: Sendable {
    typealias Answer = Result<[SocketAddress], TransportError>
    /// Looks a name up, as long as that takes; the addresses have port 0.
    typealias LookUp = @Sendable (NameQueue.Question) -> Answer

    /// The one of this process.
    static let shared = NameResolver { TCPAddress.resolveBlocking($0.name, $0.family) }

    private struct State {
        var queue: NameQueue
        var nextTicket: NameQueue.Ticket = 0
        var waiting: [NameQueue.Ticket: OneShot<Answer>] = [:]
    }

    private let lookUp: LookUp
    private let state: Mutex<State>
    private let threads = DispatchQueue(label: "peer-transport.names", attributes: .concurrent)
    private let now: @Sendable () -> Duration

    /// - Parameters:
    ///   - limits: how many look-ups run and wait.
    ///   - now: the time since any fixed moment.
    ///   - lookUp: what the threads do.
    init(
        limits: NameQueue.Limits = NameQueue.Limits(),
        now: @escaping @Sendable () -> Duration = {
            .nanoseconds(Int64(clamping: NIODeadline.now().uptimeNanoseconds))
        },
        lookUp: @escaping LookUp
    ) {
        self.lookUp = lookUp
        self.now = now
        state = Mutex(State(queue: NameQueue(limits: limits)))
    }

    /// Look-ups that wait and that run.
    var count: Int { state.withLock { $0.queue.count } }

    /// The addresses of a name, with port 0.
    ///
    /// - Parameters:
    ///   - question: which name.
    ///   - source: The source that gave the name.
    ///   - peer: the peer that is to be there, where that is known.
    ///   - limit: how long to wait at most; the look-up may go on behind it, and its failure is remembered.
    ///   - eventLoop: what tells the time.
    /// - Returns: the addresses, at least one.
    /// - Throws: `TransportError`: `resolutionFailed`, `timedOut`, `limitExceeded`, `cancelled`.
    func addresses(
        of question: NameQueue.Question, from source: AddressSource, seeking peer: PeerID? = nil,
        within limit: Duration,
        on eventLoop: any EventLoop
    ) async throws(TransportError) -> [SocketAddress] {
        let answer = OneShot<Answer>()
        let (ticket, entry) = self.state.withLock { state in
            state.nextTicket += 1
            let ticket = state.nextTicket
            let entry = state.queue.ask(question, from: source, of: peer, ticket: ticket, at: now())
            if entry == .waits { state.waiting[ticket] = answer }
            return (ticket, entry)
        }
        switch entry {
        case .waits: break
        case .failed(let error): throw error
        case .refused:
            throw TransportError(.limitExceeded, "too many names wait to be looked up: \(question.name) is not")
        }
        startNext()
        let timer = eventLoop.scheduleTask(in: TimeAmount(limit)) {
            answer.set(.failure(TransportError(.timedOut, "resolving \(question.name) took longer than \(limit)")))
        }
        let result = await answer.wait()
        timer.cancel()
        self.state.withLock { state in
            guard state.waiting.removeValue(forKey: ticket) != nil else { return }
            state.queue.cancel(ticket, question)
        }
        guard let result else { throw TransportError(.cancelled, "the task that dialled was cancelled") }
        return try result.get()
    }

    /// Begins what may begin now.
    private func startNext() {
        while let question = self.state.withLock({ $0.queue.next() }) {
            threads.async {
                let answer = self.lookUp(question)
                var failure: TransportError?
                if case .failure(let error) = answer { failure = error }
                let latches = self.state.withLock { state in
                    state.queue.ended(question, failure: failure, at: self.now())
                        .compactMap { state.waiting.removeValue(forKey: $0) }
                }
                for latch in latches { latch.set(answer) }
                self.startNext()
            }
        }
    }
}
