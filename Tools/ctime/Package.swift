// swift-tools-version:6.1
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

// Linux only, since valgrind is: `run` builds it nowhere else.
let package = Package(
    name: "ctime",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(path: "../../Packages/musig2-secp256k1"),
        .package(path: "../../Packages/musig2-session"),
    ],
    targets: [
        .systemLibrary(name: "CMemcheck", providers: [.apt(["valgrind"])]),
        .executableTarget(
            name: "ctime",
            dependencies: [
                "CMemcheck",
                .product(name: "Secp256k1", package: "musig2-secp256k1"),
                .product(name: "MuSig2", package: "musig2-session"),
                .product(name: "MuSig2Session", package: "musig2-session"),
            ],
            swiftSettings: settings
        ),
    ]
)
