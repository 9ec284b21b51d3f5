"""Random tables of both stages: what AT S12E1R, S12E1W, S12E0R and S12E0W, or HLV, HLVX and HSV, make
of them under QEMU is what our walker does.

    translate_test.py EL2|HS RANDOM_TABLES TRANSLATE.elf QEMU [SEED]
"""

import pathlib
import subprocess
import sys
import tempfile

import qemu

ROUNDS = 16  # of 2048 translations
LOADED_AT = {"EL2": 0x4800_0000, "HS": 0x8800_0000}  # translation_rounds.hpp


def main():
    mode, tables, image, program, seed = *sys.argv[1:5], *(sys.argv[5:] or ["1"])
    with tempfile.TemporaryDirectory() as folder:
        rounds, answers = (pathlib.Path(folder) / name for name in ("rounds", "answers"))
        subprocess.run([tables, "make", seed, str(ROUNDS), rounds], check=True)
        done = subprocess.run(
            qemu.command(program, mode, image, "-device",
                         f"loader,file={rounds},addr={LOADED_AT[mode]:#x},force-raw=on"),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=120, check=True)
        answers.write_bytes(done.stdout)
        return subprocess.run([tables, "check", rounds, answers], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
