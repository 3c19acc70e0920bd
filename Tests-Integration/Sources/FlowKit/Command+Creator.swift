extension Command {
    /// Runs the creator of a session beside a body.
    ///
    /// - Parameters:
    ///   - arguments: What follows `musig2`.
    ///   - endsWithBody: Whether the creator is ended after the body; otherwise it ends by itself.
    ///   - body: Is given the invitation.
    /// - Returns: What the body returns, and what the creator said.
    /// - Throws: ``FlowError`` when there is no invitation, or what the body throws.
    public func withCreator<Value: Sendable>(
        _ arguments: [String], endsWithBody: Bool = true,
        _ body: @Sendable (_ invitation: String) async throws -> Value
    ) async throws -> (value: Value, creator: Followed) {
        let (invitations, invite) = AsyncStream.makeStream(of: String.self)
        let (end, finish) = AsyncStream.makeStream(of: Void.self)
        let creator = Task {
            defer { invite.finish() }
            return try await follow(arguments, until: end) { line, _ in
                if line.event == "invitation" { invite.yield(try line.text("invitation")) }
                return .goOn
            }
        }
        defer { finish.finish() }
        for await invitation in invitations {
            let value = try await body(invitation)
            if endsWithBody { finish.finish() }
            return (value, try await creator.value)
        }
        throw FlowError("no invitation: \(try await creator.value.lines)")
    }
}
