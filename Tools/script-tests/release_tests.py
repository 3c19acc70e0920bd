"""Releases two small packages, and one fault after another of them."""

import os
import subprocess
import tempfile
import unittest

import scripts

release = scripts.load("release")
BASE = "https://example.org/packages"

MANIFEST = """// swift-tools-version: 6.1
import PackageDescription
let package = Package(
    name: "%(name)s", products: [.library(name: "%(module)s", targets: ["%(module)s"])],
    dependencies: [%(uses)s], targets: [.target(name: "%(module)s")], swiftLanguageModes: [.v6])
"""


def package(name, module, uses=""):
    folder = "Packages/%s/" % name
    return {
        folder + "Package.swift": MANIFEST % {"name": name, "module": module, "uses": uses},
        folder + "CHANGELOG.md": "# Changelog\n\n## Unreleased\n\n## 0.1.0 - 2026-01-02\n\n- First.\n",
        folder + "README.md": "[it](Sources) [low](../musig2-low) [all](../../README.md)\n.package(url: \"https://github.com/OWNER/%s.git\", from: \"0.1.0\")\n" % name,
        folder + "Sources/%s/%s.swift" % (module, module): "",
    }


SOUND = {
    "LICENSE": "MIT\n", "docs/SECURITY.md": "# Security\n",
    **package("musig2-low", "Low"), **package("musig2-high", "High", '.package(path: "../musig2-low")'),
}


class ReleaseTests(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root, self.out = (os.path.join(folder.name, name) for name in ("root", "out"))
        self.git("init", "-q", "-b", "main", self.root, at=folder.name)
        self.git("config", "user.name", "A", at=self.root)
        self.git("config", "user.email", "a@example.org", at=self.root)
        self.commit(SOUND)

    def git(self, *arguments, at):
        result = subprocess.run(("git", "-C", at) + arguments, capture_output=True, text=True, check=True)
        return result.stdout.rstrip("\n")

    def commit(self, files):
        self.write(files)
        self.git("add", "-A", at=self.root)
        self.git("commit", "-q", "-m", "Change", at=self.root)

    def write(self, files):
        for path, text in files.items():
            path = os.path.join(self.root, path)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)

    def release(self, *names, root=None, out=None, allow_unreleased=False):
        return release.release(root or self.root, BASE, out or self.out, list(names), allow_unreleased)

    def published(self, name, path, version="0.1.0"):
        return self.git("show", "%s:%s" % (version, path), at=os.path.join(self.out, name + ".git"))

    def ids(self, out):
        return [self.git("rev-parse", "0.1.0", at=os.path.join(out, name + ".git")) for name in ("musig2-low", "musig2-high")]

    def refused(self, sentence, *names):
        with self.assertRaisesRegex(release.Refusal, sentence):
            self.release(*names)

    def test_each_package_is_a_repository_with_its_history(self):
        self.commit({"Packages/musig2-high/Sources/High/More.swift": "// More.\n"})
        self.assertEqual(self.release(), ["musig2-low 0.1.0", "musig2-high 0.1.0"])
        self.assertIn('.package(url: "%s/musig2-low.git", from: "0.1.0")' % BASE, self.published("musig2-high", "Package.swift"))
        readme = self.published("musig2-high", "README.md")
        self.assertIn("%s/musig2-high.git" % BASE, readme)
        self.assertIn("[low](%s/musig2-low) [all](%s/musig2/blob/main/README.md)" % (BASE, BASE), readme)
        self.assertEqual(self.published("musig2-low", "LICENSE"), "MIT")
        self.assertEqual(self.published("musig2-low", "SECURITY.md"), "# Security")
        self.assertIn("documentation_targets: [Low]", self.published("musig2-low", ".spi.yml"))
        log = self.git("log", "--format=%s", "main", at=os.path.join(self.out, "musig2-high.git"))
        self.assertEqual(log.split("\n"), ["musig2-high 0.1.0", "Change", "Change"])

    def test_two_runs_make_the_same(self):
        self.release()
        self.assertEqual(self.release(), ["musig2-low 0.1.0 is there already", "musig2-high 0.1.0 is there already"])
        other = self.out + "-2"
        self.release(out=other)
        self.assertEqual(self.ids(self.out), self.ids(other))

    def test_a_new_version_follows_the_former(self):
        self.release()
        changelog = SOUND["Packages/musig2-low/CHANGELOG.md"].replace("0.1.0", "0.2.0")
        readme = SOUND["Packages/musig2-low/README.md"].replace("0.1.0", "0.2.0")
        self.commit({"Packages/musig2-low/CHANGELOG.md": changelog, "Packages/musig2-low/README.md": readme})
        self.assertEqual(self.release("musig2-low"), ["musig2-low 0.2.0"])
        repository = os.path.join(self.out, "musig2-low.git")
        self.assertEqual(self.git("rev-parse", "0.2.0^1", at=repository), self.git("rev-parse", "0.1.0", at=repository))
        self.assertEqual(self.git("rev-parse", "main", at=repository), self.git("rev-parse", "0.2.0", at=repository))

    def test_without_history_there_is_one_commit(self):
        shallow, plain = self.root + "-shallow", self.root + "-plain"
        self.commit({"Packages/musig2-low/Sources/Low/More.swift": "// More.\n"})
        self.git("clone", "-q", "--depth", "1", "file://" + self.root, shallow, at=self.root)
        self.git("checkout-index", "-a", "--prefix=%s/" % plain, at=self.root)
        trees = set()
        for root in (self.root, shallow, plain):
            out = root + "-out"
            self.release(root=root, out=out)
            trees.add(self.git("rev-parse", "0.1.0^{tree}", at=os.path.join(out, "musig2-low.git")))
            count = self.git("rev-list", "--count", "main", at=os.path.join(out, "musig2-low.git"))
            self.assertEqual(count, "3" if root == self.root else "2")
        self.assertEqual(len(trees), 1)

    def test_faults_are_refused_and_nothing_is_made(self):
        low = "Packages/musig2-low/"
        high = "Packages/musig2-high/"
        cases = {
            "has entries under Unreleased":
                {low + "CHANGELOG.md": SOUND[low + "CHANGELOG.md"].replace("leased\n", "leased\n\n- More.\n")},
            'no heading "## VERSION': {low + "CHANGELOG.md": "## Unreleased\n"},
            "leads out of the package": {low + "CHANGELOG.md": SOUND[low + "CHANGELOG.md"] + "[up](../../docs/SECURITY.md)\n"},
            'README.md: .package.* is missing': {low + "README.md": "Nothing.\n"},
            "unsafe flags": {low + "Package.swift": SOUND[low + "Package.swift"].replace(
                'target(name: "Low"', 'target(name: "Low", swiftSettings: [.unsafeFlags(["-O"])]')},
            "by a path that is not": {high + "Package.swift": MANIFEST % {
                "name": "musig2-high", "module": "High", "uses": '.package(path: "../../Packages/musig2-low")'}},
        }
        for sentence, files in cases.items():
            with self.subTest(sentence):
                self.commit(files)
                self.refused(sentence)
                self.assertFalse(os.path.exists(self.out))
                self.git("revert", "--no-edit", "HEAD", at=self.root)

    def test_a_version_has_one_content(self):
        self.release()
        self.commit({"Packages/musig2-low/Sources/Low/Low.swift": "// Changed.\n"})
        self.refused("musig2-low 0.1.0 is there with another content")

    def test_what_is_used_is_there_first(self):
        self.refused("musig2-high uses musig2-low 0.1.0, which is not there", "musig2-high")
        self.refused("there is no package musig2-nothing", "musig2-nothing")

    def test_a_check_takes_what_is_unreleased(self):
        text = SOUND["Packages/musig2-low/CHANGELOG.md"].replace("leased\n", "leased\n\n- More.\n")
        self.commit({"Packages/musig2-low/CHANGELOG.md": text})
        program = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "release")
        result = subprocess.run((program, "--root", self.root, "--check"), capture_output=True, text=True, check=False)
        self.assertEqual((result.returncode, result.stdout), (0, "musig2-low 0.1.0\nmusig2-high 0.1.0\n"), result.stderr)
