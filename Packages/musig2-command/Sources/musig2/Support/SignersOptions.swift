import ArgumentParser
import MuSig2
import Multiformats
import Secp256k1

/// The options that name the keys of a session and how they become one.
struct SignersOptions: ParsableArguments {
    @Option(
        name: .long, parsing: .upToNextOption,
        help: ArgumentHelp(
            "The public keys of all signers, 66 hexadecimal digits each, separated by commas or spaces. They are sorted, so "
                + "that their order does not matter (BIP-390; KeySort of BIP-327): signer 1 is the one with the lowest key.",
            valueName: "keys"))
    var signers: [String] = []

    @Flag(
        name: .long,
        help: """
            Keep the keys in the order given: signer 1 is the first one. Another order is another shared key, which \
            BIP-390 wallets do not find.
            """)
    var givenOrder = false

    @Flag(name: .long, help: "Sort the keys: the default.")
    var sorted = false

    @Option(
        name: .long,
        help: ArgumentHelp(
            "A plain or x-only tweak, in order: plain:HEX or xonly:HEX, 32 bytes each. May be repeated.",
            valueName: "kind:hex"))
    var tweak: [String] = []

    func validate() throws {
        if sorted, givenOrder { throw ValidationError("--sorted and --given-order exclude each other") }
    }

    /// The order of keys in a shared key.
    enum Order: String {
        case sorted
        case given

        /// The same keys in this order.
        func of(_ keys: [PublicKey]) -> [PublicKey] {
            switch self {
            case .sorted: KeySort.sorted(keys)
            case .given: keys
            }
        }

        /// The order in words that follow "the key of the signers".
        var words: String {
            switch self {
            case .sorted: "in sorted order"
            case .given: "in the order given"
            }
        }
    }

    /// The order that a session has.
    var order: Order { givenOrder ? .given : .sorted }

    /// The keys as they were named, in the order of the command line.
    func named() throws(Failure) -> [PublicKey] {
        var keys: [PublicKey] = []
        for text in signers.flatMap({ $0.split { $0 == "," || $0.isWhitespace } }) {
            let hint = "A public key is what `musig2 key show` prints."
            guard let bytes = Hex.decode(String(text)) else {
                throw Failure(.usage, "--signers: key \(keys.count + 1): \"\(text)\" is not hexadecimal", hint: hint)
            }
            do throws(PublicKeyError) {
                keys.append(try PublicKey(compressedRepresentation: bytes))
            } catch {
                throw Failure(.usage, "--signers: key \(keys.count + 1): \(Failure.reason(error))", hint: hint)
            }
        }
        guard !keys.isEmpty else {
            throw Failure(
                .usage, "--signers: expected at least one key, found none",
                hint: "Name the public keys of all signers: --signers KEY,KEY,…")
        }
        return keys
    }

    /// The keys in the order that a session has.
    func keys() throws(Failure) -> [PublicKey] { order.of(try named()) }

    /// The tweaks, in the order given.
    func tweaks() throws(Failure) -> [Tweak] {
        var tweaks: [Tweak] = []
        for text in tweak {
            let parts = text.split(separator: ":", maxSplits: 1)
            let kind: Tweak.Kind? =
                switch parts.first {
                case "plain": .plain
                case "xonly": .xOnly
                default: nil
                }
            guard let kind, parts.count == 2, let bytes = Hex.decode(String(parts[1])) else {
                throw Failure(.usage, "--tweak: \"\(text)\": expected plain:HEX or xonly:HEX")
            }
            do throws(TweakError) {
                tweaks.append(try Tweak(bytes: bytes, kind: kind))
            } catch {
                throw Failure(.usage, "--tweak: \"\(text)\": \(Failure.reason(error))")
            }
        }
        return tweaks
    }

    /// The aggregate key of the signers after the tweaks, in the order that a session has.
    func context() throws(Failure) -> KeyAggContext { try context(order) }

    /// The same in one order.
    private func context(_ order: Order) throws(Failure) -> KeyAggContext {
        let keys = order.of(try named())
        let tweaks = try tweaks()
        let context: KeyAggContext
        do throws(KeyAggError) {
            context = try KeyAggContext(keys: keys)
        } catch {
            throw Failure(.usage, "--signers: \(Failure.reason(error))")
        }
        do throws(TweakError) {
            return try context.applyingTweaks(tweaks)
        } catch {
            throw Failure(.usage, "--tweak: \(Failure.reason(error))")
        }
    }

    /// The aggregate keys that the signers can mean: in the order that was asked for, or in both orders if none was.
    func contexts() throws(Failure) -> [(order: Order, context: KeyAggContext)] {
        let first = (order, try context())
        guard !sorted, !givenOrder, case let keys = try named(), !KeySort.isSorted(keys) else { return [first] }
        return [first, (.given, try context(.given))]
    }
}
