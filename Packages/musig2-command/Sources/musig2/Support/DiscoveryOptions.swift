import ArgumentParser
import MuSig2Coordination

/// In which ways the other signers find a session.
struct DiscoveryOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "How the other signers find the session, beside the invitation: rendezvous, by its id; inbox, by their own "
                + "keys; record, by its id, and readable for anyone with the id. Separate several with commas; "
                + "invitation or none: published nowhere. Default: rendezvous with --bootstrap, else invitation.",
            valueName: "ways"))
    var discovery: [String] = []

    /// The ways that need a DHT, by their names on the command line.
    private static let ways: [DiscoveryMethod] = [.rendezvous, .inbox, .record]

    /// The ways.
    ///
    /// - Parameter hasNetwork: Whether the command has somewhere to begin.
    /// - Throws: ``Failure`` for a name that is none, and a way that needs a DHT without one.
    func ways(hasNetwork: Bool) throws(Failure) -> Set<DiscoveryMethod> {
        let names = discovery.flatMap { $0.split(separator: ",") }.map(String.init)
        guard !names.isEmpty else { return hasNetwork ? [.rendezvous] : .invitation }
        var ways: Set<DiscoveryMethod> = []
        for name in names {
            if name == "invitation" || name == "none" && names.count == 1 { continue }
            guard let way = Self.ways.first(where: { $0.name == name }) else {
                throw Failure(
                    .usage,
                    name == "none"
                        ? "--discovery: none excludes other ways" : "--discovery: there is no way \"\(name)\"",
                    hint: "Take rendezvous, inbox, record, or several with commas between them; or invitation, or none."
                )
            }
            ways.insert(way)
        }
        guard ways.isEmpty || hasNetwork else {
            throw Failure(
                .usage, "--discovery \(names.joined(separator: ",")) needs a DHT, and there is no --bootstrap",
                hint: "Give --bootstrap an address that `musig2 node` prints.")
        }
        return ways
    }
}
