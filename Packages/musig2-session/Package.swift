// swift-tools-version: 6.1

import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

let package = Package(
    name: "musig2-session",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "MuSig2", targets: ["MuSig2"]),
        .library(name: "MuSig2Session", targets: ["MuSig2Session"]),
    ],
    dependencies: [
        .package(path: "../musig2-secp256k1"),
        .package(path: "../musig2-wire-codec"),
    ],
    targets: [
        .target(
            name: "MuSig2",
            dependencies: [.product(name: "Secp256k1", package: "musig2-secp256k1")],
            swiftSettings: settings
        ),
        .target(
            name: "MuSig2Session",
            dependencies: [
                "MuSig2",
                .product(name: "Secp256k1", package: "musig2-secp256k1"),
                .product(name: "WireCodec", package: "musig2-wire-codec"),
                .product(name: "Multiformats", package: "musig2-wire-codec"),
            ],
            swiftSettings: settings
        ),
        // What both test targets of the session share: a stub group, a simulated network. No product.
        .target(
            name: "SessionSimulation",
            dependencies: [
                "MuSig2Session",
                .product(name: "Secp256k1", package: "musig2-secp256k1"),
                .product(name: "WireCodec", package: "musig2-wire-codec"),
                .product(name: "Multiformats", package: "musig2-wire-codec"),
            ],
            path: "Tests/SessionSimulation",
            swiftSettings: settings
        ),
        .testTarget(
            name: "MuSig2Tests",
            dependencies: ["MuSig2", .product(name: "Secp256k1", package: "musig2-secp256k1")],
            resources: [.copy("Vectors")],
            swiftSettings: settings
        ),
        .testTarget(
            name: "MuSig2HeavyTests",
            dependencies: ["MuSig2", .product(name: "Secp256k1", package: "musig2-secp256k1")],
            swiftSettings: settings
        ),
        .testTarget(
            name: "MuSig2SessionTests",
            dependencies: [
                "MuSig2Session",
                "SessionSimulation",
                "MuSig2",
                .product(name: "Secp256k1", package: "musig2-secp256k1"),
                .product(name: "WireCodec", package: "musig2-wire-codec"),
                .product(name: "Multiformats", package: "musig2-wire-codec"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "MuSig2SessionHeavyTests",
            dependencies: [
                "MuSig2Session",
                "SessionSimulation",
                "MuSig2",
                .product(name: "Secp256k1", package: "musig2-secp256k1"),
                .product(name: "WireCodec", package: "musig2-wire-codec"),
                .product(name: "Multiformats", package: "musig2-wire-codec"),
            ],
            swiftSettings: settings
        ),
    ],
    swiftLanguageModes: [.v6]
)
