#!/usr/bin/env python3
"""Makes the initramfs of the Linux guest: the same bytes from the same input, everywhere.

initramfs.py OUTPUT INIT BUSYBOX MODULES
    INIT      the script that the kernel runs
    BUSYBOX   a busybox for the guest, statically linked
    MODULES   lib/modules/VERSION of the kernel's package; the guest gets those listed below, and
              what they depend on
"""

import lzma
import pathlib
import stat
import struct
import sys

# In the kernel's own spelling. What is not there, or built into the kernel, is left out.
WANTED = ["virtio_mmio", "virtio_blk", "virtio_net", "virtio_console", "virtio-rng", "qemu_fw_cfg",
          "ext4", "crc32c_generic", "loop", "vfat", "nls_cp437", "nls_ascii"]

SCRIPTS = {
    "bin/poweroff": "#!/bin/sh\nsync\nexec busybox poweroff -f\n",
    "bin/reboot": "#!/bin/sh\nsync\nexec busybox reboot -f\n",
    "bin/halt": "#!/bin/sh\nsync\nexec busybox halt -f\n",
    "bin/mkfs.ext2": "#!/bin/sh\nexec mke2fs \"$@\"\n",
}
FILES = {
    # What mount tries; each is a module that the kernel asks for.
    "etc/filesystems": "ext4\next2\nvfat\n*\n",
    # busybox's shell finds its own applets before any file, and those would ask /init.
    "etc/shrc": "poweroff() { /bin/poweroff; }\nreboot() { /bin/reboot; }\n"
                "halt() { /bin/halt; }\n",
}
FOLDERS = ["bin", "dev", "etc", "lib", "mnt", "proc", "root", "run", "sbin", "sys", "tmp", "var"]


def fail(text):
    sys.exit(f"initramfs: {text}")


class Archive:
    """A cpio archive of the form "newc" (Documentation/driver-api/early-userspace)."""

    def __init__(self):
        self.entries = {}

    def add(self, name, mode, data=b"", device=(0, 0)):
        self.entries[name] = (mode, data, device)

    def folder(self, name):
        parent, _, _ = name.rpartition("/")
        if parent and parent not in self.entries:
            self.folder(parent)
        self.add(name, stat.S_IFDIR | 0o755)

    def file(self, name, data, mode=0o644):
        parent = name.rpartition("/")[0]
        if parent and parent not in self.entries:
            self.folder(parent)
        self.add(name, stat.S_IFREG | mode, data)

    def link(self, name, to):
        self.add(name, stat.S_IFLNK | 0o777, to.encode())

    def bytes(self):
        # Sorted, a folder comes before what is in it. Names, not places, decide inode numbers.
        entries = sorted(self.entries.items()) + [("TRAILER!!!", (0, b"", (0, 0)))]
        out = bytearray()
        for inode, (name, (mode, data, device)) in enumerate(entries, 1):
            path = name.encode() + b"\0"
            links = 2 if stat.S_ISDIR(mode) else 1
            fields = (inode, mode, 0, 0, links, 0, len(data), 0, 0, *device, len(path), 0)
            out += b"070701" + b"".join(b"%08X" % field for field in fields) + path
            out += bytes(-len(out) % 4)
            out += data
            out += bytes(-len(out) % 4)
        return bytes(out) + bytes(-len(out) % 512)


def applets(busybox):
    """The names that busybox answers to: a list in its read-only data."""
    begin = busybox.find(b"[\0[[\0")
    if begin < 0:
        fail("busybox has no list of applets where one is expected")
    return [name.decode() for name in busybox[begin:busybox.index(b"\0\0", begin)].split(b"\0")]


def section(elf, name):
    """The contents of a section of a little-endian ELF64 file."""
    table, = struct.unpack_from("<Q", elf, 40)
    size, count, names = struct.unpack_from("<HHH", elf, 58)
    headers = [struct.unpack_from("<IIQQQQ", elf, table + i * size) for i in range(count)]
    strings = headers[names][4]
    for text, _, _, _, offset, length in headers:
        begin = strings + text
        if elf[begin:elf.index(b"\0", begin)] == name:
            return elf[offset:offset + length]
    return b""


class Module:
    def __init__(self, path):
        self.path = path.with_suffix("") if path.suffix == ".xz" else path
        self.data = path.read_bytes()
        if path.suffix == ".xz":
            self.data = lzma.decompress(self.data)
        if self.data[:4] != b"\x7fELF":
            fail(f"{path.name} is no ELF file, expected one, perhaps compressed with xz")
        self.info = {}
        for line in section(self.data, b".modinfo").decode("latin-1").split("\0"):
            key, equals, value = line.partition("=")
            if equals:
                self.info.setdefault(key, []).append(value)
        self.needs = [name for names in self.info.get("depends", []) for name in names.split(",")
                      if name]


def plain(name):
    return name.replace("-", "_")


def add_modules(archive, folder):
    files = {plain(path.name.partition(".")[0]): path for path in sorted(folder.rglob("*.ko*"))}
    chosen = {}

    def choose(name):
        if plain(name) in chosen or plain(name) not in files:
            return
        module = chosen[plain(name)] = Module(files[plain(name)])
        for other in module.needs:
            choose(other)

    for name in WANTED:
        choose(name)
    root = f"lib/modules/{folder.name}"
    dependencies = []
    aliases = []
    for name, module in sorted(chosen.items()):
        place = module.path.relative_to(folder)
        archive.file(f"{root}/{place}", module.data)
        # modprobe loads what stands behind the colon from right to left.
        order = []

        def follow(needs, order=order):
            for need in map(plain, needs):
                if need not in chosen:
                    continue  # built in
                if need in order:
                    order.remove(need)
                order.append(need)
                follow(chosen[need].needs)

        follow(module.needs)
        paths = [str(chosen[other].path.relative_to(folder)) for other in order]
        dependencies.append(" ".join([f"{place}:", *paths]))
        aliases += [f"alias {alias} {name}" for alias in module.info.get("alias", [])]
    archive.file(f"{root}/modules.dep", ("\n".join(dependencies) + "\n").encode())
    archive.file(f"{root}/modules.alias", ("\n".join(aliases) + "\n").encode())
    archive.file(f"{root}/modules.symbols", b"")


def main():
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    output, init, busybox, modules = map(pathlib.Path, sys.argv[1:])
    archive = Archive()
    for name in FOLDERS:
        archive.folder(name)
    # The kernel opens the console before anything is mounted.
    archive.add("dev/console", stat.S_IFCHR | 0o600, device=(5, 1))
    archive.add("dev/null", stat.S_IFCHR | 0o666, device=(1, 3))
    program = busybox.read_bytes()
    for applet in applets(program):
        archive.link(f"bin/{applet}", "busybox")
    archive.file("bin/busybox", program, 0o755)
    for name, text in SCRIPTS.items():
        archive.file(name, text.encode(), 0o755)
    for name, text in FILES.items():
        archive.file(name, text.encode())
    archive.link("sbin/modprobe", "../bin/busybox")  # where the kernel looks for it
    archive.file("init", init.read_bytes(), 0o755)
    add_modules(archive, modules)
    output.write_bytes(archive.bytes())


if __name__ == "__main__":
    main()
