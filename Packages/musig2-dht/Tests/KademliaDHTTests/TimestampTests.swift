import KademliaSimulation
import Testing

@testable import KademliaDHT

@Suite("Timestamps of records")
struct TimestampTests {
    @Test(arguments: [
        (UInt64(0), "1970-01-01T00:00:00.000Z"),
        (951_782_399_999, "2000-02-28T23:59:59.999Z"),
        (951_825_600_001, "2000-02-29T12:00:00.001Z"),
        (1_700_000_000_123, "2023-11-14T22:13:20.123Z"),
        (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
    ])
    func known(milliseconds: UInt64, text: String) {
        #expect(Timestamp.text(milliseconds) == text)
        #expect(Timestamp.parse(text) == milliseconds)
    }

    /// As go writes it: nanoseconds, trailing zeros dropped; and with an offset.
    @Test(arguments: [
        ("2023-11-14T22:13:20.123456789Z", UInt64(1_700_000_000_123)),
        ("2023-11-14T22:13:20.5Z", 1_700_000_000_500),
        ("2023-11-14T22:13:20Z", 1_700_000_000_000),
        ("2023-11-14t23:13:20+01:00", 1_700_000_000_000),
        ("2023-11-14T16:43:20.25-05:30", 1_700_000_000_250),
    ])
    func otherForms(text: String, milliseconds: UInt64) {
        #expect(Timestamp.parse(text) == milliseconds)
    }

    @Test(arguments: [
        "", "now", "2023-11-14", "2023-11-14T22:13:20", "2023-11-14T22:13:20.Z", "2023-13-14T22:13:20Z",
        "2023-11-14T24:13:20Z", "2023-11-14T22:13:20Zx", "1969-12-31T23:59:59Z", "2023-11-14T22:13:20+1:00",
        "２023-11-14T22:13:20Z", "2023-11-14T22:13:20." + String(repeating: "1", count: 100) + "Z",
    ])
    func nonsense(text: String) {
        #expect(Timestamp.parse(text) == nil)
    }

    @Test func roundTrips() {
        var generator = SeededGenerator(seed: 8)
        for _ in 0..<2_000 {
            let milliseconds = UInt64.random(in: 0...253_402_300_799_999, using: &generator)
            #expect(Timestamp.parse(Timestamp.text(milliseconds)) == milliseconds)
        }
        #expect(Timestamp.text(.max) == "9999-12-31T23:59:59.999Z")
    }
}
