/// Figures made with py-libp2p 0.8.1 and py-multiaddr, and seen from go-libp2p 0.32.
enum Libp2pFigures {
    struct Peer: Sendable {
        let key: String
        let id: String
        let base58: String
        let cid: String
    }

    static let peers: [Peer] = [
        Peer(
            key: "08011220dd6704beec4ae194662fe6ed5a17ff453a49ab9e35bcd63804fc33645a1eb606",
            id: "002408011220dd6704beec4ae194662fe6ed5a17ff453a49ab9e35bcd63804fc33645a1eb606",
            base58: "12D3KooWQidP12BHiYvN9AtPMcKrVfZno76caUg3rx7GmByYEXwT",
            cid: "bafzaajaiaejcbxlhas7oysxbsrtc7zxnlil76rj2jgvz4nn42y4aj7btmrnb5nqg"),
        Peer(
            key: "080112208f24fd8c993a0c42740e15f77af5ebf8d571d3e2a0f3c956beb49ed43e388f9d",
            id: "0024080112208f24fd8c993a0c42740e15f77af5ebf8d571d3e2a0f3c956beb49ed43e388f9d",
            base58: "12D3KooWKT9Bdbvj7zEA7B9eh9Sw5Tbi7eszrTE2vP4QAwsJTZWk",
            cid: "bafzaajaiaejcbdze7wgjsoqmij2a4fpxpl26x6gvohj6fihtzfll5ne62q7drd45"),
        Peer(
            key: "0802122103f3be85aa61497194ba3bbc3d13dd0bff400b57b95dd0c472a27a85f4807319c9",
            id: "00250802122103f3be85aa61497194ba3bbc3d13dd0bff400b57b95dd0c472a27a85f4807319c9",
            base58: "16Uiu2HAmV4TvJsb1jypSxuDcQckHE5ZDNQtXKrc5r73RaPFKV9nx",
            cid: "bafzaajiiaijcca7tx2c2uykjogkluo54huj52c77iafvpok52dchfit2qx2ia4yzze"),
    ]

    static let addresses: [(text: String, bytes: String)] = [
        ("/ip4/127.0.0.1/tcp/4001", "047f000001060fa1"),
        ("/ip4/127.0.0.1/tcp/4002/ws", "047f000001060fa2dd03"),
        ("/ip6/::1/tcp/4001", "2900000000000000000000000000000001060fa1"),
        ("/dns4/example.org/tcp/443/wss", "360b6578616d706c652e6f72670601bbde03"),
        ("/dns/example.org/tcp/443/tls/ws", "350b6578616d706c652e6f72670601bbc003dd03"),
        (
            "/dns6/example.org/tcp/443/tls/sni/example.org/ws",
            "370b6578616d706c652e6f72670601bbc003c1030b6578616d706c652e6f7267dd03"
        ),
        ("/dnsaddr/bootstrap.example", "3811626f6f7473747261702e6578616d706c65"),
        (
            "/ip4/127.0.0.1/tcp/4001/p2p/12D3KooWQidP12BHiYvN9AtPMcKrVfZno76caUg3rx7GmByYEXwT",
            "047f000001060fa1a50326002408011220dd6704beec4ae194662fe6ed5a17ff453a49ab9e35bcd63804fc33645a1eb606"
        ),
        (
            "/ip4/127.0.0.1/tcp/4001/p2p/12D3KooWQidP12BHiYvN9AtPMcKrVfZno76caUg3rx7GmByYEXwT/p2p-circuit"
                + "/p2p/16Uiu2HAmV4TvJsb1jypSxuDcQckHE5ZDNQtXKrc5r73RaPFKV9nx",
            "047f000001060fa1a50326002408011220dd6704beec4ae194662fe6ed5a17ff453a49ab9e35bcd63804fc33645a1eb606"
                + "a202a5032700250802122103f3be85aa61497194ba3bbc3d13dd0bff400b57b95dd0c472a27a85f4807319c9"
        ),
        ("/ip4/127.0.0.1/udp/4001/quic-v1", "047f00000191020fa1cd03"),
    ]
}
