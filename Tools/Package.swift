// swift-tools-version: 6.1

import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

let package = Package(
    name: "Tools",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "musig2", targets: ["musig2"])
    ],
    dependencies: [
        .package(path: "../Packages/musig2-secp256k1"),
        .package(path: "../Packages/musig2-wire-codec"),
        .package(path: "../Packages/musig2-session"),
        .package(path: "../Packages/musig2-transport"),
        .package(path: "../Packages/musig2-coordinator"),
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
    ],
    targets: [
        // Limits of the process, whose names Swift cannot see.
        .systemLibrary(name: "CProcess"),
        .executableTarget(
            name: "musig2",
            dependencies: [
                "CProcess",
                .product(name: "Secp256k1", package: "musig2-secp256k1"),
                .product(name: "WireCodec", package: "musig2-wire-codec"),
                .product(name: "Multiformats", package: "musig2-wire-codec"),
                .product(name: "MuSig2", package: "musig2-session"),
                .product(name: "MuSig2Session", package: "musig2-session"),
                .product(name: "PeerTransport", package: "musig2-transport"),
                .product(name: "PeerTransportNIO", package: "musig2-transport"),
                .product(name: "PeerNode", package: "musig2-transport"),
                .product(name: "MuSig2Coordinator", package: "musig2-coordinator"),
                .product(name: "MuSig2Node", package: "musig2-coordinator"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "MuSig2CommandTests",
            dependencies: [
                "musig2",
                .product(name: "Secp256k1", package: "musig2-secp256k1"),
                .product(name: "WireCodec", package: "musig2-wire-codec"),
                .product(name: "Multiformats", package: "musig2-wire-codec"),
                .product(name: "MuSig2", package: "musig2-session"),
                .product(name: "MuSig2Session", package: "musig2-session"),
                .product(name: "PeerTransport", package: "musig2-transport"),
                .product(name: "PeerNode", package: "musig2-transport"),
                .product(name: "MuSig2Coordinator", package: "musig2-coordinator"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: settings
        ),
    ]
)
