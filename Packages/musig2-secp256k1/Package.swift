// swift-tools-version:6.1
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

let package = Package(
    name: "musig2-secp256k1",
    // No iOS: libsecp256k1 is taken from the system, and no iOS SDK has it.
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "Secp256k1", targets: ["Secp256k1"])
    ],
    targets: [
        .systemLibrary(
            name: "CSecp256k1",
            pkgConfig: "libsecp256k1",
            providers: [.apt(["libsecp256k1-dev"]), .brew(["secp256k1"])]
        ),
        .target(name: "Secp256k1", dependencies: ["CSecp256k1"], swiftSettings: settings),
        // What a test does that Swift does not let through.
        .systemLibrary(name: "CForkedChild", path: "Tests/CForkedChild"),
        .testTarget(
            name: "Secp256k1Tests",
            dependencies: ["Secp256k1", "CSecp256k1", "CForkedChild"],
            swiftSettings: settings
        ),
    ]
)
