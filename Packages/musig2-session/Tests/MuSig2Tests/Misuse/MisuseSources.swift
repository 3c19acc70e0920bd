/// The sources that ``MisuseTests`` compiles.
enum MisuseSources {
    static let rightUse = [
        "right.swift": """
        func signOnce(_ nonce: consuming SecretNonce, _ key: borrowing SecretKey, _ session: SigningSession) throws {
            _ = nonce.publicNonce.rawRepresentation
            _ = try session.sign(nonce, with: key)
        }

        /// Where a nonce waits for its session: a box that it can be taken out of once.
        final class Box {
            private var nonce: SecretNonce?
            init(_ nonce: consuming SecretNonce) { self.nonce = consume nonce }
            func take() -> SecretNonce? { self.nonce.take() }
        }

        actor Signer {
            private var boxes: [Int: Box] = [:]
            func keep(_ nonce: consuming sending SecretNonce, under handle: Int) { self.boxes[handle] = Box(nonce) }
            func sign(_ handle: Int, _ key: borrowing SecretKey, _ session: SigningSession) throws -> PartialSignature? {
                guard let nonce = self.boxes.removeValue(forKey: handle)?.take() else { return nil }
                return try session.sign(nonce, with: key)
            }
        }
        """
    ]

    /// Found by the ownership checker, after type checking.
    static let ownership = [
        "second_sign.swift": """
        func secondSign(_ nonce: consuming SecretNonce, _ key: borrowing SecretKey, _ session: SigningSession) throws {  // error: 'nonce' consumed more than once
            _ = try session.sign(nonce, with: key)
            _ = try session.sign(nonce, with: key)
        }
        """,
        "use_after_sign.swift": """
        func useAfterSign(_ nonce: consuming SecretNonce, _ key: borrowing SecretKey, _ session: SigningSession) throws {  // error: 'nonce' used after consume
            _ = try session.sign(nonce, with: key)
            _ = nonce.publicNonce
        }
        """,
        "copy_then_sign_both.swift": """
        func copyThenSignBoth(_ nonce: consuming SecretNonce, _ key: borrowing SecretKey, _ session: SigningSession) throws {  // error: 'nonce' consumed more than once
            let copy = nonce
            _ = try session.sign(copy, with: key)
            _ = try session.sign(nonce, with: key)
        }
        """,
        "copy_of_a_round.swift": """
        func copyOfARound(_ round: consuming SigningRound) {  // error: 'round' consumed more than once
            let copy = round
            let another = round
            _ = (copy.publicNonce, another.publicNonce)
        }
        """,
        "loop.swift": """
        func loop(_ nonce: consuming SecretNonce, _ key: borrowing SecretKey, _ session: SigningSession) throws {  // error: 'nonce' consumed in a loop
            for _ in 0..<2 {
                _ = try session.sign(nonce, with: key)
            }
        }
        """,
        "conditional.swift": """
        func conditional(_ nonce: consuming SecretNonce, _ key: borrowing SecretKey, _ session: SigningSession, _ early: Bool) throws {  // error: 'nonce' consumed more than once
            if early {
                _ = try session.sign(nonce, with: key)
            }
            _ = try session.sign(nonce, with: key)
        }
        """,
        "after_error.swift": """
        func afterError(_ nonce: consuming SecretNonce, _ key: borrowing SecretKey, _ session: SigningSession) throws {  // error: 'nonce' consumed more than once
            do {
                _ = try session.sign(nonce, with: key)
            } catch {
                _ = try session.sign(nonce, with: key)
            }
        }
        """,
        "escaping_closure.swift": """
        func later(_ work: @escaping () throws -> Void) {}
        func escapingClosure(_ nonce: consuming SecretNonce, _ key: consuming SecretKey, _ session: SigningSession) {
            let held = key
            later {
                _ = try session.sign(nonce, with: held)  // error: 'nonce' cannot be consumed when captured by an escaping closure
            }
        }
        """,
        "borrowed.swift": """
        func borrowed(_ nonce: borrowing SecretNonce, _ key: borrowing SecretKey, _ session: SigningSession) throws {  // error: 'nonce' is borrowed and cannot be consumed
            _ = try session.sign(nonce, with: key)
        }
        """,
        "class_property.swift": """
        final class Holder {
            let nonce: SecretNonce
            init(_ nonce: consuming SecretNonce) { self.nonce = nonce }
            func sign(_ key: borrowing SecretKey, _ session: SigningSession) throws {
                _ = try session.sign(self.nonce, with: key)  // error: cannot consume noncopyable stored property 'self.nonce' of a class
            }
        }
        """,
        "key_copy.swift": """
        func take(_ key: consuming SecretKey) {}
        func keyCopy(_ key: consuming SecretKey) {  // error: 'key' consumed more than once
            take(key)
            take(key)
        }
        """,
    ]

    /// Found by the type checker.
    static let types = [
        "array.swift": """
        func array(_ nonce: consuming SecretNonce) {
            let nonces = [nonce]  // error: requires that 'SecretNonce' conform to 'Copyable'
        }
        """,
        "dictionary.swift": """
        func dictionary() {
            let nonces: [Int: SecretNonce] = [:]  // error: type 'SecretNonce' does not conform to protocol 'Copyable'
        }
        """,
        "tuple.swift": """
        func tuple(_ nonce: consuming SecretNonce) {
            let pair = (nonce, 1)  // error: containing noncopyable element is not supported
        }
        """,
        "existential.swift": """
        func existential(_ nonce: consuming SecretNonce) {
            let anything: Any = nonce  // error: value of type 'SecretNonce' does not conform to specified type 'Copyable'
        }
        """,
        "print.swift": """
        func printNonce(_ nonce: borrowing SecretNonce) {
            print(nonce)  // error: argument type 'SecretNonce' does not conform to expected type 'Copyable'
        }
        """,
        "dump.swift": """
        func dumpNonce(_ nonce: borrowing SecretNonce) {
            dump(nonce)  // error: requires that 'SecretNonce' conform to 'Copyable'
        }
        """,
        "interpolation.swift": """
        func interpolate(_ nonce: borrowing SecretNonce) -> String {
            "\\(nonce)"  // error: no exact matches in call to instance method 'appendInterpolation'
        }
        """,
        "bytes.swift": """
        func raw(_ nonce: borrowing SecretNonce) -> [UInt8] {
            nonce.rawRepresentation  // error: value of type 'SecretNonce' has no member 'rawRepresentation'
        }
        """,
        "halves.swift": """
        func half(_ nonce: borrowing SecretNonce) -> [UInt8] {
            nonce.first.withUnsafeBytes { Array($0) }  // error: 'first' is inaccessible due to 'internal' protection level
        }
        """,
        "from_halves.swift": """
        func from(_ one: consuming SecretScalar, _ two: consuming SecretScalar, _ key: PublicKey) throws -> SecretNonce {
            try SecretNonce(first: one, second: two, publicKey: key)  // error: 'SecretNonce' initializer is inaccessible due to 'internal' protection level
        }
        """,
        "encode.swift": """
        func encode(_ nonce: borrowing SecretNonce, to encoder: any Encoder) throws {
            try nonce.encode(to: encoder)  // error: value of type 'SecretNonce' has no member 'encode'
        }
        """,
        "equal.swift": """
        func equal(_ left: borrowing SecretNonce, _ right: borrowing SecretNonce) -> Bool {
            left == right  // error: '=='
        }
        """,
        "print_key.swift": """
        func printKey(_ key: borrowing SecretKey) {
            print(key)  // error: argument type 'SecretKey' does not conform to expected type 'Copyable'
        }
        """,
    ]
}
