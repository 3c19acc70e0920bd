"""Plants tables that name tests which are not there, and expects the exact sentences of check-tables."""

import scripts

check_tables = scripts.load("check-tables")

SWIFT = '''@Suite struct ATests {
    @Test func one() {}
    private func helper() {}
    @Test("a name", arguments: [1, 2])
    func `2 of 3`(number: Int) throws {}
}
'''
TEST = "[`ATests`](../Tests/ATests.swift): `one`"


@scripts.cases({  # the rows: ids with the same test, or one row's cell of tests; the sentences, each after its line
    "tests that are there": ("[`A`](../Tests/ATests.swift): `one`, `2 of 3`; [`b`](../Tools/a_tests.py): `test_a`",),
    "a script that is run": ("[`b`](../Tools/a_tests.py)",),
    "a test that is not there": ("[`A`](../Tests/ATests.swift): `two`", "5: there is no test two in Tests/ATests.swift."),
    "a function that is no test": (
        "[`A`](../Tests/ATests.swift): `helper`", "5: there is no test helper in Tests/ATests.swift."),
    "a test of another file": (
        "[`A`](../Tests/ATests.swift); [`b`](../Tools/a_tests.py): `one`", "5: there is no test one in Tools/a_tests.py."),
    "a file that is not there": ("[`B`](../Tests/BTests.swift): `one`", "5: there is no file Tests/BTests.swift."),
    "a row without a test": ("`one`", "5: the row names no test."),
    "an open row": ("open: all of it", "5: the row names no test."),
    "ids in order": (["K1", "K2", "K2b", "K2c", "K3", "S1", "S2"],),
    "an id that is left out": (["K1", "K3"], "6: after K1 comes no K3."),
    "a group that begins late": (["K2"], "5: after K0 comes no K2."),
    "a variant that is left out": (["K1", "K1c"], "6: after K1 comes no K1c."),
    "an id twice": (["K1", "K1"], "6: after K1 comes no K1."),
    "a variant twice": (["K1", "K1b", "K1b"], "7: after K1b comes no K1b."),
    "what is no id": (["Lies"], "5: Lies is no id."),
})
class Tables(scripts.TreeTests):
    def case(self, rows, *sentences):
        rows = [("K1", rows)] if isinstance(rows, str) else [(identifier, TEST) for identifier in rows]
        self.change({
            "Tests/ATests.swift": SWIFT, "Tools/a_tests.py": "class A:\n    def test_a(self):\n        pass\n",
            "docs/threats.md": "# Attacks\n\n| id | attack | outcome | tests |\n|---|---|---|---|\n"
            + "".join("| %s | a | o | %s |\n" % row for row in rows)})
        self.assertEqual(["docs/threats.md:" + sentence for sentence in sentences], check_tables.check(self.root)[0])
