import FlowKit
import Testing

/// What `make integration` ends with.
struct FlowTableTests {
    @Test
    func eachFlowIsALine() {
        let table = FlowTable()
        table.add("2-of-2, in memory", verified: 1, took: .milliseconds(149))
        table.add("3-of-3 by inbox", verified: nil, took: .seconds(12))
        #expect(
            table.description == """
                flow               verified signatures  seconds
                2-of-2, in memory                    1      0.1
                3-of-3 by inbox                 failed     12.0
                """)
    }
}
