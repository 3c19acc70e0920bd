"""Holds callgrind/run to its word: what it reads from callgrind's dumps, and what passes."""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import scripts

callgrind = scripts.load("callgrind/run")


def dump(reason, total):
    return "\n".join([
        "version: 1", "part: 1", "desc: Timerange: Basic block 0 - 9", "desc: Trigger: " + reason, "", "events: Ir",
        "fn=(1) main", "1 5", "totals: %d" % total, ""])


class Reading(unittest.TestCase):
    def test_the_count_is_that_of_one_run(self):
        self.assertEqual(500, callgrind.read_count(dump("Client Request: 200", 100_050)))

    def test_a_dump_for_another_reason(self):
        with self.assertRaises(callgrind.Failure):
            callgrind.read_count(dump("Program termination", 100_050))


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
