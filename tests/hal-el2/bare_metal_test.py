"""axvm bare-metal, for AArch64: also what is the same for each architecture, but needs only one."""

import unittest

import bare_metal
from command import config


class BareMetal(bare_metal.BareMetal):
    hello = "Hello from EL1: a guest on the AxVM core."
    traced = "paging"
    reset = "SYSTEM_RESET"
    qemu_package = "qemu-system-arm"

    def test_one_vm_that_fails_is_the_end_of_all(self):
        # Nobody subscribes; the publisher would wait for ever.
        broken = self.variant("ivc-subscriber", "emu_devices = [\n  [\"pl011\"",
                              "emu_devices = [] # [\"pl011\"")
        broken.write_text(broken.read_text().split("# Where channels")[0] +
                          "passthrough_devices = []\ninterrupt_mode = \"emulated\"\n")
        done = self.axvm("bare-metal", config("ivc-publisher"), broken)
        self.assertEqual(done.status, 1)
        self.assertNotIn("PASS", done.out)

    def test_a_gicv2_is_the_boards(self):
        el2, simulation = self.folder / "el2", self.folder / "simulation"
        one = config("gicv2"), "--vcpus", 1
        done = self.axvm("bare-metal", *one, "--trace", el2)
        self.assertEqual((done.status, done.err), (0, ""))
        self.assertEqual(done.out_lines, ["gicv2: 5 ticks, 1 CPUs", "gicv2: PASS"])
        self.axvm("run", *one, "--quiet", "--trace", f"{simulation}:jsonl")
        done = self.axvm("diff-trace", "--up-to-time", el2, simulation)
        self.assertEqual((done.status, done.err), (0, ""))
        self.assert_rejected(self.axvm("bare-metal", config("gicv2"), config("network-right")),
                             "bare-metal: some VMs have a GICv2 and some have not, expected VMs for "
                             "one board")

    def test_its_sources_name_what_the_configuration_does(self):
        self.assertEqual(self.axvm("bare-metal", config("permissions"), "--sources",
                                   self.folder / "sources").status, 0)
        text = (self.folder / "sources" / "config.cpp").read_text()
        self.assertIn('.name = "permissions"', text)
        self.assertIn("{GuestPhysAddr(0x50000000), 0x1000, static_cast<MappingFlags>(1), MapType(0)}",
                      text)
        piece = (self.folder / "sources" / "vm1_piece0.bin").read_bytes()
        self.assertIn(f"{{vm1_piece0, {len(piece)}}}", text)

    def test_what_is_on_a_disk_is_a_files_contents(self):
        # The guest wants zeroes in the last sectors, and 0x5a anywhere is no zero.
        disk = self.folder / "disk"
        named = self.variant("virtio", 'size = "1M"', f'file = "{disk}"')
        named.write_text(named.read_text().replace("[sim.disk", "[sim]\nmax_resets = 0\n[sim.disk"))
        for fill, status in ((b"\0", 0), (b"\x5a", 1)):
            disk.write_bytes(bytes(1 << 19) + fill * (1 << 19))
            before = disk.read_bytes()
            self.assertEqual(self.axvm("bare-metal", named).status, status)
            self.assertEqual(disk.read_bytes(), before)

    def test_firmware_files_and_cards_are_in_the_sources(self):
        (self.folder / "motd").write_text("hello")
        named = self.variant("network-right", "  [\"virtio-rng\"",
                             "  [\"fw_cfg\", 0x0902_0000, 0x18, 0, 0x3, []],\n  [\"virtio-rng\"")
        named.write_text(named.read_text() + '[sim.net.virtio-net]\nmac = "52:54:00:12:34:56"\n'
                         f'[sim.fw_cfg.fw_cfg]\nfiles = [["opt/motd", "{self.folder}/motd"]]\n')
        sources = self.folder / "sources"
        self.assertEqual(self.axvm("bare-metal", named, "--sources", sources).status, 0)
        text = (sources / "config.cpp").read_text()
        self.assertIn('{"opt/motd", {vm2_file1_0, 5}}', text)
        self.assertIn("{3, 0, 0x563412005452}", text)
        self.assertEqual((sources / "vm2_file1_0.bin").read_text(), "hello")

    def test_what_needs_a_host_is_refused(self):
        disk = self.folder / "disk"
        disk.write_bytes(bytes(1 << 20))
        named = self.variant("virtio", 'size = "1M"', f'file = "{disk}"\noverlay = false')
        done = self.axvm("bare-metal", named)
        self.assertRegex(done.err, r"^axvm: .*virtio\.toml:\d+:\d+: sim\.disk\.virtio-disk\.file: is "
                                   r"written in place, which cannot be on bare metal\n$")
        self.assertEqual(done.status, 2)

    def test_what_cannot_be_run_is_refused_in_one_line(self):
        self.assert_rejected(self.axvm("bare-metal"), "CONFIG is required")
        self.assert_rejected(self.axvm("bare-metal", config("ivc-publisher"),
                                       config("ivc-subscriber"), "--vcpus", 33),
                             "bare-metal: 2 VMs with 66 vCPUs, expected at most 16 with 64")
        nowhere = self.variant("hello", "cpu_num = 1", "cpu_num = 1\nphys_cpu_sets = [0x100]")
        self.assert_rejected(self.axvm("bare-metal", nowhere),
                             "bare-metal: a vCPU may run on none of the board's CPUs, expected one of "
                             "the lowest 8 bits in each of phys_cpu_sets")
        rows = "".join(f'  ["disk{n}", {0x0a000400 + n * 0x200}, 0x200, {50 + n}, 0xe1, []],\n'
                       for n in range(16))
        disks = self.variant("virtio", '  ["virtio-disk"', rows + '  ["virtio-disk"')
        disks.write_text(disks.read_text() +
                         "".join(f'[sim.disk.disk{n}]\nsize = "4K"\n' for n in range(16)))
        self.assert_rejected(self.axvm("bare-metal", disks),
                             "bare-metal: 17 disks and 0 cards, expected at most 16 and 16")


if __name__ == "__main__":
    unittest.main()
