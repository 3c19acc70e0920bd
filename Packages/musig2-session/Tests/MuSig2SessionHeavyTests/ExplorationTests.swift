import MuSig2Session
import SessionSimulation
import Testing

/// All orders of events of small sessions: every reachable state is visited once, known by its hash.
@Suite("All orders of events", .serialized)
struct ExplorationTests {
    struct Count {
        var states = 0
        var transitions = 0
        var ends = 0
    }

    /// Visits every state that can be reached.
    private func explore(
        _ plan: SessionPlan, ordered: Bool = false, budget: Budget, limit: Int
    ) throws -> Count {
        let setting = try World.Setting(plan)
        var seen: Set<Int> = []
        var count = Count()
        var stack: [World] = []

        func visit(_ world: World) throws {
            count.transitions += 1
            var world = world
            guard seen.insert(world.digest(ordered: ordered)).inserted else { return }
            count.states += 1
            if world.flights.isEmpty {
                count.ends += 1
                // Nothing is on its way: what was lost is asked for again, and all complete.
                if !world.isComplete {
                    var end = world
                    try end.settle()
                }
            }
            stack.append(world)
        }

        try visit(World(setting, budget: budget))
        while let world = stack.popLast() {
            guard count.states < limit else { break }
            try expand(world, ordered, visit)
        }
        return count
    }

    private func expand(_ world: World, _ ordered: Bool, _ visit: (World) throws -> Void) throws {
        for position in world.flights.indices {
            let flight = world.flights[position]
            let isBehind = world.flights[..<position].contains { earlier in
                ordered && !flight.isCopy && !earlier.isCopy && earlier.from == flight.from && earlier.to == flight.to
            }
            // Equal frames lead to equal states.
            if isBehind || world.flights[..<position].contains(flight) { continue }
            var next = world
            try next.deliver(position)
            try visit(next)
            if world.budget.losses > 0 {
                var next = world
                next.flights.remove(at: position)
                next.budget.losses -= 1
                try visit(next)
            }
            if world.budget.duplicates > 0, !flight.isCopy {
                var next = world
                var copy = flight
                copy.isCopy = true
                next.flights.append(copy)
                next.budget.duplicates -= 1
                try visit(next)
            }
            if world.budget.crashes > 0 { try dieDelivering(position, of: world, visit) }
        }
        if world.budget.crashes > 0, world.budget.rollsBack {
            for index in world.nodes.indices {
                for store in world.olderStores[index] {
                    var next = world
                    next.budget.crashes -= 1
                    try next.restart(index, store: store)
                    try visit(next)
                }
            }
        }
        if world.budget.restarts > 0 {
            for index in world.nodes.indices where !world.nodes[index].machine.isOver {
                var next = world
                next.budget.restarts -= 1
                try next.take(index, .restart)
                try visit(next)
            }
        }
    }

    /// The receiver of a frame dies in the turn of its last item: after each of its effects that leaves another trace, with what it had sent
    /// under way or lost.
    private func dieDelivering(_ position: Int, of world: World, _ visit: (World) throws -> Void) throws {
        let receiver = world.flights[position].to
        var world = world
        world.budget.crashes -= 1
        guard let input = try world.deliverAllButLast(position) else { return }
        var found: World.Remains?
        for effects in 0..<40 {
            var dead = world
            guard try dead.take(receiver, input, dyingAfter: effects) else { return }
            let remains = dead.remains(of: receiver)
            guard remains != found else { continue }
            found = remains
            for losesFrames in [false, true] {
                var next = dead
                try next.restart(receiver, losesFrames: losesFrames)
                try visit(next)
            }
        }
    }

    private func plan(_ signers: Int, star: Bool = false, committed: Bool = false) throws -> SessionPlan {
        var plan = try Fixture.plan(signers: signers)
        plan.topology = star ? .star : .mesh
        plan.hasCommitmentRound = committed
        return plan
    }

    private func check(
        _ name: String,
        _ plan: SessionPlan,
        ordered: Bool = false,
        _ budget: Budget,
        limit: Int = .max,
        atLeast floor: Int
    ) throws {
        let clock = ContinuousClock()
        let start = clock.now
        let count = try explore(plan, ordered: ordered, budget: budget, limit: limit)
        print(
            "exploration: \(name): \(count.states) states, \(count.transitions) transitions, \(count.ends) quiet ones,"
                + " \(clock.now - start)")
        #expect(count.states >= floor)
    }

    // Links in order is what a connection gives; any order is what many connections, or none, give.

    @Test
    func s4TwoInAnyOrder() throws {
        let budget = Budget(duplicates: 2, losses: 2)
        try check("2, mesh, any order, 2 duplicates, 2 losses", plan(2), budget, atLeast: 15_000)
        try check("2, star, any order, 2 duplicates, 2 losses", plan(2, star: true), budget, atLeast: 2_900)
        try check(
            "2, commitments, any order, 2 duplicates, 1 loss", plan(2, committed: true),
            Budget(duplicates: 2, losses: 1), atLeast: 50_000)
    }

    @Test
    func s4Three() throws {
        try check("3, mesh, links in order", plan(3), ordered: true, Budget(), atLeast: 900)
        try check(
            "3, mesh, links in order, 1 duplicate", plan(3), ordered: true, Budget(duplicates: 1), atLeast: 45_000)
        try check(
            "3, star, links in order, 1 duplicate", plan(3, star: true), ordered: true, Budget(duplicates: 1),
            atLeast: 900)
    }

    @Test
    func k1s18Crashes() throws {
        try check("2, mesh, any order, 1 crash", plan(2), Budget(crashes: 1), atLeast: 300_000)
        try check(
            "2, star, any order, 1 crash, 1 loss", plan(2, star: true), Budget(losses: 1, crashes: 1), atLeast: 6_500)
        try check(
            "2, commitments, links in order, 1 crash, 1 loss", plan(2, committed: true), ordered: true,
            Budget(losses: 1, crashes: 1), atLeast: 2_300)
        try check(
            "2, mesh, links in order, 2 crashes, 1 duplicate", plan(2), ordered: true,
            Budget(duplicates: 1, crashes: 2), atLeast: 45_000)
        try check(
            "3, star, links in order, 1 crash", plan(3, star: true), ordered: true, Budget(crashes: 1),
            atLeast: 150_000)
        try check(
            "3, mesh, links in order, 1 crash, the first 150,000 states", plan(3), ordered: true, Budget(crashes: 1),
            limit: 150_000, atLeast: 150_000)
    }

    @Test
    func k2OldStores() throws {
        let budget = Budget(losses: 1, crashes: 2, rollsBack: true)
        try check("2, mesh, links in order, 2 old stores, 1 loss", plan(2), ordered: true, budget, atLeast: 100_000)
        try check(
            "2, star, links in order, 2 old stores, 1 loss", plan(2, star: true), ordered: true, budget,
            atLeast: 75_000)
    }

    @Test
    func s20Restarts() throws {
        try check(
            "2, mesh, links in order, 2 restarts, 1 loss", plan(2), ordered: true, Budget(losses: 1, restarts: 2),
            atLeast: 1_400)
        try check(
            "2, star, links in order, 2 restarts, 1 loss", plan(2, star: true), ordered: true,
            Budget(losses: 1, restarts: 2), atLeast: 1_800)
        try check("2, mesh, any order, 1 restart", plan(2), Budget(restarts: 1), atLeast: 8_000)
        try check(
            "3, mesh, links in order, 1 restart, the first 50,000 states", plan(3), ordered: true, Budget(restarts: 1),
            limit: 50_000, atLeast: 50_000)
    }
}
