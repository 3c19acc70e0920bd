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
        .package(path: "../../Packages/musig2-session"),
    ],
    targets: [
        .executableTarget(
            name: "bench",
            dependencies: [
                .product(name: "MuSig2", package: "musig2-session"),
                .product(name: "Secp256k1", package: "musig2-secp256k1"),
            ],
            swiftSettings: settings
        )
    ],
    swiftLanguageModes: [.v6]
)
