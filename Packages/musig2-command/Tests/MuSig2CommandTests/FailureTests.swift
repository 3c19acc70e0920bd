import ArgumentParser
import MuSig2Coordination
import Multiformats
import PeerTransport
import Secp256k1
import Testing

@testable import musig2

/// Failures in words for a person: each thing once, and no names of codes.
struct FailureTests {
    private let peer = "12D3KooWRtHZ3rJv8FVbV7gSzPBv9Fh2yXQm4eS5x9vGdYkQm1aa"

    @Test
    func aPeerThatIsGone() {
        let attempts =
            "connectionRefused: could not reach peer \(peer): "
            + "/ip4/10.0.0.1/tcp/1: connectionRefused: nobody listens at /ip4/10.0.0.1/tcp/1 (Connection refused); "
            + "/ip4/10.0.0.2/tcp/2: timedOut: /ip4/10.0.0.2/tcp/2 did not answer (Connection timed out)"
        let error = CoordinatorError(
            .unreachable, "peer \(peer) cannot be reached: is it running, and is its address right?",
            underlying: attempts)
        #expect(
            Failure.look(error).message == "the creator's command has probably ended: peer \(peer) cannot be reached "
                + "(nobody listens at /ip4/10.0.0.1/tcp/1; /ip4/10.0.0.2/tcp/2 did not answer (Connection timed out))")
    }

    @Test
    func aBootstrapThatIsGone() throws {
        let address = try Multiaddr("/ip4/10.0.0.1/tcp/1")
        let error = TransportError(
            .connectionRefused,
            "could not reach peer \(peer): \(address): connectionRefused: nobody listens at \(address) "
                + "(Connection refused)")
        #expect(Failure.bootstrap(address, error).message == "bootstrap \(address): nobody listens there")
    }

    /// Whatever stands in an error, a terminal is not to obey it, and a program is not to be deceived by it.
    @Test
    func wordsOfOthersAreHarmless() {
        let failure = Failure(.failure, "x\u{1B}[2J\u{202E}y\nerror: z", hint: "a\u{7}\nb\u{200B}")
        #expect(failure.message == "x\u{FFFD}[2J\u{FFFD}y\u{FFFD}error: z")
        #expect(failure.hint == "a\u{FFFD}\nb\u{FFFD}")
    }

    @Test
    func aPortInUse() {
        let error = TransportError(
            .addressInUse,
            "/ip6/::1/tcp/1 is in use by another program: choose another port, or 0 for any free one",
            underlying: "Address already in use")
        #expect(
            Failure.network(error).description == "/ip6/::1/tcp/1 is in use by another program\n"
                + "Choose another port with --listen, or 0 for a free one.")
    }

    @Test(arguments: [",", " ", ", ", "\n"])
    func signersInOneArgument(separator: String) throws {
        let keys = [SecretKey.generate().publicKey, SecretKey.generate().publicKey]
        let text = keys.map(\.description).joined(separator: separator)
        #expect(try SignersOptions.parse(["--signers", text]).named() == keys)
    }
}
