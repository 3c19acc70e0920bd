import KademliaSimulation
import Multiformats
import Testing
import WireCodec

@testable import KademliaDHT

/// Which peers get into the routing table, and which leave it.
@Suite("Admission to the routing table")
struct AdmissionTests {
    @Test func aServerIsAskedBeforeItGetsIn() throws {
        let node = try Harness()
        let contact = node.population.contacts[1]
        let effects = node.tell(.identified(contact.peer, addresses: contact.addresses, isServer: true))
        let request = try #require(effects.requests.first)
        #expect(effects.requests.count == 1)
        #expect(request.peer == contact.peer && request.addresses == contact.addresses && request.expectsReply)
        #expect(request.message == KademliaMessage(kind: .findNode, key: node.machine.local.bytes))
        #expect(request.timeout == .seconds(10))
        #expect(!node.knows(1))
        let answered = node.answer(request)
        #expect(node.knows(1))
        #expect(answered.statuses.last?.routingTableSize == 1)
    }

    @Test(arguments: Kademlia.RequestFailure.allCases)
    func aServerThatDoesNotAnswerStaysOut(failure: Kademlia.RequestFailure) throws {
        let node = try Harness()
        let contact = node.population.contacts[1]
        let effects = node.tell(.identified(contact.peer, addresses: contact.addresses, isServer: true))
        node.tell(.requestFailed(try #require(effects.requests.first).id, failure))
        #expect(!node.knows(1) && node.machine.requests.isEmpty)
        // It may try again.
        #expect(node.tell(.identified(contact.peer, addresses: contact.addresses, isServer: true)).requests.count == 1)
    }

    @Test func anAnswerThatNeverComesIsAFailure() throws {
        let node = try Harness()
        let contact = node.population.contacts[1]
        let effects = node.tell(.identified(contact.peer, addresses: contact.addresses, isServer: true))
        _ = node.wait(.seconds(9))
        #expect(node.machine.requests.count == 1)
        _ = node.wait(.seconds(2))
        #expect(node.machine.requests.isEmpty && node.machine.peers.probes.underWay == 0)
        // The answer is too late.
        node.answer(try #require(effects.requests.first))
        #expect(!node.knows(1))
    }

    @Test func clientsAreNeitherAskedNorKnown() throws {
        let node = try Harness()
        let contact = node.population.contacts[1]
        #expect(node.tell(.identified(contact.peer, addresses: contact.addresses, isServer: false)).isEmpty)
        node.ask(KademliaMessage(kind: .findNode, key: [1]), from: 1)
        #expect(!node.knows(1) && node.machine.peers.table.count == 0)
    }

    @Test func whoStopsServingLeaves() throws {
        let node = try Harness()
        node.admit([1, 2])
        node.tell(.identified(node.peer(1), addresses: node.population.contacts[1].addresses, isServer: false))
        #expect(!node.knows(1) && node.knows(2))
    }

    @Test func theNodeItselfStaysOut() throws {
        let node = try Harness()
        let own = node.population.contacts[0]
        #expect(node.tell(.identified(own.peer, addresses: own.addresses, isServer: true)).isEmpty)
        #expect(node.machine.peers.connected.isEmpty)
    }

    @Test func addressesOfOtherNetworksDoNotCount() throws {
        let node = try Harness { $0.addressPolicy = .publicOnly }
        let hidden = try Multiaddr("/ip4/192.168.1.1/tcp/1")
        #expect(node.tell(.identified(node.peer(1), addresses: [hidden], isServer: true)).requests.isEmpty)
        let open = try Multiaddr("/ip4/9.9.9.9/tcp/1")
        let other = try Multiaddr("/ip4/9.9.9.9/tcp/2").appending(node.peer(2))
        let own = try Multiaddr("/ip4/9.9.9.9/tcp/3").appending(node.peer(1))
        let effects = node.tell(
            .identified(node.peer(1), addresses: [hidden, open, other, own, open], isServer: true))
        #expect(effects.requests.first?.addresses == [open, try Multiaddr("/ip4/9.9.9.9/tcp/3")])
    }

    @Test func addressesAreLimited() throws {
        let node = try Harness {
            $0.limits.addressesPerPeer = 2
            $0.limits.addressBytes = 40
        }
        let long = try Multiaddr("/dns4/" + String(repeating: "a", count: 60) + ".org/tcp/1")
        let addresses = try [long] + (1...5).map { try Multiaddr("/ip4/9.9.9.\($0)/tcp/1") }
        let effects = node.tell(.identified(node.peer(1), addresses: addresses, isServer: true))
        #expect(effects.requests.first?.addresses == Array(addresses[1...2]))
    }

    /// R5: a bucket is not filled from one /24 or one /48.
    @Test(arguments: [false, true])
    func r5OneNetworkFillsNoBucket(isV6: Bool) throws {
        let node = try Harness()
        for number in 1..<60 {
            let text = isV6 ? "/ip6/2001:db8:7::\(number)/tcp/1" : "/ip4/9.9.9.\(number)/tcp/1"
            node.run(node.tell(.identified(node.peer(number), addresses: [try Multiaddr(text)], isServer: true))) { _ in
                KademliaMessage(kind: .findNode)
            }
        }
        #expect((2...3).contains(node.machine.peers.table.count))
        node.admit(60..<90)
        #expect(node.machine.peers.table.count > 20, "others still find a place")
    }

    @Test(arguments: [false, true])
    func privateNetworksAreExemptOnlyWhenAskedFor(isExempt: Bool) throws {
        let node = try Harness { $0.exemptsPrivateGroups = isExempt }
        for number in 1..<20 {
            let address = try Multiaddr("/ip4/127.0.0.1/tcp/\(number)")
            node.run(node.tell(.identified(node.peer(number), addresses: [address], isServer: true))) { _ in
                KademliaMessage(kind: .findNode)
            }
        }
        #expect(
            node.machine.peers.table.count == (isExempt ? 19 : 3) || !isExempt && node.machine.peers.table.count == 2)
    }

    /// The numbers of peers that share no bit with the node: those of bucket 0.
    private func far(_ node: Harness, _ count: Int) -> [Int] {
        let keys = node.population.keys
        return Array((1..<200).filter { (keys[$0] ^ keys[0]).leadingZeroBitCount == 0 }.prefix(count))
    }

    private func near(_ node: Harness, _ count: Int) -> [Int] {
        let keys = node.population.keys
        return Array((1..<200).filter { (keys[$0] ^ keys[0]).leadingZeroBitCount > 0 }.prefix(count))
    }

    @Test func aFullBucketLetsInWhoWaitsWhenTheOldestIsGone() throws {
        let node = try Harness()
        let far = far(node, 22)
        // Some of the other half, so that bucket 0 is split off.
        node.admit(near(node, 3) + far[..<20])
        #expect(node.machine.peers.table.buckets[0].entries.count == 20)
        // Nobody is asked as long as all have answered lately.
        let waiting = node.population.contacts[far[20]]
        #expect(node.tell(.identified(waiting.peer, addresses: waiting.addresses, isServer: true)).isEmpty)
        #expect(!node.knows(far[20]))

        node.move(to: .seconds(3_600))
        // Another server answers a request; its bucket is full: the oldest there is asked whether it lives.
        let operation = Kademlia.Operation.closestPeers([1])
        var probed: [Int] = []
        let gone = far[0]
        node.run(node.tell(.start(Kademlia.OperationID(1), operation))) { [population = node.population] request in
            guard let number = population.number(request.peer) else { return nil }
            if request.message.key == population.contacts[0].peer.bytes { probed.append(number) }
            if number == gone { return nil }
            let named = KademliaMessage.Peer(
                id: population.contacts[far[21]].peer.bytes,
                addresses: population.contacts[far[21]].addresses.map(\.bytes))
            return KademliaMessage(kind: .findNode, closerPeers: [named])
        }
        #expect(!node.knows(gone))
        #expect(node.knows(far[20]) != node.knows(far[21]))
        #expect(node.machine.peers.table.buckets[0].entries.count == 20)
    }

    @Test func twoFailuresInARowAndOut() throws {
        let node = try Harness()
        node.admit([1, 2, 3])
        func look(_ id: UInt64) {
            node.run(node.tell(.start(Kademlia.OperationID(id), .closestPeers([1])))) { request in
                request.peer == node.peer(3) ? nil : KademliaMessage(kind: .findNode)
            }
        }
        look(1)
        #expect(node.knows(3) && node.machine.peers.table.liveCount == 2)
        // It is not told to others meanwhile.
        let told = node.ask(KademliaMessage(kind: .findNode, key: [7]), from: 9).reply?.closerPeers ?? []
        #expect(Set(told.map(\.id)) == [node.peer(1).bytes, node.peer(2).bytes])
        node.live(.seconds(700)) { request in
            request.peer == node.peer(3) ? nil : KademliaMessage(kind: .findNode)
        }
        #expect(!node.knows(3))
    }

    @Test func anAnswerMakesUpForAFailure() throws {
        let node = try Harness()
        node.admit([1, 2])
        for (id, answers) in [(UInt64(1), false), (2, true), (3, false), (4, true)] {
            let position = try #require(node.machine.peers.table.position(node.population.keys[2]))
            if answers {
                // One that fails is asked again by itself.
                node.machine.peers.probe(node.machine.peers.table[position])
            }
            node.run(node.tell(.start(Kademlia.OperationID(id), .closestPeers([1])))) { request in
                request.peer == node.peer(2) && !answers ? nil : KademliaMessage(kind: .findNode)
            }
            #expect(node.knows(2))
        }
    }

    /// When the node's own network is down, everybody seems gone. They stay.
    @Test func anOutageOfOnesOwnEmptiesNothing() throws {
        let node = try Harness()
        node.admit(1...10)
        for id in 1...5 {
            node.now.monotonic += .seconds(60)
            node.run(node.tell(.start(Kademlia.OperationID(UInt64(id)), .closestPeers([1])))) { _ in nil }
        }
        #expect(node.machine.peers.table.count == 10 && node.machine.peers.table.liveCount == 0)
        #expect(!node.machine.status.isReady)
        node.live(.seconds(700)) { _ in KademliaMessage(kind: .findNode) }
        #expect(node.machine.peers.table.liveCount == 10)
    }

    @Test func whoDoesNotServeIsOutAtOnce() throws {
        let node = try Harness()
        node.admit([1, 2])
        let effects = node.tell(.start(Kademlia.OperationID(1), .closestPeers([1])))
        let request = try #require(effects.requests.first { $0.peer == node.peer(1) })
        node.tell(.requestFailed(request.id, .unsupported))
        #expect(!node.knows(1) && node.knows(2))
    }

    @Test func trustedServersStay() throws {
        let node = try Harness(trusting: [1])
        node.admit([1, 2, 3])
        for id in 1...5 {
            node.run(node.tell(.start(Kademlia.OperationID(UInt64(id)), .closestPeers([1])))) { request in
                request.peer == node.peer(1) ? nil : KademliaMessage(kind: .findNode)
            }
        }
        node.tell(.identified(node.peer(1), addresses: node.population.contacts[1].addresses, isServer: false))
        #expect(node.knows(1) && node.machine.peers.table.liveCount == 2)
        let told = node.ask(KademliaMessage(kind: .findNode, key: [7]), from: 9).reply?.closerPeers ?? []
        #expect(!told.map(\.id).contains(node.peer(1).bytes))
        // It is asked again at each refresh.
        node.live(.seconds(700)) { _ in KademliaMessage(kind: .findNode) }
        #expect(node.machine.peers.table.liveCount == 3)
    }

    @Test func theSilentAreAskedAtARefresh() throws {
        let node = try Harness()
        node.admit([1, 2, 3])
        var probed: Set<PeerID> = []
        for _ in 0..<4 {
            node.live(.seconds(660)) { request in
                if request.message.key == node.machine.local.bytes { probed.insert(request.peer) }
                return nil
            }
        }
        #expect(probed == [node.peer(1), node.peer(2), node.peer(3)])
    }

    @Test func probesAreLimited() throws {
        let node = try Harness {
            $0.limits.probes = 4
            $0.limits.waitingProbes = 6
        }
        var sent: [Kademlia.Request] = []
        for number in 1...15 {
            let contact = node.population.contacts[number]
            sent += node.tell(.identified(contact.peer, addresses: contact.addresses, isServer: true)).requests
        }
        #expect(sent.count == 4)
        #expect(node.machine.peers.probes.waiting.count == 6)
        #expect(Set(node.machine.peers.probes.waiting.map(\.peer)) == Set((5...10).map { node.peer($0) }))
        // Nobody is asked twice at a time.
        let first = node.population.contacts[1]
        node.tell(.identified(first.peer, addresses: first.addresses, isServer: true))
        #expect(node.machine.peers.probes.waiting.count == 6)
        let next = node.answer(sent[0])
        #expect(next.requests.map(\.peer) == [node.peer(5)])
    }

    /// R5: one network does not fill the queue that newcomers wait in.
    @Test func r5ProbesOfOneNetworkAreLimited() throws {
        let node = try Harness {
            $0.limits.probes = 4
            $0.limits.waitingProbes = 12
        }
        for number in 1...40 {
            // Wherever they say they are, they come from one network.
            let contact = node.population.contacts[number]
            node.tell(
                .identified(
                    contact.peer, addresses: contact.addresses, isServer: true,
                    remote: try Multiaddr("/ip4/9.9.9.\(number)/tcp/1")))
        }
        #expect(node.machine.peers.probes.waiting.count == 8)
        let honest = node.population.contacts[50]
        node.tell(.identified(honest.peer, addresses: honest.addresses, isServer: true))
        #expect(node.machine.peers.probes.waiting.last?.peer == honest.peer)
    }

    /// R5: servers that say they are in the networks of others, too, take no room there.
    @Test func r5FalseClaimsTakeNoRoomInTheTable() throws {
        let node = try Harness()
        let victims = try (0..<7).map { try Multiaddr("/ip4/10\($0).1.1.1/tcp/1") }
        for number in 1...9 {
            let own = try Multiaddr("/ip4/9.9.\(number).9/tcp/1")
            node.remotes[node.peer(number)] = own
            node.run(
                node.tell(.identified(node.peer(number), addresses: [own] + victims, isServer: true, remote: own))
            ) { _ in KademliaMessage(kind: .findNode) }
            #expect(node.knows(number))
        }
        for (number, address) in victims.enumerated() {
            node.remotes[node.peer(20 + number)] = address
            node.run(
                node.tell(.identified(node.peer(20 + number), addresses: [address], isServer: true, remote: address))
            ) { _ in KademliaMessage(kind: .findNode) }
            #expect(node.knows(20 + number))
        }
    }

    /// A request has its time from when it is on its way.
    @Test func whatWaitsToBeSentIsNotLate() throws {
        let node = try Harness()
        node.admit(1...3)
        node.startsAtOnce = false
        let started = node.tell(.start(Kademlia.OperationID(1), .closestPeers([1])))
        #expect(started.requests.count == 3)
        #expect(node.wait(.seconds(30)).isEmpty)
        #expect(node.machine.requests.count == 3 && node.machine.peers.table.liveCount == 3)
        for request in started.requests { node.tell(.started(request.id)) }
        let late = node.wait(.seconds(11))
        #expect(late.outcomes == [.failed(.noPeers)] || node.machine.requests.isEmpty)
        #expect(node.machine.peers.table.liveCount == 0)
    }

    /// What this node did not ask blames nobody.
    @Test func whatWasNotSentIsNobodysFault() throws {
        let node = try Harness()
        node.admit(1...3)
        let started = node.tell(.start(Kademlia.OperationID(1), .closestPeers([1])))
        node.answer(started.requests[0])
        for request in started.requests.dropFirst() { node.tell(.requestFailed(request.id, .notSent)) }
        #expect(node.machine.peers.table.liveCount == 3)
        #expect(node.machine.jobs.isEmpty)
    }

    @Test func whatComesAgainHasAnInterval() throws {
        let node = try Harness {
            $0.refreshInterval = .zero
            $0.cleanupInterval = .zero
            $0.retryDelay = .zero
        }
        node.tell(.tick)
        #expect((node.machine.nextDeadline ?? .zero) > node.now.monotonic)
    }

    @Test func connectedPeersAreLimited() throws {
        let node = try Harness(mode: .server) { $0.limits.connectedPeers = 3 }
        for number in 1...10 {
            node.tell(
                .identified(node.peer(number), addresses: node.population.contacts[number].addresses, isServer: false))
        }
        #expect(node.machine.peers.connected.count == 3)
        node.tell(.disconnected(node.peer(1)))
        node.tell(.identified(node.peer(9), addresses: node.population.contacts[9].addresses, isServer: false))
        #expect(node.machine.peers.connected.count == 3)
    }

    @Test func connectionsAreTold() throws {
        let node = try Harness()
        node.admit([1])
        let find = KademliaMessage(kind: .findNode, key: [7])
        #expect(node.ask(find, from: 2).reply?.closerPeers.map(\.connection) == [1])
        node.tell(.disconnected(node.peer(1)))
        #expect(node.ask(find, from: 2).reply?.closerPeers.map(\.connection) == [0])
    }
}
