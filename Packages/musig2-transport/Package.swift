// swift-tools-version: 6.1

import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

let package = Package(
    name: "musig2-transport",
    // No iOS: the secp256k1 identities need libsecp256k1, which the iOS SDK does not have.
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "PeerProtocols", targets: ["PeerProtocols"]),
        .library(name: "PeerNoise", targets: ["PeerNoise"]),
        .library(name: "PeerTransport", targets: ["PeerTransport"]),
        .library(name: "PeerTransportNIO", targets: ["PeerTransportNIO"]),
        .library(name: "PeerNode", targets: ["PeerNode"]),
        .library(name: "PeerTransportTestKit", targets: ["PeerTransportTestKit"]),
    ],
    dependencies: [
        .package(path: "../musig2-wire-codec"),
        .package(path: "../musig2-secp256k1"),
        .package(path: "../musig2-dht"),
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics.git", from: "2.13.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
    ],
    targets: [
        .target(
            name: "PeerTransport",
            dependencies: [
                .product(name: "Multiformats", package: "musig2-wire-codec")
            ],
            swiftSettings: settings
        ),
        // What peers say to each other, as state machines over bytes: without I/O, so that it can be fuzzed and counted alone.
        .target(name: "PeerProtocols", swiftSettings: settings),
        // Apart from the others, since it needs a cipher.
        .target(
            name: "PeerNoise",
            dependencies: [
                "PeerProtocols",
                .product(name: "Crypto", package: "swift-crypto"),
            ],
            swiftSettings: settings
        ),
        .target(
            name: "PeerTransportNIO",
            dependencies: [
                "PeerProtocols",
                "PeerNoise",
                "PeerTransport",
                .product(name: "Multiformats", package: "musig2-wire-codec"),
                .product(name: "WireCodec", package: "musig2-wire-codec"),
                .product(name: "Secp256k1", package: "musig2-secp256k1"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "CryptoExtras", package: "swift-crypto"),
            ],
            swiftSettings: settings
        ),
        .target(
            name: "PeerNode",
            dependencies: [
                "PeerTransport",
                "PeerTransportNIO",
                .product(name: "Multiformats", package: "musig2-wire-codec"),
                .product(name: "WireCodec", package: "musig2-wire-codec"),
                .product(name: "Secp256k1", package: "musig2-secp256k1"),
                .product(name: "KademliaDHT", package: "musig2-dht"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "CoreMetrics", package: "swift-metrics"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings
        ),
        .target(
            name: "PeerTransportTestKit",
            dependencies: [
                "PeerTransport",
                .product(name: "Multiformats", package: "musig2-wire-codec"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "PeerTransportTests",
            dependencies: [
                "PeerTransport",
                "PeerTransportTestKit",
                .product(name: "Multiformats", package: "musig2-wire-codec"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "PeerTransportNIOTests",
            dependencies: [
                "PeerProtocols",
                "PeerNoise",
                "PeerTransport",
                "PeerTransportNIO",
                "PeerTransportTestKit",
                .product(name: "Multiformats", package: "musig2-wire-codec"),
                .product(name: "WireCodec", package: "musig2-wire-codec"),
                .product(name: "Secp256k1", package: "musig2-secp256k1"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "CryptoExtras", package: "swift-crypto"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "PeerNodeTests",
            dependencies: [
                "PeerNode",
                "PeerTransport",
                "PeerTransportNIO",
                "PeerTransportTestKit",
                .product(name: "Multiformats", package: "musig2-wire-codec"),
                .product(name: "WireCodec", package: "musig2-wire-codec"),
                .product(name: "Secp256k1", package: "musig2-secp256k1"),
                .product(name: "KademliaDHT", package: "musig2-dht"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "CoreMetrics", package: "swift-metrics"),
                .product(name: "MetricsTestKit", package: "swift-metrics"),
                .product(name: "ServiceLifecycleTestKit", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings
        ),
    ]
)
