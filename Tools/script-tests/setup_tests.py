"""Runs setup on a machine of stand-ins: every tool is a stub, so nothing is ever installed or downloaded."""

import os
import shutil

import scripts

REQUIREMENTS = os.path.join(os.path.dirname(scripts.TOOLS), "Tests-Integration", "Interop", "requirements.txt")
APT = "libsecp256k1-dev zlib1g-dev"
BY_HAND = "there is neither apt-get nor brew here; install these by hand"
LIBRARIES = ["missing: libsecp256k1 0.2 or later, with headers", "missing: zlib, with headers"]
# A Python that knows nothing but what the script asks it.
PYTHON = """
echo "$1 ${2:-} ${3:-}" >> %(root)s/log
case "$*" in
    *"import ensurepip, venv"*) [ -f %(root)s/has-venv ] ;;
    *get_path*) echo %(root)s/include ;;
    *version_info*) [ ! -f %(root)s/is-old ] ;;
    --version) echo "Python 3.9.2" ;;
    "-m venv "*) mkdir -p "$3/bin"; cp "$0" "$3/bin/python" ;;
    "-m pip "*) [ ! -f %(root)s/no-network ] ;;
esac
"""


class SetupTests(scripts.TreeTests):
    def setUp(self):
        super().setUp()
        for name in ("bash", "env", "mkdir", "cp", "rm", "basename"):
            os.symlink(shutil.which(name), self.path(name))
        self.write("log")
        self.stub("id", "echo 0")

    def remove(self, *names):
        self.change({name: None for name in names})

    def calls(self, beginning=""):
        return [line for line in self.read("log").splitlines() if line.startswith(beginning)]

    def setup(self, *arguments):
        code, output, errors = self.run_script(
            "setup", *arguments, PATH=self.root, SETUP_HEADER_FOLDERS=self.path("include"),
            INTEROP_ENVIRONMENT=self.path("environment"))
        return code, output, errors.replace("setup: ", "").splitlines()


class Setup(SetupTests):
    def setUp(self):
        super().setUp()
        self.stub("uname", "echo Linux")
        for name in ("swift", "protoc", "python3", "zbarimg", "valgrind"):
            self.stub(name, "exit 0")
        self.stub("pkg-config", "[ -f %s ]" % self.path("done"))

    def apt_get(self, result):
        self.stub("apt-get", 'echo "apt-get $*" >> %s\n[ "$1" = update ] || %s' % (self.path("log"), result))

    def test_installs_only_what_is_missing_and_then_nothing_more(self):
        self.apt_get("> " + self.path("done"))
        self.assertEqual((0, "setup: installing %s\n" % APT, []), self.setup())
        expected = ["apt-get update -qq", "apt-get install -y -qq --no-install-recommends " + APT]
        self.assertEqual(expected, self.calls())
        self.assertEqual((0, "", []), self.setup())
        self.assertEqual(expected, self.calls())

    def test_uses_sudo_if_not_root(self):
        self.apt_get("> " + self.path("done"))
        self.stub("id", "echo 1000")
        self.stub("sudo", 'echo "sudo $1" >> %s; "$@"' % self.path("log"))
        self.assertEqual(0, self.setup()[0])
        self.assertEqual(["sudo apt-get", "apt-get update -qq", "sudo env"], self.calls()[:3])

    def test_says_what_to_install_without_root_and_sudo(self):
        self.apt_get("true")
        self.stub("id", "echo 1000")
        message = "not root, and there is no sudo; install these: " + APT
        self.assertEqual((1, "", LIBRARIES + [message]), self.setup())
        self.assertEqual([], self.calls())

    def test_installs_with_brew(self):
        self.stub("uname", "echo Darwin")
        self.remove("valgrind")
        self.stub("brew", 'echo "brew $*" >> %s; > %s' % (self.path("log"), self.path("done")))
        self.assertEqual((0, "setup: installing secp256k1 zlib\n", []), self.setup())
        self.assertEqual(["brew install --quiet secp256k1 zlib"], self.calls())

    def test_names_what_is_missing_without_a_package_manager(self):
        self.remove("protoc", "zbarimg", "valgrind", "pkg-config")
        self.assertEqual((1, "", ["missing: pkg-config"] + LIBRARIES + [
            "missing: protoc, the protobuf compiler (tests only)", "missing: zbarimg, which reads QR codes (tests only)",
            "missing: valgrind (the constant-time test)", BY_HAND]), self.setup())

    def test_fails_if_the_installation_did_not_help(self):
        self.apt_get("true")
        self.assertEqual(LIBRARIES + ["still missing after the installation"], self.setup()[2])

    def test_headers_without_pkg_config_are_enough(self):
        self.change({"include/secp256k1_schnorrsig.h": "", "include/zlib.h": ""})
        self.assertEqual((0, "", []), self.setup())

    def test_names_swift_first(self):
        self.remove("swift")
        self.assertEqual((1, "", ["missing: Swift 6.2 or later, from https://www.swift.org/install"]), self.setup())


class Interop(SetupTests):
    MADE = (0, "setup: making environment\n", [])

    def setUp(self):
        super().setUp()
        self.stub("cc", "exit 0")
        self.stub("python3", PYTHON % {"root": self.root})
        self.change({"include/Python.h": "", "include/gmp.h": "", "has-venv": ""})

    def test_makes_the_environment_once_and_anew_for_other_versions(self):
        self.assertEqual(self.MADE, self.setup("interop"))
        self.assertEqual((0, "", []), self.setup("interop"))
        self.assertEqual(1, len(self.calls("-m pip")))
        self.assertEqual(self.read(REQUIREMENTS), self.read("environment/requirements.txt"))
        self.write("environment/requirements.txt", "libp2p==0.0.1\n")
        self.assertEqual(self.MADE, self.setup("interop"))

    def test_an_installation_that_failed_is_told_and_tried_again(self):
        self.write("no-network")
        message = "pip could not install py-libp2p, which the interop tests, and so make test, need: is there a network?"
        self.assertEqual((1, self.MADE[1], [message]), self.setup("interop"))
        self.remove("no-network")
        self.assertEqual(self.MADE, self.setup("interop"))

    def test_installs_what_is_missing(self):
        self.remove("has-venv", "include/Python.h")
        self.stub("apt-get", '[ "$1" = update ] || > %s > %s' % (self.path("has-venv"), self.path("include/Python.h")))
        expected = (0, "setup: installing python3-venv python3-dev\n" + self.MADE[1], [])
        self.assertEqual(expected, self.setup("interop"))

    def test_names_what_is_missing_without_a_package_manager(self):
        self.remove("python3", "cc", "include/gmp.h")
        self.assertEqual((1, "", ["missing: python3, 3.11 or later", "missing: a C compiler", "missing: GMP, with headers",
                                  BY_HAND]), self.setup("interop"))

    def test_an_old_python_is_refused(self):
        self.write("is-old")
        message = "Python 3.9.2 is too old: py-libp2p needs 3.11 or later; name one with INTEROP_PYTHON"
        self.assertEqual((1, "", [message]), self.setup("interop"))
