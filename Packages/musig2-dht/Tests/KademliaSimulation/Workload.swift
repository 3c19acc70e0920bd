import KademliaDHT
import Multiformats

/// Lookups of a simulated network, and how they went.
public final class Workload {
    /// What kind of lookup.
    public enum Kind: CaseIterable, Sendable {
        case closestPeers
        case providers
        case value
    }

    /// The figures of one kind.
    public struct Figures: Sendable {
        public var tried = 0
        public var succeeded = 0
        public var requests: [Int] = []
        public var hops: [Int] = []
        public var milliseconds: [Int] = []
        /// How many of the k closest servers were found, of how many.
        public var recall = (found: 0, of: 0)

        public var share: Double { tried == 0 ? 1 : Double(succeeded) / Double(tried) }
        public static func median(_ numbers: [Int]) -> Int { quantile(numbers, 0.5) }
        public static func quantile(_ numbers: [Int], _ part: Double) -> Int {
            let sorted = numbers.sorted()
            return sorted.isEmpty ? 0 : sorted[min(sorted.count - 1, Int(Double(sorted.count) * part))]
        }
    }

    public private(set) var figures: [Kind: Figures] = [:]
    public private(set) var published = 0
    public private(set) var publishFailures = 0
    /// Failed lookups, in words.
    public private(set) var failures: [String] = []
    private let simulation: Simulation
    private var provided: [(key: [UInt8], provider: Int)] = []
    private var providers: [[UInt8]: Int] = [:]
    private var stored: [(key: [UInt8], value: [UInt8])] = []

    public init(_ simulation: Simulation) {
        self.simulation = simulation
        simulation.providerOf = { [weak self] in self?.providers[$0] }
    }

    /// Publishes so many provider records and values during a stretch of time.
    public func publish(_ count: Int, from start: Int64, to end: Int64) {
        for index in 0..<count {
            simulation.at(start + (end - start) * Int64(index) / Int64(max(1, count))) { [self] _ in
                publishOne(isValue: index % 2 == 1)
            }
        }
    }

    private func publishOne(isValue: Bool) {
        let publisher = anyone()
        if isValue {
            let key = Array("/counter/".utf8) + simulation.randomBytes(16)
            let value = CounterRules.value(2, "value")
            simulation.start(.putValue(key, value: value, for: .seconds(86_400)), at: publisher) { [self] _, ending in
                if case .stored = ending.outcome { stored.append((key, value)) } else { publishFailures += 1 }
                published += 1
            }
        } else {
            let key = [0x12, 0x20] + simulation.randomBytes(32)
            simulation.start(.provide(key, for: .seconds(86_400)), at: publisher) { [self] _, ending in
                if case .provided = ending.outcome { provided.append((key, publisher)) } else { publishFailures += 1 }
                providers[key] = publisher
                simulation.fillList(key)
                published += 1
            }
        }
    }

    /// Looks up this and that during a stretch of time: half the lookups are for servers close to a key, a quarter each for
    /// providers and values.
    public func lookUp(
        _ count: Int, from start: Int64, to end: Int64,
        kinds: [Kind] = [.closestPeers, .providers, .closestPeers, .value]
    ) {
        for index in 0..<count {
            simulation.at(start + (end - start) * Int64(index) / Int64(max(1, count))) { [self] _ in
                lookUpOne(kinds[index % kinds.count])
            }
        }
    }

    private func lookUpOne(_ kind: Kind) {
        let asker = anyone()
        switch kind {
        case .closestPeers:
            let key = [0x12, 0x20] + simulation.randomBytes(32)
            let startedAt = simulation.now
            simulation.start(.closestPeers(key), at: asker) { [self] _, ending in
                note(kind, ending, since: startedAt, isSuccess: isClosest(ending.outcome, key, asker: asker))
            }
        case .providers:
            guard !provided.isEmpty else { return }
            let (key, provider) = provided[simulation.random(0..<provided.count)]
            let startedAt = simulation.now
            simulation.start(.findProviders(key, limit: 20), at: asker) { [self] simulation, ending in
                var isFound = asker == provider
                if case .providers(let found) = ending.outcome {
                    // With an address at which it is.
                    let contact = simulation.population.contacts[provider]
                    isFound =
                        isFound
                        || found.contains {
                            $0.peer == contact.peer && !Set($0.addresses).isDisjoint(with: contact.addresses)
                        }
                }
                note(kind, ending, since: startedAt, isSuccess: isFound)
            }
        case .value:
            guard !stored.isEmpty else { return }
            let (key, value) = stored[simulation.random(0..<stored.count)]
            let startedAt = simulation.now
            simulation.start(.getValue(key, quorum: 0), at: asker) { [self] _, ending in
                var isFound = false
                if case .value(let found?) = ending.outcome { isFound = found.bytes == value }
                note(kind, ending, since: startedAt, isSuccess: isFound)
            }
        }
    }

    private func note(_ kind: Kind, _ ending: Simulation.Ending, since startedAt: Int64, isSuccess: Bool) {
        figures[kind, default: Figures()].tried += 1
        if isSuccess {
            figures[kind, default: Figures()].succeeded += 1
        } else if failures.count < 20 {
            failures.append("\(kind) at \(ending.time / 1_000) ms: \(ending.report.map { "\($0)" } ?? "no report")")
        }
        figures[kind, default: Figures()].milliseconds.append(Int((ending.time - startedAt) / 1_000))
        guard let report = ending.report else { return }
        figures[kind, default: Figures()].requests.append(report.requests)
        figures[kind, default: Figures()].hops.append(report.hops)
    }

    /// An honest node that has been there for a while.
    private func anyone() -> Int {
        while true {
            let number = simulation.random(0..<simulation.nodes.count)
            if isSettled(number), !simulation.isHostile(number) { return number }
        }
    }

    private func isSettled(_ number: Int) -> Bool {
        guard let node = simulation.nodes[number] else { return false }
        return simulation.now - node.joinedAt >= 120_000_000
    }

    /// Whether the answer has the honest server that really is the closest.
    private func isClosest(_ outcome: Kademlia.Outcome, _ key: [UInt8], asker: Int) -> Bool {
        guard case .closestPeers(let found) = outcome else { return false }
        let target = KademliaKey(digest: simulation.population.hash(key))
        let keys = simulation.population.keys
        var nearest: [(distance: KademliaKey, number: Int)] = []
        for number in simulation.nodes.indices
        where isSettled(number) && !simulation.isHostile(number) && number != asker {
            let distance = keys[number] ^ target
            if nearest.count == 20, let last = nearest.last, last.distance < distance { continue }
            let place = nearest.firstIndex { distance < $0.distance } ?? nearest.count
            nearest.insert((distance, number), at: place)
            if nearest.count > 20 { nearest.removeLast() }
        }
        let closest = nearest.map(\.number)
        let numbers = Set(found.compactMap { simulation.population.number($0.peer) })
        figures[.closestPeers, default: Figures()].recall.of += closest.count
        figures[.closestPeers, default: Figures()].recall.found += closest.count { numbers.contains($0) }
        return closest.first.map { numbers.contains($0) } ?? false
    }

    /// What one is told.
    public var summary: String {
        var lines: [String] = []
        for kind in Kind.allCases {
            guard let figures = figures[kind] else { continue }
            var line = "  \(kind): \(figures.succeeded) of \(figures.tried) succeeded"
            line +=
                ", requests median \(Figures.median(figures.requests)) p99 \(Figures.quantile(figures.requests, 0.99))"
            line += ", hops median \(Figures.median(figures.hops)) p99 \(Figures.quantile(figures.hops, 0.99))"
            line +=
                ", ms median \(Figures.median(figures.milliseconds)) p99 \(Figures.quantile(figures.milliseconds, 0.99))"
            if figures.recall.of > 0 {
                line += ", of the 20 closest found \(100 * figures.recall.found / figures.recall.of) %"
            }
            lines.append(line)
        }
        let bytes = simulation.sampledMessages == 0 ? 0 : simulation.sampledBytes / simulation.sampledMessages
        let all = Kind.allCases.flatMap { figures[$0]?.requests ?? [] }
        let mean = all.isEmpty ? 0 : all.reduce(0, +) / all.count
        lines.append(
            "  traffic per lookup: \(mean) requests, about \(2 * mean * bytes / 1_024) KiB; \(simulation.messages) messages in all"
        )
        lines.append("  published \(published), failed \(publishFailures)")
        return lines.joined(separator: "\n")
    }
}
