"""axvm bare-metal: Debian's kernel, from its first line to power-off."""

import os
import pathlib
import subprocess
import sys
import threading
import unittest

CONFIGS = pathlib.Path(os.environ["AXVM_CONFIGS"])
IMAGE = CONFIGS.parent / "images" / "linux-aarch64" / "Image"
SKIPPED = 77  # tells ctest
LIMIT = 120  # seconds
PROMPT = b"/root # "


class Linux(unittest.TestCase):
    def boot(self, name, *arguments, commands=()):
        """What it shows until the first prompt, and what to each command."""
        guest = subprocess.Popen([os.environ["AXVM"], "bare-metal",
                                  CONFIGS / f"{name}-aarch64.toml", *arguments],
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        watchdog = threading.Timer(LIMIT, guest.kill)
        watchdog.start()
        self.addCleanup(watchdog.cancel)
        shown = [self.until_prompt(guest)]
        for command in commands:
            guest.stdin.write(command.encode() + b"\n")
            guest.stdin.flush()
            shown.append(self.until_prompt(guest))
        rest, _ = guest.communicate(b"poweroff\n")
        self.assertIn(b"reboot: Power down", rest)
        self.assertEqual(guest.returncode, 0)
        return [text.decode(errors="replace") for text in shown]

    def until_prompt(self, guest):
        shown = b""
        while not shown.endswith(PROMPT):
            byte = guest.stdout.read(1)
            self.assertTrue(byte, f"the console ended: {shown[-1000:].decode(errors='replace')}")
            shown += byte
        return shown

    def test_it_boots_on_two_cpus_and_powers_off(self):
        boot, = self.boot("linux", "--vcpus", "2")
        self.assertIn("CPUs 0-1 of 0-1 online", boot)

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
        self.assertIn("52:54:00:00:01:06", links)
        self.assertIn("virtio_rng.0", links)


if __name__ == "__main__":
    if not IMAGE.exists():
        print(f"skipped: {IMAGE} is not there; ./x guest linux-aarch64 fetches it")
        sys.exit(SKIPPED)
    unittest.main()
