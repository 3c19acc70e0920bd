import ArgumentParser
import MuSig2
import Multiformats
import Secp256k1

/// `musig2 verify`: does this signature hold?
struct VerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Check BIP-340 signatures under a key, or under the shared key of some signers.",
        discussion: "Exit status 0 if every signature is valid, 7 if one is not, 64 for what is no signature or key.")

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
            let key = try verificationKey()
            let messages = try message.messages(limit: 64 << 20)
            guard signature.count == messages.count else {
                throw Failure(
                    .usage, "signatures: expected \(messages.count), one for each message, found \(signature.count)")
            }
            for (index, (text, message)) in zip(signature, messages).enumerated() {
                let signature = try parsed(text, index)
                guard key.isValidSignature(signature, for: message) else {
                    throw Failure(.invalid, "signature \(index + 1) is not valid for message \(index + 1) under \(key)")
                }
            }
            try output.result("valid", event: "valid", ["key": .string("\(key)")])
        }
    }

    private func verificationKey() throws(Failure) -> XOnlyPublicKey {
        guard let key else {
            guard !signers.signers.isEmpty else {
                throw Failure(
                    .usage, "no key",
                    hint: "Name the key, --key HEX as `musig2 aggregate` prints it, or all the signers, --signers.")
            }
            return try signers.context().xOnlyKey
        }
        guard signers.signers.isEmpty else { throw Failure(.usage, "--key and --signers exclude each other") }
        guard let bytes = Hex.decode(key) else { throw Failure(.usage, "key \"\(key)\" is not hexadecimal") }
        do throws(PublicKeyError) {
            return try XOnlyPublicKey(rawRepresentation: bytes)
        } catch {
            throw Failure(.usage, "\(error)", hint: "The key has 32 bytes, as `musig2 aggregate` prints it.")
        }
    }

    private func parsed(_ text: String, _ index: Int) throws(Failure) -> SchnorrSignature {
        guard let bytes = Hex.decode(text) else {
            throw Failure(.usage, "signature \(index + 1): \"\(text)\" is not hexadecimal")
        }
        do throws(SignatureError) {
            return try SchnorrSignature(rawRepresentation: bytes)
        } catch {
            throw Failure(.usage, "signature \(index + 1): \(error)")
        }
    }
}
