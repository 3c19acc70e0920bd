import Multiformats

extension FuzzTarget {
    /// Varints, peer ids, hashes and addresses.
    static let formats: [FuzzTarget] = [
        FuzzTarget("varint", seeds: [[0], [0x7f], UVarint.encode(300), UVarint.encode(.max)]) { bytes in
            var offset = 0
            guard let value = try? UVarint.decode(bytes, at: &offset) else {
                check(offset == 0, "the offset moved in spite of an error")
                return
            }
            check(UVarint.encode(value) == Array(bytes[..<offset]), "a varint has two encodings")
        },
        FuzzTarget("multihash", seeds: [[0, 1, 7], [0x12, 32] + [UInt8](repeating: 1, count: 32)]) { bytes in
            if let hash = try? Multihash(bytes: bytes) {
                check(hash.bytes == bytes, "a multihash has two encodings")
            }
        },
        FuzzTarget("peer-id", seeds: [[0, 37, 8, 2, 18, 33, 2] + [UInt8](repeating: 1, count: 32)]) { bytes in
            guard let peer = try? PeerID(bytes: bytes) else { return }
            check(peer.bytes == bytes, "a peer id has two encodings")
            check((try? PeerID(peer.description)) == peer, "a peer id does not survive its text")
        },
        FuzzTarget("peer-id-text", seeds: [Array("12D3KooWPjceQrSwdWXPyLLeABRXmuqt69Rg3sBYbU1Nft9HyQ6X".utf8)]) {
            bytes in
            guard let peer = try? PeerID(String(decoding: bytes, as: UTF8.self)) else { return }
            check((try? PeerID(peer.description)) == peer, "a peer id does not survive its text")
        },
        FuzzTarget("public-key", seeds: [[8, 1, 18, 32] + [UInt8](repeating: 1, count: 32)]) { bytes in
            if let key = try? PublicKeyProtobuf(bytes: bytes) {
                check((try? PublicKeyProtobuf(bytes: key.bytes)) == key, "a public key does not survive its encoding")
            }
        },
        FuzzTarget("multiaddr", seeds: [[4, 127, 0, 0, 1, 6, 0x0f, 0xa1]]) { bytes in
            guard let address = try? Multiaddr(bytes: bytes) else { return }
            check(address.bytes == bytes, "a multiaddr has two encodings")
            check((try? Multiaddr(address.description)) == address, "a multiaddr does not survive its text")
        },
        FuzzTarget(
            "multiaddr-text",
            seeds: ["/ip4/127.0.0.1/tcp/4001", "/dns4/example.org/tcp/443/wss", "/ip6/::1/udp/9/quic-v1"].map {
                Array($0.utf8)
            }
        ) { bytes in
            guard let address = try? Multiaddr(String(decoding: bytes, as: UTF8.self)) else { return }
            check((try? Multiaddr(bytes: address.bytes)) == address, "a multiaddr does not survive its encoding")
            check((try? Multiaddr(address.description)) == address, "a multiaddr does not survive its text")
        },
        FuzzTarget("base58", seeds: [Array("3mJr7AoUXx2Wqd".utf8)]) { bytes in
            let text = String(decoding: bytes, as: UTF8.self)
            if let decoded = Base58.decode(text) {
                check(Base58.encode(decoded) == text, "bytes have two texts in base 58")
            }
        },
        FuzzTarget("base32", seeds: [Array("mzxw6ytboi".utf8)]) { bytes in
            let text = String(decoding: bytes, as: UTF8.self)
            if let decoded = Base32.decode(text) {
                check(Base32.decode(Base32.encode(decoded)) == decoded, "bytes do not survive base 32")
            }
        },
    ]
}
