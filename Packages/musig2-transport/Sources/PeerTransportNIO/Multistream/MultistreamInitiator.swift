/// The dialling side of multistream-select: proposes protocols in order until one is echoed.
struct MultistreamInitiator {
    /// What to do after ``receive(_:at:)``.
    enum Action: Equatable {
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

    /// - Parameters:
    ///   - proposals: the protocols to propose, the most wanted first.
    ///   - maximumLength: the longest message accepted, newline included.
    init(proposals: [String], maximumLength: Int) {
        self.proposals = proposals
        self.reader = MultistreamReader(maximumLength: maximumLength)
    }

    /// The bytes to send at once: header and first proposal, without waiting for the listener, which may stay silent
    /// until it has seen our first bytes.
    func start() -> [UInt8] {
        var bytes = MultistreamMessage.encode(MultistreamMessage.header)
        if let first = self.proposals.first {
            bytes += MultistreamMessage.encode(first)
        }
        return bytes
    }

    /// Takes the messages of the negotiation from `bytes` at `offset`, and not one byte more.
    mutating func receive(_ bytes: UnsafeRawBufferPointer, at offset: inout Int) -> Action {
        guard self.state != .done else { return .waitForMore }
        guard self.proposed < self.proposals.count else {
            self.state = .done
            return .failed(.refused(proposed: self.proposals))
        }
        if self.state == .awaitingHeader {
            switch self.header.next(bytes, at: &offset) {
            case .incomplete:
                return .waitForMore
            case .malformed(let error):
                self.state = .done
                return .failed(error)
            case .complete:
                self.state = .awaitingAnswer
            }
        }
        switch self.reader.next(bytes, at: &offset) {
        case .incomplete:
            return .waitForMore
        case .malformed(let error):
            self.state = .done
            return .failed(error)
        case .message(let text):
            return self.receive(message: text)
        }
    }

    private mutating func receive(message text: [UInt8]) -> Action {
        let proposal = self.proposals[self.proposed]
        if text.elementsEqual(proposal.utf8) {
            self.state = .done
            return .agreed(proposal)
        }
        guard text.elementsEqual(MultistreamMessage.notAvailable.utf8) else {
            self.state = .done
            return .failed(.unexpectedAnswer(expected: proposal, found: MultistreamError.printable(text)))
        }
        self.proposed += 1
        guard self.proposed < self.proposals.count else {
            self.state = .done
            return .failed(.refused(proposed: self.proposals))
        }
        return .send(MultistreamMessage.encode(self.proposals[self.proposed]))
    }
}
