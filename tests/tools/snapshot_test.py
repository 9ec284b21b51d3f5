"""axvm run --snapshot-at and --restore"""

import os
import re
import struct
import unittest

from command import CONFIGS, ISA, Test, config
from console_test import Session

# Configurations that go together, and the one that waits for input.
TOGETHER = [("ivc-publisher", "ivc-subscriber"), ("network-left", "network-right")]
TYPED = {"echo": ["--send", "abc\\noff\\n"]}
# Instructions until echo waits for input, and until it is about to say that it is ready.
READY = {"aarch64": 5500, "riscv64": 11_000}[ISA]
NEARLY_READY = {"aarch64": 5295, "riscv64": 10_440}[ISA]
ELSEWHERE = ("linux", "u-boot")  # third-party guests have tests of their own


def machines():
    """Each machine of configs/ that ends by itself: its configurations and options."""
    suffix = f"-{ISA}.toml"
    alone = sorted(path.name.removesuffix(suffix) for path in CONFIGS.glob("*" + suffix))
    for pair in TOGETHER:
        yield pair, []
        alone = [name for name in alone if name not in pair]
    for name in alone:
        if not name.startswith(ELSEWHERE):
            yield (name,), TYPED.get(name, [])


class Snapshots(Test):
    def setUp(self):
        super().setUp()
        self.snapshot = self.folder / "machine.snapshot"

    def run_all(self, names, *options):
        return self.axvm("run", *(config(name) for name in names), *options)

    def whole(self, names, *options):
        """A run without interruption: what it says, and how long it is."""
        done = self.run_all(names, "--hash", *options)
        self.assertEqual(done.status, 0, done.err)
        count = re.search(r"instructions +([\d ]+)", done.err).group(1)
        return done.out, int(count.strip().split("   ")[0].replace(" ", ""))

    def save(self, names, at, *options):
        done = self.run_all(names, "--quiet", "--hash", "--snapshot-at", at, self.snapshot, *options)
        self.assertEqual((done.status, done.err), (0, ""))
        return done.out

    def restore(self, names, *options):
        done = self.run_all(names, "--hash", "--restore", self.snapshot, *options)
        self.assertEqual(done.status, 0, done.err)
        return done

    def assert_refused(self, done, text):
        """Exit status 2 and one line."""
        self.assertEqual((done.status, len(done.err_lines)), (2, 1), done.err)
        self.assertRegex(done.err_lines[0], f"^axvm: --restore: .*{text}")


class EveryMachine(Snapshots):
    def check(self, seed):
        for names, options in machines():
            out, count = self.whole(names, *options)
            for part in (1, 2, 3):
                with self.subTest(machine=names, part=part):
                    at = count * part // 4
                    shaken = ["--chaos", str(seed + part)] if seed else []
                    self.assertEqual(self.save(names, at, *options, *shaken), out)
                    after = self.restore(names, *shaken)
                    self.assertEqual(after.out.splitlines()[-1], out.splitlines()[-1])
                    self.assertIn(f"{count:,}".replace(",", " "), after.err)

    def test_each_goes_on_to_the_same_end_from_everywhere(self):
        self.check(0)

    def test_the_same_whatever_the_engine_does(self):
        self.check(77)


class Restoring(Snapshots):
    def test_the_console_goes_on_where_it_was(self):
        out, count = self.whole(["smp"])
        for at in (0, count // 3, count - 1):
            self.save(["smp"], at)
            before = self.axvm("run", config("smp"), "--quiet", "--max-instructions", at).out
            after = self.restore(["smp"]).out
            self.assertEqual((before.rstrip("\n") + after).split(), out.split())

    def test_a_run_is_saved_as_often_as_one_likes(self):
        out, _ = self.whole(["smp"])
        second = self.folder / "second"
        done = self.axvm("run", config("smp"), "--quiet", "--hash", "--snapshot-at", 9000, second,
                         "--snapshot-at", 4000, self.snapshot)
        self.assertEqual((done.status, done.out), (0, out))
        again = self.folder / "again"
        self.restore(["smp"], "--snapshot-at", 9000, again)
        self.assertEqual(second.read_bytes(), again.read_bytes())

    def test_what_was_typed_and_not_read_yet_is_read_afterwards(self):
        out, _ = self.whole(["echo"], "--send", "abc\\noff\\n")
        self.save(["echo"], READY, "--send", "abc\\noff\\n")
        self.assertEqual(self.restore(["echo"]).out.splitlines()[-1], out.splitlines()[-1])

    def test_expectations_are_about_what_is_shown_afterwards(self):
        self.save(["echo"], NEARLY_READY, "--send", "off\\n")
        done = self.restore(["echo"], "--send", "off\\n", "--expect", "off")
        self.assertNotIn("ready", done.out)

    def test_a_script_and_the_monitor_save_too(self):
        script = self.file("script", f"expect ready\nsend abc\nexpect abc\nsnapshot {self.snapshot}\n"
                                     "send \\noff\\n\n")
        out = self.axvm("run", config("echo"), "--quiet", "--hash", "--script", script).out
        again = self.restore(["echo"], "--send", "\\noff\\n")
        self.assertEqual(again.out.splitlines()[-1], out.splitlines()[-1])
        session = Session("run", config("echo"), "--quiet", "--hash")
        session.expect("echo: ready")
        session.type("abc")
        session.expect("abc")
        session.type("\x01c")
        session.expect("(axvm) ")
        session.type(f"snapshot\nsnapshot /no/such/folder/x\nsnapshot {self.snapshot}\nquit\n")
        session.expect("snapshot: expected a file")
        session.expect("snapshot: cannot write /no/such/folder/x")
        session.expect("saved to")
        self.assertEqual(session.end(), 0)
        done = self.restore(["echo"], "--send", "\\noff\\n")
        self.assertEqual(done.out.splitlines()[0], "")

    def test_a_restored_run_is_recorded_and_replayed(self):
        self.save(["echo"], 5200, "--send", "off\\n")
        recording = self.folder / "recording"
        first = self.restore(["echo"], "--record", recording, "--quiet")
        again = self.restore(["echo"], "--replay", recording, "--quiet")
        self.assertEqual(first.out, again.out)
        done = self.axvm("run", config("echo"), "--replay", recording)
        self.assertEqual(done.status, 2)
        self.assertIn("restored snapshot", done.err)

    def test_a_guest_that_resets_itself_finds_its_images(self):
        resetting = self.variant("smp", "max_resets = 0", "max_resets = 1")
        whole = self.axvm("run", resetting, "--vcpus", 1, "--hash", "--quiet")
        self.axvm("run", resetting, "--vcpus", 1, "--snapshot-at", 500, self.snapshot)
        again = self.axvm("run", resetting, "--vcpus", 1, "--restore", self.snapshot, "--hash",
                          "--quiet")
        self.assertEqual(again.out.splitlines()[-1], whole.out.splitlines()[-1])
        self.assertEqual(again.err, whole.err)

    def test_memory_that_nobody_touched_is_not_saved(self):
        self.axvm("run", config("hello"), "--memory", "16G", "--snapshot-at", 1000, self.snapshot)
        self.assertLess(self.snapshot.stat().st_size, 1 << 20)
        done = self.restore(["hello"], "--memory", "16G")
        self.assertIn("Hello from ", done.out)


class Refused(Snapshots):
    def setUp(self):
        super().setUp()
        self.save(["hello"], 1000)
        self.bytes = self.snapshot.read_bytes()

    def refuse(self, contents, text):
        self.snapshot.write_bytes(contents)
        self.assert_refused(self.axvm("run", config("hello"), "--restore", self.snapshot), text)

    def test_what_is_no_snapshot(self):
        self.refuse(b"hello", "is no snapshot of a machine$")
        self.refuse(b"", "is empty$")
        for file in ("/", "/dev/zero", "/no/such/file", self.folder):
            self.snapshot = file
            self.assert_refused(self.axvm("run", config("hello"), "--restore", file), "")

    def test_another_format(self):
        self.refuse(self.bytes[:8] + struct.pack("<Q", 2) + self.bytes[16:],
                    "is of format 2, expected 1$")

    def test_one_that_is_cut_short(self):
        for size in (9, 16, 30, len(self.bytes) // 2, len(self.bytes) - 1):
            self.refuse(self.bytes[:size], "is cut short, expected its end$")

    def test_one_that_is_damaged(self):
        for at in range(60, len(self.bytes), len(self.bytes) // 7):
            damaged = bytearray(self.bytes)
            damaged[at] ^= 1
            self.refuse(bytes(damaged), "")
        self.refuse(self.bytes + b"x", "has bytes behind its end, expected none$")

    def test_another_machine(self):
        self.assert_refused(self.axvm("run", config("mmio"), "--restore", self.snapshot),
                            r"is of another machine: vm1 configuration is [0-9a-f]{16}, expected "
                            r"[0-9a-f]{16}, with which it was saved$")
        self.assert_refused(self.axvm("run", config("hello"), "--memory", "32M", "--restore",
                                      self.snapshot), "vm1 memory is 33554432, expected 67108864")

    def test_a_snapshot_that_cannot_be_written(self):
        done = self.axvm("run", config("hello"), "--quiet", "--snapshot-at", 10, "/no/such/folder/x")
        self.assertEqual(done.status, 1)
        self.assertRegex(done.err, "^axvm: --snapshot-at: cannot write /no/such/folder/x: ")

    def test_a_run_that_ends_before(self):
        done = self.axvm("run", config("hello"), "--quiet", "--snapshot-at", 10**9, self.snapshot)
        self.assertEqual(done.status, 1)
        self.assertRegex(done.err, r"^axvm: --snapshot-at: the run ended after \d+ instructions, "
                                   r"expected 1000000000: .* is not written\n$")

    def test_bad_usage(self):
        for options in (["--snapshot-at", "x", "y"], ["--snapshot-at", "1"]):
            done = self.axvm("run", config("hello"), *options)
            self.assertEqual((done.status, len(done.err_lines)), (2, 1))

    def test_a_disk_that_is_written_in_place(self):
        disk = self.folder / "disk"
        disk.write_bytes(bytes(4096))
        machine = self.variant("virtio", 'size = "1M"', f'file = "{disk}"\noverlay = false')
        done = self.axvm("run", machine, "--quiet", "--snapshot-at", 10, self.snapshot)
        self.assertEqual(done.status, 1, done.err)
        self.assertIn("it is written in place, expected overlay = true", done.err)


if __name__ == "__main__":
    unittest.main()
