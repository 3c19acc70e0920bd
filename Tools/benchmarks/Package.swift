// swift-tools-version: 6.1

import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

let package = Package(
    name: "benchmarks",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(path: "../../Packages/musig2-secp256k1"),
        .package(path: "../../Packages/musig2-wire-codec"),
        .package(path: "../../Packages/musig2-session"),
        .package(path: "../../Packages/musig2-transport"),
        .package(path: "../../Packages/musig2-coordinator"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics.git", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.2"),
    ],
    targets: [
        .systemLibrary(name: "CMalloc"),
        // A client that blocks, on the protocols of musig2-transport and a socket.
        .target(
            name: "PlainClient",
            dependencies: [
                .product(name: "Multiformats", package: "musig2-wire-codec"),
                .product(name: "WireCodec", package: "musig2-wire-codec"),
                .product(name: "PeerProtocols", package: "musig2-transport"),
                .product(name: "PeerNoise", package: "musig2-transport"),
                .product(name: "PeerTransportNIO", package: "musig2-transport"),
                .product(name: "Crypto", package: "swift-crypto"),
            ],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "bench",
            dependencies: [
                "CMalloc",
                "PlainClient",
                .product(name: "MuSig2", package: "musig2-session"),
                .product(name: "MuSig2Session", package: "musig2-session"),
                .product(name: "Secp256k1", package: "musig2-secp256k1"),
                .product(name: "Multiformats", package: "musig2-wire-codec"),
                .product(name: "WireCodec", package: "musig2-wire-codec"),
                .product(name: "PeerTransport", package: "musig2-transport"),
                .product(name: "PeerTransportNIO", package: "musig2-transport"),
                .product(name: "PeerNode", package: "musig2-transport"),
                .product(name: "MuSig2Coordination", package: "musig2-coordinator"),
                .product(name: "MuSig2Node", package: "musig2-coordinator"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: settings
        ),
    ],
    swiftLanguageModes: [.v6]
)
