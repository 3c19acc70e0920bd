"""Holds callgrind/run to its word: what it reads from callgrind's dumps, and what passes."""

import unittest

import scripts

callgrind = scripts.load("callgrind/run")


@scripts.cases({  # the counts, the thresholds, the lines
    "equal": ({"a": 100}, {"a": 100}, "ok 1 - callgrind: a: 100 instructions, +0.0 % from 100"),
    "within the tolerance": (
        {"a": 10_300}, {"a": 10_000}, "ok 1 - callgrind: a: 10300 instructions, +3.0 % from 10000"),
    "above it": (
        {"a": 10_301, "b": 5}, {"a": 10_000, "b": 5}, "not ok 1 - callgrind: a: 10301 instructions, +3.0 % from 10000",
        "ok 2 - callgrind: b: 5 instructions, +0.0 % from 5"),
    "fewer are said": (
        {"a": 50}, {"a": 100}, "ok 1 - callgrind: a: 50 instructions, -50.0 % from 100: record it, so that it stays so"),
    "another compiler is not judged": (
        {"a": 50}, None, "ok 1 - callgrind: a: 50 instructions, which nothing is compared with"),
    "a new operation needs a threshold": (
        {"a": 50}, {}, "not ok 1 - callgrind: a: 50 instructions, and no threshold: record it"),
    "an operation that is gone": (
        {"a": 5}, {"a": 5, "b": 7}, "ok 1 - callgrind: a: 5 instructions, +0.0 % from 5",
        "not ok 2 - callgrind: b: was not counted"),
})
class Judging(unittest.TestCase):
    def case(self, counts, thresholds, *lines):
        self.assertEqual(list(lines), callgrind.judge(counts, thresholds))


class Reading(unittest.TestCase):
    DUMP = "version: 1\npart: 1\ndesc: Trigger: %s\n\nevents: Ir\nfn=(1) main\n1 5\ntotals: 100050\n"

    def test_the_count_is_that_of_one_run(self):
        self.assertEqual(500, callgrind.read_count(self.DUMP % "Client Request: 200"))

    def test_a_dump_for_another_reason(self):
        with self.assertRaises(callgrind.Failure):
            callgrind.read_count(self.DUMP % "Program termination")
