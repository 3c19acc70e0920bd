import Testing

@testable import musig2

@Suite struct SecrecyTests {
    /// Whatever the caller had set: registers are not shown, names are bound at the start, and a second start asks for no
    /// third.
    @Test(arguments: [
        "", "registers=all", "registers=none", "registers=none,registers=all", "format=json",
        "format=json,registers=none",
        "enable=no", "registers=none,format=json", "xregisters=none",
    ])
    func theEnvironmentIsMended(settings: String) {
        for binding in ["", "1"] {
            var environment = ["SWIFT_BACKTRACE": settings, "LD_BIND_NOW": binding]
            if let missing = Secrecy.missingEnvironment(environment) { environment.merge(missing) { $1 } }
            #expect(Secrecy.missingEnvironment(environment) == nil)
            let last = environment["SWIFT_BACKTRACE", default: ""].split(separator: ",").map {
                $0.split(separator: "=")
            }
            #expect(last.last { $0[0] == "registers" }?.last == "none")
            #expect(last.last { $0[0] == "format" }?.last ?? "text" == "text")
            #expect(environment["LD_BIND_NOW"] == "1")
            #expect(environment["SWIFT_BACKTRACE", default: ""].hasPrefix(settings))
        }
        #expect(Secrecy.missingEnvironment([:]) == ["SWIFT_BACKTRACE": "registers=none", "LD_BIND_NOW": "1"])
    }
}
