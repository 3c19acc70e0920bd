import Testing

/// What the README shows is compiled and run here; that the document shows this very code is checked by Tools/check-examples.
struct ReadmeTests {
    @Test(.timeLimit(.minutes(1)))
    func exampleSigns() async throws {
        #expect(try await signTogether())
    }
}
