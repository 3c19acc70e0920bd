"""Plants one violation after another in a small sound tree, and expects exactly the sentences of check-layers."""

import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import scripts
from sound_tree import README, SETTINGS, SOUND, WIRE_MANIFEST

check_layers = scripts.load("check-layers")

WIRE = "Packages/musig2-wire-codec"
DHT = "Packages/musig2-dht"
TRANSPORT = "Packages/musig2-transport"

# Manifests are read once for each text: SwiftPM takes a third of a second for each.
manifest_cache = {}


def read_manifest(folder):
    with open(os.path.join(folder, "Package.swift"), encoding="utf-8") as file:
        text = file.read()
    key = (os.path.basename(folder), text)
    if key not in manifest_cache:
        manifest_cache[key] = (folder, check_layers.dump_package(folder))
    first_folder, manifest = manifest_cache[key]
    return relocate(manifest, os.path.dirname(os.path.dirname(first_folder)), os.path.dirname(os.path.dirname(folder)))


def relocate(value, old, new):
    """The manifest with every path in it moved from one tree to another."""
    if isinstance(value, dict):
        return {key: relocate(item, old, new) for key, item in value.items()}
    if isinstance(value, list):
        return [relocate(item, old, new) for item in value]
    if isinstance(value, str):
        return value.replace(os.path.realpath(old), os.path.realpath(new)).replace(old, new)
    return value


class Layers(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.root = os.path.realpath(tempfile.mkdtemp(prefix="layers-"))
        self.addCleanup(shutil.rmtree, self.root)
        for path, text in SOUND.items():
            self.write(path, text)

    def write(self, path, text):
        full = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as file:
            file.write(text)

    def replace(self, path, old, new):
        with open(os.path.join(self.root, path), encoding="utf-8") as file:
            text = file.read()
        self.assertIn(old, text)
        self.write(path, text.replace(old, new))

    def expect(self, *sentences):
        checker = check_layers.Checker(self.root, read_manifest)
        self.assertEqual(list(sentences), checker.check())

    # The sound tree, through the command itself.

    def run_command(self):
        process = subprocess.run(
            [sys.executable, os.path.join(scripts.TOOLS, "check-layers"), "--root", self.root],
            stdin=subprocess.DEVNULL, capture_output=True, text=True)
        return process.returncode, process.stdout

    def test_sound_tree_passes(self):
        self.assertEqual((0, "3 packages keep to their layers.\n"), self.run_command())

    def test_violation_fails_the_command(self):
        self.write(DHT + "/Sources/KademliaDHT/Clock.swift", "let now = ContinuousClock().now\n")
        self.assertEqual(
            (1, DHT + "/Sources/KademliaDHT/Clock.swift:1: the pure module KademliaDHT uses a clock or sleeps: "
             "ContinuousClock.\n"),
            self.run_command())

    def test_broken_manifest_stops_the_command(self):
        self.write(DHT + "/Package.swift", "// swift-tools-version: 6.1\nlet nonsense: = 1\n")
        code, _ = self.run_command()
        self.assertEqual(2, code)

    # Names and arrows.

    def test_unknown_package(self):
        self.write("Packages/musig2-extra/Package.swift", WIRE_MANIFEST.replace("musig2-wire-codec", "musig2-extra"))
        self.write("Packages/musig2-extra/CHANGELOG.md", SOUND[WIRE + "/CHANGELOG.md"])
        self.expect(
            "Packages/musig2-extra: the package has no layer; list it in Tools/check-layers.",
            "README.md: the table of packages has no row \"| [`musig2-extra`](Packages/musig2-extra) | 0.2.0 |\".")

    def test_folder_without_manifest(self):
        self.write("Packages/musig2-empty/README.md", "nothing\n")
        self.expect("Packages/musig2-empty has no Package.swift.")

    def test_name_differs_from_folder(self):
        self.replace(DHT + "/Package.swift", 'name: "musig2-dht"', 'name: "dht"')
        self.expect(DHT + ": the package is named dht; folder and package must have one name.")

    def test_arrow_up(self):
        self.replace(DHT + "/Package.swift", '.package(path: "../musig2-wire-codec")',
                     '.package(path: "../musig2-wire-codec"), .package(path: "../musig2-transport")')
        self.expect(
            DHT + ": may not use musig2-transport (allowed: musig2-wire-codec).",
            DHT + "/CHANGELOG.md: 0.1.0 must say \"- Requires musig2-transport 0.1.0.\".")

    def test_arrow_from_the_bottom(self):
        self.replace(WIRE + "/Package.swift", "dependencies: [],", 'dependencies: [.package(path: "../musig2-dht")],')
        self.expect(
            WIRE + ": may not use musig2-dht (allowed: none).",
            WIRE + "/CHANGELOG.md: 0.2.0 must say \"- Requires musig2-dht 0.1.0.\".")

    def test_sibling_from_another_place(self):
        self.replace(DHT + "/Package.swift", '"../musig2-wire-codec"', '"../../Elsewhere/musig2-wire-codec"')
        self.expect(DHT + ": takes musig2-wire-codec from ../../Elsewhere/musig2-wire-codec, which is not its place in "
                    "this repository.")

    def test_outside_package(self):
        self.replace(DHT + "/Package.swift", '.package(path: "../musig2-wire-codec")',
                     '.package(path: "../musig2-wire-codec"), '
                     '.package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2")')
        self.expect(DHT + ": may not use the outside package swift-nio (allowed: none).")

    def test_outside_package_from_another_host(self):
        self.replace(TRANSPORT + "/Package.swift", "https://github.com/apple/", "https://example.org/")
        self.expect(TRANSPORT + ": takes swift-nio from https://example.org/swift-nio.git; outside packages come from "
                    "https://github.com/OWNER/NAME.")

    def test_module_that_may_not_use_nio(self):
        self.replace(TRANSPORT + "/Package.swift", '.target(name: "PeerTransport", swiftSettings: settings)',
                     '.target(name: "PeerTransport", dependencies: [.product(name: "NIOCore", package: "swift-nio")], '
                     'swiftSettings: settings)')
        self.expect(TRANSPORT + ", target PeerTransport: may not use NIOCore of swift-nio (only PeerTransportNIO, "
                    "PeerNode may).")

    def test_module_that_may_not_use_the_dht(self):
        self.replace(TRANSPORT + "/Package.swift", '"PeerTransport", .product',
                     '"PeerTransport", .product(name: "KademliaDHT", package: "musig2-dht"), .product')
        self.expect(TRANSPORT + ", target PeerTransportNIO: may not use KademliaDHT of musig2-dht (only PeerNode may).")

    # Manifests.

    def test_old_tools_version(self):
        self.replace(DHT + "/Package.swift", "swift-tools-version: 6.1", "swift-tools-version: 6.0")
        self.expect(DHT + ": swift-tools-version is 6.0.0; 6.1 or later is expected.")

    def test_old_language_mode(self):
        self.replace(DHT + "/Package.swift", "        )\n    ]\n)",
                     "        )\n    ],\n    swiftLanguageModes: [.v5]\n)")
        self.expect(DHT + ": language modes are 5; only 6 is expected.")

    def test_old_language_mode_of_a_target(self):
        self.replace(DHT + "/Package.swift", "swiftSettings: settings",
                     "swiftSettings: settings + [.swiftLanguageMode(.v5)]")
        self.expect(DHT + ", target KademliaDHT: language mode is 5; 6 is expected.")

    def test_unsafe_flags(self):
        self.replace(WIRE + "/Package.swift", 'dependencies: ["CZlib"], swiftSettings: settings',
                     'dependencies: ["CZlib"], swiftSettings: settings + [.unsafeFlags(["-Ounchecked"])]')
        self.expect(WIRE + ", target WireCodec: unsafe flags -Ounchecked are not allowed.")

    def test_unsafe_flags_of_the_linker(self):
        self.replace(WIRE + "/Package.swift", 'dependencies: ["CZlib"], swiftSettings: settings',
                     'dependencies: ["CZlib"], swiftSettings: settings, '
                     'linkerSettings: [.unsafeFlags(["-L/opt"])]')
        self.expect(WIRE + ", target WireCodec: unsafe flags -L/opt are not allowed.")

    def test_missing_upcoming_feature(self):
        self.replace(WIRE + "/Package.swift", '    .enableUpcomingFeature("ExistentialAny"),\n', "")
        self.expect(
            WIRE + ", target WireCodec: the upcoming feature ExistentialAny is not enabled.",
            WIRE + ", target WireCodecTests: the upcoming feature ExistentialAny is not enabled.")

    def test_upcoming_features_of_tools(self):
        self.write("Tools/thing/Package.swift", textwrap.dedent("""\
            // swift-tools-version: 6.1
            import PackageDescription
            let package = Package(name: "thing", targets: [.executableTarget(name: "thing", swiftSettings: [
                .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("MemberImportVisibility")])])
            """))
        self.expect("Tools/thing, target thing: the upcoming feature InternalImportsByDefault is not enabled.")

    def test_product_of_another_name(self):
        self.replace(WIRE + "/Package.swift", '.library(name: "WireCodec"', '.library(name: "Wire"')
        self.expect(WIRE + ": the product Wire holds the targets WireCodec; a product is one module of the same name.")

    def test_module_in_no_product(self):
        self.replace(WIRE + "/Package.swift", '.library(name: "WireCodec", targets: ["WireCodec"])', "")
        self.expect(WIRE + ": the module WireCodec is in no product.")

    def test_module_beside_the_tests_needs_no_product(self):
        self.replace(WIRE + "/Package.swift", '.systemLibrary(name: "CZlib"),',
                     '.systemLibrary(name: "CZlib"), '
                     '.target(name: "Samples", path: "Tests/Samples", swiftSettings: settings),')
        self.write(WIRE + "/Tests/Samples/Samples.swift", "let one = 1\n")
        self.expect()

    # Imports.

    def test_undeclared_import(self):
        self.write(TRANSPORT + "/Sources/PeerTransportNIO/More.swift", "import NIOCore\nimport DequeModule\n")
        self.expect(TRANSPORT + "/Sources/PeerTransportNIO/More.swift:2: imports DequeModule, which target "
                    "PeerTransportNIO does not declare.")

    def test_undeclared_import_of_a_sibling(self):
        self.write(TRANSPORT + "/Sources/PeerTransport/Deep/More.swift", "internal import struct WireCodec.Frame\n")
        self.expect(TRANSPORT + "/Sources/PeerTransport/Deep/More.swift:1: imports WireCodec, which target "
                    "PeerTransport does not declare.")

    def test_undeclared_import_of_a_dependencys_dependency(self):
        self.write(DHT + "/Sources/KademliaDHT/Zip.swift", "@_implementationOnly import CZlib\n")
        self.expect(DHT + "/Sources/KademliaDHT/Zip.swift:1: imports CZlib, which target KademliaDHT does not declare.")

    def test_undeclared_import_in_a_test(self):
        self.write(WIRE + "/Tests/WireCodecTests/More.swift", "@testable import KademliaDHT\n")
        self.expect(WIRE + "/Tests/WireCodecTests/More.swift:1: imports KademliaDHT, which target WireCodecTests does "
                    "not declare.")

    def test_undeclared_import_in_tools(self):
        self.write("Tools/thing/Package.swift", "// swift-tools-version: 6.1\nimport PackageDescription\n" + SETTINGS
                   + "let package = Package(name: \"thing\", targets: [.executableTarget(name: \"thing\", "
                   "swiftSettings: settings)])\n")
        self.write("Tools/thing/Sources/thing/main.swift", "import Foundation\nimport ArgumentParser\n")
        self.expect("Tools/thing/Sources/thing/main.swift:2: imports ArgumentParser, which target thing does not "
                    "declare.")

    def test_two_imports_on_a_line(self):
        self.write(TRANSPORT + "/Sources/PeerTransport/More.swift", "import Dispatch; import Logging\n")
        self.expect(TRANSPORT + "/Sources/PeerTransport/More.swift:1: imports Logging, which target PeerTransport does "
                    "not declare.")

    def test_test_framework_in_a_library(self):
        self.write(TRANSPORT + "/Sources/PeerTransport/More.swift", "import Testing\n")
        self.expect(TRANSPORT + "/Sources/PeerTransport/More.swift:1: imports Testing outside a test target.")

    def test_xctest_is_never_declared(self):
        self.write(WIRE + "/Tests/WireCodecTests/More.swift", "import XCTest\n")
        self.expect(WIRE + "/Tests/WireCodecTests/More.swift:1: imports XCTest, which target WireCodecTests does not "
                    "declare.")

    def test_import_for_another_system(self):
        self.write(TRANSPORT + "/Sources/PeerTransport/More.swift", "#if os(Windows)\nimport WinSDK\n#endif\n")
        self.expect(TRANSPORT + "/Sources/PeerTransport/More.swift:2: imports WinSDK, which target PeerTransport does "
                    "not declare.")

    def test_imports_in_comments_and_strings_do_not_count(self):
        self.write(WIRE + "/Tests/WireCodecTests/More.swift", textwrap.dedent('''\
            // import One
            /* import Two /* nested */
            import Three */
            let a = "import Four"
            let b = """
            import Five \\"""
            import Six
            """
            let c = #"""
            import Seven """
            import Eight
            """#
            let d = #"import Nine \\"#
            import Ten
            '''))
        self.expect(WIRE + "/Tests/WireCodecTests/More.swift:14: imports Ten, which target WireCodecTests does not "
                    "declare.")

    # Purity.

    def test_impure_imports(self):
        self.write(DHT + "/Sources/KademliaDHT/More.swift", "import Foundation\nimport Dispatch\nimport NIOCore\n")
        place = DHT + "/Sources/KademliaDHT/More.swift:"
        self.expect(
            place + "1: the pure module KademliaDHT imports Foundation.",
            place + "2: the pure module KademliaDHT imports Dispatch.",
            place + "3: the pure module KademliaDHT imports NIOCore.")

    def test_clocks_and_sleep(self):
        self.write(DHT + "/Sources/KademliaDHT/More.swift", textwrap.dedent("""\
            // ContinuousClock in a comment is fine
            let a = SuspendingClock()
            let b = Date()
            func c() async throws { try await Task.sleep(for: .seconds(1)) }
            func d() { clock_gettime(CLOCK_MONOTONIC, nil) }
            let e = time(nil)
            let expiryDate = validDate(1)
            """))
        place = DHT + "/Sources/KademliaDHT/More.swift:"
        text = ": the pure module KademliaDHT uses a clock or sleeps: "
        self.expect(
            place + "2" + text + "SuspendingClock.",
            place + "3" + text + "Date.",
            place + "4" + text + "Task.sleep.",
            place + "5" + text + "clock_gettime.",
            place + "6" + text + "time(nil.")

    def test_random_sources(self):
        self.write(DHT + "/Sources/KademliaDHT/More.swift", textwrap.dedent("""\
            var generator = SystemRandomNumberGenerator()
            let a = UInt8.random(in: 0...9)
            let b = UInt8.random(in: 0...9, using: &generator)
            let c = [1, 2].shuffled()
            """))
        place = DHT + "/Sources/KademliaDHT/More.swift:"
        text = ": the pure module KademliaDHT uses a random source: "
        self.expect(
            place + "1" + text + "SystemRandomNumberGenerator.",
            place + "2" + text + ".random.",
            place + "4" + text + ".shuffled.")

    def test_keys_and_nonces_may_use_the_system_generator_but_no_clock(self):
        manifest = WIRE_MANIFEST.replace("musig2-wire-codec", "musig2-secp256k1").replace("WireCodec", "Secp256k1")
        self.write("Packages/musig2-secp256k1/Package.swift", manifest)
        self.write("Packages/musig2-secp256k1/CHANGELOG.md", "## Unreleased\n\n## 0.1.0 - 2026-11-21\n")
        self.write("Packages/musig2-secp256k1/Sources/Secp256k1/Key.swift",
                   "var generator = SystemRandomNumberGenerator()\nlet now = ContinuousClock.now\n")
        self.write("README.md", README + "\n| [`musig2-secp256k1`](Packages/musig2-secp256k1) | 0.1.0 | keys |\n")
        self.expect("Packages/musig2-secp256k1/Sources/Secp256k1/Key.swift:2: the pure module Secp256k1 uses a clock "
                    "or sleeps: ContinuousClock.")

    # Versions.

    def test_missing_changelog(self):
        os.remove(os.path.join(self.root, DHT, "CHANGELOG.md"))
        self.expect(DHT + ": CHANGELOG.md is missing.",
                    "README.md: the table lists musig2-dht, which is no package here.")

    def test_changelog_without_unreleased(self):
        self.replace(DHT + "/CHANGELOG.md", "## Unreleased\n\n", "")
        self.expect(DHT + "/CHANGELOG.md: the first heading must be \"## Unreleased\".",
                    "README.md: the table lists musig2-dht, which is no package here.")

    def test_changelog_with_a_bad_heading(self):
        self.replace(DHT + "/CHANGELOG.md", "## 0.1.0 - 2026-11-21", "## v0.1")
        self.expect(DHT + "/CHANGELOG.md: the second heading must be \"## VERSION - YYYY-MM-DD\", found \"## v0.1\".",
                    "README.md: the table lists musig2-dht, which is no package here.")

    def test_dependant_left_behind(self):
        self.replace(WIRE + "/CHANGELOG.md", "## 0.2.0", "## 0.3.0")
        self.expect(
            DHT + "/CHANGELOG.md: requires musig2-wire-codec 0.2.0, but its CHANGELOG says 0.3.0.",
            "README.md: the table says musig2-wire-codec 0.2.0, but its CHANGELOG says 0.3.0.",
            "README.md: installs musig2-wire-codec 0.2.0, but its CHANGELOG says 0.3.0.")

    def test_requirement_of_an_unused_package(self):
        self.replace(WIRE + "/CHANGELOG.md", "- All new.", "- Requires musig2-dht 0.1.0.")
        self.expect(WIRE + "/CHANGELOG.md: requires musig2-dht, which the manifest does not use.")

    def test_requirement_in_an_older_section_does_not_count(self):
        self.replace(DHT + "/CHANGELOG.md", "- Requires musig2-wire-codec 0.2.0.\n\n## 0.0.1 - 2026-11-01\n",
                     "## 0.0.1 - 2026-11-01\n- Requires musig2-wire-codec 0.2.0.\n")
        self.expect(DHT + "/CHANGELOG.md: 0.1.0 must say \"- Requires musig2-wire-codec 0.2.0.\".")

    def test_readme_row(self):
        self.replace("README.md", "(Packages/musig2-dht) | 0.1.0", "(Packages/musig2-transport) | 0.1.1")
        self.expect(
            "README.md: the row of musig2-dht links to Packages/musig2-transport.",
            "README.md: the table says musig2-dht 0.1.1, but its CHANGELOG says 0.1.0.")

    def test_document_with_an_old_version(self):
        self.write(DHT + "/README.md", '.package(url: "https://github.com/someone/musig2-dht", from: "0.0.1"),\n')
        self.expect(DHT + "/README.md: installs musig2-dht 0.0.1, but its CHANGELOG says 0.1.0.")


if __name__ == "__main__":
    unittest.main()
