"""Somebody else's program: U-Boot, as the distribution ships it for QEMU's boards."""

import re
import sys
import unittest

from command import CONFIGS, ISA, Test, config

IMAGE = CONFIGS.parent / "images" / f"u-boot-{ISA}" / "u-boot.bin"
SKIPPED = 77  # tells ctest

# Where memory and the first bank of flash are.
PLACES = {"aarch64": ("40000000", "4000000"), "riscv64": ("80000000", "20000000")}

PROMPT = ["--expect", "=> "]
TO_THE_PROMPT = ["--expect", "stop autoboot", "--send", " ", *PROMPT]
POWER_OFF = ["--send", "poweroff\\n"]
LIMIT = ["--max-instructions", "1000000000"]


class UBootSession(Test):
    def session(self, *commands, options=()):
        """Boots to the prompt, types the commands, powers off."""
        script = [word for line in commands for word in ("--send", line + "\\n", *PROMPT)]
        return self.axvm("run", config("u-boot"), "--quiet", *options, *TO_THE_PROMPT, *script,
                         *POWER_OFF, *LIMIT, timeout=300)


class UBoot(UBootSession):
    def test_it_boots_to_its_prompt_and_answers(self):
        done = self.session("version", "bdinfo", "flinfo")
        memory, flash = PLACES[ISA]
        self.assertEqual((done.status, done.err), (0, ""))
        self.assertRegex(done.out, r"(?m)^U-Boot 20\d\d\.")
        self.assertRegex(done.out, r"(?m)^DRAM:\s+128 MiB")
        self.assertRegex(done.out, r"(?m)^=> version\s+U-Boot 20\d\d\.")
        self.assertRegex(done.out, rf"(?m)^-> start\s+= 0x0*{memory}\b")
        self.assertRegex(done.out, r"(?m)^-> size\s+= 0x0*8000000\b")
        self.assertRegex(done.out, rf"(?m)^flashstart\s+= 0x0*{flash}\b")
        self.assertIn("CFI conformant flash", done.out)
        self.assertIn("Size: 1 MB in 8 Sectors", done.out)

    def test_it_ends_in_the_same_state_every_time(self):
        first = self.session("version", options=["--hash"])
        again = self.session("version", options=["--hash"])
        self.assertRegex(first.out_lines[-1], "[0-9a-f]{16}$")
        self.assertEqual(first.out, again.out)

    def test_it_passes_the_same_state_whatever_the_engine_does(self):
        arguments = ["run", config("u-boot"), "--quiet", "--hash", "--max-instructions", "5000000"]
        first = self.axvm(*arguments)
        shaken = self.axvm(*arguments, "--chaos", "42")
        self.assertEqual((first.status, first.out), (shaken.status, shaken.out))


class UBootEnvironment(UBootSession):
    """As built for RISC-V it keeps none."""

    def test_its_environment_goes_to_flash_and_comes_back(self):
        done = self.session("setenv greeting hello", "saveenv", "setenv greeting",
                            "env import -c 0x4000000 0x40000", "printenv greeting")
        self.assertEqual((done.status, done.err), (0, ""))
        self.assertRegex(done.out, r"Writing to Flash\.\.\. done")
        self.assertIn("\ngreeting=hello", done.out)

    def test_reset_boots_it_again_and_keeps_its_flash(self):
        script = []
        for line in ("setenv greeting hello", "saveenv", "setenv greeting lost"):
            script += ["--send", line + "\\n", *PROMPT]
        script += ["--send", "reset\\n", *TO_THE_PROMPT]
        script += ["--send", "env import -c 0x4000000 0x40000; printenv greeting\\n", *PROMPT]
        done = self.axvm("run", config("u-boot"), "--quiet", *TO_THE_PROMPT, *script, *POWER_OFF,
                         *LIMIT, timeout=300)
        self.assertEqual((done.status, done.err), (0, ""))
        self.assertEqual(len(re.findall(r"(?m)^U-Boot 20\d\d\.", done.out)), 2)
        self.assertIn("\ngreeting=hello", done.out)


class UBootShaken(UBootSession):
    def test_it_ends_in_the_same_state_whatever_the_engine_does(self):
        first = self.session("version", options=["--hash"])
        shaken = self.session("version", options=["--hash", "--chaos", "42"])
        self.assertRegex(first.out_lines[-1], "[0-9a-f]{16}$")
        self.assertEqual(first.out, shaken.out)


if __name__ == "__main__":
    if not IMAGE.exists():
        print(f"skipped: {IMAGE} is not there; ./x guest u-boot-{ISA} fetches it")
        sys.exit(SKIPPED)
    unittest.main()
