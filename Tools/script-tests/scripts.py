"""What the tests of scripts share: the scripts as modules, trees of files that go away, and tables of cases."""

import importlib.machinery
import importlib.util
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest

TOOLS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def load(name):
    """The script Tools/NAME, which has no .py ending, as a module."""
    sys.dont_write_bytecode = True
    loader = importlib.machinery.SourceFileLoader(name.replace("-", "_"), os.path.join(TOOLS, name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


def cases(table):
    """Gives a class one test for each entry of a table: {what is tried: the arguments of the method `case`}."""
    def add(tests):
        for words, arguments in table.items():
            setattr(tests, "test_" + re.sub(r"\W+", "_", words), lambda self, arguments=arguments: self.case(*arguments))
        return tests
    return add


class TreeTests(unittest.TestCase):
    """Tests with a folder of their own."""

    maxDiff = None

    def setUp(self):
        self.root = os.path.realpath(tempfile.mkdtemp(prefix="scripts-"))
        self.addCleanup(shutil.rmtree, self.root)

    def path(self, name):
        return os.path.join(self.root, name)

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return file.read()

    def write(self, name, text=""):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)

    def change(self, changes):
        """Applies {path: the new text, or (old, new), or None for a file to remove}."""
        for name, change in changes.items():
            if change is None:
                os.remove(self.path(name))
            elif isinstance(change, tuple):
                self.assertIn(change[0], self.read(name))
                self.write(name, self.read(name).replace(*change))
            else:
                self.write(name, change)

    def stub(self, name, body):
        """Puts a stand-in for a program into the folder."""
        self.write(name, "#!%s\n%s\n" % (shutil.which("bash"), body))
        os.chmod(self.path(name), os.stat(self.path(name)).st_mode | stat.S_IXUSR)

    def run_script(self, *command, **environment):
        """Runs a script of Tools: (exit code, output, errors)."""
        process = subprocess.run(
            [os.path.join(TOOLS, command[0])] + list(command[1:]),
            stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment or None)
        return process.returncode, process.stdout, process.stderr
