"""A small tree that check-layers has nothing to say about: three packages, a README, a file of each kind."""

SETTINGS = """let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]
"""

WIRE_MANIFEST = """// swift-tools-version: 6.1
import PackageDescription
""" + SETTINGS + """
let package = Package(
    name: "musig2-wire-codec",
    products: [.library(name: "WireCodec", targets: ["WireCodec"])],
    dependencies: [],
    targets: [
        .systemLibrary(name: "CZlib"),
        .target(name: "WireCodec", dependencies: ["CZlib"], swiftSettings: settings),
        .testTarget(
            name: "WireCodecTests", dependencies: ["WireCodec"], exclude: ["Fixtures"], swiftSettings: settings
        ),
    ]
)
"""

DHT_MANIFEST = """// swift-tools-version: 6.1
import PackageDescription
""" + SETTINGS + """
let package = Package(
    name: "musig2-dht",
    products: [.library(name: "KademliaDHT", targets: ["KademliaDHT"])],
    dependencies: [.package(path: "../musig2-wire-codec")],
    targets: [
        .target(
            name: "KademliaDHT",
            dependencies: [.product(name: "WireCodec", package: "musig2-wire-codec")],
            swiftSettings: settings
        )
    ]
)
"""

TRANSPORT_MANIFEST = """// swift-tools-version: 6.1
import PackageDescription
""" + SETTINGS + """
let package = Package(
    name: "musig2-transport",
    products: [
        .library(name: "PeerTransport", targets: ["PeerTransport"]),
        .library(name: "PeerTransportNIO", targets: ["PeerTransportNIO"]),
    ],
    dependencies: [
        .package(path: "../musig2-dht"),
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
    ],
    targets: [
        .target(name: "PeerTransport", swiftSettings: settings),
        .target(
            name: "PeerTransportNIO",
            dependencies: ["PeerTransport", .product(name: "NIOCore", package: "swift-nio")],
            swiftSettings: settings
        ),
    ]
)
"""

README = """# The project

| package | version | what it is |
|---|---|---|
| [`musig2-wire-codec`](Packages/musig2-wire-codec) | 0.2.0 | messages |
| [`musig2-dht`](Packages/musig2-dht) | 0.1.0 | lookups |
| [`musig2-transport`](Packages/musig2-transport) | 0.1.0 | peers |

`.package(url: "https://github.com/someone/musig2-wire-codec.git", from: "0.2.0")`
"""

SOUND = {
    "Packages/musig2-wire-codec/Package.swift": WIRE_MANIFEST,
    "Packages/musig2-wire-codec/CHANGELOG.md": "# Changes\n\n## Unreleased\n\n## 0.2.0 - 2026-11-21\n\n- All new.\n",
    "Packages/musig2-wire-codec/Sources/CZlib/module.modulemap": "module CZlib [system] { link \"z\" }\n",
    "Packages/musig2-wire-codec/Sources/WireCodec/Codec.swift":
        "import CZlib\n\n#if canImport(Glibc)\nimport Glibc\n#endif\n",
    "Packages/musig2-wire-codec/Tests/WireCodecTests/CodecTests.swift":
        "import Foundation\nimport Testing\n@testable import WireCodec\n",
    "Packages/musig2-wire-codec/Tests/WireCodecTests/Fixtures/Refused.swift": "import Nothing\n",
    "Packages/musig2-dht/Package.swift": DHT_MANIFEST,
    "Packages/musig2-dht/CHANGELOG.md":
        "## Unreleased\n\n## 0.1.0 - 2026-11-21\n\n- Requires musig2-wire-codec 0.2.0.\n\n## 0.0.1 - 2026-11-01\n",
    "Packages/musig2-dht/Sources/KademliaDHT/Table.swift": "public import WireCodec\n",
    "Packages/musig2-transport/Package.swift": TRANSPORT_MANIFEST,
    "Packages/musig2-transport/CHANGELOG.md":
        "## Unreleased\n\n## 0.1.0 - 2026-11-21\n\n- Requires musig2-dht 0.1.0.\n",
    "Packages/musig2-transport/Sources/PeerTransport/Stream.swift": "import Dispatch\n",
    "Packages/musig2-transport/Sources/PeerTransportNIO/TCP.swift": "import NIOCore\nimport PeerTransport\n",
    "README.md": README,
}
