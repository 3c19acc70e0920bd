import ArgumentParser
import MuSig2
import Multiformats
import Secp256k1

/// `musig2 verify`: does this signature hold?
struct VerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Check BIP-340 signatures under a key, or under the shared key of some signers.",
        usage: """
            musig2 verify --key <hex> --signature <hex> ... --message <text> ... [<options>]
            musig2 verify --signers <keys> ... --signature <hex> ... --message <text> ... [<options>]
            """,
        discussion: """
            Tries the signer keys in sorted order, and then in the order given if that makes another key, and says under which the \
            signatures are valid. Exit status 0 if every signature is valid, 7 if one is not, 64 if an argument is no signature \
            or key.
            """)

    @Option(
        name: .long, help: ArgumentHelp("The key: 32 bytes in hexadecimal. Instead of --signers.", valueName: "hex"))
    var key: String?

    @Option(
        name: .long, parsing: .upToNextOption,
        help: ArgumentHelp(
            "The signatures, 64 bytes in hexadecimal each, in the order of the messages.", valueName: "hex"))
    var signature: [String]

    @OptionGroup var signers: SignersOptions
    @OptionGroup var message: MessageOptions
    @OptionGroup var options: OutputOptions

    func run() async throws {
        let output = options.output
        try await reporting(output) {
            let candidates = try candidates()
            let messages = try message.messages(limit: 64 << 20)
            guard signature.count == messages.count else {
                throw Failure(
                    .usage, "--signature: expected \(messages.count), one for each message, found \(signature.count)")
            }
            let signatures = try signature.enumerated().map { index, text in try parsed(text, index) }
            var refusals: [String] = []
            for candidate in candidates {
                let wrong = zip(signatures, messages).enumerated().first { _, pair in
                    !candidate.key.isValidSignature(pair.0, for: pair.1)
                }
                guard let wrong else {
                    let words =
                        candidate.order.map { " under \(candidate.key), the key of the signers \($0.words)" } ?? ""
                    try output.result(
                        "valid\(words)", event: "valid",
                        ["key": .string("\(candidate.key)")].merging(
                            candidate.order.map { ["order": .string($0.rawValue)] } ?? [:], uniquingKeysWith: { $1 }))
                    return
                }
                let number = wrong.offset + 1
                let order = candidates.count > 1 ? candidate.order.map { " (the signers \($0.words))" } ?? "" : ""
                refusals.append("signature \(number) is not valid for message \(number) under \(candidate.key)\(order)")
            }
            throw Failure(.invalid, refusals.joined(separator: "; "))
        }
    }

    /// A key under which the signatures may be valid.
    private struct Candidate {
        let key: XOnlyPublicKey
        /// Nil: the key was named itself.
        let order: SignersOptions.Order?
    }

    private func candidates() throws(Failure) -> [Candidate] {
        guard let key else {
            guard !signers.signers.isEmpty else {
                throw Failure(
                    .usage, "--key: expected a key, found none",
                    hint: "Name the key, --key HEX as `musig2 aggregate` prints it, or all the signers, --signers.")
            }
            return try signers.contexts().map { Candidate(key: $0.context.xOnlyKey, order: $0.order) }
        }
        guard signers.signers.isEmpty else { throw Failure(.usage, "--key and --signers exclude each other") }
        guard let bytes = Hex.decode(key) else { throw Failure(.usage, "--key: \"\(key)\" is not hexadecimal") }
        do throws(PublicKeyError) {
            return [Candidate(key: try XOnlyPublicKey(rawRepresentation: bytes), order: nil)]
        } catch {
            throw Failure(
                .usage, "--key: \(Failure.reason(error))",
                hint: "The key has 32 bytes, as `musig2 aggregate` prints it.")
        }
    }

    private func parsed(_ text: String, _ index: Int) throws(Failure) -> SchnorrSignature {
        let place = signature.count == 1 ? "--signature" : "--signature: signature \(index + 1)"
        guard let bytes = Hex.decode(text) else {
            throw Failure(.usage, "\(place): \"\(text)\" is not hexadecimal")
        }
        do throws(SignatureError) {
            return try SchnorrSignature(rawRepresentation: bytes)
        } catch {
            throw Failure(.usage, "\(place): \(Failure.reason(error))")
        }
    }
}
