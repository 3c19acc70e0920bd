// swift-tools-version: 6.1
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

let package = Package(
    name: "fuzz",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(path: "../../Packages/musig2-dht"),
        .package(path: "../../Packages/musig2-wire-codec"),
        .package(path: "../../Packages/musig2-secp256k1"),
        .package(path: "../../Packages/musig2-session"),
        .package(path: "../../Packages/musig2-transport"),
    ],
    targets: [
        // One valid value of each message, by a link to what musig2-wire-codec's own tests use.
        .target(
            name: "CodecSamples",
            dependencies: [
                .product(name: "Multiformats", package: "musig2-wire-codec"),
                .product(name: "WireCodec", package: "musig2-wire-codec"),
            ],
            swiftSettings: settings
        ),
        .target(
            name: "FuzzTargets",
            dependencies: [
                "CodecSamples",
                .product(name: "PeerProtocols", package: "musig2-transport"),
                .product(name: "KademliaDHT", package: "musig2-dht"),
                .product(name: "Multiformats", package: "musig2-wire-codec"),
                .product(name: "WireCodec", package: "musig2-wire-codec"),
                .product(name: "Secp256k1", package: "musig2-secp256k1"),
                .product(name: "MuSig2", package: "musig2-session"),
                .product(name: "MuSig2Session", package: "musig2-session"),
            ],
            swiftSettings: settings
        ),
        .executableTarget(name: "fuzz", dependencies: ["FuzzTargets"], swiftSettings: settings),
        .testTarget(name: "FuzzTargetsTests", dependencies: ["FuzzTargets"], swiftSettings: settings),
    ]
)
