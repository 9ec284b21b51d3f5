"""axvm bare-metal, for RISC-V."""

import json
import unittest

import bare_metal
from command import config


class BareMetal(bare_metal.BareMetal):
    hello = "Hello from hart 0: a guest on the AxVM core."
    traced = "sbi"
    reset = "sbi_system_reset"
    qemu_package = "qemu-system-misc, opensbi"

    def test_what_firmware_says_is_in_no_trace(self):
        metal = self.folder / "metal"
        self.assertEqual(self.axvm("bare-metal", config("hello"), "--trace", metal).status, 0)
        for line in metal.read_text().splitlines():
            self.assertIn("event", json.loads(line))


if __name__ == "__main__":
    unittest.main()
