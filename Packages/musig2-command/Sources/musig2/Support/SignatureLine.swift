import Secp256k1

/// A finished signature, with which message it is for.
struct SignatureLine {
    /// The place of its message in the session, from 1.
    let number: Int
    let signature: SchnorrSignature
    /// The message; nil if it is not known any more.
    let message: [UInt8]?

    /// The line for a person.
    var text: String {
        let label = message.map { " (message SHA-256 \(SessionView.sha256($0)))" } ?? ""
        return "signature \(number)\(label): \(signature)"
    }

    /// The same for programs.
    var fields: [String: JSONValue] {
        var fields: [String: JSONValue] = [
            "message": .integer(number), "signature": .string("\(signature)"),
        ]
        if let message { fields["messageHash"] = .string(SessionView.sha256(message)) }
        return fields
    }
}
