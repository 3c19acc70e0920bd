"""Runs setup-interop on a machine of stand-ins: every tool is a stub, so nothing is ever installed or downloaded."""

import os
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import scripts

REQUIREMENTS = os.path.join(
    os.path.dirname(scripts.TOOLS), "Tests-Integration", "Interop", "requirements.txt")
# A Python that knows nothing but what the script asks it.
PYTHON = """
echo "$1 ${2:-} ${3:-}" >> %(log)s
case "$*" in
    *"import ensurepip, venv"*) [ -f %(folder)s/has-venv ] ;;
    *get_path*) echo %(folder)s/include ;;
    *version_info*) [ ! -f %(folder)s/is-old ] ;;
    --version) echo "Python 3.9.2" ;;
    "-m venv "*) mkdir -p "$3/bin"; cp "$0" "$3/bin/python" ;;
    "-m pip "*) [ ! -f %(folder)s/no-network ] ;;
esac
"""


class SetupInterop(unittest.TestCase):
    def setUp(self):
        self.folder = os.path.realpath(tempfile.mkdtemp(prefix="setup-interop-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.log = os.path.join(self.folder, "log")
        self.environment = os.path.join(self.folder, "environment")
        for name in ("bash", "env", "mkdir", "cp", "rm", "basename"):
            os.symlink(shutil.which(name), os.path.join(self.folder, name))
        self.stub("id", "echo 0")
        self.stub("cc", "exit 0")
        self.stub("python3", PYTHON % {"log": self.log, "folder": self.folder})
        os.mkdir(os.path.join(self.folder, "include"))
        self.mark("include/Python.h")
        self.mark("include/gmp.h")
        self.mark("has-venv")

    def stub(self, name, body):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write("#!%s\n%s\n" % (shutil.which("bash"), body))
        os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)

    def mark(self, name):
        with open(os.path.join(self.folder, name), "w", encoding="utf-8"):
            pass

    def remove(self, name):
        os.remove(os.path.join(self.folder, name))

    def run_setup(self):
        process = subprocess.run(
            [shutil.which("bash"), os.path.join(scripts.TOOLS, "setup-interop")], stdin=subprocess.DEVNULL,
            capture_output=True, text=True,
            env={"PATH": self.folder, "SETUP_HEADER_FOLDERS": self.folder + "/include",
                 "INTEROP_ENVIRONMENT": self.environment})
        return process.returncode, process.stdout, process.stderr

    def calls(self, beginning):
        with open(self.log, encoding="utf-8") as file:
            return [line for line in file.read().splitlines() if line.startswith(beginning)]

    def test_makes_the_environment_once(self):
        self.assertEqual((0, "setup-interop: making environment\n", ""), self.run_setup())
        self.assertEqual((0, "", ""), self.run_setup())
        self.assertEqual(1, len(self.calls("-m pip")))
        with open(REQUIREMENTS, encoding="utf-8") as wanted:
            with open(os.path.join(self.environment, "requirements.txt"), encoding="utf-8") as installed:
                self.assertEqual(wanted.read(), installed.read())

    def test_makes_it_anew_for_other_versions(self):
        self.run_setup()
        with open(os.path.join(self.environment, "requirements.txt"), "w", encoding="utf-8") as file:
            file.write("libp2p==0.0.1\n")
        self.assertEqual((0, "setup-interop: making environment\n", ""), self.run_setup())
        self.assertEqual(2, len(self.calls("-m pip")))

    def test_an_installation_that_failed_is_told_and_tried_again(self):
        self.mark("no-network")
        code, _, errors = self.run_setup()
        self.assertEqual((1, "setup-interop: pip could not install py-libp2p, which the interop tests, and so make test, "
                             "need: is there a network?"), (code, errors.splitlines()[-1]))
        self.remove("no-network")
        self.assertEqual(0, self.run_setup()[0])

    def test_installs_what_is_missing(self):
        self.remove("has-venv")
        self.remove("include/Python.h")
        self.stub("apt-get", '[ "$1" = update ] || { echo "apt-get ${*: -2}"; > %s/has-venv; > %s/include/Python.h; } >&2'
                  % (self.folder, self.folder))
        self.assertEqual((0, "setup-interop: installing python3-venv python3-dev\nsetup-interop: making environment\n",
                          "apt-get python3-venv python3-dev\n"), self.run_setup())

    def test_names_what_is_missing_without_a_package_manager(self):
        self.remove("python3")
        self.remove("cc")
        self.assertEqual((1, "", "\n".join([
            "setup-interop: missing: python3, 3.11 or later",
            "setup-interop: missing: a C compiler",
            "setup-interop: missing: the headers of Python",
            "setup-interop: missing: GMP, with headers",
            "setup-interop: there is neither apt-get nor brew here; install these by hand",
        ]) + "\n"), self.run_setup())

    def test_an_old_python_is_refused(self):
        self.mark("is-old")
        self.assertEqual((1, "", "setup-interop: Python 3.9.2 is too old: py-libp2p needs 3.11 or later; "
                                 "name one with INTEROP_PYTHON\n"), self.run_setup())


if __name__ == "__main__":
    unittest.main()
