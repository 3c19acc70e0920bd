"""Holds test-runner to its word: what counts as passed, what as failed, and the closing line."""

import json
import os
import subprocess
import sys
import unittest

import scripts

runner = scripts.load("test-runner")


def stream(**tests):
    """An event stream of Swift Testing, of tests that pass, fail, have a known issue, are skipped, or never end."""
    lines = [{"kind": "test", "payload": {"id": "M.S", "kind": "suite", "name": "S"}}]
    for name, outcome in tests.items():
        lines.append({"kind": "test", "payload": {"id": "M.S/" + name, "kind": "function", "name": name + "()"}})
        kinds = {"skip": ["testSkipped"], "cut": ["testStarted"], "pass": ["testStarted", "testEnded"]}
        for kind in kinds.get(outcome, ["testStarted", "issueRecorded", "testEnded"]):
            lines.append({"kind": "event", "payload": {
                "kind": kind, "testID": "M.S/" + name, "issue": {"isFailure": outcome == "fail"},
                "messages": [{"symbol": "fail" if outcome == "fail" else "pass"}]}})
    return [json.dumps(line) for line in lines]


BUILT = "Building for debugging...\nBuild complete! (1.00s)\n"
ONE = stream(a="pass")
CASES = {  # exit code, log, events; passed, failed, notes, names of the tests that failed
    "all pass": (0, BUILT, stream(a="pass", b="pass"), 2, 0, [], []),
    "names that look like the closing line": (
        1, BUILT + "✘ Test run() failed after 0.1 seconds.\n✘ Test run with 3 tests in 1 suite failed after 0.1 seconds.\n",
        stream(**{"run": "fail", "runs": "pass", "run with 9 tests": "pass"}), 2, 1, [], ["M: run()"]),
    "known issues pass": (0, BUILT, stream(a="known"), 1, 0, [], []),
    "skipped tests count for nothing": (0, BUILT, stream(a="skip", b="pass"), 1, 0, [], []),
    "a test cut off by a trap": (
        1, BUILT + "Fatal error: x\n", stream(a="pass", b="cut") + ['{"kind":"event","payl'], 1, 1, [], ["M: b()"]),
    "no test at all": (0, BUILT, [], 0, 1, ["no test ran"], []),
    "only skipped tests": (0, BUILT, stream(a="skip"), 0, 1, ["no test ran"], []),
    "it does not build": (1, "error: no\n", [], 0, 1, ["did not build"], []),
    "an exit code without a failed test": (1, BUILT, ONE, 1, 1, ["exit 1"], []),
    "a failed test with exit code zero": (0, BUILT, stream(a="fail"), 0, 1, ["exit 0 in spite of a failure"], ["M: a()"]),
    "out of time": (None, BUILT, ONE, 1, 1, ["did not end in time"], []),
    "a broken order": (0, "Removing https://github.com/apple/swift-nio.git\n" + BUILT, ONE, 1, 0,
                       ["SwiftPM removed checkouts: the order of the roots is broken"], []),
    "tests of another package": (
        0, BUILT, [line.replace("M.S", "N.S") for line in ONE], 1, 1, ["ran the tests of another package: N"], []),
}
CHECKS = {  # exit code, log, whether it counts; passed, failed, notes
    "exit code zero": (0, "", False, 1, 0, []),
    "another exit code": (3, "", False, 0, 1, ["exit 3"]),
    "TAP": (0, "ok one\nok two\nokay\n", True, 2, 0, []),
    "TAP with a failure": (1, "ok one\nnot ok two\n", True, 1, 1, []),
    "TAP with an exit code": (1, "ok one\n", True, 1, 1, ["exit 1"]),
    "no line of TAP": (0, "", True, 0, 1, ["no test ran"]),
    "unittest": (0, "test_a (m.T.test_a) ... ok\ntest_b (m.T.test_b) ... skipped 'x'\n\nOK (skipped=1)\n", True, 1, 0, []),
    "unittest with failures": (
        1, "test_a (m.T.test_a) ... ok\nb ... FAIL\nc ... ERROR\n\nFAILED (failures=1, errors=1)\n", True, 1, 2, []),
}


@scripts.cases(CASES)
class Swift(unittest.TestCase):
    def case(self, code, log, events, passed, failed, notes, failing):
        step = runner.Step("p", "")
        step.code, step.log = code, log
        step.judge_swift(events, {"M"})
        self.assertEqual((passed, failed, notes, failing), (step.passed, step.failed, step.notes, step.failing))


@scripts.cases(CHECKS)
class Checks(unittest.TestCase):
    def case(self, code, log, counts, passed, failed, notes):
        step = runner.Step("c", "")
        step.code, step.log = code, log
        step.judge_check(counts)
        self.assertEqual((passed, failed, notes), (step.passed, step.failed, step.notes))


class Command(scripts.TreeTests):
    """The whole command, with a stand-in for `swift` that plays what a file says."""

    def setUp(self):
        super().setUp()
        self.stub("swift", 'package=$3\nwhile [ $# -gt 0 ]; do\n  if [ "$1" = --event-stream-output-path ]; then events=$2; fi\n'
                  '  shift\ndone\ncat "$package/events" > "$events"\nexec bash "$package/script"')

    def package(self, name, events, script="echo 'Build complete!'"):
        self.write(name + "/Tests/M/Tests.swift")
        self.write(name + "/events", "\n".join(events) + "\n")
        self.write(name + "/script", script)
        return self.path(name)

    def run_command(self, verb, *arguments, **environment):
        code, output, _ = self.run_script("test-runner", verb, *arguments, **dict(
            os.environ, PATH=self.root + os.pathsep + os.environ["PATH"], **environment))
        return code, output.splitlines()

    def record(self, verb, *arguments):
        return self.run_command(verb, "--results", self.path("results"), *arguments)

    def test_everything_passes(self):
        self.record("start")
        code, lines = self.record("swift", "--scratch", "s", self.package("good", stream(a="pass", b="pass")))
        self.assertEqual((0, 1), (code, len(lines)))
        self.assertRegex(lines[0], r"^ok   good +2 passed, 0 failed  \(\d+\.\d s, \d+ s of processor time\)$")
        self.record("check", "fine", "--", "true")
        code, lines = self.record("summary")
        self.assertEqual((0, "total: 3 passed, 0 failed"), (code, lines[-1]))
        self.assertRegex(lines[0], r"^\d+ s of processor time: (good \d+ s, fine \d+ s|fine \d+ s, good \d+ s)$")
        self.assertRegex(lines[1], r"^0 min \d+ s since the start$")

    def test_the_costliest_come_first(self):
        self.record("start")
        rows = ((1, 0, seconds, "step %d" % seconds) for seconds in (3, 61, 20))
        self.write("results/tally", "\n".join(map(json.dumps, rows)))
        self.assertEqual("84 s of processor time: step 61 61 s, step 20 20 s, step 3 3 s", self.record("summary")[1][0])

    def test_the_time_of_what_a_step_starts_counts_as_its_own(self):
        step = runner.Step("spin", self.path("log"))
        spin = "import time\nwhile time.process_time() < 0.3: pass"
        step.run(["sh", "-c", "%s -c '%s'; true" % (sys.executable, spin)], 60)
        self.assertGreaterEqual(step.processor, 0.3)

    def test_what_takes_long_is_named_with_what_it_does(self):
        os.mkfifo(self.path("never"))
        slow = "echo first; echo '[3/9] Compiling X'; read -r < %s" % self.path("never")
        code, lines = self.run_command("check", "--timeout", "1.5", "slow", "--", "bash", "-c", slow, REPORT_SECONDS="0.5")
        self.assertEqual(1, code)
        self.assertRegex(lines[0], r"^  \.\. slow +\d s: \[3/9\] Compiling X$")

    def test_one_failure_does_not_hide_the_next(self):
        bad = self.package("bad", stream(a="fail", b="pass"), "echo 'Build complete!'; echo '✘ why'; exit 1")
        self.record("start")
        code, lines = self.record("swift", "--scratch", "s", bad, self.package("good", ONE))
        self.assertEqual((0, ["     failed: M: a()", "     | ✘ why"]), (code, lines[1:3]))
        self.assertRegex(lines[0], r"^FAIL bad +1 passed, 1 failed  \(")
        self.assertRegex(lines[-1], r"^ok   good +1 passed, 0 failed  \(")
        code, lines = self.record("summary")
        self.assertEqual((1, "total: 2 passed, 1 failed"), (code, lines[-1]))

    def test_a_part_under_a_name_of_its_own_with_its_tests(self):
        good = self.package("good", ONE, "echo 'Build complete!\n✔ Test a(_:) with 8 test cases passed after 1.0 seconds.\n"
                            "✔ Test run with 1 test in 1 suite passed after 1.0 seconds.'")
        code, lines = self.run_command("swift", "--scratch", "s", "--name", "part", "--list", good)
        self.assertEqual((0, ["     a(_:) with 8 test cases", "total: 1 passed, 0 failed"]), (code, lines[1:]))
        self.assertRegex(lines[0], r"^ok   part +1 passed, 0 failed  \(")

    def test_a_hanging_package_is_stopped_with_what_it_spawned(self):
        hung = self.package("hung", stream(a="cut"), "sleep 600 & echo $! > %s; wait" % self.path("child"))
        code, lines = self.run_command("swift", "--timeout", "1", "--scratch", "s", hung)
        self.assertEqual((1, "total: 0 passed, 2 failed"), (code, lines[-1]))
        self.assertIn("[did not end in time]", "".join(lines))
        state = ["ps", "-o", "state=", "-p", self.read("child").strip()]
        while subprocess.run(state, capture_output=True, text=True).stdout.strip()[:1] not in ("", "Z"):
            pass  # A process that was killed stays for a moment until it is reaped.

    def test_a_command_that_does_not_exist(self):
        code, lines = self.run_command("check", "none", "--", self.path("no-such-command"))
        self.assertEqual((1, "total: 0 passed, 1 failed"), (code, lines[-1]))
        self.assertIn("[exit 127]", lines[0])

    def test_nothing_was_run(self):
        self.record("start")
        self.assertEqual((1, "total: 0 passed, 0 failed"), (lambda code, lines: (code, lines[-1]))(*self.record("summary")))

    def test_old_events_do_not_count(self):
        package = self.package("once", ONE)
        self.record("swift", "--scratch", "s", package)
        self.stub("swift", "exit 1")
        lines = self.record("swift", "--scratch", "s", package)[1]
        self.assertRegex(lines[0], r"^FAIL once +0 passed, 1 failed  \(.*\)  \[did not build\]$")
