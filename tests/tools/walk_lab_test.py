"""axvm walk-lab: tables, shards, usage."""

import csv
import gzip
import json
import os
import pty
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

AXVM = os.environ["AXVM"]
EXPERIMENTS = Path(os.environ["AXVM_CONFIGS"]) / "walk-lab"


def walk_lab(*arguments):
    return subprocess.run(
        [AXVM, "walk-lab", *map(str, arguments)],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


class WalkLab(unittest.TestCase):
    def test_thirty_cells_are_measured_as_they_are_published(self):
        done = walk_lab(EXPERIMENTS / "references.toml")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        cells = re.findall(r"(\d+) \((\d+)\)", done.stdout)
        self.assertEqual(len(cells), 30)
        for ours, published in cells:
            self.assertEqual(ours, published)
        self.assertIn(("24", "24"), cells)

    def test_page_sizes_spare_the_references_that_they_should(self):
        done = walk_lab(EXPERIMENTS / "page-sizes-cold.toml")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        cells = re.findall(r"(\d+) \((\d+)\)", done.stdout)
        self.assertEqual(len(cells), 12)
        for ours, published in cells:
            self.assertEqual(ours, published)

    def test_walk_caches_of_x86_leave_about_what_is_published(self):
        for table in self.rows("walk-caches.toml"):
            for processor in ("skylake-sp", "zen2"):
                native, nested = table[processor]
                self.assertAlmostEqual(native, 1.5, delta=0.3 * 1.5)
                self.assertAlmostEqual(nested, 4.4, delta=0.15 * 4.4)
                self.assertGreater(nested, 2 * native)

    def test_what_the_readme_shows_comes_out(self):
        readme = (EXPERIMENTS.parent.parent / "README.md").read_text()
        shown = readme.split("walk-lab/walk-caches.toml")[1].split("...")[0].splitlines()[1:]
        rows = [line for line in shown if line.strip()]
        self.assertEqual(len(rows), 4)
        done = walk_lab(EXPERIMENTS / "walk-caches.toml")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        for row in rows:
            self.assertIn(row, done.stdout.splitlines())

    def test_a_row_says_who_served_which_descriptors(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(walk_lab(EXPERIMENTS / "references.toml", "--out", folder).returncode, 0)
            with open(Path(folder, "results.csv"), encoding="utf-8") as file:
                rows = list(csv.DictReader(file))
        self.assertEqual(len(rows), 30)
        for row in rows:
            levels = {"walk_reads_l1": 0, "walk_reads_l2": 0, "walk_reads_l3": 0, "walk_reads_memory": 0}
            for stage in ("stage1", "stage2"):
                reads = {name: int(count) for name, count in row.items()
                         if name.startswith(f"{stage}_height")}
                self.assertEqual(len(reads), 20)
                self.assertEqual(sum(reads.values()), int(row[f"{stage}_references"]))
                for name, count in reads.items():
                    levels[f"walk_reads_{name.split('_')[2]}"] += count
            for name, count in levels.items():
                self.assertEqual(count, int(row[name]))
            # Stage 1 has as many heights as the guest has levels.
            last = "vmsa-4k-52" if row["stage1"].startswith("vmsa-4k-52") else ""
            self.assertEqual(int(row["stage1_height4_memory"]) > 0, bool(last))

    def test_shards_put_together_are_the_whole(self):
        with tempfile.TemporaryDirectory() as folder:
            experiment = EXPERIMENTS / "references.toml"
            whole = walk_lab(experiment, "--out", f"{folder}/whole", "-j", "2")
            shards = [f"{folder}/{index}" for index in (1, 2)]
            for index, shard in enumerate(shards, 1):
                done = walk_lab(experiment, "--shard", f"{index}/2", "--out", shard)
                self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
            merged = walk_lab("merge", *shards, "--out", f"{folder}/merged")
            self.assertEqual((merged.returncode, merged.stderr), (0, ""))
            self.assertEqual(merged.stdout, whole.stdout)
            for name in ("results.csv", "results.json", "tables.txt"):
                self.assertEqual(Path(folder, "merged", name).read_bytes(),
                                 Path(folder, "whole", name).read_bytes())

    def test_a_trace_is_walked_and_a_malformed_one_is_one_line(self):
        lines = "".join(f"I  {0x400000 + 4 * i:08x},4\n L {0x7fff0000 + 4096 * i:x},8\n"
                        for i in range(300))
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "profiles").symlink_to(EXPERIMENTS / "profiles")
            experiment = Path(folder, "e.toml")
            experiment.write_text(
                'title = "t"\n[sweep]\nprofile = "bare"\nstage1 = "vmsa-4k-48/4K"\n'
                'stream = ["good.lackey.gz", "bad.lackey"]\naccesses = 600\n')
            with gzip.open(Path(folder, "good.lackey.gz"), "wt") as trace:
                trace.write(lines)
            Path(folder, "bad.lackey").write_text(lines[:-3])
            done = walk_lab(experiment, "--out", f"{folder}/out")
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertEqual(done.stderr,
                             f"axvm: point 1: {folder}/bad.lackey:600: the file ends within the line\n")
            kept = json.loads(Path(folder, "out", "points-1-of-1.jsonl").read_text())
            self.assertEqual(kept["stream"], "good.lackey.gz")
            self.assertEqual(sum(map(sum, kept["counters"]["stage1_references"])), 600 * 4)
            Path(folder, "bad.lackey").unlink()
            done = walk_lab(experiment)
            self.assertEqual((done.returncode, done.stderr.count("\n")), (2, 1))
            self.assertIn('is "bad.lackey", expected a file in', done.stderr)

    def rows(self, name):
        """The rows of each of an experiment's tables: label to numbers, without published ones."""
        done = walk_lab(EXPERIMENTS / name)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        tables = []
        for line in done.stdout.splitlines():
            if re.match(r"  \w+ \\ ", line):
                tables.append({})
            cells = re.fullmatch(r"  (.+?)((?:  +[\d.]+(?: \([\d.]+\))?)+)", line)
            if cells and not re.match(r"  \w+ \\ ", line):
                plain = re.sub(r"\([\d.]+\)", "", cells[2])
                tables[-1][cells[1].strip()] = [float(cell) for cell in plain.split()]
        return tables

    def test_coalescing_gains_until_memory_is_scattered(self):
        walks = self.rows("coalescing.toml")[0]
        whole = [cells[0] for cells in walks.values()]
        self.assertEqual(whole, sorted(whole, reverse=True))
        self.assertLess(whole[-1], 0.6 * whole[0])
        for cells in walks.values():
            self.assertEqual(cells, sorted(cells))
        scattered = [cells[-1] for cells in walks.values()]
        self.assertAlmostEqual(min(scattered), max(scattered), delta=0.01 * max(scattered))

    def test_larger_walk_caches_leave_fewer_references(self):
        references = self.rows("walk-cache-sizes.toml")[0]
        self.assertEqual(len(references), 11)
        lists = list(references.values())
        self.assertEqual(lists[0], [24, 24])
        for stream in (0, 1):
            for series in (lists[:6], [lists[4]] + lists[6:]):
                column = [cells[stream] for cells in series]
                self.assertEqual(column, sorted(column, reverse=True))
            self.assertLess(lists[8][stream], 8)

    def test_a_g_stage_tlb_speeds_a_small_core_up(self):
        speed_up = self.rows("g-stage-tlb.toml")[0]
        without, g_stage, second, both, larger = speed_up.values()
        self.assertEqual(without, [1, 1, 1])
        for column in range(3):
            self.assertLessEqual(1, g_stage[column])
            self.assertLessEqual(max(g_stage[column], second[column]), both[column] + 0.001)
            self.assertLessEqual(both[column], larger[column] + 0.001)

    def test_flattened_tables_are_as_deep_as_they_are(self):
        tables = self.rows("flattened.toml")
        self.assertEqual(len(tables), 4)
        for table in tables:
            for deep, flat in zip(table["x86-4/4K"], table["x86-4-flat/4K"]):
                self.assertLess(flat, deep)
            self.assertAlmostEqual(table["x86-4-flat/4K"][0], 1, delta=0.01)
            for _, nested, both in table.values():
                self.assertLess(both, nested)

    def test_a_shadow_pays_while_tables_seldom_change(self):
        [cycles] = self.rows("shadow.toml")
        native, shadow, nested = cycles["0"]
        self.assertEqual(native, shadow)
        self.assertLess(shadow, nested)
        native, shadow, nested = cycles["100000"]
        self.assertLess(native, nested)
        self.assertGreater(shadow, nested)

    def test_wrong_usage_is_one_line_and_status_2(self):
        experiment = str(EXPERIMENTS / "references.toml")
        for arguments, expected in (
                ([], "walk-lab: expected an experiment, or merge and folders"),
                ([experiment, "--shard", "1/2"], "expected --out DIR"),
                ([experiment, "--shard", "3/2", "--out", "x"], "--shard: is 3, expected 1 to 2"),
                ([experiment, "--shard", "3", "--out", "x"], "expected I/N"),
                ([experiment, "--memory", "much"], "--memory: expected a size"),
                (["nowhere.toml"], "nowhere.toml: cannot be read"),
                (["merge", "/nowhere"], "/nowhere/experiment.json: cannot be read"),
        ):
            with self.subTest(arguments=arguments):
                done = walk_lab(*arguments)
                self.assertEqual((done.returncode, done.stdout), (2, ""))
                self.assertEqual(done.stderr.count("\n"), 1)
                self.assertIn(expected, done.stderr)


class OnATerminal(unittest.TestCase):
    """The progress bar."""

    def drawn(self, *arguments):
        """What is on the terminal, bar by bar, as (text, done, all); and the standard output."""
        master, slave = pty.openpty()
        with subprocess.Popen([AXVM, "walk-lab", *map(str, arguments)], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=slave, text=True) as process:
            os.close(slave)
            shown = b""
            try:
                while chunk := os.read(master, 4096):
                    shown += chunk
            except OSError:  # how Linux says that nobody has the other end any more
                pass
            os.close(master)
            out = process.stdout.read()
        self.assertEqual(process.returncode, 0)
        text = shown.decode()
        bars = re.findall(r"\r(\[[^\r]*\] (\d+) of (\d+) points)", text)
        # Each is drawn over the one before, and only the last one ends the line.
        self.assertEqual(text, "".join("\r" + bar for bar, _, _ in bars) + "\r\n")
        return [(bar, int(done), int(points)) for bar, done, points in bars], out

    def test_it_grows_with_each_point_and_is_full_at_the_end(self):
        experiment = EXPERIMENTS / "references.toml"
        bars, out = self.drawn(experiment, "-j", "2")
        points = bars[0][2]
        self.assertGreaterEqual(points, 30)
        self.assertEqual([(done, of) for _, done, of in bars],
                         [(n, points) for n in range(1, points + 1)])
        for bar, done, _ in bars:
            filled = done * 40 // points
            self.assertEqual(bar, f"[{'#' * filled}{'.' * (40 - filled)}] {done} of {points} points")
        self.assertEqual(out, walk_lab(experiment).stdout)

    def test_what_is_known_already_counts(self):
        with tempfile.TemporaryDirectory() as folder:
            results = Path(folder, "results")
            experiment = EXPERIMENTS / "references.toml"
            self.drawn(experiment, "--out", results)
            [known] = results.glob("points-*.jsonl")
            kept = known.read_text().splitlines(keepends=True)
            known.write_text("".join(kept[:-3]))
            bars, _ = self.drawn(experiment, "--out", results)
            points = bars[0][2]
            self.assertEqual([done for _, done, _ in bars], [points - 2, points - 1, points])


if __name__ == "__main__":
    unittest.main()
