import Testing

/// What must not be possible with a secret is not possible to write.
@Suite("What does not compile", .timeLimit(.minutes(2)))
struct DoesNotCompileTests {
    /// The control: what is allowed compiles, so errors below come from what they are about.
    @Test func lendingAndCopyingByNameCompile() throws {
        let errors = try Compiler.errors(
            in: """
                func lend(_ key: borrowing SecretKey) -> PublicKey { key.publicKey }
                func copy(_ key: borrowing SecretKey) -> SecretKey { key.copy() }
                func end(_ scalar: consuming SecretScalar) -> Scalar { scalar.declassify() }
                func spend(_ key: consuming SecretKey) -> PublicKey { lend(key) }
                """
        )
        #expect(errors == [])
    }

    @Test func aSecondUseDoesNotCompile() throws {
        let errors = try Compiler.errors(
            in: """
                func take(_ key: consuming SecretKey) {}
                func twice(_ key: consuming SecretKey) { take(key); take(key) }
                func after(_ scalar: consuming SecretScalar) -> Scalar { _ = scalar.declassify(); return scalar.declassify() }
                func implicit(_ key: borrowing SecretKey) -> SecretKey { key }
                func loop(_ bytes: consuming SecretBytes) { for _ in 0..<2 { _ = consume bytes } }
                """
        )
        #expect(
            Set(errors) == [
                Compiler.Complaint(line: 3, message: "'key' consumed more than once"),
                Compiler.Complaint(line: 4, message: "'scalar' consumed more than once"),
                Compiler.Complaint(line: 5, message: "'key' is borrowed and cannot be consumed"),
                Compiler.Complaint(line: 6, message: "'bytes' consumed in a loop"),
            ]
        )
    }

    @Test func storingPrintingAndComparingDoNotCompile() throws {
        let errors = try Compiler.errors(
            in: """
                func array(_ key: consuming SecretKey) -> [SecretKey] { [key] }
                func show(_ key: borrowing SecretKey) { print(key) }
                func describe(_ scalar: borrowing SecretScalar) -> String { "\\(scalar)" }
                func reflect(_ bytes: borrowing SecretBytes) { dump(bytes) }
                func compare(_ one: borrowing SecretKey, _ two: borrowing SecretKey) -> Bool { one == two }
                func unmade() -> PublicKey { PublicKey() }
                """
        )
        #expect(Set(errors.map(\.line)) == [2, 3, 4, 5, 6, 7], "\(errors)")
    }
}
