import Crypto
import PeerProtocols

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// What the WebSocket handshake needs of hashing and chance.
enum WebSocketKeys {
    /// What a server makes of a client's key (RFC 6455, section 4.2.2).
    static func accept(key: [UInt8]) -> String {
        var hasher = Insecure.SHA1()
        hasher.update(data: key + WebSocketHandshake.keySuffix.utf8)
        return Data(hasher.finalize()).base64EncodedString()
    }

    /// A client's request with a fresh key.
    static func request(host: String, path: String) -> WebSocketHandshake.Request {
        var generator = SystemRandomNumberGenerator()
        // Two calls into the system: one for each byte would cost more than all else here.
        let random = SIMD2<UInt64>(generator.next(), generator.next())
        let key = withUnsafeBytes(of: random) { Data($0) }.base64EncodedString()
        return WebSocketHandshake.Request(host: host, path: path, key: key, accept: Self.accept(key: Array(key.utf8)))
    }
}

/// Masks that nobody can foresee, as section 5.3 of RFC 6455 wants them. The system gives some at a time: a call for each frame would
/// cost more than all else that is done with a small one.
struct WebSocketMasks {
    private static let count = 32

    private var keys: [UInt32] = []

    /// The next mask.
    mutating func next() -> WebSocketMask {
        if let key = keys.popLast() { return WebSocketMask(key: key) }
        keys.reserveCapacity(Self.count)
        let isFilled = withUnsafeTemporaryAllocation(of: UInt32.self, capacity: Self.count) { words in
            words.initialize(repeating: 0)
            guard Self.fill(UnsafeMutableRawBufferPointer(words)) else { return false }
            keys.append(contentsOf: words)
            return true
        }
        if isFilled, let key = keys.popLast() { return WebSocketMask(key: key) }
        var generator = SystemRandomNumberGenerator()
        return WebSocketMask(key: generator.next())
    }

    /// Fills memory with random bytes, at most 256.
    ///
    /// - Returns: Whether the system has a call for it.
    private static func fill(_ buffer: UnsafeMutableRawBufferPointer) -> Bool {
        guard let base = buffer.baseAddress else { return false }
        #if canImport(Darwin)
            arc4random_buf(base, buffer.count)
            return true
        #else
            return getentropy(base, buffer.count) == 0
        #endif
    }
}
