// swift-tools-version: 6.1
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
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
        .target(
            name: "KademliaDHT",
            dependencies: [
                .product(name: "Multiformats", package: "musig2-wire-codec"),
                .product(name: "WireCodec", package: "musig2-wire-codec"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "KademliaDHTTests",
            dependencies: [
                "KademliaDHT",
                .product(name: "Multiformats", package: "musig2-wire-codec"),
                .product(name: "WireCodec", package: "musig2-wire-codec"),
            ],
            swiftSettings: settings
        ),
    ],
    swiftLanguageModes: [.v6]
)
