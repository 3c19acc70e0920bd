// swift-tools-version: 6.1

import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

let secp256k1: Target.Dependency = .product(name: "Secp256k1", package: "musig2-secp256k1")
let wireCodec: Target.Dependency = .product(name: "WireCodec", package: "musig2-wire-codec")
let multiformats: Target.Dependency = .product(name: "Multiformats", package: "musig2-wire-codec")
let musig2: Target.Dependency = .product(name: "MuSig2", package: "musig2-session")
let session: Target.Dependency = .product(name: "MuSig2Session", package: "musig2-session")
let peerTransport: Target.Dependency = .product(name: "PeerTransport", package: "musig2-transport")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let metrics: Target.Dependency = .product(name: "Metrics", package: "swift-metrics")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")

let package = Package(
    name: "musig2-coordinator",
    // No iOS: the signatures need libsecp256k1, which the iOS SDK does not have.
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "MuSig2Coordination", targets: ["MuSig2Coordination"]),
        .library(name: "MuSig2CoordinationTestKit", targets: ["MuSig2CoordinationTestKit"]),
        .library(name: "MuSig2Node", targets: ["MuSig2Node"]),
    ],
    dependencies: [
        .package(path: "../musig2-secp256k1"),
        .package(path: "../musig2-wire-codec"),
        .package(path: "../musig2-session"),
        .package(path: "../musig2-transport"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics.git", from: "2.13.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
    ],
    targets: [
        .target(
            name: "MuSig2Coordination",
            dependencies: [
                secp256k1, wireCodec, multiformats, musig2, session, peerTransport, logging, metrics, lifecycle,
            ],
            swiftSettings: settings
        ),
        .target(
            name: "MuSig2CoordinationTestKit",
            dependencies: ["MuSig2Coordination", session, secp256k1],
            swiftSettings: settings
        ),
        .target(
            name: "MuSig2Node",
            dependencies: [
                "MuSig2Coordination", secp256k1, multiformats, peerTransport,
                .product(name: "PeerTransportNIO", package: "musig2-transport"),
                .product(name: "PeerNode", package: "musig2-transport"),
                logging, lifecycle,
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "MuSig2CoordinationTests",
            dependencies: [
                "MuSig2Coordination", "MuSig2CoordinationTestKit", secp256k1, wireCodec, multiformats, musig2, session,
                peerTransport, .product(name: "PeerTransportTestKit", package: "musig2-transport"),
                logging, metrics, lifecycle,
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "MuSig2NodeTests",
            dependencies: [
                "MuSig2Node", "MuSig2Coordination", secp256k1, multiformats, musig2, session, peerTransport,
                .product(name: "PeerNode", package: "musig2-transport"),
                .product(name: "PeerTransportNIO", package: "musig2-transport"),
                logging,
            ],
            swiftSettings: settings
        ),
    ]
)
