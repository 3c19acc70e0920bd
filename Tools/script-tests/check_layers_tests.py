"""Plants one violation after another in a small sound tree, and expects exactly the sentences of check-layers."""

import json
import os

import scripts

check_layers = scripts.load("check-layers")

WIRE, DHT, TRANSPORT = "Packages/musig2-wire-codec", "Packages/musig2-dht", "Packages/musig2-transport"
KADEMLIA, MORE = DHT + "/Sources/KademliaDHT/More.swift", TRANSPORT + "/Sources/PeerTransport/More.swift"
MORE_TESTS = WIRE + "/Tests/WireCodecTests/More.swift"
FEATURES = "".join('    .enableUpcomingFeature("%s"),\n' % name for name in check_layers.UPCOMING_FEATURES)
MANIFEST = """// swift-tools-version: 6.1
import PackageDescription
let settings: [SwiftSetting] = [\n""" + FEATURES + """]
let package = Package(name: "%s", products: [%s], dependencies: [%s], targets: [
    %s
])
"""
SIBLING, NIO = '.package(path: "../musig2-wire-codec")', '.package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2")'
CODEC = 'dependencies: ["CZlib"], swiftSettings: settings'
WIRE_MANIFEST = MANIFEST % (
    "musig2-wire-codec", '.library(name: "WireCodec", targets: ["WireCodec"])', "",
    '.systemLibrary(name: "CZlib"), .target(name: "WireCodec", ' + CODEC + "), .testTarget("
    'name: "WireCodecTests", dependencies: ["WireCodec"], exclude: ["Fixtures"], swiftSettings: settings)')
THING = MANIFEST % ("thing", "", "", '.executableTarget(name: "thing", swiftSettings: settings)')
README = """
| package | version | what it is |
|---|---|---|
| [`musig2-wire-codec`](Packages/musig2-wire-codec) | 0.2.0 | messages |
| [`musig2-dht`](Packages/musig2-dht) | 0.1.0 | lookups |
| [`musig2-transport`](Packages/musig2-transport) | 0.1.0 | peers |

`.package(url: "https://github.com/OWNER/musig2-wire-codec.git", from: "0.2.0")`
"""
SOUND = {
    WIRE + "/Package.swift": WIRE_MANIFEST,
    WIRE + "/CHANGELOG.md": "# Changes\n\n## Unreleased\n\n## 0.2.0 - 2026-11-21\n\n- All new.\n",
    WIRE + "/Sources/CZlib/module.modulemap": "module CZlib [system] { link \"z\" }\n",
    WIRE + "/Sources/WireCodec/Codec.swift": "import CZlib\n\n#if canImport(Glibc)\nimport Glibc\n#endif\n",
    WIRE + "/Tests/WireCodecTests/CodecTests.swift": "import Foundation\nimport Testing\n@testable import WireCodec\n",
    WIRE + "/Tests/WireCodecTests/Fixtures/Refused.swift": "import Nothing\n",
    DHT + "/Package.swift": MANIFEST % (
        "musig2-dht", '.library(name: "KademliaDHT", targets: ["KademliaDHT"])', SIBLING, '.target(name: "KademliaDHT", '
        'dependencies: [.product(name: "WireCodec", package: "musig2-wire-codec")], swiftSettings: settings)'),
    DHT + "/CHANGELOG.md":
        "## Unreleased\n\n## 0.1.0 - 2026-11-21\n\n- Requires musig2-wire-codec 0.2.0.\n\n## 0.0.1 - 2026-11-01\n",
    DHT + "/Sources/KademliaDHT/Table.swift": "public import WireCodec\n",
    TRANSPORT + "/Package.swift": MANIFEST % (
        "musig2-transport", '.library(name: "PeerTransport", targets: ["PeerTransport"]), '
        '.library(name: "PeerTransportNIO", targets: ["PeerTransportNIO"])', '.package(path: "../musig2-dht"), ' + NIO,
        '.target(name: "PeerTransport", swiftSettings: settings), .target(name: "PeerTransportNIO", dependencies: ['
        '"PeerTransport", .product(name: "NIOCore", package: "swift-nio")], swiftSettings: settings)'),
    TRANSPORT + "/CHANGELOG.md": "## Unreleased\n\n## 0.1.0 - 2026-11-21\n\n- Requires musig2-dht 0.1.0.\n",
    TRANSPORT + "/Sources/PeerTransport/Stream.swift": "import Dispatch\n",
    TRANSPORT + "/Sources/PeerTransportNIO/TCP.swift": "import NIOCore\nimport PeerTransport\n",
    "README.md": README,
}


def row(name, version):
    return f'README.md: the table of packages needs the row "| [`{name}`](Packages/{name}) | {version} |".'


def requires(package, version, name, wanted):
    return f'{package}/CHANGELOG.md: {version} must say "- Requires {name} {wanted}.".'


def in_manifest(package, old, new, *sentences):
    """A change of a manifest, and the sentences about the package, each after its label."""
    return ({package + "/Package.swift": (old, new)},) + tuple(package + sentence for sentence in sentences)


def in_file(path, text, *sentences):
    """A new file, and the sentences about it, each after its line."""
    return ({path: text},) + tuple("%s:%s" % (path, sentence) for sentence in sentences)


def undeclared(line, module, target):
    return f"{line}: imports {module}, which target {target} does not declare."


def impure(line, what):
    return f"{line}: the pure module KademliaDHT {what}."


BAD_HEAD = DHT + '/CHANGELOG.md: must begin with "## Unreleased", then "## VERSION - YYYY-MM-DD".'
NO_FEATURE = "the upcoming feature %s is not enabled."
CASES = {
    "a sound tree": ({},),
    # Names and arrows.
    "an unknown package": (
        {"Packages/musig2-extra/Package.swift": WIRE_MANIFEST.replace("musig2-wire-codec", "musig2-extra"),
         "Packages/musig2-extra/CHANGELOG.md": SOUND[WIRE + "/CHANGELOG.md"]},
        "Packages/musig2-extra: the package has no layer; list it in Tools/check-layers.", row("musig2-extra", "0.2.0")),
    "a folder without a manifest": (
        {"Packages/musig2-empty/README.md": "nothing\n"}, "Packages/musig2-empty has no Package.swift."),
    "a name that differs from the folder": in_manifest(
        DHT, '"musig2-dht"', '"dht"', ": the package is named dht; folder and package must have one name."),
    "an arrow up": in_manifest(
        DHT, SIBLING, SIBLING + ', .package(path: "../musig2-transport")',
        ": may not use musig2-transport (allowed: musig2-wire-codec).", requires("", "0.1.0", "musig2-transport", "0.1.0")),
    "an arrow from the bottom": in_manifest(
        WIRE, "dependencies: [],", 'dependencies: [.package(path: "../musig2-dht")],',
        ": may not use musig2-dht (allowed: none).", requires("", "0.2.0", "musig2-dht", "0.1.0")),
    "a sibling from another place": in_manifest(
        DHT, '"../musig2-wire-codec"', '"../../Elsewhere/musig2-wire-codec"',
        ": takes musig2-wire-codec from ../../Elsewhere/musig2-wire-codec, which is not its place in this repository."),
    "an outside package": in_manifest(
        DHT, SIBLING, SIBLING + ", " + NIO, ": may not use the outside package swift-nio (allowed: none)."),
    "an outside package from another host": in_manifest(
        TRANSPORT, "https://github.com/apple/", "https://example.org/",
        ": takes swift-nio from https://example.org/swift-nio.git; outside packages come from https://github.com/OWNER/NAME."),
    "a module that may not use NIO": in_manifest(
        TRANSPORT, '"PeerTransport", swift', '"PeerTransport", dependencies: [.product(name: "NIOCore", package: "swift-nio")], swift',
        ", target PeerTransport: may not use NIOCore of swift-nio (only PeerTransportNIO, PeerNode may)."),
    "a module that may not use the DHT": in_manifest(
        TRANSPORT, '"PeerTransport", .product', '"PeerTransport", .product(name: "KademliaDHT", package: "musig2-dht"), .product',
        ", target PeerTransportNIO: may not use KademliaDHT of musig2-dht (only PeerNode may)."),
    # Manifests.
    "an old tools version": in_manifest(
        DHT, "version: 6.1", "version: 6.0", ": swift-tools-version is 6.0.0; 6.1 or later is expected."),
    "an old language mode": in_manifest(
        DHT, "\n])", "\n], swiftLanguageModes: [.v5])", ": language mode is 5; 6 is expected."),
    "an old language mode of a target": in_manifest(
        DHT, "swiftSettings: settings", "swiftSettings: settings + [.swiftLanguageMode(.v5)]",
        ", target KademliaDHT: language mode is 5; 6 is expected."),
    "unsafe flags": in_manifest(
        WIRE, CODEC, CODEC + ' + [.unsafeFlags(["-O"])]', ", target WireCodec: unsafe flags -O are not allowed."),
    "unsafe flags of the linker": in_manifest(
        WIRE, CODEC, CODEC + ', linkerSettings: [.unsafeFlags(["-L"])]', ", target WireCodec: unsafe flags -L are not allowed."),
    "a missing upcoming feature": in_manifest(
        WIRE, '    .enableUpcomingFeature("ExistentialAny"),\n', "", ", target WireCodec: " + NO_FEATURE % "ExistentialAny",
        ", target WireCodecTests: " + NO_FEATURE % "ExistentialAny"),
    "a missing upcoming feature in Tools": (
        {"Tools/thing/Package.swift": THING.replace('    .enableUpcomingFeature("InternalImportsByDefault"),\n', "")},
        "Tools/thing, target thing: " + NO_FEATURE % "InternalImportsByDefault"),
    "a product of another name": in_manifest(
        WIRE, '.library(name: "WireCodec"', '.library(name: "Wire"',
        ": the product Wire holds the targets WireCodec; a product is one module of the same name."),
    "a module in no product": in_manifest(
        WIRE, '.library(name: "WireCodec", targets: ["WireCodec"])', "", ": the module WireCodec is in no product."),
    "a module beside the tests needs no product": (
        {WIRE + "/Package.swift": ('.systemLibrary(name: "CZlib"),', '.systemLibrary(name: "CZlib"), .target('
                                   'name: "Samples", path: "Tests/Samples", swiftSettings: settings),'),
         WIRE + "/Tests/Samples/Samples.swift": "let one = 1\n"},),
    # Imports.
    "an undeclared import": in_file(
        TRANSPORT + "/Sources/PeerTransportNIO/More.swift", "import NIOCore\nimport DequeModule\n",
        undeclared(2, "DequeModule", "PeerTransportNIO")),
    "an undeclared import of a sibling": in_file(
        TRANSPORT + "/Sources/PeerTransport/Deep/More.swift", "internal import struct WireCodec.Frame\n",
        undeclared(1, "WireCodec", "PeerTransport")),
    "an undeclared import of a dependency's dependency": in_file(
        KADEMLIA, "@_implementationOnly import CZlib\n", undeclared(1, "CZlib", "KademliaDHT")),
    "an undeclared import in a test": in_file(
        MORE_TESTS, "@testable import KademliaDHT\n", undeclared(1, "KademliaDHT", "WireCodecTests")),
    "an undeclared import in Tools": (
        {"Tools/thing/Package.swift": THING, "Tools/thing/Sources/thing/main.swift": "import Foundation\nimport Parser\n"},
        "Tools/thing/Sources/thing/main.swift:" + undeclared(2, "Parser", "thing")),
    "two imports on a line": in_file(MORE, "import Dispatch; import Logging\n", undeclared(1, "Logging", "PeerTransport")),
    "the test framework in a library": in_file(MORE, "import Testing\n", "1: imports Testing outside a test target."),
    "XCTest is never declared": in_file(MORE_TESTS, "import XCTest\n", undeclared(1, "XCTest", "WireCodecTests")),
    "an import for another system": in_file(
        MORE, "#if os(Windows)\nimport WinSDK\n#endif\n", undeclared(2, "WinSDK", "PeerTransport")),
    "imports in comments and strings": in_file(
        MORE_TESTS, '// import One\n/* import Two /* nested */\nimport Three */\nlet a = "import Four"\nlet b = """\n'
        'import Five \\"""\nimport Six\n"""\nlet c = #"""\nimport Seven """\nimport Eight\n"""#\nlet d = #"import Nine \\"#\n'
        "import Ten\n", undeclared(14, "Ten", "WireCodecTests")),
    # Purity.
    "impure imports": in_file(
        KADEMLIA, "import Foundation\nimport Dispatch\nimport NIOCore\n",
        impure(1, "imports Foundation"), impure(2, "imports Dispatch"), impure(3, "imports NIOCore")),
    "clocks and sleep": in_file(
        KADEMLIA, "// ContinuousClock in a comment is fine\nlet a = SuspendingClock()\nlet b = Date()\n"
        "func c() async throws { try await Task.sleep(for: .seconds(1)) }\nfunc d() { clock_gettime(CLOCK_MONOTONIC, nil) }\n"
        "let e = time(nil)\nlet expiryDate = validDate(1)\n",
        *(impure(line, "uses a clock or sleeps: " + name)
          for line, name in enumerate(["SuspendingClock", "Date", "Task.sleep", "clock_gettime", "time(nil"], 2))),
    "random sources": in_file(
        KADEMLIA, "var generator = SystemRandomNumberGenerator()\nlet a = UInt8.random(in: 0...9)\n"
        "let b = UInt8.random(in: 0...9, using: &generator)\nlet c = [1, 2].shuffled()\n",
        impure(1, "uses a random source: SystemRandomNumberGenerator"), impure(2, "uses a random source: .random"),
        impure(4, "uses a random source: .shuffled")),
    "keys and nonces may use the system's generator but no clock": (
        {path.replace("musig2-wire-codec", "musig2-secp256k1").replace("WireCodec", "Secp256k1"):
            text.replace("musig2-wire-codec", "musig2-secp256k1").replace("WireCodec", "Secp256k1")
         for path, text in SOUND.items() if path.startswith(WIRE)}
        | {"Packages/musig2-secp256k1/Sources/Secp256k1/Key.swift":
           "var generator = SystemRandomNumberGenerator()\nlet now = ContinuousClock.now\n",
           "README.md": README + "\n| [`musig2-secp256k1`](Packages/musig2-secp256k1) | 0.2.0 | keys |\n"},
        "Packages/musig2-secp256k1/Sources/Secp256k1/Key.swift:2: the pure module Secp256k1 uses a clock or sleeps: "
        "ContinuousClock."),
    # Versions.
    "a missing changelog": ({DHT + "/CHANGELOG.md": None}, BAD_HEAD),
    "a changelog without unreleased": ({DHT + "/CHANGELOG.md": ("## Unreleased\n\n", "")}, BAD_HEAD),
    "a changelog with a bad heading": ({DHT + "/CHANGELOG.md": ("## 0.1.0 - 2026-11-21", "## v0.1")}, BAD_HEAD),
    "a dependant that was left behind": (
        {WIRE + "/CHANGELOG.md": ("## 0.2.0", "## 0.3.0")}, requires(DHT, "0.1.0", "musig2-wire-codec", "0.3.0"),
        row("musig2-wire-codec", "0.3.0"), "README.md: installs musig2-wire-codec 0.2.0, but its CHANGELOG says 0.3.0."),
    "a requirement of a package that is not used": (
        {WIRE + "/CHANGELOG.md": ("- All new.", "- Requires musig2-dht 0.1.0.")},
        WIRE + "/CHANGELOG.md: requires musig2-dht, which the manifest does not use."),
    "a requirement in an older section": (
        {DHT + "/CHANGELOG.md": ("- Requires musig2-wire-codec 0.2.0.\n\n## 0.0.1 - 2026-11-01\n",
                                 "## 0.0.1 - 2026-11-01\n- Requires musig2-wire-codec 0.2.0.\n")},
        requires(DHT, "0.1.0", "musig2-wire-codec", "0.2.0")),
    "a wrong row of the README": (
        {"README.md": ("(Packages/musig2-dht) | 0.1.0", "(Packages/musig2-transport) | 0.1.1")}, row("musig2-dht", "0.1.0")),
    "a row of no package": (
        {"README.md": README + "| [`musig2-no`](Packages/musig2-no) | 0.1.0 | nothing |\n"},
        "README.md: the table lists musig2-no, which is no package here."),
    "a document with an old version": (
        {DHT + "/README.md": '.package(url: "https://github.com/someone/musig2-dht", from: "0.0.1"),\n'},
        DHT + "/README.md: installs musig2-dht 0.0.1, but its CHANGELOG says 0.1.0."),
}

manifests = {}  # By text, since SwiftPM takes a third of a second for each; paths are those of the tree at hand.


@scripts.cases(CASES)
class Layers(scripts.TreeTests):
    def setUp(self):
        super().setUp()
        self.change(SOUND)

    def read_manifest(self, folder):
        text = self.read(os.path.join(folder, "Package.swift"))
        if text not in manifests:
            manifests[text] = json.dumps(check_layers.dump_package(folder)).replace(self.root, "ROOT")
        return json.loads(manifests[text].replace("ROOT", self.root))

    def case(self, changes, *sentences):
        self.change(changes)
        self.assertEqual(list(sentences), check_layers.check(self.root, self.read_manifest)[1])

    def run_command(self):
        return self.run_script("check-layers", self.root, PATH=os.environ["PATH"])

    def test_the_command(self):
        self.assertEqual((0, "3 packages keep to their layers.\n", ""), self.run_command())
        self.write(KADEMLIA, "let now = ContinuousClock().now\n")
        self.assertEqual((1, KADEMLIA + ":" + impure(1, "uses a clock or sleeps: ContinuousClock") + "\n", ""), self.run_command())
        self.write(DHT + "/Package.swift", "// swift-tools-version: 6.1\nlet nonsense: = 1\n")
        self.assertIn("cannot read", self.run_command()[2])
