"""axvm explain"""

import json
import re
import unittest

from command import Test, config
from tables import RAM, REGISTERS, Dump


class Registers(Test):
    def test_a_syndrome_with_the_registers_around_it(self):
        done = self.axvm("explain", "esr", "0x93810045", "--far", "0x9000000", "--hpfar", "0x90000",
                         "--elr", "0x40081c60", "--spsr", "0x200003c5")
        self.assertEqual((done.status, done.err), (0, ""))
        self.assertEqual(done.out_lines[0],
                         "In short: a 4-byte write of w1 to VA 0x9000000, IPA 0x9000000.")
        self.assertIn("[Arm ARM, ESR_EL2, ISS encoding for an exception from a Data Abort]", done.out)
        self.assertIn("access size: 4 bytes", done.out)
        self.assertIn("page at IPA 0x9000000", done.out)
        self.assertIn("EL1, SP_EL1 (EL1h)", done.out)

    def test_all_ways_to_write_a_register_are_the_same(self):
        said = {self.axvm("explain", *words).out for words in (
            ["VTCR_EL2=0x80043594"], ["vtcr", "0x80043594"], ["vtcr_el2", "2147759508"])}
        self.assertEqual(len(said), 1)
        self.assertIn("input addresses have 44 bits", said.pop())

    def test_a_name_alone_shows_all_values(self):
        done = self.axvm("explain", "vtcr_el2")
        self.assertEqual(done.status, 0)
        self.assertIn("0b10: 16 KiB", done.out)

    def test_each_register_of_the_list_is_explained(self):
        names = [line.split()[0] for line in self.axvm("explain", "--list").out_lines]
        self.assertGreater(len(names), 20)
        done = self.axvm("explain", *[f"{name}=0xffffffffffffffff" for name in names])
        self.assertEqual((done.status, done.err), (0, ""))
        for name in names:
            self.assertIn(f"{name} = 0xffffffffffffffff", done.out)

    def test_descriptors(self):
        done = self.axvm("explain", "descriptor", "0x60000000040f0f", "--level", "3")
        self.assertIn("page descriptor", done.out)
        done = self.axvm("explain", "descriptor", "0x400000f8001", "--stage", "2", "--level", "2",
                         "--granule", "64K")
        self.assertIn("block descriptor", done.out)
        self.assertIn("0x40000000000", done.out)
        done = self.axvm("explain", "descriptor", "1", "--level", "0")
        self.assertIn("invalid descriptor", done.out)

    def test_usage(self):
        for arguments, line in (
                ([], "explain: expected a register and its value, descriptor, walk or trace"),
                (["vtcr_el", "1"], 'explain: "vtcr_el" is no register, expected perhaps VTCR_EL2'),
                (["foo"], 'explain: "foo" is no register, walk, trace or descriptor; axvm explain '
                          "--list names the registers"),
                (["esr", "96000046x"], 'esr: "96000046x" is not a number, expected decimal or 0x '
                                       "hexadecimal"),
                (["descriptor", "1", "--level", "4"], "--level: is 4, expected 0 to 3"),
                (["descriptor", "1", "--granule", "8K"], "--granule: is 8K, expected 4K, 16K or 64K"),
                (["descriptor", "1", "--granule", "64K", "--level", "0"],
                 "--level: is 0, expected 1 to 3 with --granule 64K"),
                (["--far", "1", "descriptor", "3"],
                 "explain: far and descriptor are two explanations, expected one"),
                (["esr", "5", "descriptor", "3"],
                 "explain: esr and descriptor are two explanations, expected one"),
                (["--list", "esr", "5"], "--list: stands alone, expected nothing else to explain"),
                (["--list", "descriptor", "5"],
                 "--list: stands alone, expected nothing else to explain"),
                (["walk", "--gva", "0"],
                 "explain walk: expected a configuration, or registers and memory"),
                (["walk", config("hello")],
                 "explain walk: expected --gva ADDR, --gpa ADDR or --trace FILE --event N")):
            self.assert_rejected(self.axvm("explain", *arguments), line)


class RiscvRegisters(Test):
    def test_a_cause_with_the_registers_around_it(self):
        done = self.axvm("explain", "scause", "23", "stval", "0x10000000", "htval", "0x4000000",
                         "htinst", "0x00b02023", "sepc=0x80200010", "hstatus=0x2000001c0")
        self.assertEqual((done.status, done.err), (0, ""))
        self.assertEqual(done.out_lines[0],
                         "In short: a 4-byte store of a1 to GVA 0x10000000, GPA 0x10000000.")
        self.assertIn("  To emulate: take 4 bytes of a1, then skip the instruction.\n", done.out)
        self.assertIn("sepc: 0x80200010 is the instruction's: SRET repeats it, sepc + 4 skips it.",
                      done.out)
        self.assertIn("[RISC-V Privileged, Supervisor Cause (scause) Register]", done.out)
        self.assertIn("store/AMO guest-page fault", done.out)

    def test_near_names(self):
        self.assert_rejected(self.axvm("explain", "hgapt", "1"),
                             'explain: "hgapt" is no register, expected perhaps hgatp')

    def test_entries_of_page_tables(self):
        done = self.axvm("explain", "descriptor", "0x200800cf", "--stage", "vs")
        self.assertEqual(done.out_lines[0],
                         "VS-stage, level 0 = 0x00000000200800cf: leaf: a page")
        done = self.axvm("explain", "descriptor", "0x20000001", "--stage", "g", "--level", "4")
        self.assertIn("next table: 0x80000000", done.out)
        self.assertIn("[RISC-V Privileged, Guest Physical Address Translation]", done.out)

    def test_usage(self):
        for arguments, line in (
                (["--stage", "vs", "--granule", "4K"],
                 "--granule: is of --stage 1 and 2, expected none with --stage vs"),
                (["--stage", "3"], "--stage: is 3, expected 1, 2, vs or g"),
                (["--stage", "g", "--level", "5"], "--level: is 5, expected 0 to 4")):
            self.assert_rejected(self.axvm("explain", "descriptor", "1", *arguments), line)


class Walks(Dump, Test):
    def test_a_guest_walks_19_descriptors_and_the_tlb_has_the_answer(self):
        done = self.axvm("explain", "walk", config("paging"), "--gva", "0x40080000")
        self.assertEqual((done.status, done.err), (0, ""))
        self.assertIn("  19. stage 2 level 3\n", done.out)
        self.assertIn("Result: IPA 0x40080000, PA 0x40001000", done.out)
        self.assertIn("Cost: 19 descriptors, 232 cycles", done.out)
        self.assertIn("TLB hit: VMID 1, global, VA 0x40080000", done.out)
        full = self.axvm("explain", "walk", config("paging"), "--gva", "0x40080000", "--full")
        self.assertIn("  54:53  XN[1:0]     0b00", full.out)
        self.assertNotIn("  54:53  XN[1:0]", done.out)

    def test_the_same_point_is_the_same_walk(self):
        walks = {self.axvm("explain", "walk", config("smp"), "--gva", "0x40080000", "--at", "12345",
                           "--chaos", seed).out for seed in ("0", "1")}
        self.assertEqual(len(walks), 1)

    def test_typed_in_registers_over_a_dump(self):
        done = self.axvm("explain", "walk", *self.typed_in(), "--gva", "0x403123")
        self.assertEqual((done.status, done.err), (0, ""))
        self.assertIn("Result: IPA 0x80007123, PA 0x80007123", done.out)
        self.assertIn("  15. stage 2 level 3\n", done.out)
        self.assertNotRegex(done.out, "TLB (hit|miss):")

    def test_a_register_on_the_command_line_comes_last(self):
        done = self.axvm("explain", "walk", *self.typed_in(), "--register", "hcr_el2=0",
                         "--gva", "0x403123")
        self.assertIn("Stage 2 is off", done.out)
        self.assertIn("Cost: 3 descriptors", done.out)

    def test_the_registers_file_may_name_the_dump(self):
        self.typed_in()
        file = self.file("all.toml", REGISTERS +
                         f'memory = [{{file = "ram.bin", address = {RAM:#x}}}]\n')
        done = self.axvm("explain", "walk", "--registers", file, "--gpa", "0x80001000")
        self.assertIn("Result: IPA 0x80001000, PA 0x80001000", done.out)

    def test_what_is_in_no_dump_is_no_answer(self):
        walk = ["--gva", "0x403123"]
        done = self.axvm("explain", "walk", *self.typed_in(size=0x2000), *walk)
        self.assert_rejected(done, "stage 2 level 3: the table is in no dump (the last descriptor "
                                   "read is 0x80002003), expected --memory with it")
        done = self.axvm("explain", "walk", *self.typed_in(size=0x2010), *walk)
        self.assert_rejected(done, "stage 2 level 3, to find the stage-1 descriptor of level 1: the "
                                   "descriptor at 0x80002018 is in no dump, expected --memory with it")

    def test_files_that_are_wrong(self):
        typed = self.typed_in()
        for registers, expected in (
                ("VTCR = 1", None),
                ("VTCR_EL3 = 1", "is no register that translation depends on, expected perhaps "
                                 "VTCR_EL2"),
                ("HCR_EL2 = -1", "is no 64-bit number"),
                ("HCR_EL2 = ", "")):
            file = self.file("r.toml", registers)
            done = self.axvm("explain", "walk", "--registers", file, *typed[2:], "--gva", "0")
            if expected is None:
                self.assertEqual(done.status, 0)
            else:
                self.assertEqual((done.status, len(done.err_lines)), (2, 1))
                self.assertIn(f"{file}:1:", done.err)
                self.assertIn(expected, done.err)
        for memory, expected in ((f"{self.folder}@0", "is no file that can be read"),
                                 (f"{self.file('empty', '')}@0", "is empty"),
                                 (f"{self.folder}/ram.bin@0xffffffffff000", "ends beyond 2^52")):
            done = self.axvm("explain", "walk", "--memory", memory, "--gva", "0")
            self.assertEqual((done.status, len(done.err_lines)), (2, 1))
            self.assertIn(expected, done.err)

    def test_entries_are_typed_in(self):
        file = self.file("r.toml", """
HCR_EL2 = 1
VTCR_EL2 = 0x50059
VTTBR_EL2 = 0x1000
memory = [{address = 0x1008, words = [0x2003]}, {address = 0x2ff8, words = ["0x400007fd"]}]
""")
        walk = ["explain", "walk", "--registers", file, "--gpa"]
        self.assertIn("PA 0x40001000;", self.axvm(*walk, "0x7fe01000").out)
        self.assertIn("translation fault, level 2", self.axvm(*walk, "0x40000000").out)
        for row, expected in (("{address = 4, words = [1]}", "address is no multiple of 8"),
                              ("{address = 8, words = [true]}", "is no 64-bit number"),
                              ("{address = 8, words = 1}", "an array"),
                              ("{address = 8, words = []}",
                               "w.toml:1:33: memory[0].words: is empty, expected at least one word"),
                              ("{address = 8}", "is missing"),
                              ("{words = [1]}", "is missing")):
            done = self.axvm("explain", "walk", "--registers",
                             self.file("w.toml", f"memory = [{row}]"), "--gva", "0")
            self.assertEqual((done.status, len(done.err_lines)), (2, 1), done.err)
            self.assertIn(expected, done.err)

    def test_other_granules_are_refused(self):
        done = self.axvm("explain", "walk", *self.typed_in(), "--register", "VTCR_EL2=0x54059",
                         "--gva", "0x403123")
        self.assert_rejected(done, "VTCR_EL2.TG0 is not 4 KiB: only the 4 KiB granule with 48 bits "
                                   "can be walked")

    def test_a_page_that_cannot_be_written(self):
        done = self.axvm("explain", "walk", *self.typed_in(), "--gva", "0", "--html",
                         self.folder / "none" / "w.html")
        self.assertEqual((done.status, len(done.err_lines)), (2, 1))


class RiscvWalks(Test):
    def walk(self, *arguments):
        done = self.axvm("explain", "walk", config("paging", "riscv64"), *arguments)
        self.assertEqual((done.status, done.err), (0, ""))
        return done

    def test_a_guest_s_walk_and_its_tlb(self):
        done = self.walk("--gva", "0x80200000")
        self.assertRegex(done.out, r"VS-stage: vsatp = 0x8[0-9a-f]+, Sv39: 3 levels")
        self.assertIn("to find the VS-stage entry of level 2", done.out)
        self.assertIn("TLB hit: VMID 1", done.out)
        self.assertIn("[RISC-V Privileged, Guest Physical Address Translation]", done.out)

    def test_a_fetch_by_vu_mode(self):
        done = self.walk("--gva", "0x80200000", "--mode", "vu", "--access", "fetch")
        self.assertIn("instruction page fault", done.out)
        self.assertIn("VU-mode may: ---.", done.out)

    def test_the_page_has_each_read_and_each_table(self):
        file = self.folder / "w.html"
        self.walk("--gva", "0x80200000", "--html", file)
        data = json.loads(file.read_text().split('type="application/json">')[1]
                          .split("</script>")[0])
        self.assertEqual(data["words"]["stages"], ["VS-stage", "G-stage"])
        self.assertIn(1, [read["stage"] for read in data["reads"]])
        for read in data["reads"]:
            table = data["tables"][read["entries"]]
            self.assertEqual(int(table["values"][str(read["index"] - table["first"])], 16),
                             int(read["descriptor"]["word"], 16))

    def test_registers_of_aarch64_have_no_modes(self):
        done = self.axvm("explain", "walk", "--register", "hcr_el2=0", "--gva", "0", "--mode", "vu")
        self.assert_rejected(done, "--mode: is of riscv64 guests, expected --el for aarch64 ones")


class RiscvTypedIn(Dump, Test):
    def walk(self, *arguments, **typed):
        return self.axvm("explain", "walk", *self.typed_in_riscv(**typed), *arguments)

    def test_both_stages_over_a_dump(self):
        done = self.walk("--gva", "0x403123")
        self.assertEqual((done.status, done.err), (0, ""))
        self.assertEqual(done.out_lines[0], "typed-in registers: GVA 0x403123")
        self.assertIn("Result: GPA 0x80007123, PA 0x80007123;", done.out)
        self.assertIn("  15. G-stage level 0\n", done.out)
        self.assertIn("VS-mode may: rwx.", done.out)
        self.assertNotRegex(done.out, "TLB (hit|miss):")
        self.assertIn("VU-mode may: ---.", self.walk("--gva", "0x403123", "--mode", "vu").out)
        self.assertIn("PA 0x80001000;", self.walk("--gpa", "0x80001000").out)

    def test_a_fault_is_what_the_access_leaves_in_registers(self):
        done = self.walk("--gva", "0x503123", "--access", "write")
        self.assertEqual((done.status, done.err), (0, ""))
        self.assertIn("Result: store/AMO page fault at level 0 of the VS-stage, for a store.", done.out)
        done = self.walk("--gpa", "0x90000010", "--access", "fetch")
        self.assertIn("HS-mode would see: scause = 0x14, htval = 0x24000004", done.out)

    def test_sum_and_mxr_are_those_typed_in(self):
        file = self.file("pages.toml", """
vsatp = "0x8000000000080000"
hgatp = 0
memory = [{address = 0x80000000, words = [0x20000401]},
          {address = 0x80001000, words = [0x20000801]},
          {address = 0x80002000, words = [0x200000d9, 0x20000059]}]
""")
        walk = ["explain", "walk", "--registers", file, "--gva", "0"]
        # X and U, not R.
        self.assertIn("VS-mode may: ---.", self.axvm(*walk).out)
        self.assertIn("VS-mode may: ---.", self.axvm(*walk, "--register", "vsstatus=0x40000").out)
        self.assertIn("VS-mode may: r--.", self.axvm(*walk, "--register", "vsstatus=0xc0000").out)
        self.assertIn("VU-mode may: --x.", self.axvm(*walk, "--mode", "vu").out)
        done = self.axvm(*walk, "--mode", "vu", "--register", "sstatus=0x80000")
        self.assertIn("VU-mode may: r-x.", done.out)
        self.assertIn("sstatus.MXR = 1, for both stages.", " ".join(done.out.split()))

    def test_svpbmt_is_henvcfg_s(self):
        file = self.file("pages.toml", """
vsatp = "0x8000000000080000"
memory = [{address = 0x80000000, words = ["0x40000000000000cf"]}]
""")
        walk = ["explain", "walk", "--registers", file, "--gva", "0"]
        self.assertIn("Result: load page fault", self.axvm(*walk).out)
        done = self.axvm(*walk, "--register", "henvcfg=0x4000000000000000")
        self.assertIn("Result: GPA 0x0, PA 0x0; NC or IO (Svpbmt);", done.out)

    def test_satp_alone_is_one_stage(self):
        # The tables of the guest, which the dump has where the guest believes them to be.
        registers = f'satp = "{8 << 60 | RAM + 0x8000 >> 12:#x}"'
        done = self.walk("--gva", "0x403123", registers=registers)
        self.assertEqual((done.status, done.err), (0, ""))
        self.assertEqual(done.out_lines[0], "typed-in registers: VA 0x403123")
        self.assertIn("  3. level 0\n", done.out)
        self.assertIn("Result: PA 0x80007123;", done.out)
        self.assertIn("S-mode may: rwx.", done.out)
        done = self.walk("--gpa", "0x80001000", registers=registers)
        self.assert_rejected(done, "--gpa: is of guests, expected --gva with satp alone, or hgatp")

    def test_what_is_in_no_dump_is_no_answer(self):
        done = self.walk("--gva", "0x403123", size=0x5000)
        self.assert_rejected(done, "G-stage level 0, to find the VS-stage entry of level 2: the table "
                                   "is in no dump (the last entry read is 0x20001401), expected "
                                   "--memory with it")
        done = self.walk("--gva", "0x403123", size=0x5040)
        self.assert_rejected(done, "G-stage level 0, to find the VS-stage entry of level 2: the entry "
                                   "at 0x80005040 is in no dump, expected --memory with it")
        done = self.walk("--gva", "0x403123", size=0x8000)
        self.assert_rejected(done, "VS-stage level 2: the table is in no dump (the last entry read is "
                                   "0x200020df), expected --memory with it")

    def test_registers_that_are_wrong(self):
        for registers, expected in (
                ("HCR_EL2 = 1\nvsatp = 0", ":2:9: vsatp: is of riscv64, expected one of aarch64, as "
                                           "others are"),
                ("htval = 1", ":1:9: htval: is no register that translation depends on"),
                ("hgatpp = 1", "expected perhaps hgatp"),
                ("hgatp = -1", ":1:9: hgatp: is no 64-bit number")):
            file = self.file("r.toml", registers)
            done = self.axvm("explain", "walk", "--registers", file, "--memory", "none@0", "--gva", "0")
            self.assertEqual((done.status, len(done.err_lines)), (2, 1), done.err)
            self.assertIn(expected, done.err)
        for arguments, line in (
                (["--register", "HCR_EL2=1"],
                 "--register: HCR_EL2 is of aarch64, expected one of riscv64, as others are"),
                (["--register", "hgatp=0x1000000000000000"],
                 "hgatp.MODE is 1, expected 0 (Bare), 8 (Sv39), 9 (Sv48) or 10 (Sv57)"),
                (["--register", "hstatus=0x20"],
                 "hstatus.VSBE is set: only tables that are little-endian can be walked"),
                (["--el", "0"], "--el: is of aarch64 guests, expected --mode for riscv64 ones")):
            self.assert_rejected(self.walk("--gva", "0", *arguments), line)
        self.assert_rejected(
            self.axvm("explain", "walk", "--register", "vsatp=0", "--gva", "0"),
            "explain walk: expected --memory FILE@ADDRESS, the memory that holds the tables")

    def test_the_page_has_each_read(self):
        file = self.folder / "w.html"
        self.assertEqual(self.walk("--gva", "0x403123", "--html", file).out, "")
        data = json.loads(file.read_text().split('type="application/json">')[1]
                          .split("</script>")[0])
        self.assertEqual([read["stage"] for read in data["reads"]], [2, 2, 2, 1] * 3 + [2, 2, 2])
        self.assertEqual(len(data["tables"]), 6)
        self.assertEqual(data["tlb"], [])
        self.assertEqual([register["name"] for register in data["registers"]],
                         ["vsatp", "hgatp", "henvcfg"])


class ThePage(Dump, Test):
    def page(self, name="w.html"):
        file = self.folder / name
        done = self.axvm("explain", "walk", *self.typed_in(), "--gva", "0x403123", "--html", file)
        self.assertEqual((done.status, done.out, done.err), (0, "", ""))
        return file.read_text()

    def test_it_asks_for_no_other_file(self):
        page = self.page()
        self.assertIn("default-src 'none'", page)
        self.assertNotRegex(page, r"""(src|href)=["'](?!data:)""")
        self.assertNotRegex(page, r"url\(|@import|https?://|fetch\(")

    def test_the_same_walk_is_the_same_page(self):
        self.assertEqual(self.page("a.html"), self.page("b.html"))

    def test_it_has_each_read_and_each_table(self):
        data = json.loads(self.page().split('type="application/json">')[1].split("</script>")[0])
        self.assertEqual([read["stage"] for read in data["reads"]], [2, 2, 2, 1] * 3 + [2, 2, 2])
        self.assertEqual(len(data["tables"]), 6)
        for read in data["reads"]:
            table = data["tables"][read["entries"]]
            self.assertEqual(int(table["values"][str(read["index"] - table["first"])], 16),
                             int(read["descriptor"]["word"], 16))


class Traces(Test):
    def trace(self, name, isa="aarch64"):
        path = self.folder / "trace"
        self.axvm("run", config(name, isa), "--quiet", "--trace", f"{path}:jsonl")
        return path

    def test_each_exit_in_a_few_lines(self):
        path = self.trace("hello")
        exits = sum(json.loads(line)["event"] == "TrapTaken"
                    for line in path.read_text().splitlines())
        done = self.axvm("explain", "trace", path)
        self.assertEqual((done.status, done.err), (0, ""))
        self.assertEqual(sum(line.startswith("event ") for line in done.out_lines), exits)
        self.assertIn("  a 4-byte write of w8 = 0x48 to VA 0x9000000, IPA 0x9000000\n", done.out)
        self.assertIn("  → DeviceAccess bus=Mmio is_write=true", done.out)

    def test_one_of_them_in_full(self):
        path = self.trace("hello")
        listed = self.axvm("explain", "trace", path).out_lines
        first = next(line for line in listed if line.startswith("event 13,"))
        done = self.axvm("explain", "trace", path, "--event", "13")
        self.assertEqual(done.out_lines[0], first)
        self.assertIn("DFSC   0x5", done.out)
        self.assertIn("X8  = 0x0000000000000048", done.out)

    def test_of_riscv_guests(self):
        path = self.trace("hello", isa="riscv64")
        done = self.axvm("explain", "trace", path)
        self.assertEqual((done.status, done.err), (0, ""))
        exits = sum(json.loads(line)["event"] == "TrapTaken"
                    for line in path.read_text().splitlines())
        self.assertEqual(sum(line.startswith("event ") for line in done.out_lines), exits)
        self.assertIn("  a 1-byte store of a0 = 0x48 to GVA 0x10000000, GPA 0x10000000\n"
                      "  Why: the G-stage maps nothing there, or does not permit it.\n"
                      "  → DeviceAccess bus=Mmio is_write=true width=0x1 address=0x10000000 "
                      "data=0x48 device=uart\n", done.out)
        self.assertIn("  ECALL from VS-mode, a call to firmware: a7 = 0x53525354 (System Reset), "
                      "a6 = 0x0\n", done.out)
        full = self.axvm("explain", "trace", path, "--event", "13").out
        self.assertIn("hstatus.SPVP: it came from VS-mode.", full)
        self.assertIn("To emulate: take 1 byte of a0, then skip the instruction.", full)
        self.assertIn("[RISC-V Privileged, Transformed Instruction or Pseudoinstruction for mtinst or htinst]", full)
        self.assertIn("[RISC-V Privileged, Hypervisor Trap Value (htval) Register]", full)
        self.assertIn("a0  = 0x0000000000000048", full)

    def test_what_riscv_guests_may_not_execute(self):
        told = self.axvm("explain", "trace", self.trace("unknown", isa="riscv64")).out
        self.assertIn("an instruction that is trapped: csrrw zero, vsatp, a0, a0 = 0x5eed", told)

    def number_of(self, path, is_it):
        """Of the first event that is it."""
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        kept = [line for line in lines if not line.get("host") and line["event"] != "Machine"]
        first = next(n for n, line in enumerate(kept) if line["event"] == "TrapTaken")
        return next(n for n, line in enumerate(kept[first:], 1) if is_it(line))

    def test_the_walk_of_an_exit_is_that_of_its_moment(self):
        """The page is mapped by the exit: before it, the walk ends there; after it, it does not."""
        for isa, fault, invalid in (
                ("aarch64", "translation fault, level", "invalid: the walk ends here"),
                ("riscv64", "guest-page fault at level", "invalid")):
            with self.subTest(isa=isa):
                path = self.trace("lazy", isa)
                mapped = self.number_of(path, lambda line: line["event"] == "PageMapped")
                walk = ["explain", "walk", config("lazy", isa), "--trace", path, "--event"]
                done = self.axvm(*walk, mapped - 1)
                self.assertEqual((done.status, done.err), (0, ""))
                told = self.axvm("explain", "trace", path, "--event", mapped - 1).out
                address = re.search(r"to G?VA (0x[0-9a-f]+)", told).group(1)
                self.assertRegex(done.out_lines[0],
                                 rf"^event {mapped - 1}, vm1 vcpu0 after \d+ instructions of "
                                 rf"CPU 0: GVA {address}$")
                self.assertIn(invalid, done.out)
                self.assertRegex(done.out, rf"Result: .*{fault}")
                self.assertEqual(done.out, self.axvm(*walk, mapped - 1, "--chaos", "3").out)
                later = self.axvm("explain", "walk", config("lazy", isa), "--gva", address)
                self.assertNotRegex(later.out, rf"Result: .*{fault}")

    def test_the_walk_of_an_exit_has_its_access_and_privilege(self):
        path = self.trace("hello")
        done = self.axvm("explain", "walk", config("hello"), "--trace", path, "--event", "13")
        self.assertIn("GVA 0x9000000", done.out_lines[0])
        self.assertRegex(done.out, r"Result: translation fault, level \d of stage 2, for a write")
        self.assertIn("EL2 would see: ESR_EL2 = 0x92000045", done.out.replace("\n  ", " "))

    def test_the_walk_of_an_exit_of_the_second_cpu(self):
        path = self.trace("exits")
        abort = self.number_of(path, lambda line: line["event"] == "TrapTaken" and
                               line["vcpu"] == 1 and int(line["syndrome"], 16) >> 26 == 0x24)
        done = self.axvm("explain", "walk", config("exits"), "--trace", path, "--event", abort)
        self.assertEqual((done.status, done.err), (0, ""))
        self.assertRegex(done.out_lines[0], "vm1 vcpu1 after .* of CPU 1")
        self.assertIn("stage 1 level 1", done.out)

    def test_the_walk_of_an_exit_with_its_tables_as_a_page(self):
        path = self.folder / "trace"
        self.axvm("run", config("hello"), "--quiet", "--trace-tables", "--trace", f"{path}:jsonl")
        number = self.number_of(path, lambda line: line.get("fault_address") == "0x9000000")
        file = self.folder / "w.html"
        done = self.axvm("explain", "walk", config("hello"), "--trace", path, "--event", number,
                         "--html", file)
        self.assertEqual((done.status, done.out, done.err), (0, "", ""))
        data = json.loads(file.read_text().split('type="application/json">')[1]
                          .split("</script>")[0])
        self.assertEqual(int(data["reads"][-1]["descriptor"]["word"], 16), 0)

    def test_a_walk_that_is_of_no_exit(self):
        path = self.trace("hello")
        walk = ["explain", "walk", config("hello"), "--trace", path]
        count = re.search(r"has (\d+) events",
                          self.axvm("explain", "trace", path, "--event", 10**6).err).group(1)
        call = self.number_of(path, lambda line: line.get("syndrome") == "0x5a000000")
        access = self.number_of(path, lambda line: line["event"] == "DeviceAccess")
        expected = "expected an exit by a fault of stage 2 at an address"
        for event, line in (
                (10**6, f"--event: is 1000000, {path} has {count} events"),
                (0, "--event: is 0, expected 1 to 4611686018427387904"),
                (call, f'--event: {call} is "HVC from AArch64", {expected}'),
                (access, f'--event: {access} is "DeviceAccess", {expected}')):
            self.assert_rejected(self.axvm(*walk, "--event", event), line)
        self.assert_rejected(self.axvm(*walk), "--trace requires --event")
        self.assert_rejected(self.axvm(*walk, "--event", "13", "--gva", "0"),
                             "--gva excludes --trace")

    def test_a_walk_in_a_trace_of_another_run(self):
        path = self.trace("hello")
        lines = path.read_text().splitlines()
        line = next(n for n, text in enumerate(lines, 1) if '"fault_address":"0x9000000"' in text)
        event = self.number_of(path, lambda line: line.get("fault_address") == "0x9000000")
        then = ("is not what this machine does then, expected a trace of the same run "
                "(--trace FILE:jsonl)")
        walk = ["explain", "walk", config("hello"), "--trace", path, "--event", event]
        path.write_text("\n".join(lines[:line - 1] + [lines[line - 1].replace(
            '"instructions":', '"instructions":9')]) + "\n")
        self.assert_rejected(self.axvm(*walk), f"{path}:{line}: {then}")
        # Both begin alike.
        lazy = json.loads(self.trace("lazy").read_text().splitlines()[-1])["time_ns"]
        late = self.number_of(path, lambda line: line["event"] == "PageMapped" and
                              line["time_ns"] > lazy // 2) - 1
        done = self.axvm(*walk[:-1], late)
        self.assertRegex(done.err, rf"^axvm: {path}:\d+: {re.escape(then)}\n$")
        self.assertEqual((done.status, done.out), (2, ""))
        self.trace("hello", "riscv64")
        event = self.number_of(path, lambda line: line.get("fault_address") == "0x10000000")
        self.assert_rejected(self.axvm(*walk[:-1], event), f"{path}:1: {then}")
        # What follows the end of the run.
        self.trace("hello")
        with path.open("a", encoding="ascii") as trace:
            trace.write(lines[line - 1] + "\n")
        event = int(re.search(r"has (\d+) events", self.axvm(
            "explain", "trace", path, "--event", 10**6).err).group(1))
        self.assert_rejected(self.axvm(*walk[:-1], event),
                             f"{path}:{len(lines) + 1}: this machine ends before (powered off), "
                             "expected a trace of the same run (--trace FILE:jsonl)")

    def test_what_is_no_trace(self):
        path = self.trace("hello")
        done = self.axvm("explain", "trace", path, "--event", "100000")
        self.assertRegex(done.err, r"^axvm: --event: is 100000, .* has \d+ events\n$")
        self.assertEqual(done.status, 2)
        text = self.file("text", "hello\n")
        self.assert_rejected(self.axvm("explain", "trace", text), f"{text}:1: is no JSON object")
        empty = self.file("empty", "")
        self.assert_rejected(self.axvm("explain", "trace", empty), f"{empty}: has no trap")
        self.assert_rejected(self.axvm("explain", "trace", self.folder / "none"),
                             f"{self.folder / 'none'}: cannot be read: No such file or directory")


if __name__ == "__main__":
    unittest.main()
