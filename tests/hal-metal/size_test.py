"""How large a bare-metal image is without its guest: the sections that are loaded from it."""

import os
import pathlib
import struct
import unittest

IMAGE = pathlib.Path(os.environ["AXVM_IMAGES"]) / "hello.elf"
GUEST = pathlib.Path(os.environ["AXVM_GUEST_SOURCES"]) / "hello"
LIMIT = 1 << 20


def sections(elf):
    """Size of each section of a 64-bit little-endian ELF file, by name (ELF-64, Section Header)."""
    (offset,) = struct.unpack_from("<Q", elf, 40)
    entry_size, count, names = struct.unpack_from("<HHH", elf, 58)
    headers = [struct.unpack_from("<IIQQQQ", elf, offset + n * entry_size) for n in range(count)]
    strings = headers[names][4]
    return {elf[strings + h[0]:elf.index(b"\0", strings + h[0])].decode(): h[5] for h in headers}


class Size(unittest.TestCase):
    def test_code_constants_and_data_without_the_guest_are_at_most_1_mib(self):
        size = sections(IMAGE.read_bytes())
        guest = sum(piece.stat().st_size for piece in GUEST.glob("vm*.bin"))
        self.assertGreater(guest, 0)
        self.assertGreater(size[".text"], 100_000)
        total = size[".text"] + size[".rodata"] + size[".data"] - guest
        print(f"{total} bytes: .text {size['.text']}, .rodata {size['.rodata'] - guest}, "
              f".data {size['.data']}; .bss {size['.bss']} besides")
        self.assertLessEqual(total, LIMIT)


if __name__ == "__main__":
    unittest.main()
