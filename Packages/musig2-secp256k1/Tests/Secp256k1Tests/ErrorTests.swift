import Testing

@testable import Secp256k1

/// Each error says what it is about, what was expected and what was found.
@Suite("Errors")
struct ErrorTests {
    static let sentences: [(error: any Error & CustomStringConvertible, sentence: String)] = [
        (PublicKeyError.wrongByteCount(expected: 33, found: 65), "public key: expected 33 bytes, found 65"),
        (PublicKeyError.wrongPrefix(found: 4), "public key: expected a first byte of 02 or 03, found 04"),
        (
            PublicKeyError.coordinateNotBelowFieldSize,
            "public key: expected an x coordinate below the field size, found one that is not"
        ),
        (
            PublicKeyError.notOnCurve,
            "public key: expected the x coordinate of a point on secp256k1, found one that no point has"
        ),
        (SecretKeyError.wrongByteCount(expected: 32, found: 31), "secret key: expected 32 bytes, found 31"),
        (
            SecretKeyError.outOfRange,
            "secret key: expected a number from 1 to the group order less 1, found one outside"
        ),
        (SecretKeyError.resultIsZero, "secret scalar: expected a result other than 0, found 0"),
        (
            SecretKeyError.unsuitableGenerator,
            "secret key: expected random bytes from the generator, found none in range in many tries"
        ),
        (SignatureError.wrongByteCount(expected: 64, found: 63), "signature: expected 64 bytes, found 63"),
        (SignatureError.tooLong(maximum: 72, found: 73), "signature: expected at most 72 bytes, found 73"),
        (
            SignatureError.malformedDER,
            "signature: expected the DER form of two numbers below the group order, found something else"
        ),
        (
            SignatureError.scalarNotBelowOrder,
            "signature: expected numbers below the group order, found one that is not"
        ),
        (
            SigningError.refusedByLibrary,
            "signing: expected a signature, found that the library refused to make one"
        ),
    ]

    @Test(arguments: sentences.indices) func errorsSpeak(index: Int) {
        #expect(Self.sentences[index].error.description == Self.sentences[index].sentence)
    }
}
