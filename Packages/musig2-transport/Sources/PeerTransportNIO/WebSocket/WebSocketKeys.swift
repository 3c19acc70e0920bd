import Crypto

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
        hasher.update(data: key)
        hasher.update(data: Array(WebSocketHandshake.keySuffix.utf8))
        return Data(hasher.finalize()).base64EncodedString()
    }

    /// A client's request with a fresh key.
    static func request(host: String, path: String) -> WebSocketHandshake.Request {
        var generator = SystemRandomNumberGenerator()
        let key = Data((0..<16).map { _ in UInt8.random(in: 0...255, using: &generator) }).base64EncodedString()
        return WebSocketHandshake.Request(host: host, path: path, key: key, accept: Self.accept(key: Array(key.utf8)))
    }

    /// A mask that nobody can foresee, as section 5.3 wants it.
    static func mask() -> WebSocketMask {
        var generator = SystemRandomNumberGenerator()
        return WebSocketMask(key: generator.next())
    }
}
