"""axvm bare-metal: Debian's kernel with two vCPUs, from its first line to power-off."""

import os
import pathlib
import subprocess
import sys
import threading
import unittest

CONFIGS = pathlib.Path(os.environ["AXVM_CONFIGS"])
IMAGE = CONFIGS.parent / "images" / "linux-aarch64" / "Image"
SKIPPED = 77  # tells ctest
LIMIT = 300  # seconds


class Linux(unittest.TestCase):
    def test_it_boots_on_two_cpus_and_powers_off(self):
        guest = subprocess.Popen([os.environ["AXVM"], "bare-metal",
                                  CONFIGS / "linux-aarch64.toml", "--vcpus", "2"],
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        watchdog = threading.Timer(LIMIT, guest.kill)
        watchdog.start()
        self.addCleanup(watchdog.cancel)
        shown = b""
        while not shown.endswith(b"/root # "):
            byte = guest.stdout.read(1)
            self.assertTrue(byte, f"the console ended: {shown[-1000:].decode(errors='replace')}")
            shown += byte
        rest, _ = guest.communicate(b"poweroff\n")
        self.assertIn(b"CPUs 0-1 of 0-1 online", shown)
        self.assertIn(b"reboot: Power down", rest)
        self.assertEqual(guest.returncode, 0)


if __name__ == "__main__":
    if not IMAGE.exists():
        print(f"skipped: {IMAGE} is not there; ./x guest linux-aarch64 fetches it")
        sys.exit(SKIPPED)
    unittest.main()
