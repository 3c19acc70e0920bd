// swift-tools-version:6.1
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

// Linux only, since valgrind is: `run` builds it nowhere else.
let package = Package(
    name: "callgrind",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(path: "../../Packages/musig2-wire-codec"),
        .package(path: "../../Packages/musig2-dht"),
        .package(path: "../../Packages/musig2-transport"),
    ],
    targets: [
        .systemLibrary(name: "CCallgrind", providers: [.apt(["valgrind"])]),
        // One valid value of each message, by a link to what musig2-wire-codec's own tests use.
        .target(
            name: "CodecSamples",
            dependencies: [
                .product(name: "Multiformats", package: "musig2-wire-codec"),
                .product(name: "WireCodec", package: "musig2-wire-codec"),
            ],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "counted",
            dependencies: [
                "CCallgrind",
                "CodecSamples",
                .product(name: "KademliaDHT", package: "musig2-dht"),
                .product(name: "PeerProtocols", package: "musig2-transport"),
                .product(name: "Multiformats", package: "musig2-wire-codec"),
                .product(name: "WireCodec", package: "musig2-wire-codec"),
            ],
            swiftSettings: settings
        ),
    ]
)
