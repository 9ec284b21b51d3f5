"""axvm bare-metal: other people's programs, from their first line to power-off."""

import os
import pathlib
import signal
import subprocess
import sys
import threading
import unittest

CONFIGS = pathlib.Path(os.environ["AXVM_CONFIGS"])
ISA = os.environ.get("AXVM_ISA", "aarch64")  # of the guests
IMAGES = {"Linux": CONFIGS.parent / "images" / f"linux-{ISA}" / "Image",
          "UBoot": CONFIGS.parent / "images" / f"u-boot-{ISA}" / "u-boot.bin"}
MAC = "52:54:00:00:01:06"  # of a card in the seventh row of the first VM
SKIPPED = 77  # tells ctest
LIMIT = 120  # seconds


class Guest(unittest.TestCase):
    def start(self, name, *arguments):
        guest = subprocess.Popen([os.environ["AXVM"], "bare-metal",
                                  CONFIGS / f"{name}-{ISA}.toml", *arguments],
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
        watchdog = threading.Timer(LIMIT, self.kill, [guest])
        watchdog.start()
        self.addCleanup(self.end, guest)
        self.addCleanup(watchdog.cancel)
        return guest

    @staticmethod
    def kill(guest):
        """And QEMU, which would go on without axvm."""
        if guest.poll() is None:
            os.killpg(guest.pid, signal.SIGKILL)

    def end(self, guest):
        self.kill(guest)
        guest.stdin.close()
        guest.stdout.close()
        guest.wait()

    def until(self, guest, end):
        """What it shows until it has shown this."""
        shown = b""
        while not shown.endswith(end):
            byte = guest.stdout.read(1)
            self.assertTrue(byte, f"the console ended: {shown[-1000:].decode(errors='replace')}")
            shown += byte
        return shown.decode(errors="replace")

    def type(self, guest, text, end):
        guest.stdin.write(text)
        guest.stdin.flush()
        return self.until(guest, end)

    def power_off(self, guest):
        rest, _ = guest.communicate(b"poweroff\n")
        self.assertEqual(guest.returncode, 0)
        return rest


class Linux(Guest):
    PROMPT = {"aarch64": b"/root # ", "riscv64": b"~ # "}[ISA]  # as their busyboxes have it

    def boot(self, name, *arguments, commands=()):
        """What it shows until the first prompt, and what to each command."""
        guest = self.start(name, *arguments)
        shown = [self.until(guest, self.PROMPT)]
        shown += [self.type(guest, command.encode() + b"\n", self.PROMPT) for command in commands]
        self.assertIn(b"reboot: Power down", self.power_off(guest))
        return shown

    def test_it_boots_on_two_cpus_and_powers_off(self):
        boot, = self.boot("linux", "--vcpus", "2")
        self.assertIn("CPUs 0-1 of 0-1 online", boot)

    @unittest.skipUnless(ISA == "aarch64", "a controller of AArch64")
    def test_it_runs_on_the_boards_gicv2(self):
        boot, interrupts = self.boot("linux-gicv2", "--vcpus", "2",
                                     commands=["cat /proc/interrupts"])
        self.assertIn("CPUs 0-1 of 0-1 online", boot)
        self.assertRegex(interrupts, r"[1-9]\d* +[1-9]\d* +GIC-0 +27 Level +arch_timer")

    def test_its_devices_have_something_behind_them(self):
        _, wrote, read, links = self.boot("linux-virtio", commands=[
            "echo sector | dd of=/dev/vda bs=512 seek=1000 conv=sync,fsync",
            "echo 3 > /proc/sys/vm/drop_caches; dd if=/dev/vda bs=512 skip=1000 count=1 | head -c 6",
            "cat /sys/class/net/eth0/address; cat /sys/class/misc/hw_random/rng_current"])
        self.assertIn("1+0 records out", wrote)
        self.assertIn("sector", read.split("head -c 6")[1])
        self.assertIn(MAC, links)
        self.assertIn("virtio_rng.0", links)


class UBoot(Guest):
    PROMPT = b"=> "
    # Where memory and the first bank of flash are.
    PLACES = {"aarch64": ("40000000", "4000000"), "riscv64": ("80000000", "20000000")}[ISA]

    def boot(self):
        """At its prompt."""
        guest = self.start("u-boot")
        self.until(guest, b"stop autoboot")
        self.type(guest, b" ", self.PROMPT)
        return guest

    def ask(self, guest, command):
        return self.type(guest, command.encode() + b"\n", self.PROMPT)

    def reset(self, guest):
        self.type(guest, b"reset\n", b"stop autoboot")
        self.type(guest, b" ", self.PROMPT)

    def test_it_boots_to_its_prompt_and_answers_and_so_again_after_a_reset(self):
        memory, flash = self.PLACES
        guest = self.boot()
        for ends in (self.reset, self.power_off):
            self.assertRegex(self.ask(guest, "version"), r"\nU-Boot 20\d\d\.")
            board = self.ask(guest, "bdinfo")
            self.assertRegex(board, rf"-> start\s+= 0x0*{memory}\b")
            self.assertRegex(board, rf"flashstart\s+= 0x0*{flash}\b")
            self.assertIn("CFI conformant flash", self.ask(guest, "flinfo"))
            ends(guest)

    @unittest.skipUnless(ISA == "aarch64", "as built for RISC-V it keeps no environment")
    def test_it_finds_its_flash_after_a_reset(self):
        guest = self.boot()
        for command in ("setenv greeting hello", "saveenv"):
            self.ask(guest, command)
        self.reset(guest)
        shown = self.ask(guest, "env import -c 0x4000000 0x40000; printenv greeting")
        self.assertIn("\ngreeting=hello", shown)
        self.power_off(guest)


if __name__ == "__main__":
    image = IMAGES[sys.argv[1]]
    if not image.exists():
        print(f"skipped: {image} is not there; ./x guest {image.parent.name} fetches it")
        sys.exit(SKIPPED)
    unittest.main()
