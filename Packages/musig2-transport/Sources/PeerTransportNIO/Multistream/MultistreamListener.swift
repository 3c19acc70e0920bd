/// The accepting side of multistream-select: answers proposals until one is spoken here.
struct MultistreamListener {
    /// What to do after ``receive(_:at:isSpoken:)``.
    enum Action: Equatable {
        /// Nothing until more bytes come.
        case waitForMore
        /// Send these bytes, then call again with what is left.
        case send([UInt8])
        /// Agreed: send `reply` (the echo). Bytes after the offset belong to the protocol.
        case agreed(String, reply: [UInt8])
        /// No protocol was agreed on.
        case failed(MultistreamError)
    }

    private enum State {
        case awaitingHeader
        case awaitingProposal
        case done
    }

    private let maximumProposals: Int
    private var refusals = 0
    private var state = State.awaitingHeader
    private var header = MultistreamHeaderReader()
    private var reader: MultistreamReader

    /// - Parameters:
    ///   - maximumLength: the longest message accepted, newline included.
    ///   - maximumProposals: how many proposals are refused before the negotiation fails.
    init(maximumLength: Int, maximumProposals: Int) {
        self.maximumProposals = maximumProposals
        self.reader = MultistreamReader(maximumLength: maximumLength)
    }

    /// The bytes to send at once: the header.
    func start() -> [UInt8] {
        MultistreamMessage.encode(MultistreamMessage.header)
    }

    /// Takes the messages of the negotiation from `bytes` at `offset`, and not one byte more.
    ///
    /// Anything that is not spoken, unknown commands such as `ls` included, is answered with `na`.
    mutating func receive(
        _ bytes: UnsafeRawBufferPointer,
        at offset: inout Int,
        isSpoken: (String) -> Bool
    ) -> Action {
        guard self.state != .done else { return .waitForMore }
        if self.state == .awaitingHeader {
            switch self.header.next(bytes, at: &offset) {
            case .incomplete:
                return .waitForMore
            case .malformed(let error):
                self.state = .done
                return .failed(error)
            case .complete:
                self.state = .awaitingProposal
            }
        }
        switch self.reader.next(bytes, at: &offset) {
        case .incomplete:
            return .waitForMore
        case .malformed(let error):
            self.state = .done
            return .failed(error)
        case .message(let text):
            return self.answer(text, isSpoken: isSpoken)
        }
    }

    private mutating func answer(_ text: [UInt8], isSpoken: (String) -> Bool) -> Action {
        if let proposal = String(validating: text, as: UTF8.self), isSpoken(proposal) {
            self.state = .done
            return .agreed(proposal, reply: MultistreamMessage.encode(proposal))
        }
        self.refusals += 1
        guard self.refusals <= self.maximumProposals else {
            self.state = .done
            return .failed(.tooManyProposals(maximum: self.maximumProposals))
        }
        return .send(MultistreamMessage.encode(MultistreamMessage.notAvailable))
    }
}
