// swift-tools-version: 6.1

import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

let secp256k1: Target.Dependency = .product(name: "Secp256k1", package: "musig2-secp256k1")
let multiformats: Target.Dependency = .product(name: "Multiformats", package: "musig2-wire-codec")
let wireCodec: Target.Dependency = .product(name: "WireCodec", package: "musig2-wire-codec")
let musig2: Target.Dependency = .product(name: "MuSig2", package: "musig2-session")
let session: Target.Dependency = .product(name: "MuSig2Session", package: "musig2-session")
let peerTransport: Target.Dependency = .product(name: "PeerTransport", package: "musig2-transport")
let peerTransportNIO: Target.Dependency = .product(name: "PeerTransportNIO", package: "musig2-transport")
let peerNode: Target.Dependency = .product(name: "PeerNode", package: "musig2-transport")
let kademlia: Target.Dependency = .product(name: "KademliaDHT", package: "musig2-dht")
let coordinator: Target.Dependency = .product(name: "MuSig2Coordination", package: "musig2-coordinator")
let node: Target.Dependency = .product(name: "MuSig2Node", package: "musig2-coordinator")
let command: Target.Dependency = .product(name: "musig2", package: "musig2-command")
let jsonSchema: Target.Dependency = .product(name: "JSONSchema", package: "musig2-command")
let systemPackage: Target.Dependency = .product(
    name: "SystemPackage", package: "swift-system", condition: .when(platforms: [.linux]))
let subprocess: Target.Dependency = .product(name: "Subprocess", package: "swift-subprocess")

let package = Package(
    name: "Tests-Integration",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "flows", targets: ["flows"])
    ],
    dependencies: [
        .package(path: "../Packages/musig2-secp256k1"),
        .package(path: "../Packages/musig2-wire-codec"),
        .package(path: "../Packages/musig2-session"),
        .package(path: "../Packages/musig2-dht"),
        .package(path: "../Packages/musig2-transport"),
        .package(path: "../Packages/musig2-coordinator"),
        // With this one come all outside packages that any package here needs: one scratch folder serves them all.
        .package(path: "../Packages/musig2-command"),
        .package(url: "https://github.com/swiftlang/swift-subprocess.git", from: "1.0.2"),
        .package(url: "https://github.com/apple/swift-system.git", from: "1.8.1"),
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
    ],
    targets: [
        .target(
            name: "FlowKit",
            dependencies: [
                secp256k1, multiformats, musig2, session, peerTransport, peerTransportNIO, peerNode, coordinator, node,
                subprocess, systemPackage, jsonSchema,
            ],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "flows",
            dependencies: ["FlowKit", command],
            swiftSettings: settings
        ),
        .testTarget(
            name: "FlowTests",
            dependencies: [
                "FlowKit", command, secp256k1, multiformats, wireCodec, musig2, session, peerTransport,
                peerTransportNIO,
                peerNode, coordinator, node, subprocess,
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "InteropTests",
            dependencies: [
                "FlowKit", secp256k1, multiformats, session, peerTransport, peerTransportNIO, peerNode, kademlia,
                coordinator, node, subprocess, systemPackage,
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings
        ),
    ]
)
