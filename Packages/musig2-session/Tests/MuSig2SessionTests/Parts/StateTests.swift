import SessionSimulation
import Testing
import WireCodec

@testable import MuSig2Session

@Suite("Where a session stands")
struct SessionStateTests {
    @Test("Approval makes it run, once")
    func approve() {
        var state = SessionState.awaitingApproval
        #expect(state.isOpen)
        #expect(state.approve() == true)
        #expect(state.isRunning)
        #expect(state.approve() == false)
        #expect(state.consent == .approved)
    }

    @Test("Only what is complete is approved after the end")
    func approveAfterEnd() {
        var complete = SessionState.awaitingApproval
        complete.end(.completed([]))
        #expect(complete.consent == .none)
        #expect(complete.approve() == true)
        #expect(complete.consent == .approved)
        var left = SessionState.awaitingApproval
        left.end(.left)
        #expect(left.approve() == false)
    }

    @Test("An end keeps what the application wanted, and a later one takes its place")
    func end() {
        var state = SessionState.running(SessionState.RoundTimer(phase: .nonces, deadline: .seconds(1)))
        #expect(state.phase == .nonces)
        state.end(.expired)
        #expect(!state.isOpen)
        #expect(state.consent == .approved)
        #expect(state.phase == nil)
        #expect(state.deadline == nil)
        state.end(.completed([]))
        #expect(state.signatures == [])
        #expect(state.consent == .approved)
    }

    @Test("A withdrawn approval stays withdrawn")
    func withdraw() {
        var state = SessionState.running(SessionState.RoundTimer())
        state.end(.declined(SessionState.Decline(reason: "")))
        state.withdraw()
        #expect(state.consent == .withdrawn)
        #expect(state.approve() == false)
    }

    @Test("Only what is over is closed, once")
    func close() {
        var state = SessionState.awaitingApproval
        #expect(state.close() == false)
        state.end(.left)
        #expect(state.close() == true)
        #expect(state.close() == false)
    }

    @Test("The timer is that of a running session")
    func timer() {
        var state = SessionState.awaitingApproval
        state.wait(for: .joins)
        state.setDeadline(.seconds(1))
        #expect(state == .awaitingApproval)
        _ = state.approve()
        state.wait(for: .joins)
        state.setDeadline(.seconds(1))
        #expect(state.phase == .joins)
        #expect(state.deadline == .seconds(1))
        state.resetTimer()
        #expect(state.phase == nil)
    }

    @Test("What is learnt after an ABORT changes its report")
    func abort() {
        var state = SessionState.running(SessionState.RoundTimer())
        let report = AbortReport(by: 0, reason: .requested, text: "", isAfterPartial: false, evidence: nil)
        state.end(.aborted(report, message: nil))
        state.noteMaySigned()
        guard case .aborted(let changed, _)? = state.outcome else {
            Issue.record("expected an ABORT, found \(state)")
            return
        }
        #expect(changed.isAfterPartial)
    }
}
