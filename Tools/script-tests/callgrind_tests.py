"""Holds callgrind/run to its word: what it reads from callgrind's dumps, and what passes."""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import scripts

callgrind = scripts.load("callgrind/run")


def dump(name, runs, total):
    return "\n".join([
        "version: 1", "part: 1", "desc: Timerange: Basic block 0 - 9", "desc: Trigger: Client Request: %s/%d" % (name, runs),
        "", "events: Ir", "fn=(1) main", "1 5", "totals: %d" % total, ""])


class Reading(unittest.TestCase):
    def test_counts_are_those_of_one_run_in_order(self):
        counts = callgrind.read_counts([dump("b: c", 200, 100_050), dump("a/b", 10, 10)])
        self.assertEqual([("b: c", 500), ("a/b", 1)], list(counts.items()))

    def test_dumps_for_another_reason_are_left_out(self):
        self.assertEqual({}, callgrind.read_counts(["desc: Trigger: Program termination\ntotals: 7\n"]))


class Judging(unittest.TestCase):
    def test_equal(self):
        self.assertEqual(
            ["ok 1 - callgrind: a: 100 instructions, +0.0 % from 100"], callgrind.judge({"a": 100}, {"a": 100}))

    def test_within_the_tolerance(self):
        self.assertEqual(
            ["ok 1 - callgrind: a: 10300 instructions, +3.0 % from 10000"],
            callgrind.judge({"a": 10_300}, {"a": 10_000}))

    def test_above_it(self):
        self.assertEqual(
            ["not ok 1 - callgrind: a: 10301 instructions, +3.0 % from 10000",
             "ok 2 - callgrind: b: 5 instructions, +0.0 % from 5"],
            callgrind.judge({"a": 10_301, "b": 5}, {"a": 10_000, "b": 5}))

    def test_fewer_are_said(self):
        self.assertEqual(
            ["ok 1 - callgrind: a: 50 instructions, -50.0 % from 100: record it, so that it stays so"],
            callgrind.judge({"a": 50}, {"a": 100}))

    def test_another_compiler_is_not_judged(self):
        self.assertEqual(
            ["ok 1 - callgrind: a: 50 instructions, which nothing is compared with"],
            callgrind.judge({"a": 50}, None))

    def test_a_new_operation_needs_a_threshold(self):
        self.assertEqual(
            ["not ok 1 - callgrind: a: 50 instructions, and no threshold: record it"], callgrind.judge({"a": 50}, {}))

    def test_an_operation_that_is_gone(self):
        self.assertEqual(
            ["ok 1 - callgrind: a: 5 instructions, +0.0 % from 5", "not ok 2 - callgrind: b: was not counted"],
            callgrind.judge({"a": 5}, {"a": 5, "b": 7}))


if __name__ == "__main__":
    unittest.main()
