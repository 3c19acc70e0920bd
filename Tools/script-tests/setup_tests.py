"""Runs setup on a machine of stand-ins: every tool is a stub, so nothing is ever installed."""

import os
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import scripts

ALL = ("swift", "protoc", "python3", "zbarimg", "valgrind")
APT = "libsecp256k1-dev zlib1g-dev"


class Setup(unittest.TestCase):
    def setUp(self):
        self.folder = os.path.realpath(tempfile.mkdtemp(prefix="setup-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.log = os.path.join(self.folder, "log")
        for name in ("bash", "env", "sleep"):
            os.symlink(shutil.which(name), os.path.join(self.folder, name))
        self.stub("uname", "echo Linux")
        self.stub("id", "echo 0")
        for name in ALL:
            self.stub(name, "exit 0")

    def stub(self, name, body):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write("#!%s\n%s\n" % (shutil.which("bash"), body))
        os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)

    def remove(self, name):
        os.remove(os.path.join(self.folder, name))

    def installed(self, after_install="true"):
        """Stubs of pkg-config (nothing is known until the log has an installation) and apt-get."""
        self.stub("pkg-config", "[ -f %s.done ]" % self.log)
        self.stub("apt-get", 'echo "apt-get $*" >> %s\n[ "$1" = update ] || { > %s.done; %s; }' % (
            self.log, self.log, after_install))

    def run_setup(self):
        process = subprocess.run(
            [shutil.which("bash"), os.path.join(scripts.TOOLS, "setup")], stdin=subprocess.DEVNULL,
            capture_output=True, text=True,
            env={"PATH": self.folder, "SETUP_HEADER_FOLDERS": self.folder + "/include"})
        return process.returncode, process.stdout, process.stderr

    def calls(self):
        if not os.path.exists(self.log):
            return []
        with open(self.log, encoding="utf-8") as file:
            return file.read().splitlines()

    def test_does_nothing_if_all_is_there(self):
        self.installed()
        self.stub("pkg-config", "exit 0")
        self.assertEqual((0, "", ""), self.run_setup())
        self.assertEqual([], self.calls())

    def test_installs_only_what_is_missing_and_then_nothing_more(self):
        self.installed()
        self.assertEqual((0, "setup: installing %s\n" % APT, ""), self.run_setup())
        expected = ["apt-get update -qq", "apt-get install -y -qq --no-install-recommends " + APT]
        self.assertEqual(expected, self.calls())
        self.assertEqual((0, "", ""), self.run_setup())
        self.assertEqual(expected, self.calls())

    def test_uses_sudo_if_not_root(self):
        self.installed()
        self.stub("id", "echo 1000")
        self.stub("sudo", 'echo "sudo $1" >> %s; "$@"' % self.log)
        self.assertEqual(0, self.run_setup()[0])
        self.assertEqual(["sudo apt-get", "apt-get update -qq", "sudo env"], self.calls()[:3])

    def test_says_what_to_install_without_root_and_sudo(self):
        self.installed()
        self.stub("id", "echo 1000")
        code, _, errors = self.run_setup()
        self.assertEqual((1, []), (code, self.calls()))
        self.assertEqual("setup: not root, and there is no sudo; install these: " + APT, errors.splitlines()[-1])

    def test_installs_with_brew(self):
        self.stub("uname", "echo Darwin")
        self.remove("valgrind")
        self.stub("pkg-config", "[ -f %s.done ]" % self.log)
        self.stub("brew", 'echo "brew $*" >> %s; > %s.done' % (self.log, self.log))
        self.assertEqual((0, "setup: installing secp256k1 zlib\n", ""), self.run_setup())
        self.assertEqual(["brew install --quiet secp256k1 zlib"], self.calls())

    def test_names_what_is_missing_without_a_package_manager(self):
        for name in ("protoc", "zbarimg", "valgrind"):
            self.remove(name)
        self.assertEqual((1, "", "\n".join([
            "setup: missing: pkg-config",
            "setup: missing: libsecp256k1 0.2 or later, with headers",
            "setup: missing: zlib, with headers",
            "setup: missing: protoc, the protobuf compiler (tests only)",
            "setup: missing: zbarimg, which reads QR codes (tests only)",
            "setup: missing: valgrind (the constant-time test)",
            "setup: there is neither apt-get nor brew here; install these by hand",
        ]) + "\n"), self.run_setup())

    def test_fails_if_the_installation_did_not_help(self):
        self.installed(after_install="rm -f %s.done" % self.log)
        os.symlink(shutil.which("rm"), os.path.join(self.folder, "rm"))
        code, _, errors = self.run_setup()
        self.assertEqual(1, code)
        self.assertEqual([
            "setup: missing: libsecp256k1 0.2 or later, with headers",
            "setup: missing: zlib, with headers",
            "setup: still missing after the installation",
        ], errors.splitlines())

    def test_headers_without_pkg_config_are_enough(self):
        self.stub("pkg-config", "exit 1")
        os.mkdir(os.path.join(self.folder, "include"))
        for name in ("secp256k1_schnorrsig.h", "zlib.h"):
            with open(os.path.join(self.folder, "include", name), "w", encoding="utf-8"):
                pass
        self.assertEqual((0, "", ""), self.run_setup())

    def test_names_swift_first(self):
        self.remove("swift")
        self.assertEqual((1, "", "setup: missing: Swift 6.1 or later, from https://www.swift.org/install\n"),
                         self.run_setup())


if __name__ == "__main__":
    unittest.main()
