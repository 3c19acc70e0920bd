/// The dialling side of multistream-select: proposes protocols in order until one is echoed.
public struct MultistreamInitiator: Sendable {
    /// What to do after ``receive(_:at:)``.
    public enum Action: Equatable, Sendable {
        /// Nothing until more bytes come.
        case waitForMore
        /// Send these bytes (the next proposal), then call again with what is left.
        case send([UInt8])
        /// Agreed. Bytes after the offset belong to the protocol.
        case agreed(String)
        /// No protocol was agreed on.
        case failed(MultistreamError)
    }

    private enum State {
        case awaitingHeader
        case awaitingAnswer
        case done
    }

    private let proposals: [String]
    private var proposed = 0
    private var state = State.awaitingHeader
    private var header = MultistreamHeaderReader()
    private var reader: MultistreamReader

    /// A negotiation that has not begun.
    ///
    /// - Parameters:
    ///   - proposals: the protocols to propose, the most wanted first.
    ///   - maximumLength: the longest message accepted, newline included.
    public init(proposals: [String], maximumLength: Int) {
        self.proposals = proposals
        reader = MultistreamReader(maximumLength: maximumLength)
    }

    /// The bytes to send at once: header and first proposal, without waiting for the listener, which may stay silent
    /// until it has seen our first bytes.
    public func start() -> [UInt8] {
        var bytes = MultistreamMessage.encodedHeader
        if let first = proposals.first {
            bytes += MultistreamMessage.encode(first)
        }
        return bytes
    }

    /// Takes the messages of the negotiation from `bytes` at `offset`, and not one byte more.
    public mutating func receive(_ bytes: UnsafeRawBufferPointer, at offset: inout Int) -> Action {
        guard state != .done else { return .waitForMore }
        guard proposed < proposals.count else {
            state = .done
            return .failed(.refused(proposed: proposals))
        }
        if state == .awaitingHeader {
            switch header.next(bytes, at: &offset) {
            case .incomplete:
                return .waitForMore
            case .malformed(let error):
                state = .done
                return .failed(error)
            case .complete:
                state = .awaitingAnswer
            }
        }
        switch reader.next(bytes, at: &offset) {
        case .incomplete:
            return .waitForMore
        case .malformed(let error):
            state = .done
            return .failed(error)
        case .message(let text):
            return receive(message: text)
        }
    }

    private mutating func receive(message text: [UInt8]) -> Action {
        let proposal = proposals[proposed]
        if text.elementsEqual(proposal.utf8) {
            state = .done
            return .agreed(proposal)
        }
        guard text.elementsEqual(MultistreamMessage.notAvailable.utf8) else {
            state = .done
            return .failed(.unexpectedAnswer(expected: proposal, found: MultistreamError.printable(text)))
        }
        proposed += 1
        guard proposed < proposals.count else {
            state = .done
            return .failed(.refused(proposed: proposals))
        }
        return .send(MultistreamMessage.encode(proposals[proposed]))
    }
}
