"""An unmodified Debian kernel with a busybox shell."""

import hashlib
import os
import pathlib
import select
import signal
import subprocess
import sys
import time
import unittest

from command import CONFIGS, ISA, Test, config
from console_test import Session

IMAGES = CONFIGS.parent / "images" / f"linux-{ISA}"
SKIPPED = 77  # tells ctest

# Of the interrupt controller that the device tree describes.
FOUND = {"aarch64": "ITS [mem 0x08080000-0x0809ffff]",
         "riscv64": "riscv-plic: plic@c000000: mapped 95 interrupts with 1 handlers for 2 contexts"}

PROMPT = {"aarch64": "/root # ", "riscv64": "~ # "}[ISA]  # as their busyboxes have it
LIMIT = ["--timeout", "20000000000", "--max-instructions", "40000000000"]


class LinuxSession(Test):
    def script(self, *commands, end="poweroff"):
        """Boots to the prompt, types each command when there is one, ends."""
        lines = ["expect INIT-REACHED", f"expect {PROMPT}"]
        for command in commands:
            lines += [f"send {command}\\n", f"expect {PROMPT}"]
        return self.file("script", "\n".join([*lines, f"send {end}\\n", ""]))

    def session(self, *commands, options=(), configuration=None):
        done = self.axvm("run", configuration or config("linux"), "--quiet", *LIMIT, *options,
                         "--script", self.script(*commands), timeout=1500)
        self.assertEqual((done.status, done.err), (0, ""), done.out[-2000:])
        return done.out.replace("\r", "")

    def changed(self, name, *changes):
        """The configuration of that name, with images by their full paths, and with those changes."""
        text = pathlib.Path(config(name)).read_text()
        for old, new in [(f"linux-{ISA}/", f"{IMAGES}/"), *changes]:
            self.assertIn(old, text)
            text = text.replace(old, new)
        return self.file(f"{name}.toml", text)

    def with_sim(self, text):
        if "[sim]" in pathlib.Path(config("linux")).read_text():
            return self.changed("linux", ("[sim]", f"[sim]\n{text}"))
        return self.changed("linux", ("[base]", f"[sim]\n{text}\n\n[base]"))


class Linux(LinuxSession):
    def test_it_boots_to_a_shell_and_powers_off(self):
        out = self.session("uname -m", "nproc", "echo $((6 * 7))")
        self.assertIn(FOUND[ISA], out)
        self.assertRegex(out, rf"(?m)^INIT-REACHED Linux 6\.\S+ {ISA}, CPUs 0 of 0 online$")
        self.assertIn(f"\n{ISA}\n", out)
        self.assertIn("\n42\n", out)
        self.assertIn("reboot: Power down", out)

    def test_its_prompt_is_there_to_be_read_while_it_waits(self):
        process = subprocess.Popen([os.environ["AXVM"], "run", config("linux"), "--quiet"],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL, start_new_session=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(os.killpg, process.pid, signal.SIGKILL)
        seen, until = b"", time.monotonic() + 300
        while PROMPT.encode() not in seen and time.monotonic() < until:
            if select.select([process.stdout], [], [], 1)[0]:
                seen += os.read(process.stdout.fileno(), 65536)
        self.assertIn(PROMPT.encode(), seen)

    def test_what_it_computes_is_right(self):
        zeroes = hashlib.sha256(bytes(64 << 20)).hexdigest()
        out = self.session("head -c 67108864 /dev/zero | sha256sum",
                           "for i in $(seq 200); do /bin/true || echo failed; done; echo forked $i")
        self.assertIn(zeroes, out)
        self.assertIn("\nforked 200\n", out)


class LinuxTyped(LinuxSession):
    """Somebody at a terminal."""

    def setUp(self):
        super().setUp()
        self.recording = self.folder / "session.jsonl"

    def boot(self):
        terminal = Session("run", config("linux"), "--quiet", "--hash", "--record", self.recording)
        self.addCleanup(terminal.process.kill)
        terminal.expect(PROMPT, timeout=600)
        return terminal

    def ask(self, terminal, command, answer):
        terminal.type(f"{command}\r")
        terminal.expect(f"\n{answer}\r")
        terminal.expect(PROMPT)

    def look(self, terminal):
        terminal.type("\x01c")
        terminal.expect("(axvm) ")
        terminal.type("info vcpus\n")
        terminal.expect("vm1 vcpu0: on, ")
        terminal.expect("(axvm) ")
        terminal.type("continue\n")

    def assert_repeats(self, terminal):
        """The session is over; a replay of it ends with the same line, the hash."""
        hash_line = terminal.seen.splitlines()[-1]
        self.assertRegex(hash_line, "^[0-9a-f]{16}$")
        again = self.axvm("run", config("linux"), "--quiet", "--hash", "--replay", self.recording,
                          timeout=1500)
        self.assertEqual((again.status, again.err), (0, ""))
        self.assertEqual(again.out_lines[-1], hash_line)

    def test_a_session_that_its_user_ends_is_repeated(self):
        terminal = self.boot()
        self.ask(terminal, "uname -m", ISA)
        self.look(terminal)
        self.ask(terminal, "echo $((6 * 7))", "42")
        terminal.type("\x01x")
        self.assertEqual(terminal.end(), 0)
        self.assert_repeats(terminal)

    def test_a_session_that_ends_in_poweroff_is_repeated(self):
        terminal = self.boot()
        self.look(terminal)
        self.ask(terminal, "echo $((6 * 7))", "42")
        terminal.type("poweroff\r")
        terminal.expect("reboot: Power down")
        self.assertEqual(terminal.end(), 0)
        self.assert_repeats(terminal)


class LinuxCpus(LinuxSession):
    def test_it_runs_on_several_cpus(self):
        for count in (2, 4, 8):
            out = self.session("nproc", options=["--vcpus", count])
            self.assertIn(f"CPUs 0-{count - 1} of 0-{count - 1} online", out)

    def test_eight_cpus_share_two(self):
        out = self.session(options=["--vcpus", 8], configuration=self.with_sim("pcpus = 2"))
        self.assertIn("CPUs 0-7 of 0-7 online", out)

    def test_cpus_go_and_come_back(self):
        cpu = "/sys/devices/system/cpu/cpu1/online"
        out = self.session(f"echo 0 > {cpu}; nproc; echo 1 > {cpu}; nproc",
                           options=["--vcpus", 2])
        self.assertIn("\n1\n", out)
        self.assertIn("\n2\n", out)

    def test_it_reboots(self):
        to_prompt = f"expect INIT-REACHED\nexpect {PROMPT}\n"
        script = self.file("again", f"{to_prompt}send reboot\\n\n{to_prompt}send poweroff\\n\n")
        done = self.axvm("run", self.with_sim("max_resets = 1"), "--quiet", *LIMIT,
                         "--script", script, timeout=1500)
        self.assertEqual((done.status, done.err), (0, ""))


class LinuxDevices(LinuxSession):
    def test_a_file_system_on_its_disk_is_one_on_the_host(self):
        disk = self.folder / "disk.img"
        disk.write_bytes(bytes(32 << 20))
        configuration = self.changed(
            "linux-virtio", ('size = "64M"', f'file = "{disk}"\noverlay = false'))
        out = self.session("mke2fs -q /dev/vda && mount -t ext2 /dev/vda /mnt && echo mounted",
                           "seq 100000 > /mnt/numbers; sync; umount /mnt",
                           "cat /sys/class/misc/hw_random/rng_current; ls /sys/class/net",
                           "cat /sys/firmware/qemu_fw_cfg/rev", configuration=configuration)
        self.assertIn("\nmounted\n", out)
        self.assertIn("\nvirtio_rng.0\n", out)
        self.assertRegex(out, "\neth0 +lo\n")
        numbers = "".join(f"{n}\n" for n in range(1, 100001))
        read = subprocess.run(["/sbin/debugfs", "-R", "cat /numbers", disk], check=True,
                              capture_output=True, text=True)
        self.assertEqual(read.stdout, numbers)
        subprocess.run(["/sbin/e2fsck", "-f", "-n", disk], check=True, capture_output=True)

    def test_two_guests_reach_each_other(self):
        capture = self.folder / "frames.pcap"
        # In both: a machine that each file describes is the same in each.
        captured = ("[base]", f'[sim.net.left-net]\npcap = "{capture}"\n\n[base]')
        left = self.changed("linux-left", captured)
        right = self.changed("linux-right", captured,
                             ("/24", '/24 run=\\"sleep 30; poweroff\\"'))
        done = self.axvm("run", left, right, "--quiet", *LIMIT, "--script",
                         self.script("until ping -c 1 10.0.0.2 >/dev/null; do sleep 1; done",
                                     "ping -c 3 10.0.0.2"), timeout=1500)
        self.assertEqual((done.status, done.err), (0, ""), done.out[-2000:])
        self.assertIn("3 packets transmitted, 3 packets received, 0% packet loss", done.out)
        self.assertIn(b"\x08\x06\x00\x01", capture.read_bytes())  # ARP


class LinuxSame(LinuxSession):
    def test_it_ends_in_the_same_state_every_time(self):
        options = ["--vcpus", 4, "--hash"]
        self.assertEqual(self.session("ps", options=options), self.session("ps", options=options))


class LinuxSnapshot(LinuxSession):
    """At the prompt, restored in another process, with two CPUs, shaken or not."""

    def test_it_goes_on_at_the_prompt(self):
        snapshot, options = self.folder / "prompt", ["--vcpus", 2, "--hash"]
        script = self.file("boot", f"expect INIT-REACHED\nexpect {PROMPT}\nsnapshot {snapshot}\n"
                                   f"send uname -m; ps\\n\nexpect {PROMPT}\nsend poweroff\\n\n")
        whole = self.axvm("run", config("linux"), "--quiet", *LIMIT, *options, "--script", script,
                          timeout=1500)
        self.assertEqual((whole.status, whole.err), (0, ""))
        rest = self.file("rest", f"send uname -m; ps\\n\nexpect {PROMPT}\nsend poweroff\\n\n")
        for shaken in ([], ["--chaos", 5]):
            again = self.axvm("run", config("linux"), "--quiet", *LIMIT, *options, "--script", rest,
                              "--restore", snapshot, *shaken, timeout=1500)
            self.assertEqual((again.status, again.err), (0, ""))
            self.assertEqual(again.out, whole.out[-len(again.out):])
            self.assertIn(ISA, again.out)
            self.assertNotIn("INIT-REACHED", again.out)

    def test_it_is_at_the_prompt_at_once(self):
        snapshot = self.folder / "prompt"
        script = self.file("boot", f"expect INIT-REACHED\nexpect {PROMPT}\nsnapshot {snapshot}\n"
                                   "send poweroff\\n\n")
        self.axvm("run", config("linux"), "--quiet", *LIMIT, "--script", script, timeout=1500)
        begin = time.monotonic()
        done = self.axvm("run", config("linux"), "--quiet", "--restore", snapshot,
                         "--max-instructions", 1)
        self.assertEqual(done.status, 3)
        self.assertLess(time.monotonic() - begin, 5)


class LinuxShaken(LinuxSession):
    def test_traced_it_ends_in_the_same_state_whatever_the_engine_does(self):
        for count in (1, 4):
            options = ["--vcpus", count, "--hash"]
            trace = self.folder / "trace"
            self.assertEqual(self.session("ps", options=options),
                             self.session("ps", options=[*options, "--chaos", 42,
                                                         "--trace", f"{trace}:hash"]))


class Gicv2Session(LinuxSession):
    def gicv2(self, count, *commands, options=()):
        return self.session(*commands, options=["--vcpus", count, *options],
                            configuration=config("linux-gicv2"))


class LinuxGicv2(Gicv2Session):
    def test_it_runs_on_one_to_eight_cpus(self):
        for count in (1, 2, 4, 8):
            out = self.gicv2(count, "nproc", "cat /proc/interrupts")
            self.assertIn(f"\n{count}\n", out)
            self.assertRegex(out, r"GIC-0 +27 Level +arch_timer")  # not GICv3


class LinuxGicv2Same(Gicv2Session):
    def test_it_ends_in_the_same_state_every_time(self):
        options = ["--hash"]
        self.assertEqual(self.gicv2(4, "ps", options=options),
                         self.gicv2(4, "ps", options=options))


class LinuxGicv2Shaken(Gicv2Session):
    def test_it_ends_in_the_same_state_whatever_the_engine_does(self):
        self.assertEqual(self.gicv2(2, "ps", options=["--hash"]),
                         self.gicv2(2, "ps", options=["--hash", "--chaos", 42]))


class AiaSession(LinuxSession):
    def aia(self, count, *commands, options=()):
        return self.session(*commands, options=["--vcpus", count, *options],
                            configuration=config("linux-aia"))


class LinuxAia(AiaSession):
    def test_it_runs_on_one_to_four_cpus(self):
        for count in (1, 2, 4):
            out = self.aia(count, "nproc")
            self.assertIn("riscv-imsic: imsics@28000000: per-CPU IDs 255 at base address", out)
            self.assertIn("d000000.aplic: 96 interrupts forwarded to MSI base", out)
            self.assertIn(f"\n{count}\n", out)

    def test_it_runs_on_an_aplic_alone(self):
        alone = self.changed("linux-aia", (", [2, 0x2800_0000]", ", [2]"))
        out = self.session("nproc", configuration=alone)
        self.assertIn("d000000.aplic: 96 interrupts directly connected to 1 CPUs", out)


class LinuxAiaShaken(AiaSession):
    def test_it_ends_in_the_same_state_whatever_the_engine_does(self):
        self.assertEqual(self.aia(2, "ps", options=["--hash"]),
                         self.aia(2, "ps", options=["--hash", "--chaos", 42]))


if __name__ == "__main__":
    if not (IMAGES / "Image").exists():
        print(f"skipped: {IMAGES} has no Image; ./x guest linux-{ISA} fetches it")
        sys.exit(SKIPPED)
    unittest.main()
