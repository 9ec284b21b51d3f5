"""axvm run --record and --replay"""

import os
import subprocess
import unittest

from command import ISA, LOADED, Test, config
from console_test import Session


class Recording(Test):
    def setUp(self):
        super().setUp()
        self.recording = self.folder / "run.jsonl"

    def record(self, guest, *options, status=0):
        done = self.axvm("run", config(guest), "--quiet", "--hash", "--record", self.recording,
                         *options)
        self.assertEqual(done.status, status, done.err)
        return done

    def replay(self, guest, *options):
        return self.axvm("run", config(guest), "--quiet", "--hash", "--replay", self.recording,
                         *options)

    def assert_repeats(self, guest, recorded, *options):
        again = self.replay(guest, *options)
        self.assertEqual((again.out, again.err, again.status), (recorded.out, "", 0))

    def change(self, old, new, count=1):
        text = self.recording.read_text()
        self.assertIn(old, text)
        self.recording.write_text(text.replace(old, new, count))

    def assert_refused(self, done, pattern):
        """Exit status 2 and one line."""
        self.assertEqual(done.status, 2)
        self.assertEqual(len(done.err_lines), 1, done.err)
        self.assertRegex(done.err_lines[0], "^axvm: --replay: " + pattern)

    def test_a_run_that_was_typed_at_is_repeated_without_its_input(self):
        recorded = self.record("echo", "--expect", "ready", "--send", "hello\\n", "--expect",
                               "hello", "--send", "off\\n")
        self.assertIn("hello", recorded.out)
        self.assert_repeats("echo", recorded)
        self.assert_repeats("echo", recorded, "--chaos", 5)

    def test_scripts_and_the_standard_input_are_recorded_too(self):
        script = self.file("script", "expect ready\nsend abc\\n\nsend off\\n\n")
        self.assert_repeats("echo", self.record("echo", "--script", script))
        typed = subprocess.run([os.environ["AXVM"], "run", config("echo"), "--quiet", "--hash",
                                "--stdin", "--record", self.recording], input=b"xyz\noff\n",
                               capture_output=True, timeout=60, check=True)
        again = self.replay("echo")
        self.assertEqual((again.out.encode(), again.status), (typed.stdout, 0))

    def test_virtio_devices_find_the_same_behind_them(self):
        self.assert_repeats("virtio", self.record("virtio"))

    def test_a_session_at_a_terminal_is_repeated_without_one(self):
        session = Session("run", config("echo"), "--quiet", "--hash", "--record", self.recording)
        session.expect("echo: ready")
        for text in ("one", "two\x1b", "\r", "off"):
            session.type(text)
            session.expect("<27>" if text == "two\x1b" else text.strip() or "\n")
        session.type("\x01c")
        session.expect("(axvm) ")
        session.type(f"info vcpus\nwalk {LOADED[ISA]:#x}\ncontinue\n")
        session.expect("esult: ")  # of either walk
        session.type("\r")
        self.assertEqual(session.end(), 0)
        again = self.replay("echo")
        self.assertEqual((again.status, again.err), (0, ""))
        self.assertIn("onetwo<27>", again.out)

    def test_a_session_that_its_user_ended_ends_there_again(self):
        session = Session("run", config("echo"), "--quiet", "--record", self.recording)
        session.expect("echo: ready")
        session.type("abc")
        session.expect("abc")
        session.type("\x01x")
        self.assertEqual(session.end(), 0)
        again = self.replay("echo")
        self.assertEqual((again.status, again.err), (0, ""))
        self.assertIn("abc", again.out)
        self.assertIn('{"end":"interruption"', self.recording.read_text())

    def test_a_limit_is_part_of_the_recording(self):
        recorded = self.record("smp", "--max-instructions", 20_000, status=3)
        again = self.replay("smp")
        self.assertEqual((again.status, again.out), (3, recorded.out))
        self.assertEqual(self.replay("smp", "--max-instructions", 10_000).status, 3)

    def test_another_machine_is_refused(self):
        self.record("hello")
        self.assert_refused(self.replay("mmio"),
                            r".*run\.jsonl:2: vm1 configuration is [0-9a-f]{16}, expected "
                            r"[0-9a-f]{16}, with which it was recorded$")
        self.assert_refused(self.replay("hello", "--memory", "32M"),
                            r".*run\.jsonl:4: vm1 memory is 33554432, expected 67108864")
        self.change('{"machine":"vm1 kernel.kernel_path","is":"', '{"machine":"vm1 kernel.kernel_path","is":"f')
        self.assert_refused(self.replay("hello"), r".*run\.jsonl:5: vm1 kernel\.kernel_path is ")

    def test_a_recording_that_is_cut_short_is_refused(self):
        self.record("hello")
        text = self.recording.read_text()
        self.recording.write_text(text[:-10])
        lines = len(text.splitlines())
        self.assert_refused(self.replay("hello"), rf".*run\.jsonl:{lines}: the recording is cut "
                                                  r"short, expected its end$")

    def test_a_choice_that_diverges_is_refused(self):
        self.record("echo", "--send", "off\\n")
        self.change('"round_length","begin":0,', '"round_length","begin":7,')
        self.assert_refused(self.replay("echo"), r".*run\.jsonl:\d+: is round_length, begin 7, "
                                                 r"expected round_length, begin 0: this run is "
                                                 r"another one$")

    def test_an_end_that_is_another_is_refused(self):
        self.record("hello")
        self.change('"hash":"', '"hash":"f')
        self.assert_refused(self.replay("hello"), r".*: the final state is [0-9a-f]{16}, expected f")
        self.record("hello")
        self.change('"instructions":', '"instructions":1')
        self.assert_refused(self.replay("hello"), r".*: the run has ended after \d+ instructions, "
                                                  r"expected 1\d+$")

    def test_what_is_no_recording_is_refused(self):
        for file in (config("hello"), "/", "/dev/zero", "/no/such/file", os.environ["AXVM"]):
            self.recording = file
            self.assert_refused(self.replay("hello"), "")

    def test_a_recording_leaves_nothing_to_type(self):
        self.record("hello")
        for option in (["--send", "x"], ["--expect", "x"], ["--stdin"], ["--record", "y"]):
            done = self.replay("hello", *option)
            self.assertEqual(done.status, 2)
            self.assertEqual(len(done.err_lines), 1)
            self.assertIn("--replay: the recording says what is typed", done.err)

    def test_a_recording_that_cannot_be_written_is_told(self):
        done = self.axvm("run", config("hello"), "--quiet", "--record", "/dev/full")
        self.assertEqual((done.status, done.err_lines),
                         (1, ["axvm: cannot write /dev/full: No space left on device"]))
        done = self.axvm("run", config("hello"), "--record", "/no/such/folder/x")
        self.assertEqual(done.status, 2)
        self.assertRegex(done.err, "^axvm: --record: cannot write /no/such/folder/x: ")


if __name__ == "__main__":
    unittest.main()
