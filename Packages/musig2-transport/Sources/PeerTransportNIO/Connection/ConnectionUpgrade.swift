import Multiformats
import PeerNoise
import PeerProtocols
import PeerTransport

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The way from a raw connection to a secured and multiplexed one, either side, as bytes in and bytes out:
/// multistream for Noise, the Noise handshake, then multistream for yamux unless the handshake settled it. The dialler's first
/// Noise message goes out behind its proposal of Noise, which spares a round trip: to go on without Noise there is no way.
///
/// Feed received bytes to ``receive(_:at:)`` until it says ``Action/needMore``, ``Action/done(_:)`` or
/// ``Action/fail(_:)``. Bytes after the offset then belong to what comes next.
struct ConnectionUpgrade {
    static let noiseProtocol = "/noise"
    static let yamuxProtocol = "/yamux/1.0.0"

    /// How far it has come; each stage has a time limit.
    enum Stage: String, Sendable {
        case security = "negotiating security"
        case handshake = "Noise handshake"
        case muxer = "negotiating the multiplexer"
    }

    /// What a finished upgrade leaves behind.
    struct Result {
        var peer: NoisePeer
        var sealer: NoiseSealer
        var opener: NoiseOpener
        /// Plaintext that came together with the last message of the upgrade.
        var leftover: Data
    }

    /// What to do after ``receive(_:at:)``.
    enum Action {
        /// All bytes were taken.
        case needMore
        /// Send these bytes, then call again with what is left.
        case send([UInt8])
        /// Secured and multiplexed.
        case done(Result)
        /// Close the connection.
        case fail(TransportError)
    }

    /// What is fixed before it begins.
    struct Parameters {
        var isInitiator: Bool
        var credentials: NoiseCredentials
        /// Dialler only: The peer that must answer.
        var expectedPeer: PeerID?
        var maximumMessage: Int
        var maximumProposals: Int
    }

    private enum State {
        case proposingNoise(MultistreamInitiator, NoiseHandshake)
        case awaitingNoise(MultistreamListener)
        case handshake(NoiseHandshake, NoiseMessageReader)
        case proposingMuxer(MultistreamInitiator, Result)
        case awaitingMuxer(MultistreamListener, Result)
        case finishing(Result)
        case over
    }

    private let parameters: Parameters
    private var state: State
    /// How far it has come.
    private(set) var stage = Stage.security
    /// Whether a Noise message was sent that is not answered yet: until it is, a round trip goes by. Whatever else comes may have
    /// been on its way already.
    private(set) var awaitsAnswer = false
    /// The listener's side of the handshake, made before it is needed.
    private var prepared: NoiseHandshake?

    init(_ parameters: Parameters) {
        self.parameters = parameters
        state =
            parameters.isInitiator
            ? .proposingNoise(
                MultistreamInitiator(proposals: [Self.noiseProtocol], maximumLength: parameters.maximumMessage),
                Self.handshake(parameters))
            : .awaitingNoise(Self.listener(parameters))
    }

    /// The bytes to send at once.
    mutating func start() -> [UInt8] {
        switch state {
        case .proposingNoise(let negotiator, var handshake):
            let start = handshake.start()
            state = .proposingNoise(negotiator, handshake)
            guard case .send(let message) = start else { return negotiator.start() }
            awaitsAnswer = true
            return negotiator.start() + NoiseMessageReader.frame(message)
        case .awaitingNoise(let negotiator): return negotiator.start()
        case .handshake, .proposingMuxer, .awaitingMuxer, .finishing, .over: return []
        }
    }

    /// Makes the listener's key of the handshake, while there is nothing else to do but to wait for the other side.
    mutating func prepare() {
        guard case .awaitingNoise = state else { return }
        prepared = Self.handshake(parameters)
    }

    /// Reads on from `offset`, which moves past the bytes taken.
    mutating func receive(_ bytes: UnsafeRawBufferPointer, at offset: inout Int) -> Action {
        while true {
            let action: Action?
            switch state {
            case .proposingNoise(let negotiator, let handshake):
                action = proposeNoise(negotiator, handshake, bytes, &offset)
            case .awaitingNoise(let negotiator): action = awaitNoise(negotiator, bytes, &offset)
            case .handshake(let handshake, let reader): action = self.handshake(handshake, reader, bytes, &offset)
            case .proposingMuxer, .awaitingMuxer: action = negotiateMuxer(bytes, &offset)
            case .finishing(let result):
                state = .over
                return .done(result)
            case .over: return .needMore
            }
            if let action { return action }
        }
    }

    private static func listener(_ parameters: Parameters) -> MultistreamListener {
        MultistreamListener(
            maximumLength: parameters.maximumMessage, maximumProposals: parameters.maximumProposals)
    }

    private static func handshake(_ parameters: Parameters) -> NoiseHandshake {
        NoiseHandshake(
            role: parameters.isInitiator ? .initiator : .responder, staticKey: parameters.credentials.staticKey,
            payload: parameters.credentials.payload)
    }

    // MARK: Noise

    private mutating func proposeNoise(
        _ negotiator: MultistreamInitiator, _ handshake: NoiseHandshake, _ bytes: UnsafeRawBufferPointer,
        _ offset: inout Int
    ) -> Action? {
        var negotiator = negotiator
        let action = negotiator.receive(bytes, at: &offset)
        state = .proposingNoise(negotiator, handshake)
        switch action {
        case .waitForMore: return .needMore
        case .send(let reply): return .send(reply)
        case .failed(let error): return fail(Self.securityError(error))
        case .agreed:
            stage = .handshake
            state = .handshake(handshake, NoiseMessageReader())
            return nil
        }
    }

    private mutating func awaitNoise(
        _ negotiator: MultistreamListener, _ bytes: UnsafeRawBufferPointer, _ offset: inout Int
    ) -> Action? {
        var negotiator = negotiator
        let action = negotiator.receive(bytes, at: &offset) { $0 == Self.noiseProtocol }
        state = .awaitingNoise(negotiator)
        switch action {
        case .waitForMore: return .needMore
        case .send(let reply): return .send(reply)
        case .failed(let error): return fail(Self.securityError(error))
        case .agreed(_, let reply):
            stage = .handshake
            state = .handshake(prepared ?? Self.handshake(parameters), NoiseMessageReader())
            prepared = nil
            return .send(reply)
        }
    }

    private mutating func handshake(
        _ handshake: NoiseHandshake, _ reader: NoiseMessageReader, _ bytes: UnsafeRawBufferPointer,
        _ offset: inout Int
    ) -> Action? {
        var handshake = handshake
        var reader = reader
        let message = reader.next(bytes, at: &offset)
        guard let message else {
            state = .handshake(handshake, reader)
            return .needMore
        }
        let action = handshake.receive(message: message)
        state = .handshake(handshake, reader)
        do throws(NoiseError) {
            switch action {
            case .send(let reply):
                awaitsAnswer = true
                return .send(NoiseMessageReader.frame(reply))
            case .check(let remote):
                let peer = try parameters.credentials.proven.peer(remote)
                if let error = mismatch(peer) { return fail(error) }
                let (last, keys) = try handshake.finish()
                return secured(peer, keys, last: NoiseMessageReader.frame(last))
            case .finished(let remote, let keys):
                return secured(try parameters.credentials.proven.peer(remote), keys, last: [])
            case .fail(let error):
                throw error
            }
        } catch {
            return fail(TransportError(.securityFailed, error.description))
        }
    }

    private func mismatch(_ peer: NoisePeer) -> TransportError? {
        guard let expected = parameters.expectedPeer, expected != peer.peerID else { return nil }
        return TransportError(.peerMismatch, "expected peer \(expected), found \(peer.peerID)")
    }

    // MARK: Multiplexer

    private mutating func secured(_ peer: NoisePeer, _ keys: NoiseHandshake.Keys, last: [UInt8]) -> Action? {
        var result = Result(
            peer: peer, sealer: NoiseSealer(key: keys.send), opener: NoiseOpener(key: keys.receive), leftover: Data())
        stage = .muxer
        awaitsAnswer = false
        if !peer.muxers.isEmpty, !parameters.credentials.muxers.isEmpty {
            return settleMuxer(result, last)
        }
        // One side made no offer: multistream inside the secured connection, as usual.
        let sealed: [UInt8]
        if parameters.isInitiator {
            let negotiator = MultistreamInitiator(
                proposals: [Self.yamuxProtocol], maximumLength: parameters.maximumMessage)
            sealed = Self.seal(negotiator.start(), &result)
            state = .proposingMuxer(negotiator, result)
        } else {
            let negotiator = Self.listener(parameters)
            sealed = Self.seal(negotiator.start(), &result)
            state = .awaitingMuxer(negotiator, result)
        }
        return .send(last + sealed)
    }

    /// Both sides listed muxers in the handshake: the first of the initiator's that the responder has too is taken, and no
    /// negotiation follows.
    private mutating func settleMuxer(_ result: Result, _ last: [UInt8]) -> Action? {
        let own = parameters.credentials.muxers
        let (wanted, offered) = parameters.isInitiator ? (own, result.peer.muxers) : (result.peer.muxers, own)
        guard let muxer = wanted.first(where: offered.contains), muxer == Self.yamuxProtocol else {
            return fail(
                TransportError(
                    .protocolNotSupported,
                    "multiplexer: expected one of \(own.joined(separator: ", ")), found "
                        + result.peer.muxers.prefix(8).map { MultistreamError.printable(Array($0.utf8)) }
                        .joined(separator: ", ")))
        }
        state = .finishing(result)
        return last.isEmpty ? nil : .send(last)
    }

    private mutating func negotiateMuxer(_ bytes: UnsafeRawBufferPointer, _ offset: inout Int) -> Action? {
        let opener: NoiseOpener
        switch state {
        case .proposingMuxer(_, let result), .awaitingMuxer(_, let result): opener = result.opener
        default: return .needMore
        }
        do throws(NoiseError) {
            guard let plaintext = try opener.next(bytes, at: &offset) else { return .needMore }
            return receiveMuxer(plaintext)
        } catch {
            return fail(TransportError(.securityFailed, error.description))
        }
    }

    private mutating func receiveMuxer(_ plaintext: Data) -> Action? {
        var reply: [UInt8] = []
        var position = 0
        while true {
            switch state {
            case .proposingMuxer(var negotiator, var result):
                let action = plaintext.withUnsafeBytes { negotiator.receive($0, at: &position) }
                switch action {
                case .waitForMore:
                    state = .proposingMuxer(negotiator, result)
                    return reply.isEmpty ? nil : .send(reply)
                case .send(let proposal):
                    reply += Self.seal(proposal, &result)
                    state = .proposingMuxer(negotiator, result)
                case .agreed:
                    result.leftover = Data(plaintext.dropFirst(position))
                    state = .finishing(result)
                    return reply.isEmpty ? nil : .send(reply)
                case .failed(let error):
                    return fail(Self.muxerError(error))
                }
            case .awaitingMuxer(var negotiator, var result):
                let action = plaintext.withUnsafeBytes {
                    negotiator.receive($0, at: &position) { $0 == Self.yamuxProtocol }
                }
                switch action {
                case .waitForMore:
                    state = .awaitingMuxer(negotiator, result)
                    return reply.isEmpty ? nil : .send(reply)
                case .send(let answer):
                    reply += Self.seal(answer, &result)
                    state = .awaitingMuxer(negotiator, result)
                case .agreed(_, let echo):
                    reply += Self.seal(echo, &result)
                    result.leftover = Data(plaintext.dropFirst(position))
                    state = .finishing(result)
                    return .send(reply)
                case .failed(let error):
                    return fail(Self.muxerError(error))
                }
            default:
                return nil
            }
        }
    }

    /// Seals the few bytes of a negotiation. A failure leaves nothing to send, and the stage runs into its time limit.
    private static func seal(_ plaintext: [UInt8], _ result: inout Result) -> [UInt8] {
        var output: [UInt8] = []
        do throws(NoiseError) {
            try plaintext.span.bytes.withUnsafeBytes { (bytes) throws(NoiseError) in
                try result.sealer.seal(bytes) { output += $0 }
            }
        } catch {
            return []
        }
        return output
    }

    // MARK: Failures

    private mutating func fail(_ error: TransportError) -> Action {
        state = .over
        return .fail(error)
    }

    private static func securityError(_ error: MultistreamError) -> TransportError {
        switch error {
        case .refused, .tooManyProposals:
            return TransportError(.protocolNotSupported, "security: \(error)")
        case .lengthTooLarge, .missingNewline, .unexpectedHeader, .unexpectedAnswer:
            return TransportError(.notAPeer, "the other side is not a libp2p peer: \(error)")
        }
    }

    private static func muxerError(_ error: MultistreamError) -> TransportError {
        switch error {
        case .refused, .tooManyProposals:
            return TransportError(.protocolNotSupported, "multiplexer: \(error)")
        case .lengthTooLarge, .missingNewline, .unexpectedHeader, .unexpectedAnswer:
            return TransportError(.protocolViolation, "multiplexer: \(error)")
        }
    }
}
