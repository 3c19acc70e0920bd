import ArgumentParser
import MuSig2Coordination
import MuSig2Session
import Multiformats
import Secp256k1

/// The options that say for which key is signed.
struct FinalKeyOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "Sign for this key and no other: the final key, all tweaks applied, 64 hexadecimal digits. "
                + "`musig2 aggregate` prints it.",
            valueName: "hex"))
    var expectKey: String?

    @Flag(
        name: .long,
        help: ArgumentHelp(
            "Sign although the session has raw tweaks, with which the signers may sign for another key than theirs. Needs "
                + "--expect-key."))
    var allowTweak = false

    func validate() throws {
        if allowTweak, expectKey == nil {
            throw ValidationError(
                "--allow-tweak needs --expect-key: with tweaks, only the final key says what is signed for")
        }
    }

    /// The key that is expected; nil if none is named.
    func expected() throws(Failure) -> XOnlyPublicKey? {
        guard let expectKey else { return nil }
        return try Self.parsed(expectKey)
    }

    /// A key as the option `--expect-key` has it.
    static func parsed(_ expectKey: String) throws(Failure) -> XOnlyPublicKey {
        let hint = "The final key has 64 hexadecimal digits, as `musig2 aggregate` prints it."
        guard let bytes = Hex.decode(expectKey) else {
            throw Failure(.usage, "--expect-key: \"\(expectKey)\" is not hexadecimal", hint: hint)
        }
        do throws(PublicKeyError) {
            return try XOnlyPublicKey(rawRepresentation: bytes)
        } catch {
            throw Failure(.usage, "--expect-key: \(Failure.reason(error))", hint: hint)
        }
    }

    /// Why a session is not for the person to approve, if it is not.
    ///
    /// - Parameters:
    ///   - finalKey: The key that the session signs for.
    ///   - hasRawTweaks: Whether its creator chose tweaks as numbers.
    ///   - expected: The key that the person named.
    func refusal(of finalKey: XOnlyPublicKey, hasRawTweaks: Bool, expected: XOnlyPublicKey?) -> String? {
        if let expected, finalKey != expected {
            return "the final key is \(finalKey), and --expect-key names another"
        }
        guard hasRawTweaks, !allowTweak else { return nil }
        return "the session has raw tweaks, with which its signers can sign for a key of others: it takes "
            + "--allow-tweak, and --expect-key with the final key that you expect"
    }
}
