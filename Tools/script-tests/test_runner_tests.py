"""Holds test-runner to its word: what counts as passed, what as failed, and the closing line."""

import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import scripts

runner = scripts.load("test-runner")


def stream(*tests, cut_off=()):
    """An event stream of Swift Testing. A test is (name, outcome); those in `cut_off` never end."""
    lines = [json.dumps({"kind": "test", "payload": {"id": "M.S", "kind": "suite", "name": "S"}})]
    for name, _ in tests:
        lines.append(json.dumps(
            {"kind": "test", "payload": {"id": "M.S/" + name, "kind": "function", "name": name + "()"}}))

    def event(kind, name, **more):
        lines.append(json.dumps({"kind": "event", "payload": dict(more, kind=kind, testID="M.S/" + name)}))

    for name, outcome in tests:
        if outcome == "skip":
            event("testSkipped", name)
            continue
        event("testStarted", name)
        if name in cut_off:
            continue
        if outcome == "fail":
            event("issueRecorded", name, issue={"isFailure": True, "isKnown": False})
        if outcome == "known":
            event("issueRecorded", name, issue={"isFailure": False, "isKnown": True})
        event("testEnded", name, messages=[{"symbol": "fail" if outcome == "fail" else "pass", "text": ""}])
    return lines


BUILT = "Building for debugging...\nBuild complete! (1.00s)\n"


class Counting(unittest.TestCase):
    def judge(self, exit_code, log, events, **more):
        result = runner.judge_swift("p", exit_code, log, events, **more)
        return result.passed, result.failed, result.skipped, result.notes, result.details

    def test_all_pass(self):
        self.assertEqual((2, 0, 0, [], []), self.judge(0, BUILT, stream(("a", "pass"), ("b", "pass"))))

    def test_names_that_look_like_the_closing_line(self):
        events = stream(("run", "fail"), ("runs", "pass"), ("run with 9 tests", "pass"))
        log = BUILT + "✘ Test run() failed after 0.1 seconds.\n"
        log += "✘ Test run with 3 tests in 1 suite failed after 0.1 seconds.\n"
        self.assertEqual((2, 1, 0, [], ["failed: M: run()"]), self.judge(1, log, events))

    def test_known_issues_pass(self):
        self.assertEqual((1, 0, 0, [], []), self.judge(0, BUILT, stream(("a", "known"))))

    def test_skipped_tests_count_for_nothing(self):
        self.assertEqual((1, 0, 1, [], []), self.judge(0, BUILT, stream(("a", "skip"), ("b", "pass"))))

    def test_test_cut_off_by_a_trap(self):
        events = stream(("a", "pass"), ("b", "pass"), cut_off=("b",)) + ['{"kind":"event","payl']
        self.assertEqual((1, 1, 0, [], ["failed: M: b()"]), self.judge(1, BUILT + "Fatal error: x\n", events))

    def test_no_test_at_all(self):
        self.assertEqual((0, 1, 0, ["no test ran"], []), self.judge(0, BUILT, []))

    def test_only_skipped_tests(self):
        self.assertEqual((0, 1, 1, ["no test ran"], []), self.judge(0, BUILT, stream(("a", "skip"))))

    def test_does_not_build(self):
        self.assertEqual((0, 1, 0, ["did not build"], []), self.judge(1, "error: no\n", []))

    def test_exit_code_without_a_failed_test(self):
        self.assertEqual((1, 1, 0, ["exit 1"], []), self.judge(1, BUILT, stream(("a", "pass"))))

    def test_failed_test_with_exit_code_zero(self):
        self.assertEqual(
            (0, 1, 0, ["exit 0 in spite of a failure"], ["failed: M: a()"]),
            self.judge(0, BUILT, stream(("a", "fail"))))

    def test_out_of_time(self):
        self.assertEqual(
            (1, 1, 0, ["did not end in time"], []), self.judge(124, BUILT, stream(("a", "pass")), timed_out=True))

    def test_broken_order_is_named(self):
        log = "Removing https://github.com/apple/swift-nio.git\n" + BUILT
        self.assertEqual(
            (1, 0, 0, ["SwiftPM removed checkouts: the order of the roots is broken"], []),
            self.judge(0, log, stream(("a", "pass"))))

    def test_tests_of_another_package(self):
        self.assertEqual((1, 0, 0, [], []), self.judge(0, BUILT, stream(("a", "pass")), modules={"M", "N"}))
        self.assertEqual(
            (1, 1, 0, ["ran the tests of another package: M"], []),
            self.judge(0, BUILT, stream(("a", "pass")), modules={"N"}))

    def check(self, exit_code, log, count):
        result = runner.judge_check("c", exit_code, log, count)
        return result.passed, result.failed, result.skipped, result.notes

    def test_check_by_exit_code(self):
        self.assertEqual((1, 0, 0, []), self.check(0, "", "exit"))
        self.assertEqual((0, 1, 0, ["exit 3"]), self.check(3, "", "exit"))

    def test_check_by_tap(self):
        self.assertEqual((2, 0, 0, []), self.check(0, "ok one\nok two\nokay\n", "tap"))
        self.assertEqual((1, 1, 0, []), self.check(1, "ok one\nnot ok two\n", "tap"))
        self.assertEqual((1, 1, 0, ["exit 1"]), self.check(1, "ok one\n", "tap"))
        self.assertEqual((0, 1, 0, ["no test ran"]), self.check(0, "", "tap"))

    def test_check_by_unittest(self):
        self.assertEqual((5, 0, 0, []), self.check(0, "Ran 5 tests in 0.1s\n\nOK\n", "unittest"))
        self.assertEqual((4, 0, 1, []), self.check(0, "Ran 5 tests in 0.1s\n\nOK (skipped=1)\n", "unittest"))
        self.assertEqual(
            (2, 3, 0, []), self.check(1, "Ran 5 tests in 0.1s\n\nFAILED (failures=2, errors=1)\n", "unittest"))
        self.assertEqual((0, 1, 0, ["no test ran"]), self.check(0, "Ran 0 tests in 0.0s\n\nOK\n", "unittest"))


class Command(unittest.TestCase):
    """The whole command, with a stand-in for `swift` that plays what a file says."""

    def setUp(self):
        self.folder = os.path.realpath(tempfile.mkdtemp(prefix="runner-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.results = os.path.join(self.folder, "results")
        stand_in = os.path.join(self.folder, "swift")
        with open(stand_in, "w", encoding="utf-8") as file:
            file.write('#!/bin/bash\n'
                       'package=$3\n'
                       'while [ $# -gt 0 ]; do\n'
                       '  if [ "$1" = --event-stream-output-path ]; then events=$2; fi\n'
                       '  shift\n'
                       'done\n'
                       'cat "$package/events" > "$events"\n'
                       'exec bash "$package/script"\n')
        os.chmod(stand_in, os.stat(stand_in).st_mode | stat.S_IXUSR)

    def package(self, name, events, script):
        folder = os.path.join(self.folder, name)
        os.makedirs(folder)
        with open(os.path.join(folder, "events"), "w", encoding="utf-8") as file:
            file.write("\n".join(events) + "\n")
        with open(os.path.join(folder, "script"), "w", encoding="utf-8") as file:
            file.write(script)
        return folder

    def run_command(self, *arguments, **environment):
        process = subprocess.run(
            [sys.executable, os.path.join(scripts.TOOLS, "test-runner")] + list(arguments),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env=dict(os.environ, PATH=self.folder + os.pathsep + os.environ["PATH"], **environment))
        return process.returncode, process.stdout.splitlines()

    def test_everything_passes(self):
        good = self.package("good", stream(("a", "pass"), ("b", "pass")), "echo 'Build complete!'")
        self.run_command("start", "--results", self.results)
        code, lines = self.run_command("swift", "--results", self.results, "--scratch", "s", good)
        self.assertEqual((0, 1), (code, len(lines)))
        self.assertRegex(lines[0], r"^ok   good +2 passed, 0 failed  \(\d+\.\d s, \d+ s of processor time\)$")
        self.run_command("check", "--results", self.results, "fine", "--", "true")
        code, lines = self.run_command("summary", "--results", self.results)
        self.assertEqual((0, "total: 3 passed, 0 failed"), (code, lines[-1]))
        self.assertRegex(lines[0], r"^\d+ s of processor time: (good \d+ s, fine \d+ s|fine \d+ s, good \d+ s)$")
        self.assertRegex(lines[1], r"^0 min \d+ s since the start$")

    def test_what_takes_long_is_named_with_what_it_does(self):
        slow = "echo first; echo '[3/9] Compiling X'; read -r < %s" % os.path.join(self.folder, "never")
        os.mkfifo(os.path.join(self.folder, "never"))
        code, lines = self.run_command("check", "--timeout", "1.5", "slow", "--", "bash", "-c", slow, REPORT_SECONDS="0.5")
        self.assertEqual(1, code)
        self.assertRegex(lines[0], r"^  \.\. slow +\d s: \[3/9\] Compiling X$")

    def test_the_costliest_come_first(self):
        rows = [["1", "0", "%d.0" % seconds, "step %d" % seconds] for seconds in (3, 61, 20)]
        self.assertEqual(["84 s of processor time: step 61 61 s, step 20 20 s, step 3 3 s"], runner.costliest(rows))
        self.assertEqual([], runner.costliest([]))

    def test_the_time_of_what_a_step_starts_counts_as_its_own(self):
        spin = "import time\nwhile time.process_time() < 0.3: pass"
        result = runner.Result("spin")
        watch = runner.Stopwatch()
        subprocess.run(["sh", "-c", "%s -c '%s'" % (sys.executable, spin)], check=True)
        watch.stop(result)
        self.assertGreaterEqual(result.processor, 0.3)

    def test_one_failure_does_not_hide_the_next(self):
        bad = self.package("bad", stream(("a", "fail"), ("b", "pass")), "echo 'Build complete!'; exit 1")
        good = self.package("good", stream(("a", "pass")), "echo 'Build complete!'")
        self.run_command("start", "--results", self.results)
        code, lines = self.run_command("swift", "--results", self.results, "--scratch", "s", bad, good)
        self.assertEqual(0, code)
        self.assertRegex(lines[0], r"^FAIL bad +1 passed, 1 failed  \(")
        self.assertEqual("     failed: M: a()", lines[1])
        self.assertRegex(lines[-1], r"^ok   good +1 passed, 0 failed  \(")
        code, lines = self.run_command("summary", "--results", self.results)
        self.assertEqual((1, "total: 2 passed, 1 failed"), (code, lines[-1]))

    def test_a_part_under_a_name_of_its_own_with_its_tests(self):
        good = self.package("good", stream(("a", "pass")), "\n".join([
            "echo 'Build complete!'", "echo '✔ Test a(_:) with 8 test cases passed after 1.0 seconds.'",
            "echo '✔ Test run with 1 test in 1 suite passed after 1.0 seconds.'"]))
        code, lines = self.run_command("swift", "--scratch", "s", "--name", "part", "--list", good)
        self.assertEqual((0, ["     a(_:) with 8 test cases", "total: 1 passed, 0 failed"]), (code, lines[1:]))
        self.assertRegex(lines[0], r"^ok   part +1 passed, 0 failed  \(")

    def test_closes_by_itself_without_a_results_folder(self):
        good = self.package("good", stream(("a", "pass")), "echo 'Build complete!'")
        code, lines = self.run_command("swift", "--scratch", "s", good)
        self.assertEqual((0, "total: 1 passed, 0 failed"), (code, lines[-1]))
        self.assertEqual((1, "total: 0 passed, 1 failed"), (lambda pair: (pair[0], pair[1][-1]))(
            self.run_command("check", "bad", "--", "false")))

    def test_a_hanging_package_is_stopped_with_what_it_spawned(self):
        mark = os.path.join(self.folder, "mark")
        hung = self.package("hung", stream(("a", "pass"), cut_off=("a",)), "sleep 600 & echo $! > %s; wait" % mark)
        code, lines = self.run_command("swift", "--timeout", "1", "--scratch", "s", hung)
        self.assertEqual((1, "total: 0 passed, 2 failed"), (code, lines[-1]))
        self.assertIn("[did not end in time]", lines[0])
        with open(mark, encoding="utf-8") as file:
            child = int(file.read())
        with self.assertRaises(ProcessLookupError):
            while True:  # A killed process stays for a moment until it is reaped; it must not stay running.
                os.kill(child, 0)
                if self.state(child) == "Z":
                    raise ProcessLookupError

    def state(self, identifier):
        return subprocess.run(["ps", "-o", "state=", "-p", str(identifier)], capture_output=True, text=True,
                              check=False).stdout.strip()[:1] or "Z"

    def test_a_command_that_does_not_exist(self):
        code, lines = self.run_command("check", "none", "--", os.path.join(self.folder, "no-such-command"))
        self.assertEqual((1, "total: 0 passed, 1 failed"), (code, lines[-1]))
        self.assertIn("[exit 127]", lines[0])

    def test_nothing_was_run(self):
        self.run_command("start", "--results", self.results)
        code, lines = self.run_command("summary", "--results", self.results)
        self.assertEqual((1, "total: 0 passed, 0 failed"), (code, lines[-1]))

    def test_old_events_do_not_count(self):
        package = self.package("once", stream(("a", "pass")), "echo 'Build complete!'")
        self.run_command("swift", "--results", self.results, "--scratch", "s", package)
        with open(os.path.join(self.folder, "swift"), "w", encoding="utf-8") as file:
            file.write("#!/bin/bash\nexit 1\n")
        code, lines = self.run_command("swift", "--results", self.results, "--scratch", "s", package)
        self.assertEqual(0, code)
        self.assertRegex(lines[0], r"^FAIL once +0 passed, 1 failed  \(\d+\.\d s, \d+ s of processor time\)  \[did not build\]$")


if __name__ == "__main__":
    unittest.main()
