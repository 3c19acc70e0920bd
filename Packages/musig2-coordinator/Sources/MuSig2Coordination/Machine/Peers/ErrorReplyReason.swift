import MuSig2Session

/// The stable codes of the errors that bound peers are told.
enum ErrorReplyReason: Sendable {
    case refused(SessionOffense)

    var code: UInt32 {
        switch self {
        case .refused(.badSignature): 1
        case .refused(.malformedPayload): 2
        case .refused(.notBound): 3
        case .refused(.outOfPlace): 4
        case .refused(.badFinalSignature): 5
        }
    }

    var text: String {
        switch self {
        case .refused(let offense): offense.description
        }
    }
}
