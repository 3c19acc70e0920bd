import ArgumentParser
import MuSig2
import Secp256k1
import Testing

@testable import musig2

/// How a command line names the signers, and which key they have together.
struct SignersOptionsTests {
    /// BIP-390's first test vectors: `rawtr(musig(…))` and `tr(musig(…))`, with the keys as they are written there.
    private let written =
        "02f9308a019258c31049344f85f89d5229b531c845836f99b08601f113bce036f9,"
        + "03dff1d77f2a671c5f36183726db2341be58feae1da2deced843240f7b502ba659,"
        + "023590a94e768f8e1815c2f24b4d80a8e3149316c3518ce7b7ad338368d038ca66"
    private let sortedKey = "789d937bade6673538f3e28d8368dda4d0512f94da44cf477a505716d26a1575"
    /// The second aggregate key of BIP-328's test vectors.
    private let givenKey = "90539eede565f5d054f32cc0c220126889ed1e5d193baf15aef344fe59d4610c"

    private func options(_ arguments: String...) throws -> SignersOptions {
        try SignersOptions.parse(["--signers", written] + arguments)
    }

    @Test
    func keysAreSorted() throws {
        #expect("\(try options().context().xOnlyKey)" == sortedKey)
        #expect("\(try options("--sorted").context().xOnlyKey)" == sortedKey)
        #expect(try options().keys() == KeySort.sorted(options().named()))
        let tweak = "xonly:0706ec97df17c6038eed363c31b467fc6b38cbf5c8820442aaec50ab06d558c0"
        #expect(
            "\(try options("--tweak", tweak).context().xOnlyKey)"
                == "79e6c3e628c9bfbce91de6b7fb28e2aec7713d377cf260ab599dcbc40e542312")
    }

    @Test
    func theOrderGiven() throws {
        #expect("\(try options("--given-order").context().xOnlyKey)" == givenKey)
        #expect(try options("--given-order").keys() == options().named())
        #expect(throws: (any Error).self) { try options("--given-order", "--sorted") }
    }

    /// A check of a signature tries both, unless one was asked for.
    @Test
    func bothOrdersAreTried() throws {
        func tried(_ options: SignersOptions) throws -> [String] {
            try options.contexts().map { "\($0.order) \($0.context.xOnlyKey)" }
        }
        #expect(try tried(options()) == ["sorted \(sortedKey)", "given \(givenKey)"])
        #expect(try tried(options("--sorted")) == ["sorted \(sortedKey)"])
        #expect(try tried(options("--given-order")) == ["given \(givenKey)"])
        let sorted = KeySort.sorted(try options().named()).map(\.description).joined(separator: " ")
        #expect(try tried(SignersOptions.parse(["--signers", sorted])) == ["sorted \(sortedKey)"], "one order")
    }
}
