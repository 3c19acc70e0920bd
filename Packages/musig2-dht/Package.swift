// swift-tools-version: 6.1
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

let codec: [Target.Dependency] = [
    .product(name: "Multiformats", package: "musig2-wire-codec"),
    .product(name: "WireCodec", package: "musig2-wire-codec"),
]

let package = Package(
    name: "musig2-dht",
    platforms: [.macOS(.v15), .iOS(.v18)],
    products: [
        .library(name: "KademliaDHT", targets: ["KademliaDHT"])
    ],
    dependencies: [
        .package(path: "../musig2-wire-codec")
    ],
    targets: [
        .target(name: "KademliaDHT", dependencies: codec, swiftSettings: settings),
        // What both test targets share: a simulated network on virtual time. No product.
        .target(
            name: "KademliaSimulation",
            dependencies: ["KademliaDHT"] + codec,
            path: "Tests/KademliaSimulation",
            swiftSettings: settings
        ),
        .testTarget(
            name: "KademliaDHTTests",
            dependencies: ["KademliaDHT", "KademliaSimulation"] + codec,
            swiftSettings: settings
        ),
        .testTarget(
            name: "KademliaDHTHeavyTests",
            dependencies: ["KademliaDHT", "KademliaSimulation"] + codec,
            swiftSettings: settings
        ),
    ],
    swiftLanguageModes: [.v6]
)
