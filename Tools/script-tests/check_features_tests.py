"""Plants lists of features that name tests which are not there, and expects the exact sentences of check-features."""

import os
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import scripts

check_features = scripts.load("check-features")

SWIFT = '''@Suite struct ATests {
    @Test func one() {}
    private func helper() {}
    @Test("a name", arguments: [1, 2])
    func `2 of 3`(number: Int) throws {}
}
'''
HEAD = "# Features\n\n| what | tests |\n|---|---|\n"


class Features(unittest.TestCase):
    def setUp(self):
        self.root = os.path.realpath(tempfile.mkdtemp(prefix="features-"))
        self.addCleanup(shutil.rmtree, self.root)
        self.write("Tests/ATests.swift", SWIFT)
        self.write("Tools/a_tests.py", "class A:\n    def test_a(self):\n        pass\n")

    def write(self, path, text):
        full = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as file:
            file.write(text)

    def check(self, *rows):
        self.write("docs/features.md", HEAD + "".join("| %s |\n" % row for row in rows))
        return check_features.check(self.root)

    def test_tests_that_are_there(self):
        self.assertEqual(([], 3), self.check(
            "a | [`ATests`](../Tests/ATests.swift): `one`, `2 of 3`; [`b`](../Tools/a_tests.py): `test_a`",
            "b | [`b`](../Tools/a_tests.py)"))

    def test_test_that_is_not_there(self):
        self.assertEqual((["docs/features.md:5: there is no test two in Tests/ATests.swift."], 1),
                         self.check("a | [`ATests`](../Tests/ATests.swift): `two`"))

    def test_function_that_is_no_test(self):
        self.assertEqual((["docs/features.md:5: there is no test helper in Tests/ATests.swift."], 1),
                         self.check("a | [`ATests`](../Tests/ATests.swift): `helper`"))

    def test_test_of_another_file(self):
        self.assertEqual((["docs/features.md:5: there is no test one in Tools/a_tests.py."], 1),
                         self.check("a | [`ATests`](../Tests/ATests.swift); [`b`](../Tools/a_tests.py): `one`"))

    def test_file_that_is_not_there(self):
        self.assertEqual((["docs/features.md:5: there is no file Tests/BTests.swift."], 0),
                         self.check("a | [`BTests`](../Tests/BTests.swift): `one`"))

    def test_row_without_a_test(self):
        self.assertEqual((["docs/features.md:5: the row names no test."], 0), self.check("a | `one`"))

    def test_row_twice(self):
        row = "a | [`ATests`](../Tests/ATests.swift): `one`"
        self.assertEqual((["docs/features.md:6: the row is there already, in line 5."], 1), self.check(row, row))

    def test_document_that_is_not_there(self):
        self.assertEqual((["docs/features.md is missing."], 0), check_features.check(self.root))


if __name__ == "__main__":
    unittest.main()
