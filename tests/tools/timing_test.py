"""axvm run: --timing, --stats, --stats-interval, --record-stream."""

import csv
import json
import unittest

from command import ISA, Test, config

EXPERIMENT = """title = "Recorded"
[sweep]
profile = "bare"
stage1 = "vmsa-4k-48/4K"
stream = "{stream}"
accesses = 1000
[[table]]
title = "Reads"
rows = "profile"
columns = "stream"
metric = "references_per_access"
"""


class Stats(Test):
    def stats(self, guest, *arguments, name="stats.csv", isa=ISA):
        file = self.folder / name
        done = self.axvm("run", config(guest, isa), "--quiet", "--stats", file, *arguments)
        self.assertEqual((done.status, done.err), (0, ""))
        return file

    def rows(self, *arguments, **named):
        with open(self.stats(*arguments, **named), newline="", encoding="ascii") as file:
            return [{name: int(value) for name, value in row.items()}
                    for row in csv.DictReader(file)]

    def test_counters_are_named_as_arm_does_and_fit_each_other(self):
        (row,) = self.rows("paging", "--timing", "neoverse-n1")
        # Each miss asks the unified second level; each miss there walks.
        self.assertGreater(row["L1D_TLB_REFILL"], 0)
        self.assertEqual(row["L2D_TLB"], row["L1D_TLB_REFILL"] + row["L1I_TLB_REFILL"])
        self.assertEqual(row["L2D_TLB_REFILL"], row["DTLB_WALK"] + row["ITLB_WALK"])
        self.assertEqual(row["L1D_CACHE"], row["MEM_ACCESS"])
        references = sum(value for name, value in row.items() if "_level" in name)
        # This processor's walks ask the second level first.
        self.assertEqual(row["L2D_CACHE"],
                         row["L1D_CACHE_REFILL"] + row["L1I_CACHE_REFILL"] + references)
        self.assertEqual(row["L3D_CACHE"], row["L2D_CACHE_REFILL"])
        self.assertEqual(row["LL_CACHE_RD"], row["L3D_CACHE"])
        self.assertEqual(row["LL_CACHE_MISS_RD"], row["L3D_CACHE_REFILL"])
        self.assertEqual(row["EXC_TAKEN"], row["exceptions_to_el1"] + row["exceptions_to_el2"])
        self.assertEqual(row["INST_RETIRED"], row["instructions"])
        self.assertGreater(row["CPU_CYCLES"], row["INST_RETIRED"])

    def test_rows_of_intervals_add_up_to_the_whole(self):
        for guest in ("paging", "smp"):
            for fidelity in ((), ("--timing", "cortex-a53")):
                with self.subTest(guest=guest, fidelity=fidelity):
                    whole = self.rows(guest, *fidelity)
                    parts = self.rows(guest, *fidelity, "--stats-interval", 1000)
                    self.assertGreater(len(parts), 10)
                    for total in whole:
                        mine = [row for row in parts if row["pcpu"] == total["pcpu"]]
                        # Hits of the strict TLB are what the engine asks for, which a stop adds to.
                        unlike = {"instructions", "time_ns", "pcpu", "tlb_hits"}
                        for name in total.keys() - unlike:
                            self.assertEqual(sum(row[name] for row in mine), total[name], name)
                        times = [row["instructions"] for row in mine]
                        self.assertEqual(times[:-1], list(range(1000, times[-1], 1000)))

    def test_chaos_and_traces_leave_the_file_as_it_is(self):
        for guest in ("smp", "mmio_forms", "virtio"):
            plain = self.stats(guest, "--timing", "cortex-a72", "--stats-interval", 5000)
            shaken = self.stats(guest, "--timing", "cortex-a72", "--stats-interval", 5000,
                                "--chaos", 7, "--trace", self.folder / "trace:jsonl",
                                name="shaken.csv")
            self.assertEqual(plain.read_bytes(), shaken.read_bytes())

    def test_json_and_text_say_the_same_as_csv(self):
        options = ("smp", "--timing", "zen2", "--stats-interval", 20000)
        rows = self.rows(*options)
        document = json.loads(self.stats(*options, name="stats.json").read_text())
        flat = [{"instructions": row["instructions"], "time_ns": row["time_ns"], "pcpu": cpu,
                 **counts} for row in document for cpu, counts in enumerate(row["pcpus"])]
        self.assertEqual(flat, rows)
        text = self.stats(*options, name="stats.txt").read_text()
        self.assertEqual(text.count("guest time"), len(document))
        total = sum(counts["INST_RETIRED"] for counts in document[0]["pcpus"])
        line = next(line for line in text.splitlines() if "INST_RETIRED" in line)
        self.assertIn(f"{total:,}".replace(",", " "), line)

    def test_without_a_model_it_says_what_is_known(self):
        (row,) = self.rows("paging")
        self.assertIn("stage2_references", row)
        self.assertNotIn("L1D_CACHE", row)
        self.assertEqual(row["INST_RETIRED"], row["instructions"])

    def test_a_model_changes_no_hash(self):
        plain = self.axvm("run", config("demand"), "--quiet", "--hash")
        for profile in ("bare", "virtuoso", "skylake-sp"):
            timed = self.axvm("run", config("demand"), "--quiet", "--hash", "--timing", profile)
            self.assertEqual((timed.status, timed.out), (0, plain.out))

    def test_riscv_guests_are_timed_alike(self):
        for guest in ("paging", "smp", "mmio_forms"):
            guest = config(guest, "riscv64")
            file, shaken = self.folder / "a.csv", self.folder / "b.csv"
            plain = self.axvm("run", guest, "--quiet", "--hash")
            timed = self.axvm("run", guest, "--quiet", "--hash", "--timing", "cva6", "--stats", file,
                              "--stats-interval", 5000)
            self.assertEqual((timed.status, timed.out, timed.err), (0, plain.out, ""))
            chaos = self.axvm("run", guest, "--quiet", "--hash", "--timing", "cva6", "--stats",
                              shaken, "--stats-interval", 5000, "--chaos", 7, "--trace",
                              self.folder / "trace:jsonl")
            self.assertEqual((chaos.status, chaos.out), (0, plain.out))
            self.assertEqual(file.read_bytes(), shaken.read_bytes())
            with open(file, newline="", encoding="ascii") as text:
                rows = list(csv.DictReader(text))
            self.assertIn("vs_stage_level4_from_memory", rows[0])
            self.assertGreater(sum(int(row["memory_accesses"]) for row in rows), 0)
            self.assertGreater(sum(int(row["dtlb_walks"]) for row in rows), 0)

    def test_counters_of_riscv_guests_have_names_of_riscv_and_fit_each_other(self):
        (row,) = self.rows("paging", "--timing", "neoverse-n1", isa="riscv64")
        self.assertGreater(row["DTLB_MISS"], 0)
        self.assertEqual(row["l2_tlb_accesses"], row["DTLB_MISS"] + row["ITLB_MISS"])
        self.assertEqual(row["l2_tlb_misses"], row["dtlb_walks"] + row["itlb_walks"])
        self.assertEqual(row["L1D_ACCESS"], row["memory_accesses"])
        references = sum(value for name, value in row.items() if "_level" in name)
        self.assertEqual(row["l2_accesses"], row["L1D_MISS"] + row["L1I_MISS"] + references)
        self.assertEqual(row["l3_accesses"], row["l2_misses"])
        self.assertEqual((row["LL_ACCESS"], row["LL_MISS"]), (row["l3_accesses"], row["l3_misses"]))
        self.assertGreater(row["traps_to_hs"], 0)
        self.assertEqual(row["traps"], row["traps_to_vs"] + row["traps_to_hs"])
        self.assertEqual(row["instret"], row["instructions"])
        self.assertGreater(row["cycle"], row["instret"])
        self.assertIn("g_stage_level2_from_l1", row)
        (functional,) = self.rows("paging", isa="riscv64")
        self.assertIn("g_stage_references", functional)

    def test_neither_architecture_uses_names_of_the_other(self):
        common = {"instructions", "time_ns", "pcpu", "tlb_hits", "tlb_misses", "walks",
                  "walk_faults", "refused_accesses", "line_fetches", "walk_cycles",
                  "memory_reads"}
        for options in ((), ("--timing", "cva6"), ("--timing", "zen2")):
            arm, riscv = (self.rows("paging", *options, isa=isa)[0].keys()
                          for isa in ("aarch64", "riscv64"))
            self.assertLessEqual(arm & riscv, common)

    def test_wrong_usage_is_one_line(self):
        wrong = self.file("wrong.toml", "walkers = 0\n")
        for arguments, expected in (
                (["--timing", "nowhere"], "--timing: "),
                (["--timing", self.folder / "none.toml"], "none.toml: cannot be read"),
                (["--timing", wrong], "wrong.toml:1:11: walkers: is 0"),
                (["--stats-interval", "5"], "--stats"),
                (["--stats", "x", "--stats-interval", "0"], "--stats-interval: is 0"),
                (["--stats", self.folder / "no" / "file"], "--stats: "),
                (["--record-stream", self.folder / "no" / "file"], "--record-stream: "),
                (["-j", "2", "--stats", self.folder / "x"], "-j: "),
        ):
            with self.subTest(arguments=arguments):
                done = self.axvm("run", config("hello"), *arguments)
                self.assertEqual((done.status, done.out), (2, ""))
                self.assertEqual(len(done.err_lines), 1)
                self.assertIn(expected, done.err)


class Streams(Test):
    def record(self, guest, *arguments):
        file = self.folder / "guest.axs"
        done = self.axvm("run", config(guest), "--quiet", "--record-stream", file, *arguments)
        self.assertEqual((done.status, done.err), (0, ""))
        return file

    def lab(self):
        return self.axvm("walk-lab", self.file("e.toml", EXPERIMENT.format(stream="guest.axs")))

    def test_what_a_guest_accessed_goes_through_the_lab(self):
        (self.folder / "profiles").mkdir()
        self.file("profiles/bare.toml", "[memory]\ncycles = 1\n")
        recorded = self.record("paging").read_bytes()
        self.assertEqual(self.record("paging", "--chaos", 3).read_bytes(), recorded)
        self.assertEqual(self.record("paging", "--timing", "zen2").read_bytes(), recorded)
        done = self.lab()
        self.assertEqual((done.status, done.err), (0, ""))
        # Each access walks four levels: there are no TLBs.
        self.assertRegex(done.out, r"bare\s+4\b")

    def test_of_a_riscv_guest(self):
        (self.folder / "profiles").mkdir()
        self.file("profiles/bare.toml", "[memory]\ncycles = 1\n")
        file = self.folder / "guest.axs"
        recorded = set()
        for seed in ("0", "3"):
            done = self.axvm("run", config("paging", "riscv64"), "--quiet", "--record-stream", file,
                             "--chaos", seed)
            self.assertEqual((done.status, done.err), (0, ""))
            recorded.add(file.read_bytes())
        self.assertEqual(len(recorded), 1)
        done = self.lab()
        self.assertEqual((done.status, done.err), (0, ""))

    def test_a_damaged_file_is_one_line(self):
        (self.folder / "profiles").mkdir()
        self.file("profiles/bare.toml", "[memory]\ncycles = 1\n")
        file = self.record("hello")
        recorded = file.read_bytes()
        for damaged, expected in (
                (recorded[:100], "the file ends within the trace"),
                (b"", "the file ends within the trace"),
                (b"AXS2" + recorded[4:], "this is no recorded stream"),
                (b"AXS1\x60", "has no accesses"),
                (b"AXS1\x20\x65", "there were 1 accesses, expected 5"),
                (b"AXS1" + b"\xff" * 40, "the number is too large"),
        ):
            with self.subTest(expected=expected):
                file.write_bytes(damaged)
                done = self.lab()
                self.assertEqual((done.status, done.out), (2, ""))
                self.assertEqual(len(done.err_lines), 1)
                self.assertIn(expected, done.err)
        file.unlink()
        done = self.lab()
        self.assertEqual((done.status, len(done.err_lines)), (2, 1))


if __name__ == "__main__":
    unittest.main()
