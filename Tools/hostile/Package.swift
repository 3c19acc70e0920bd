// swift-tools-version: 6.1

// Heavy tests of whole coordinators, for release builds. They are no part of the package musig2-coordinator, all of which SwiftPM
// would build for them: swift-nio and BoringSSL too, which takes minutes, and of which they use nothing.

import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

let package = Package(
    name: "hostile",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(path: "../../Packages/musig2-coordinator"),
        .package(path: "../../Packages/musig2-transport"),
        .package(path: "../../Packages/musig2-session"),
        .package(path: "../../Packages/musig2-wire-codec"),
        .package(path: "../../Packages/musig2-secp256k1"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
    ],
    targets: [
        // Shares the simulation of musig2-coordinator's other tests, which reaches into the module, by a link to its folder.
        .testTarget(
            name: "MuSig2CoordinationHeavyTests",
            dependencies: [
                .product(name: "MuSig2Coordination", package: "musig2-coordinator"),
                .product(name: "PeerTransport", package: "musig2-transport"),
                .product(name: "PeerTransportTestKit", package: "musig2-transport"),
                .product(name: "MuSig2", package: "musig2-session"),
                .product(name: "MuSig2Session", package: "musig2-session"),
                .product(name: "Multiformats", package: "musig2-wire-codec"),
                .product(name: "WireCodec", package: "musig2-wire-codec"),
                .product(name: "Secp256k1", package: "musig2-secp256k1"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings
        )
    ]
)
