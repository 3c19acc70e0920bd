"""Plants violations of form in a small tree, and expects lint to refuse each, and only where it should."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import scripts

SOURCE = "Packages/p/Sources/M/File.swift"
TEST = "Packages/p/Tests/MTests/File.swift"


class Lint(unittest.TestCase):
    def setUp(self):
        self.root = os.path.realpath(tempfile.mkdtemp(prefix="lint-"))
        self.addCleanup(shutil.rmtree, self.root)
        os.makedirs(os.path.join(self.root, "Tools"))
        shutil.copy(os.path.join(scripts.TOOLS, "lint"), os.path.join(self.root, "Tools"))
        shutil.copy(os.path.join(scripts.TOOLS, os.pardir, ".swift-format"), self.root)
        with open(os.path.join(self.root, "Tools", "retired-identifiers"), "w", encoding="utf-8") as file:
            file.write("# A comment.\nPackages/p Turn Context\n. look(up: lookUp\n")

    def lint(self, path, text):
        full = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as file:
            file.write(text)
        process = subprocess.run(
            [os.path.join(self.root, "Tools", "lint")], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True)
        return process.returncode, process.stdout

    def expect_refused(self, path, text, rule):
        code, output = self.lint(path, text)
        self.assertEqual(1, code, output)
        self.assertIn("[%s]" % rule, output)

    def expect_accepted(self, path, text):
        self.assertEqual((0, ""), self.lint(path, text))

    def test_good_file(self):
        self.expect_accepted(SOURCE, "/// One.\npublic let one = 1\n")

    def test_bad_indentation(self):
        self.expect_refused(TEST, "func one() {\n  two()\n}\n", "Indentation")

    def test_long_line(self):
        self.expect_refused(TEST, "let a = \"%s\"\n" % ("a" * 120), "LineLength")

    def test_undocumented_public_declaration(self):
        self.expect_refused(SOURCE, "public let one = 1\n", "AllPublicDeclarationsHaveDocumentation")

    def test_tests_need_no_documentation(self):
        self.expect_accepted(TEST, "public let one = 1\n")

    def test_wrong_parameter_in_a_comment(self):
        self.expect_refused(
            SOURCE,
            "/// Doubles.\n///\n/// - Parameter number: what to double.\n/// - Returns: the double.\n"
            "public func double(_ value: Int) -> Int { value * 2 }\n",
            "ValidateDocumentationComments")

    def test_force_unwrap_in_a_source(self):
        self.expect_refused(SOURCE, "func one(_ a: Int?) -> Int { a! }\n", "NeverForceUnwrap")

    def test_force_try_in_a_source(self):
        self.expect_refused(SOURCE, "func one() -> Int { try! two() }\n", "NeverUseForceTry")

    def test_force_unwrap_in_a_test(self):
        self.expect_accepted(TEST, "func one(_ a: Int?) -> Int { a! }\n")

    def test_retired_name(self):
        self.expect_refused(SOURCE, "struct Turn {}\n", "Retired")
        self.expect_refused(SOURCE, "let name = look(up: one)\n", "Retired")

    def test_retired_name_elsewhere(self):
        self.expect_accepted("Packages/q/Sources/M/File.swift", "struct Turn {}\n")

    def test_retired_name_as_a_part_or_in_words(self):
        self.expect_accepted(SOURCE, "// Turn, look(up:)\nstruct TurnTable {}\nlet text = \"my Turn\"\n")

    def test_build_folders_are_left_alone(self):
        self.expect_accepted("Packages/p/.build/checkouts/x/Sources/File.swift", "func  bad( ){}\n")


if __name__ == "__main__":
    unittest.main()
