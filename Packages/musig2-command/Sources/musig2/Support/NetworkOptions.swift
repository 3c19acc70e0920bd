import ArgumentParser
import Foundation
import MuSig2Coordination
import Multiformats
import PeerNode

/// The options of commands that find others through a DHT.
struct NetworkOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "The address of a DHT node to start from, as `musig2 node` prints it. May be repeated. Default: $MUSIG2_BOOTSTRAP, "
                + "where commas or spaces separate several. `musig2 create` ends with an error if no node named here runs; "
                + "if none of the variable's runs, it says so and continues with the invitation, which needs no node.",
            valueName: "address"))
    var bootstrap: [String] = []

    @Option(
        name: .long,
        help: ArgumentHelp(
            "The name of the DHT: NAME has the protocol prefix /NAME. Nodes meet only under the same name; ipfs is the "
                + "public DHT, with Internet addresses alone, and ipfs/lan that of its nodes inside a local network.",
            valueName: "name"))
    var network: String = Self.defaultNetwork

    @Flag(
        name: .long,
        help: "Also use private addresses in the DHT: for a network of your own with the name ipfs.")
    var privateAddresses = false

    /// What helps where the network uses other addresses than there are.
    static let privateHint =
        "Inside a local network take --network ipfs/lan; for a network of your own of this name, --private-addresses."

    /// The network of this command's nodes, unless another one is named.
    static let defaultNetwork = "musig2"

    func validate() throws {
        let isName = network.utf8.allSatisfy { (0x21...0x7E).contains($0) }
        guard isName, !network.isEmpty, network.first != "/", network.last != "/" else {
            throw ValidationError(
                "--network: expected a name like musig2, in letters, digits and signs, found \"\(network)\"")
        }
    }

    /// The prefix of the DHT's stream protocol.
    var prefix: String { "/\(network)" }

    /// Where to begin: what the option names, else what the environment names.
    func bootstrapAddresses() throws(Failure) -> [Multiaddr] {
        if !bootstrap.isEmpty { return try NodeOptions.addresses(Self.separated(bootstrap), option: "--bootstrap") }
        let variable = ProcessInfo.processInfo.environment["MUSIG2_BOOTSTRAP"] ?? ""
        return try NodeOptions.addresses(Self.separated([variable]), option: "MUSIG2_BOOTSTRAP")
    }

    private static func separated(_ texts: [String]) -> [String] {
        texts.flatMap { $0.split { $0 == "," || $0.isWhitespace } }.map(String.init)
    }

    /// How a node takes part in the network.
    ///
    /// - Parameters:
    ///   - mode: Client for a signer that only passes by, server for a node that others begin with.
    ///   - bootstrap: Where to begin.
    func configuration(_ mode: NodeDHT.Configuration.Mode, bootstrap: [Multiaddr]) -> NodeDHT.Configuration {
        var configuration = NodeDHT.Configuration(mode: mode, prefix: prefix, bootstrap: bootstrap)
        configuration.rules[RecordName.defaultNamespace] = AnnouncementRules()
        if privateAddresses { configuration.addresses = .any }
        return configuration
    }

    /// What one types so that another command begins in the same place.
    func words(for bootstrap: [Multiaddr]) -> String {
        let addresses = bootstrap.map { " --bootstrap \($0)" }.joined()
        let name = network == Self.defaultNetwork ? "" : " --network \(network)"
        return addresses + name + (privateAddresses ? " --private-addresses" : "")
    }
}

extension AddressFilter {
    /// Which addresses it passes.
    var words: String {
        switch self {
        case .any: "all"
        case .public: "those of the Internet"
        case .private: "those of a local network"
        case .loopback: "those of this machine"
        }
    }
}
