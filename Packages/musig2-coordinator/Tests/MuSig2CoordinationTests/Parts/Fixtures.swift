import MuSig2Session
import Multiformats
import Secp256k1
import Testing

@testable import MuSig2Coordination

/// Small values for tests of the machine's parts.
enum Fixtures {
    static let now = Now(monotonic: .seconds(1_000), wallMilliseconds: 1_800_000_000_000)

    static func later(_ seconds: Int) -> Now {
        Now(
            monotonic: now.monotonic + .seconds(seconds),
            wallMilliseconds: now.wallMilliseconds + UInt64(seconds) * 1_000)
    }

    static func session(_ number: UInt8) throws -> SessionID {
        SessionID(try #require(Hash32([UInt8](repeating: number, count: 32))))
    }

    /// An announcement of a session of two signers, by the first of them.
    static func announced(
        sequence: UInt64 = 1, methods: Set<DiscoveryMethod> = [.rendezvous], message: UInt8 = 1
    ) throws -> VerifiedAnnouncement {
        let keys = [try TestKeys.publicKey(0), try TestKeys.publicKey(1)]
        let descriptor = try SessionDescriptor(
            SessionPlan(signerKeys: keys, messages: [[message]], creator: 0), at: now, random: .zero)
        return try VerifiedAnnouncement(
            announcing: descriptor,
            at: LocalPeer(peer: try TestKeys.peer(0), addresses: [try Multiaddr("/memory/1").bytes]),
            sequence: sequence, ways: methods.bits, with: TestKeys.secret(0))
    }
}
