// swift-tools-version: 6.1

import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

// `make install` says which commit it builds. Digits alone: the text goes into a C string.
let commit = Context.environment["MUSIG2_COMMIT"] ?? ""
let isCommit = !commit.isEmpty && commit.allSatisfy { $0.isHexDigit || $0 == "+" }

let package = Package(
    name: "musig2-command",
    // No iOS: the signatures need libsecp256k1, which the iOS SDK does not have.
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "musig2", targets: ["musig2"]),
        // For the tests of this package and of those above it.
        .library(name: "JSONSchema", targets: ["JSONSchema"]),
    ],
    dependencies: [
        .package(path: "../musig2-secp256k1"),
        .package(path: "../musig2-wire-codec"),
        .package(path: "../musig2-session"),
        .package(path: "../musig2-transport"),
        .package(path: "../musig2-coordinator"),
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
    ],
    targets: [
        // Limits of the process, whose names Swift cannot see.
        .systemLibrary(name: "CProcess"),
        // What the builder says of the build.
        .target(
            name: "CBuild", cSettings: isCommit ? [.define("MUSIG2_COMMIT", to: "\"\(commit)\"")] : [],
            swiftSettings: settings
        ),
        .target(name: "JSONSchema", path: "Tests/JSONSchema", swiftSettings: settings),
        .executableTarget(
            name: "musig2",
            dependencies: [
                "CProcess",
                "CBuild",
                .product(name: "Secp256k1", package: "musig2-secp256k1"),
                .product(name: "WireCodec", package: "musig2-wire-codec"),
                .product(name: "Multiformats", package: "musig2-wire-codec"),
                .product(name: "MuSig2", package: "musig2-session"),
                .product(name: "MuSig2Session", package: "musig2-session"),
                .product(name: "PeerTransport", package: "musig2-transport"),
                .product(name: "PeerTransportNIO", package: "musig2-transport"),
                .product(name: "PeerNode", package: "musig2-transport"),
                .product(name: "MuSig2Coordination", package: "musig2-coordinator"),
                .product(name: "MuSig2Node", package: "musig2-coordinator"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "CryptoExtras", package: "swift-crypto"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "MuSig2CommandTests",
            dependencies: [
                "musig2",
                "JSONSchema",
                .product(name: "Secp256k1", package: "musig2-secp256k1"),
                .product(name: "WireCodec", package: "musig2-wire-codec"),
                .product(name: "Multiformats", package: "musig2-wire-codec"),
                .product(name: "MuSig2", package: "musig2-session"),
                .product(name: "MuSig2Session", package: "musig2-session"),
                .product(name: "PeerTransport", package: "musig2-transport"),
                .product(name: "PeerNode", package: "musig2-transport"),
                .product(name: "MuSig2Coordination", package: "musig2-coordinator"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: settings
        ),
    ]
)
