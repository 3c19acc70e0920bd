"""Plants tables that name tests which are not there, and expects the exact sentences of check-tables."""

import os
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import scripts

check_tables = scripts.load("check-tables")

SWIFT = '''@Suite struct ATests {
    @Test func one() {}
    private func helper() {}
    @Test("a name", arguments: [1, 2])
    func `2 of 3`(number: Int) throws {}
}
'''
HEAD = "# Features\n\n| what | tests |\n|---|---|\n"
ATTACKS = "# Attacks\n\n| id | attack | outcome | tests |\n|---|---|---|---|\n"
TEST = "[`ATests`](../Tests/ATests.swift): `one`"


class Tables(unittest.TestCase):
    def setUp(self):
        self.root = os.path.realpath(tempfile.mkdtemp(prefix="tables-"))
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
        self.write("docs/threats.md", ATTACKS)
        sentences, named, still_open = check_tables.check(self.root, frozenset())
        self.assertEqual([], still_open)
        return sentences, named

    def check_attacks(self, *rows, allowed=()):
        """The sentences about a table of attacks, and the ids of its open rows."""
        self.write("docs/features.md", HEAD)
        self.write("docs/threats.md", ATTACKS + "".join("| %s |\n" % row for row in rows))
        sentences, _, still_open = check_tables.check(self.root, frozenset(allowed))
        return sentences, still_open

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
        self.assertEqual((["docs/features.md is missing.", "docs/threats.md is missing."], 0, []),
                         check_tables.check(self.root))

    def test_attacks_in_order(self):
        self.assertEqual(([], []), self.check_attacks(*(
            "%s | a | o | %s" % (identifier, TEST) for identifier in ["K1", "K2", "K2b", "K2c", "K3", "S1", "S2"])))

    def test_attack_whose_test_is_not_there(self):
        self.assertEqual((["docs/threats.md:5: there is no test two in Tests/ATests.swift."], []),
                         self.check_attacks("K1 | a | o | [`ATests`](../Tests/ATests.swift): `two`"))

    def test_id_that_is_left_out(self):
        self.assertEqual((["docs/threats.md:6: after K1 comes no K3."], []),
                         self.check_attacks("K1 | a | o | " + TEST, "K3 | a | o | " + TEST))

    def test_group_that_begins_late(self):
        self.assertEqual((["docs/threats.md:5: after K0 comes no K2."], []), self.check_attacks("K2 | a | o | " + TEST))

    def test_variant_that_is_left_out(self):
        self.assertEqual((["docs/threats.md:6: after K1 comes no K1c."], []),
                         self.check_attacks("K1 | a | o | " + TEST, "K1c | a | o | " + TEST))

    def test_id_twice(self):
        self.assertEqual((["docs/threats.md:6: the row is there already, in line 5."], []),
                         self.check_attacks("K1 | a | o | " + TEST, "K1 | b | p | " + TEST))

    def test_what_is_no_id(self):
        self.assertEqual((["docs/threats.md:5: Lies is no id."], []), self.check_attacks("Lies | a | o | " + TEST))

    def test_open_row(self):
        self.assertEqual(([], ["K1"]), self.check_attacks("K1 | a | o | open: all", allowed=["K1"]))

    def test_open_row_that_is_not_listed(self):
        self.assertEqual((["docs/threats.md:5: K1 may not be open."], ["K1"]),
                         self.check_attacks("K1 | a | o | open: all"))

    def test_open_row_that_names_a_test(self):
        self.assertEqual(
            (["docs/threats.md:5: an open row says what is missing, and names no test."], ["K1"]),
            self.check_attacks("K1 | a | o | open: more than " + TEST, allowed=["K1"]))

    def test_open_row_without_words(self):
        self.assertEqual(
            (["docs/threats.md:5: an open row says what is missing, and names no test."], ["K1"]),
            self.check_attacks("K1 | a | o | open", allowed=["K1"]))

    def test_listed_row_that_has_a_test(self):
        self.assertEqual(
            (["docs/threats.md: K1 is not open any more, and leaves the list of Tools/check-tables."], []),
            self.check_attacks("K1 | a | o | " + TEST, allowed=["K1"]))


if __name__ == "__main__":
    unittest.main()
