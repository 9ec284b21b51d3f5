"""axvm bare-metal: what is the same on each architecture."""

import json
import os
import re
import subprocess

from command import Test, config


class BareMetal(Test):
    """Subclasses say what their architecture's guests do."""
    hello = ""  # what hello prints
    traced = ""  # a guest whose trace agrees with the simulation's in every event
    reset = ""  # the name of the call that asks for one
    qemu_package = ""

    def test_the_guests_console_and_status(self):
        done = self.axvm("bare-metal", config("hello"))
        self.assertEqual((done.status, done.err), (0, ""))
        self.assertEqual(done.out.splitlines(), [self.hello])

    def test_what_is_typed_reaches_the_guest(self):
        # What comes before the guest is ready may be firmware's.
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
        self.assertEqual(self.axvm("bare-metal", config(self.traced), "--trace", metal).status, 0)
        self.axvm("run", config(self.traced), "--quiet", "--trace", f"{simulation}:jsonl")
        done = self.axvm("diff-trace", metal, simulation)
        self.assertEqual((done.status, done.err), (0, ""))

    def test_a_guest_that_asks_for_a_reset_gets_it_as_often_as_it_may(self):
        # Without its device the guest cannot say so, but asks for a reset all the same; with four
        # vCPUs it does so while others run.
        for name, resets in (("mmio", 0), ("mmio", 3), ("ipi", 4)):
            broken = self.variant(name, "max_resets = 0", f"max_resets = {resets}")
            text, count = re.subn(r"emu_devices = \[(\[.*|\n(  .*\n)*)\]\n", "emu_devices = []\n",
                                  broken.read_text())
            self.assertEqual(count, 1)
            broken.write_text(text)
            trace = self.folder / "trace"
            self.assertEqual(self.axvm("bare-metal", broken, "--trace", trace).status, 1)
            events = [json.loads(line) for line in trace.read_text().splitlines()]
            asked = [event for event in events
                     if event["event"] == "FirmwareCall" and event["name"] == self.reset]
            begun = [event for event in events
                     if event["event"] == "StateChanged" and event["state"] == "running"
                     and not event["of_vcpu"]]
            self.assertEqual((len(asked), len(begun)), (resets + 1, resets + 1))

    def test_without_qemu_it_says_where_to_get_it(self):
        self.assert_rejected(self.axvm("bare-metal", config("hello"), "--qemu", "/no/such"),
                             "bare-metal: /no/such cannot be run: No such file or directory "
                             f"(Debian: {self.qemu_package})")

    def test_the_board_has_the_cpus_that_a_guest_asks_for(self):
        third = self.variant("hello", "cpu_num = 1", "cpu_num = 1\nphys_cpu_sets = [4]")
        done = self.axvm("bare-metal", third)
        self.assertEqual((done.status, done.err), (0, ""))
