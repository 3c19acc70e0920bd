/// The accepting side of multistream-select: answers proposals until one is spoken here.
public struct MultistreamListener: Sendable {
    /// What to do after ``receive(_:at:isSpoken:)``.
    public enum Action: Equatable, Sendable {
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

    /// A negotiation that has not begun.
    ///
    /// - Parameters:
    ///   - maximumLength: the longest message accepted, newline included.
    ///   - maximumProposals: how many proposals are refused before the negotiation fails.
    public init(maximumLength: Int, maximumProposals: Int) {
        self.maximumProposals = maximumProposals
        reader = MultistreamReader(maximumLength: maximumLength)
    }

    /// The bytes to send at once: the header.
    public func start() -> [UInt8] {
        MultistreamMessage.encodedHeader
    }

    /// Takes the messages of the negotiation from `bytes` at `offset`, and not one byte more.
    ///
    /// Anything that is not spoken, unknown commands such as `ls` included, is answered with `na`.
    public mutating func receive(
        _ bytes: UnsafeRawBufferPointer,
        at offset: inout Int,
        isSpoken: (String) -> Bool
    ) -> Action {
        guard state != .done else { return .waitForMore }
        if state == .awaitingHeader {
            switch header.next(bytes, at: &offset) {
            case .incomplete:
                return .waitForMore
            case .malformed(let error):
                state = .done
                return .failed(error)
            case .complete:
                state = .awaitingProposal
            }
        }
        switch reader.next(bytes, at: &offset) {
        case .incomplete:
            return .waitForMore
        case .malformed(let error):
            state = .done
            return .failed(error)
        case .message(let text):
            return answer(text, isSpoken: isSpoken)
        }
    }

    private mutating func answer(_ text: [UInt8], isSpoken: (String) -> Bool) -> Action {
        if let proposal = String(validating: text, as: UTF8.self), isSpoken(proposal) {
            state = .done
            return .agreed(proposal, reply: MultistreamMessage.encode(proposal))
        }
        refusals += 1
        guard refusals <= maximumProposals else {
            state = .done
            return .failed(.tooManyProposals(maximum: maximumProposals))
        }
        return .send(MultistreamMessage.encode(MultistreamMessage.notAvailable))
    }
}
