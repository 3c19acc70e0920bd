// swift-tools-version: 6.1
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

let package = Package(
    name: "musig2-wire-codec",
    platforms: [.macOS(.v15), .iOS(.v18)],
    products: [
        .library(name: "Multiformats", targets: ["Multiformats"]),
        .library(name: "WireCodec", targets: ["WireCodec"]),
    ],
    targets: [
        .systemLibrary(
            name: "CZlib",
            pkgConfig: "zlib",
            providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]
        ),
        .target(name: "Multiformats", swiftSettings: settings),
        .target(
            name: "WireCodec",
            dependencies: ["CZlib", "Multiformats"],
            swiftSettings: settings
        ),
        .target(
            name: "WireCodecSamples",
            dependencies: ["Multiformats", "WireCodec"],
            path: "Tests/WireCodecSamples",
            swiftSettings: settings
        ),
        .testTarget(name: "MultiformatsTests", dependencies: ["Multiformats"], swiftSettings: settings),
        .testTarget(
            name: "WireCodecTests",
            dependencies: ["Multiformats", "WireCodec", "WireCodecSamples"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "WireCodecHeavyTests",
            dependencies: ["Multiformats", "WireCodec", "WireCodecSamples"],
            swiftSettings: settings
        ),
    ]
)
