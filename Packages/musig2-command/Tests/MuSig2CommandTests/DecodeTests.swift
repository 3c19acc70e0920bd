import Foundation
import MuSig2
import MuSig2Session
import Multiformats
import Secp256k1
import Testing
import WireCodec

@testable import musig2

struct DecodeTests {
    private static func descriptor() throws -> SessionDescriptor {
        let keys = [SecretKey.generate().publicKey, SecretKey.generate().publicKey]
        var plan = SessionPlan(signerKeys: keys, messages: [Array("hi".utf8)], creator: 0)
        plan.metadata = ["purpose": "rent\u{1B}[2J"]
        return try SessionDescriptor(
            plan, at: Now(monotonic: .zero, wallMilliseconds: 1_700_000_000_000), random: Hash32.random())
    }

    @Test
    func descriptorsAreShownFieldByField() throws {
        let descriptor = try Self.descriptor()
        let (kind, value) = try DecodeCommand.decoded(Hex.encode(descriptor.bytes))
        #expect(kind == "descriptor")
        let lines = Readable.lines(value, name: kind)
        #expect(lines.contains { $0.contains(Hex.encode(descriptor.fields.random)) })
        #expect(lines.contains("    0: 6869"))
        #expect(lines.contains("  finalKey: \(try descriptor.finalKey())"))
    }

    @Test
    func messagesAreShownWithTheirPayload() throws {
        let body = MessageBody(
            sessionID: Array(repeating: 1, count: 32), attempt: 2, index: 1, run: 7, type: .nonceCommit,
            payload: NonceCommit(leaf: Array(repeating: 9, count: 32)).encoded())
        let message = SignedMessage(body) { _ in Array(repeating: 3, count: 64) }
        let expected: JSONValue = .object([
            "session": .string(String(repeating: "01", count: 32)), "attempt": 2, "signer": 1, "run": 7,
            "type": "nonceCommit", "signature": .string(String(repeating: "03", count: 64)),
            "payload": .object([
                "nonceCommit": .object(["leaf": .string(String(repeating: "09", count: 32))])
            ]),
        ])
        let single = try DecodeCommand.decoded(Hex.encode(message.encoded()))
        #expect(single.kind == "message")
        #expect(single.value == expected)
        let frame = Frame([.signedMessage(message)]).encoded()
        for bytes in [frame, FrameEncoder.encode(frame)] {
            let (kind, value) = try DecodeCommand.decoded(Hex.encode(bytes))
            #expect(kind == "frame")
            #expect(value == .array([.object(["signedMessage": expected])]))
        }
    }

    @Test
    func whatIsNothingIsSaidToBeNothing() {
        let failure = #expect(throws: Failure.self) { _ = try DecodeCommand.decoded("ff") }
        #expect(failure?.status == .usage)
        #expect(failure?.message == "1 byte that is no message of this protocol")
    }

    @Test
    func textOfOthersCannotControlTheTerminal() throws {
        let descriptor = try Self.descriptor()
        let view = SessionView(
            descriptor: descriptor, ownKey: descriptor.signerKeys[1], now: .init(timeIntervalSince1970: 1_700_000_000))
        let lines = view.lines()
        #expect(lines.contains("            | purpose = rent\u{FFFD}[2J"))
        #expect(lines.contains("  as text   | hi"))
        #expect(lines.contains("signer 2    \(descriptor.signerKeys[1])  (you)"))
        #expect(lines.contains { $0.hasPrefix("expires") && $0.hasSuffix("(in 2 h 0 min)") })
    }

    @Test
    func theFinalKeyIsShownWithItsTweaks() throws {
        let keys = [SecretKey.generate().publicKey, SecretKey.generate().publicKey]
        var plan = SessionPlan(signerKeys: keys, messages: [[]], creator: 0)
        plan.tweaks = [Tweak(Scalar(1), kind: .plain), Tweak(Scalar(2), kind: .xOnly)]
        let now = Now(monotonic: .zero, wallMilliseconds: 1_700_000_000_000)
        let descriptor = try SessionDescriptor(plan, at: now, random: Hash32.random())
        let view = SessionView(descriptor: descriptor, ownKey: nil, now: .init(timeIntervalSince1970: 1_700_000_000))
        let key = try KeyAggContext(keys: keys).applyingTweaks(plan.tweaks).xOnlyKey
        let zeros = String(repeating: "0", count: 63)
        let tweaks = ["plain:\(zeros)1", "xonly:\(zeros)2"]
        #expect(view.lines().contains("final key   \(key)"))
        #expect(view.lines().contains("tweak       \(tweaks[0])") && view.lines().contains("tweak       \(tweaks[1])"))
        #expect(view.json()["finalKey"] == .string("\(key)") && view.json()["tweaks"] == .strings(tweaks))
    }

    @Test(arguments: [(5.0, "5 s"), (60, "1 min"), (3_600, "1 h 0 min"), (90_061, "1 d 1 h")])
    func spans(seconds: Double, text: String) {
        #expect(SessionView.span(seconds) == text)
    }
}
