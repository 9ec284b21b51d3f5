"""axvm walk"""

import unittest

from command import Test, config


class Walk(Test):
    def test_before_the_first_instruction_stage_1_is_off(self):
        done = self.axvm("walk", config("paging"), "--gva", "0x40080000", "--at", "0")
        self.assertEqual((done.status, done.err), (0, ""))
        self.assertEqual(done.out_lines[0], "vm1 vcpu0 after 0 instructions: GVA 0x40080000")
        self.assertIn("stage 1 is off", done.out)
        self.assertNotIn("stage 1 level", done.out)
        self.assertIn("stage 2 level 3", done.out)
        self.assertIn("S2AP=3 (read/write)", done.out)
        self.assertIn("result: IPA 0x40080000, PA 0x", done.out)

    def test_with_own_tables_each_stage_1_read_is_translated_by_stage_2(self):
        done = self.axvm("walk", config("paging"), "--gva", "0x40080000")
        reads = [line for line in done.out_lines if " level " in line and ": table " in line]
        stage1 = [line for line in reads if line.startswith("  stage 1")]
        nested = [line for line in reads if line.startswith("      stage 2")]
        final = [line for line in reads if line.startswith("  stage 2")]
        self.assertGreaterEqual(len(stage1), 2)
        self.assertEqual(len(nested), len(stage1) * len(final))
        self.assertIn("UXN=1 PXN=0", done.out)
        self.assertEqual(done.out_lines[-1], "access from EL1: r-x")

    def test_el0_may_not_touch_the_kernel(self):
        done = self.axvm("walk", config("paging"), "--gva", "0x40080000", "--el", "0")
        self.assertEqual(done.out_lines[-1], "access from EL0: ---")
        self.assertIn("result: permission fault, level 3, stage 1", done.out)

    def test_an_unmapped_address_faults_at_stage_2(self):
        done = self.axvm("walk", config("hello"), "--gpa", "0x9000000", "--at", "100")
        self.assertIn("result: translation fault", done.out)
        self.assertIn("invalid", done.out)
        self.assertEqual(done.out_lines[-1], "access by stage 2: ---")

    def test_the_second_vcpu_has_tables_of_its_own_choice(self):
        done = self.axvm("walk", config("smp"), "--gva", "0x40080000", "--vcpu", "1",
                         "--at", "1000")
        self.assertEqual(done.status, 0)
        self.assertIn("vm1 vcpu1 after 1000 instructions", done.out)
        self.assertIn("stage 1 level", done.out)

    def test_the_same_point_draws_the_same_walk(self):
        walks = {self.axvm("walk", config("smp"), "--gva", "0x40080000", "--at", "12345",
                           "--chaos", seed).out for seed in ("0", "1", "2")}
        self.assertEqual(len(walks), 1)

    def test_a_point_that_is_never_reached_is_a_failure(self):
        done = self.axvm("walk", config("hello"), "--gva", "0", "--at", "99999999")
        self.assertEqual(done.status, 1)
        self.assertIn("before --at 99999999", done.err)

    def test_a_vcpu_that_does_not_exist(self):
        self.assert_rejected(self.axvm("walk", config("hello"), "--gva", "0", "--vcpu", "3"),
                             "--vcpu: vm1 has vCPUs 0 to 0")



class WalkOfRiscv(Test):
    def walk(self, guest, *arguments):
        done = self.axvm("walk", config(guest, "riscv64"), *arguments)
        self.assertEqual((done.status, done.err), (0, ""))
        return done

    def test_before_the_first_instruction_the_vs_stage_is_bare(self):
        done = self.walk("paging", "--gva", "0x80200000", "--at", "0")
        self.assertEqual(done.out_lines[0], "vm1 vcpu0 after 0 instructions: GVA 0x80200000")
        self.assertIn("VS-stage is Bare", done.out)
        self.assertNotIn("VS-stage level", done.out)
        self.assertIn("  G-stage level 0", done.out)

    def test_with_own_tables_each_vs_stage_read_is_translated_by_the_g_stage(self):
        done = self.walk("paging", "--gva", "0x80200000")
        reads = [line for line in done.out_lines if " level " in line and ": table " in line]
        first = [line for line in reads if line.startswith("  VS-stage")]
        nested = [line for line in reads if line.startswith("      G-stage")]
        final = [line for line in reads if line.startswith("  G-stage")]
        self.assertGreaterEqual(len(first), 1)
        self.assertEqual(len(nested), len(first) * len(final))
        self.assertIn("Result: GPA 0x80200000, PA 0x", done.out)

    def test_an_unmapped_address_faults_in_the_g_stage(self):
        done = self.walk("hello", "--gpa", "0x10000000", "--at", "100")
        self.assertIn("Result: load guest-page fault at level", done.out)
        self.assertIn("The G-stage permits: ---.", done.out)

    def test_the_same_point_draws_the_same_walk(self):
        walks = {self.walk("smp", "--gva", "0x80200000", "--at", "1234", "--chaos", seed).out
                 for seed in ("0", "1", "2")}
        self.assertEqual(len(walks), 1)

    def test_privileges_are_those_of_the_architecture(self):
        self.assert_rejected(
            self.axvm("walk", config("hello", "riscv64"), "--gva", "0", "--el", "0"),
            "--el: is of aarch64 guests, expected --mode for riscv64 ones")
        self.assert_rejected(self.axvm("walk", config("hello"), "--gva", "0", "--mode", "vu"),
                             "--mode: is of riscv64 guests, expected --el for aarch64 ones")
        self.assert_rejected(self.axvm("walk", config("hello"), "--gva", "0", "--mode", "m"),
                             "--mode: is m, expected vs or vu")


if __name__ == "__main__":
    unittest.main()
