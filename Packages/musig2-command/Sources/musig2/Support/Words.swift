import MuSig2Coordination
import MuSig2Session
import WireCodec

/// The words for signers and for every reason that the command prints: the numbers, codes and indices of the protocol are not for people.
enum Words {
    // MARK: Signers

    /// A signer as a person counts it, or `you`.
    static func signer(_ index: Int, own: Int? = nil) -> String {
        index == own ? "you" : "signer \(index + 1)"
    }

    /// Several of them: `signer 1`, `signer 1 and you`, `signer 1, signer 3 and signer 4`.
    static func signers(_ indices: [Int], own: Int? = nil) -> String {
        indices.isEmpty ? "no signer" : list(indices.map { signer($0, own: own) })
    }

    /// Names in a row: `a`, `a and b`, `a, b and c`.
    static func list(_ names: [String]) -> String {
        guard let last = names.last, names.count > 1 else { return names.first ?? "" }
        return "\(names.dropLast().joined(separator: ", ")) and \(last)"
    }

    /// That signers are not there, and what to see to.
    static func absent(_ indices: [Int], creator: Int?) -> String {
        let isAlone = indices.count == 1
        let name = isAlone && indices[0] == creator ? "\(signer(indices[0])), the creator," : signers(indices)
        return "\(name) \(isAlone ? "is" : "are") not there: see that \(isAlone ? "it runs" : "they run")"
    }

    /// A verb behind a signer: `signer 2 says`, `you say`.
    static func saying(_ index: Int, own: Int?, _ others: String, _ self: String) -> String {
        "\(signer(index, own: own)) \(index == own ? self : others)"
    }

    /// That a signer declined, and why, in its own words.
    static func declined(_ signer: Int, _ reason: String, own: Int? = nil) -> String {
        "\(self.signer(signer, own: own)) declined" + (reason.isEmpty ? "" : ": \(SessionView.visible(reason))")
    }

    // MARK: Reasons

    /// Why an attempt begins, behind "since".
    static let restart: [RestartReason: String] = [
        .timeout: "a signer did not answer in time",
        .failedAttempt: "the parts of the signature did not fit together",
        .newRun: "a signer was started again and its first nonces are lost",
        .requested: "a signer asked for it",
        .ownHistoryLost: "a signer was started again and has lost what it had sent",
        .followed: "the other signers had begun anew already",
    ]

    /// Why a signer ended a session, behind "since"; nil where the end is all there is to say.
    static let abort: [AbortReason: String?] = [
        .requested: nil,
        .notApproved: "it does not approve it any more",
        .invalidContribution: "a signer sent what is not valid",
        .signerCompromised: "a signer signed twice with one nonce, so that its key is in danger",
        .storeFailed: "its store failed",
        .noProgress: "attempt after attempt failed",
        .closed: "it was closed there",
        .cannotSign: "it cannot sign",
    ]

    /// What evidence proves.
    static func evidence(_ kind: EvidenceKind) -> String {
        switch kind {
        case .contradiction: "it said two different things in one place"
        case .invalidPartial: "its part of the signature is not valid"
        case .wrongAggregate: "it added the nonces up wrongly"
        case .unopenedCommitment: "its nonces are not those that it committed to"
        }
    }

    static func reason(_ reason: RestartReason) -> String {
        restart[reason] ?? "something happened that this version does not know (\(reason.rawValue))"
    }

    /// The end of a session by a signer's ABORT, in one sentence.
    static func aborted(_ report: AbortReport, own: Int? = nil) -> String {
        let author = report.by.map { signer($0, own: own) } ?? "this node"
        var words = "\(author) ended the session"
        switch abort[report.reason] {
        case .some(.some(let reason)): words += ", since \(reason)"
        case .some(.none): break
        case .none: words += ", for a reason that this version does not know (\(report.reason.rawValue))"
        }
        if report.earlyEnds.isEmpty {
            words += report.text.isEmpty ? "" : ": \(SessionView.visible(report.text))"
        } else {
            let authors = Dictionary(grouping: report.earlyEnds, by: \.by).sorted { $0.key < $1.key }
            let counts = authors.map { "\($0.value.count) by \(signer($0.key, own: own))" }
            words += ": \(counts.joined(separator: ", "))"
        }
        if let culprit = report.evidence?.culprit {
            words += "; convicted by evidence: \(signer(Int(culprit), own: own))"
        }
        return words
    }

    /// A message of the coordinator, which counts signers from 0 and calls reasons by their codes, for people.
    static func message(of error: CoordinatorError, own: Int? = nil) -> String {
        if error.code == .stuck { return "nothing came from the others for a long time: see that they run" }
        var text = error.message.replacing("the consent policy refused", with: "refused")
        if let index = error.signer { text = text.replacing("signer \(index)", with: signer(index, own: own)) }
        for reason in AbortReason.allCases {
            let words = abort[reason].flatMap { $0 }.map { ", since \($0)" } ?? ""
            text = text.replacing(" (\(reason))", with: words)
        }
        return text
    }
}
