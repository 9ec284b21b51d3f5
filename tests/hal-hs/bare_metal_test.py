"""axvm bare-metal, for RISC-V: what is not the same for each architecture (tests/hal-el2)."""

import json
import os
import subprocess
import unittest

from command import Test, config


class BareMetal(Test):
    def test_the_guests_console_and_status(self):
        done = self.axvm("bare-metal", config("hello"))
        self.assertEqual((done.status, done.err), (0, ""))
        self.assertEqual(done.out.splitlines(), ["Hello from hart 0: a guest on the AxVM core."])

    def test_what_is_typed_reaches_the_guest(self):
        # What comes before the guest is ready is firmware's.
        with subprocess.Popen([os.environ["AXVM"], "bare-metal", config("echo")],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE) as guest:
            self.assertEqual(guest.stdout.readline().split(), [b"echo:", b"ready"])
            said, _ = guest.communicate(b"hello\noff\n", timeout=60)
        self.assertEqual((guest.returncode, said.split()), (0, [b"hello", b"off"]))

    def test_consoles_of_several_vms_are_named_as_by_run(self):
        vms = config("ivc-publisher"), config("ivc-subscriber")
        metal, simulation = self.axvm("bare-metal", *vms), self.axvm("run", *vms, "--quiet")
        self.assertEqual((metal.status, metal.err), (0, ""))
        self.assertEqual(sorted(metal.out_lines), sorted(simulation.out_lines))
        self.assertIn("ivc-subscriber| ivc: PASS", metal.out_lines)

    def test_its_trace_agrees_with_the_simulations(self):
        metal, simulation = self.folder / "metal", self.folder / "simulation"
        self.assertEqual(self.axvm("bare-metal", config("sbi"), "--trace", metal).status, 0)
        self.axvm("run", config("sbi"), "--quiet", "--trace", f"{simulation}:jsonl")
        done = self.axvm("diff-trace", metal, simulation)
        self.assertEqual((done.status, done.err), (0, ""))

    def test_what_firmware_says_is_in_no_trace(self):
        metal = self.folder / "metal"
        self.assertEqual(self.axvm("bare-metal", config("hello"), "--trace", metal).status, 0)
        for line in metal.read_text().splitlines():
            self.assertIn("event", json.loads(line))

    def test_a_guest_that_asks_for_a_reset_gets_it_as_often_as_it_may(self):
        # Without its device the guest cannot say so, but asks for a reset all the same; with four
        # vCPUs it does so while others run.
        for name, resets in (("mmio", 0), ("mmio", 3), ("ipi", 4)):
            broken = self.variant(name, "emu_devices = [", "emu_devices = [] #")
            lines = broken.read_text().splitlines()
            kept = [line for line in lines if not line.startswith(("  [", "]"))]
            broken.write_text("\n".join(kept).replace("max_resets = 0", f"max_resets = {resets}"))
            trace = self.folder / "trace"
            self.assertEqual(self.axvm("bare-metal", broken, "--trace", trace).status, 1)
            events = [json.loads(line) for line in trace.read_text().splitlines()]
            asked = [event for event in events
                     if event["event"] == "FirmwareCall" and event["name"] == "sbi_system_reset"]
            begun = [event for event in events
                     if event["event"] == "StateChanged" and event["state"] == "running"
                     and not event["of_vcpu"]]
            self.assertEqual((len(asked), len(begun)), (resets + 1, resets + 1))

    def test_what_cannot_be_run_is_refused_in_one_line(self):
        self.assert_rejected(self.axvm("bare-metal", config("hello"), "--qemu", "/no/such"),
                             "bare-metal: /no/such cannot be run: No such file or directory "
                             "(Debian: qemu-system-misc, opensbi)")

    def test_the_board_has_the_harts_that_a_guest_asks_for(self):
        third = self.variant("hello", "cpu_num = 1", "cpu_num = 1\nphys_cpu_sets = [4]")
        done = self.axvm("bare-metal", third)
        self.assertEqual((done.status, done.err), (0, ""))


if __name__ == "__main__":
    unittest.main()
