"""axvm check"""

import os
import unittest

from command import Test, config


class Check(Test):
    def test_prints_the_memory_map(self):
        done = self.axvm("check", config("smp"))
        self.assertEqual((done.status, done.err), (0, ""))
        self.assertIn('VM 1 "smp", RTOS, 2 vCPUs, entry at 0x40080000', done.out)
        self.assertRegex(done.out, r"0x000009000000-0x000009000fff +4 KiB  "
                                   r"pl011 \(emulated console\) +trapped")
        self.assertRegex(done.out, r"0x000040000000-0x000043ffffff +64 MiB  "
                                   r"memory, allocated +rwx")
        self.assertRegex(done.out, r"image at 0x40080000: .*guests/aarch64/smp\.bin")
        self.assertRegex(done.out_lines[-1], r"^machine: 2 pCPUs, RAM .* at 0x40000000$")

    def test_the_map_shows_what_passes_through(self):
        variant = self.variant("hello", "[devices]", """[devices]
address_space_policy = "passthrough"
passthrough_addresses = [[0x0A00_0ff0, 0x20]]""")
        done = self.axvm("check", variant)
        self.assertEqual((done.status, done.err), (0, ""))
        for row in (r"0x000000000000-0x000008ffffff +144 MiB  the host's addresses, not RAM",
                    r"0x000009001000-0x00003fffffff +\S+ \S+  the host's addresses, not RAM",
                    r"0x00000a000000-0x00000a001fff +8 KiB  window to the host's addresses",
                    r"0x\w+-0x0fffffffffff .*the host's addresses, not RAM"):
            self.assertRegex(done.out, row + r" +rw- device\n")
        run = self.axvm("run", variant)
        self.assertEqual(run.status, 0)

    def test_the_map_shows_the_cpu_interface_of_a_gicv2(self):
        done = self.axvm("check", self.variant("hello", "emu_devices = [", """emu_devices = [
  ["gic", 0x0800_0000, 0x1_0000, 0, 0x1, [2, 0x0801_0000]],"""))
        self.assertEqual((done.status, done.err), (0, ""))
        self.assertRegex(done.out, r"0x000008010000-0x000008011fff +8 KiB  "
                                   r"gic \(CPU interface of the hardware\) +rw- device")

    def test_a_missing_image_is_a_warning(self):
        missing = self.variant("hello", "guests/aarch64/hello.bin", "no-such.bin")
        done = self.axvm("check", missing)
        self.assertEqual(done.status, 0)
        self.assertRegex(done.err, r"^axvm: warning: .*hello\.toml:\d+:\d+: kernel\.kernel_path: ")

    def test_every_mistake_is_a_line_with_its_place(self):
        wrong = self.file("wrong.toml", """[base]
id = 300
name = "x"
vm_type = 1
cpu_nums = 1
[kernel]
entry_point = 0
kernel_path = 1
kernel_load_addr = 0
memory_regions = []
[devices]
emu_devices = []
passthrough_devices = []
""")
        done = self.axvm("check", wrong)
        self.assertEqual(done.status, 2)
        self.assertEqual([line.replace(str(wrong), "wrong.toml") for line in done.err_lines], [
            "axvm: wrong.toml:1:1: base.cpu_num: is missing, expected an integer",
            "axvm: wrong.toml:2:6: base.id: is 300, expected an integer from 1 to 255",
            "axvm: wrong.toml:5:1: base.cpu_nums: is an unknown key, expected perhaps \"cpu_num\"",
            "axvm: wrong.toml:8:15: kernel.kernel_path: is 1, expected a string",
        ])

    def test_the_core_s_findings_have_a_place_too(self):
        wrong = self.variant("hello", "0x400_0000, 0x7", "0x400_0001, 0x7")
        done = self.axvm("check", wrong)
        self.assertEqual(done.status, 2)
        self.assertRegex(done.err, r"^axvm: .*hello\.toml:\d+:\d+: kernel\.memory_regions\[0\]: ")

    def test_a_configuration_that_is_no_file_is_refused(self):
        pipe = self.folder / "pipe"
        os.mkfifo(pipe)
        for path in ("/dev/zero", self.folder, pipe):
            for command in ("check", "run"):
                self.assert_rejected(self.axvm(command, path),
                                     f"{path}: is not a regular file, expected a TOML file")

    def test_an_image_that_is_no_file_is_called_so(self):
        for path in ("/dev/zero", str(self.folder)):
            variant = self.variant("hello", "guests/aarch64/hello.bin", path)
            done = self.axvm("check", variant)
            self.assertEqual(done.status, 0)
            self.assertIn(f"kernel.kernel_path: {path} is not a regular file", done.err)

    def test_memory_beyond_reach_is_refused_at_its_place(self):
        for command in ("check", "run"):
            wrong = self.variant("hello", "0x400_0000, 0x7", "0x1000_0000_0000, 0x7")
            done = self.axvm(command, wrong)
            self.assertEqual(done.status, 2)
            self.assertRegex(done.err, r"^axvm: .*hello\.toml:15:19: kernel\.memory_regions\[0\]: "
                                       r"ends at 0x100040000000, expected addresses below "
                                       r"0x100000000000 \(44 bits\)\n$")
            done = self.axvm(command, config("hello"), "--memory", "16T")
            self.assertEqual(done.status, 2)
            self.assertRegex(done.err, r"^axvm: --memory: .*toml:15:19: kernel\.memory_regions\[0\]:"
                                       r" ends at 0x100040000000, expected .*\n$")

    def test_two_vms_with_one_id_are_refused(self):
        done = self.axvm("check", config("hello"), config("smp"))
        self.assertEqual(done.status, 2)
        self.assertIn("expected a different id per VM", done.err)


if __name__ == "__main__":
    unittest.main()
