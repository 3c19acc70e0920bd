import ArgumentParser
import MuSig2
import Multiformats
import Secp256k1

/// The options that name the keys of a session and how they become one.
struct SignersOptions: ParsableArguments {
    @Option(
        name: .long, parsing: .upToNextOption,
        help: ArgumentHelp(
            "The public keys of all signers, 66 hexadecimal digits each, separated by commas or spaces.",
            valueName: "keys"))
    var signers: [String] = []

    @Flag(name: .long, help: "Sort the keys (KeySort), so that their order does not matter.")
    var sorted = false

    @Option(
        name: .long,
        help: ArgumentHelp(
            "A plain or x-only tweak, in order: plain:HEX or xonly:HEX, 32 bytes each. May be repeated.",
            valueName: "kind:hex"))
    var tweak: [String] = []

    /// The keys, sorted if asked for.
    func keys() throws(Failure) -> [PublicKey] {
        var keys: [PublicKey] = []
        for text in signers.flatMap({ $0.split { $0 == "," || $0.isWhitespace } }) {
            guard let bytes = Hex.decode(String(text)) else {
                throw Failure(
                    .usage, "signer \(keys.count + 1): \"\(text)\" is not hexadecimal",
                    hint: "A public key is what `musig2 key show` prints.")
            }
            do throws(PublicKeyError) {
                keys.append(try PublicKey(compressedRepresentation: bytes))
            } catch {
                throw Failure(
                    .usage, "signer \(keys.count + 1): \(error)",
                    hint: "A public key is what `musig2 key show` prints.")
            }
        }
        guard !keys.isEmpty else {
            throw Failure(.usage, "no signers", hint: "Name all their public keys: --signers KEY,KEY,…")
        }
        return sorted ? KeySort.sorted(keys) : keys
    }

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
                throw Failure(.usage, "tweak \"\(text)\": expected plain:HEX or xonly:HEX")
            }
            do throws(TweakError) {
                tweaks.append(try Tweak(bytes: bytes, kind: kind))
            } catch {
                throw Failure(.usage, "tweak \"\(text)\": \(error)")
            }
        }
        return tweaks
    }

    /// The aggregate key of the signers after the tweaks.
    func context() throws(Failure) -> KeyAggContext {
        let keys = try keys()
        let tweaks = try tweaks()
        let context: KeyAggContext
        do throws(KeyAggError) {
            context = try KeyAggContext(keys: keys)
        } catch {
            throw Failure(.usage, "\(error)")
        }
        do throws(TweakError) {
            return try context.applyingTweaks(tweaks)
        } catch {
            throw Failure(.usage, "\(error)")
        }
    }
}
