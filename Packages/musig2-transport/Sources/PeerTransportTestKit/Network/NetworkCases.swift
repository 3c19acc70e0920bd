import PeerTransport

/// What a network of frames promises.
enum NetworkCases {
    static let all: [NamedCase<NetworkPair>] = [
        NamedCase("connect", connect),
        NamedCase("connectTwiceIsOnce", connectTwiceIsOnce),
        NamedCase("bothConnect", bothConnect),
        NamedCase("connectFails", connectFails),
        NamedCase("framesKeepOrder", framesKeepOrder),
        NamedCase("framesAreWhole", framesAreWhole),
        NamedCase("bothDirectionsAtOnce", bothDirectionsAtOnce),
        NamedCase("sendWithoutConnection", sendWithoutConnection),
        NamedCase("disconnectAndReturn", disconnectAndReturn),
        NamedCase("shutdownEndsEvents", shutdownEndsEvents),
        NamedCase("cancelledWaitLosesNothing", cancelledWaitLosesNothing),
    ]

    private static func connected(_ pair: NetworkPair) async throws -> (EventProbe, EventProbe) {
        let (first, second) = (EventProbe(pair.first), EventProbe(pair.second))
        pair.first.connect(to: pair.second.localPeer, addresses: pair.second.addresses)
        try await first.expect(.connected(pair.second.localPeer))
        try await second.expect(.connected(pair.first.localPeer))
        return (first, second)
    }

    private static func connect(_ pair: NetworkPair) async throws {
        try require(
            pair.first.localPeer != pair.second.localPeer,
            "the two networks of a pair need different peers, both are \(pair.first.localPeer)"
        )
        let (first, second) = try await connected(pair)
        pair.first.send([1], to: pair.second.localPeer)
        try await second.expect(.frame([1], from: pair.first.localPeer))
        pair.second.send([2], to: pair.first.localPeer)
        try await first.expect(.frame([2], from: pair.second.localPeer))
    }

    private static func connectTwiceIsOnce(_ pair: NetworkPair) async throws {
        let (first, second) = try await connected(pair)
        for _ in 0..<3 { pair.first.connect(to: pair.second.localPeer, addresses: pair.second.addresses) }
        pair.second.connect(to: pair.first.localPeer, addresses: pair.first.addresses)
        pair.first.send([1], to: pair.second.localPeer)
        try await second.expect(.frame([1], from: pair.first.localPeer))
        pair.second.send([2], to: pair.first.localPeer)
        try await first.expect(.frame([2], from: pair.second.localPeer))
    }

    /// Both ask at once: each side is told once, and should two connections have met, giving one up loses no frame.
    private static func bothConnect(_ pair: NetworkPair) async throws {
        let (first, second) = (EventProbe(pair.first), EventProbe(pair.second))
        pair.first.connect(to: pair.second.localPeer, addresses: pair.second.addresses)
        pair.second.connect(to: pair.first.localPeer, addresses: pair.first.addresses)
        try await first.expect(.connected(pair.second.localPeer))
        try await second.expect(.connected(pair.first.localPeer))
        for number in UInt8(0)..<200 {
            pair.first.send([number, 1], to: pair.second.localPeer)
            pair.second.send([number, 2], to: pair.first.localPeer)
            let forth = try await second.frames(1, from: pair.first.localPeer)
            let back = try await first.frames(1, from: pair.second.localPeer)
            try require(
                forth == [[number, 1]] && back == [[number, 2]],
                "expected frame \(number) both ways, found \(forth) and \(back)"
            )
        }
    }

    private static func connectFails(_ pair: NetworkPair) async throws {
        let first = EventProbe(pair.first)
        for _ in 0..<2 {
            pair.first.connect(to: pair.unreachable, addresses: pair.unreachableAddresses)
            let event = await first.next()
            guard case .connectFailed(let peer, let reason)? = event, peer == pair.unreachable, !reason.isEmpty else {
                throw ConformanceFailure(
                    caseName: "",
                    message:
                        "expected connectFailed for \(pair.unreachable) with a reason, "
                        + "found \(String(describing: event))"
                )
            }
        }
    }

    private static func framesKeepOrder(_ pair: NetworkPair) async throws {
        let (_, second) = try await connected(pair)
        // In portions, so that no queue of a conforming network is ever full.
        for portion in 0..<20 {
            let frames = (0..<50).map { number in
                [UInt8(portion), UInt8(number)] + [UInt8](repeating: 0, count: number)
            }
            for frame in frames { pair.first.send(frame, to: pair.second.localPeer) }
            let found = try await second.frames(50, from: pair.first.localPeer)
            try require(found == frames, "portion \(portion): frames are out of order or changed")
        }
    }

    private static func framesAreWhole(_ pair: NetworkPair) async throws {
        let (first, second) = try await connected(pair)
        for size in [1, 127, 128, 16_383, 16_384, 65_519, 65_536, 262_144, 300_000, 1 << 20] {
            let frame = pattern(count: size, seed: UInt64(size))
            for (sender, receiver) in [(first, second), (second, first)] {
                sender.network.send(frame, to: receiver.network.localPeer)
                let found = try await receiver.frames(1, from: sender.network.localPeer)
                try require(
                    found == [frame],
                    "a frame of \(size) bytes: expected it unchanged, found one of \(found.map(\.count)) bytes"
                )
            }
        }
    }

    private static func bothDirectionsAtOnce(_ pair: NetworkPair) async throws {
        let (first, second) = try await connected(pair)
        let frames = (0..<100).map { pattern(count: 5_000 + $0, seed: UInt64($0)) }
        for frame in frames {
            pair.first.send(frame, to: pair.second.localPeer)
            pair.second.send(frame, to: pair.first.localPeer)
        }
        let forth = try await second.frames(frames.count, from: pair.first.localPeer)
        let back = try await first.frames(frames.count, from: pair.second.localPeer)
        try require(forth == frames && back == frames, "frames that cross are out of order or changed")
    }

    private static func sendWithoutConnection(_ pair: NetworkPair) async throws {
        pair.first.send([1], to: pair.second.localPeer)
        pair.first.disconnect(pair.second.localPeer)
        pair.first.send([1], to: pair.unreachable)
        let (_, second) = try await connected(pair)
        pair.first.send([2], to: pair.second.localPeer)
        try await second.expect(.frame([2], from: pair.first.localPeer))
    }

    private static func disconnectAndReturn(_ pair: NetworkPair) async throws {
        let (first, second) = try await connected(pair)
        for round in UInt8(0)..<3 {
            pair.first.disconnect(pair.second.localPeer)
            try await first.expect(.disconnected(pair.second.localPeer))
            try await second.expect(.disconnected(pair.first.localPeer))
            pair.second.connect(to: pair.first.localPeer, addresses: pair.first.addresses)
            try await first.expect(.connected(pair.second.localPeer))
            try await second.expect(.connected(pair.first.localPeer))
            pair.first.send([round], to: pair.second.localPeer)
            try await second.expect(.frame([round], from: pair.first.localPeer))
        }
    }

    private static func shutdownEndsEvents(_ pair: NetworkPair) async throws {
        let (_, second) = try await connected(pair)
        let network = pair.first
        let waiting = Task {
            while !(await network.nextEvents().isEmpty) {}
        }
        await network.shutdown()
        await network.shutdown()
        await waiting.value
        let afterwards = await network.nextEvents()
        try require(afterwards.isEmpty, "nextEvents() after shutdown(): expected none, found \(afterwards.count)")
        try await second.expect(.disconnected(network.localPeer))
        network.send([1], to: pair.second.localPeer)
        network.connect(to: pair.second.localPeer, addresses: pair.second.addresses)
        network.disconnect(pair.second.localPeer)
    }

    private static func cancelledWaitLosesNothing(_ pair: NetworkPair) async throws {
        let (_, second) = try await connected(pair)
        let network = pair.second
        let waiting = Task { await network.nextEvents() }
        waiting.cancel()
        let events = await waiting.value
        try require(events.isEmpty, "a cancelled nextEvents(): expected no events, found \(events.count)")
        pair.first.send([1], to: pair.second.localPeer)
        try await second.expect(.frame([1], from: pair.first.localPeer))
    }
}
