import Testing

@testable import musig2

/// Colors at a terminal, for the people that want them.
struct ColorsTests {
    @Test
    func labelsAreInColorAndNothingElseChanges() {
        let on = Colors(areOn: true)
        #expect(on.painted("error: no") == "\u{1B}[1;31merror:\u{1B}[0m no")
        #expect(on.painted("       a hint") == "       a hint")
        #expect(on.painted("notice      a") == "\u{1B}[1;33mnotice      \u{1B}[0ma")
        #expect(
            on.painted("message 1   5 bytes\n            as text: \"x\"")
                == "\u{1B}[1mmessage 1   \u{1B}[0m5 bytes\n            as text: \"x\"")
        for text in ["", "\n", "short", "words without any label", "elevenchars"] {
            #expect(on.painted(text) == text)
        }
        for text in ["error: no", "notice      a"] { #expect(Colors(areOn: false).painted(text) == text) }
    }

    @Test
    func whoWantsNoneGetsNone() {
        #expect(Colors.areWanted([:]))
        #expect(Colors.areWanted(["NO_COLOR": "", "TERM": "xterm"]))
        #expect(!Colors.areWanted(["NO_COLOR": "1"]))
        #expect(!Colors.areWanted(["NO_COLOR": "0", "TERM": "xterm"]))
        #expect(!Colors.areWanted(["TERM": "dumb"]))
    }
}
