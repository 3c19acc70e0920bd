import Testing

@testable import musig2

/// What counts as a yes at the question whether to sign.
struct PromptTests {
    @Test(arguments: ["y", "Y", "yes", "YES", " yes "])
    func yes(_ line: String) {
        #expect(Prompt.isYes(line))
    }

    @Test(arguments: ["", "n", "no", "yno", "yess", "y n", "yes, but", "ja", "ye", "1"])
    func everythingElseIsNo(_ line: String) {
        #expect(!Prompt.isYes(line))
    }
}
