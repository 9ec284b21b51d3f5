"""What exits cost, and how trace viewers are shown them."""

import json
import pathlib
import re
import unittest

from command import ISA, Test, config

# Ampere Altra, kvm-unit-tests, as ratios to a hypercall.
PUBLISHED = {"device": 1.47, "device in a process": 5.50, "(interface, no exit)": 0.05,
             "interrupt sent": 6.3}
if ISA == "riscv64":
    del PUBLISHED["(interface, no exit)"]  # a hart takes its interrupts without one
BAND = 0.15  # of the published ratio


class ExitCosts(Test):
    def rows(self, *options):
        done = self.axvm("run", config("exits"), "--timing", "neoverse-n1", *options)
        self.assertEqual(done.status, 0, done.err)
        return {name.strip(): (int(count.replace(" ", "")), int(each), float(ratio))
                for name, count, each, ratio in re.findall(
                    r"^    (\S.{19})  +([\d ]+\d)  +(\d+) each  ([\d.]+) of a call$",
                    done.err, re.MULTILINE)}

    def test_ratios_are_those_of_a_neoverse_n1(self):
        rows = self.rows()
        for kind, published in PUBLISHED.items():
            count, _, ratio = rows[kind]
            self.assertGreaterEqual(count, 100)
            self.assertAlmostEqual(ratio, published, delta=max(BAND * published, 0.005), msg=kind)

    def test_costs_do_not_depend_on_what_the_engine_does(self):
        self.assertEqual(self.rows(), self.rows("--chaos", "5"))

    def test_without_prices_nothing_is_priced(self):
        for options in ((), ("--timing", "cortex-a53")):
            done = self.axvm("run", config("exits"), *options)
            self.assertEqual(done.status, 0)
            self.assertNotIn("exit cycles", done.err)


class TraceViewers(Test):
    def events(self, name, *options):
        return self.events_of(config(name), *options)

    def events_of(self, machine, *options):
        file = self.folder / "trace.json"
        done = self.axvm("run", machine, "--quiet", "--trace", f"{file}:chrome", *options)
        self.assertEqual(done.status, 0, done.err)
        text = file.read_text()
        trace = json.loads(text)
        self.assertEqual(trace["displayTimeUnit"], "ns")
        return trace["traceEvents"], text

    def threads(self, events):
        """The slices of each thread, in order."""
        threads = {}
        for event in events:
            if event["ph"] == "B":
                threads.setdefault((event["pid"], event["tid"]), []).append(event)
        return threads

    def assert_nested(self, events):
        """In each thread: exits one after the other, in each all that it holds, and no time that
        comes before what was written already, however a reader rounds."""
        last = {}
        depth = {}
        for event in events:
            if event["ph"] not in "BE":
                continue
            thread = event["pid"], event["tid"]
            self.assertGreaterEqual(event["ts"], last.get(thread, 0), event)
            last[thread] = event["ts"]
            at = depth.get(thread, 0)
            if event["ph"] == "B":
                self.assertEqual(at == 0, event["args"].get("event") == "TrapTaken", event)
            depth[thread] = at + (1 if event["ph"] == "B" else -1)
            self.assertGreaterEqual(depth[thread], 0, event)
        self.assertEqual(set(depth.values()), {0})

    def test_slices_nest_and_threads_are_named(self):
        for options in ((), ("--timing", "neoverse-n1")):
            events, _ = self.events("exits", *options)
            names = {(e["pid"], e.get("tid")): e["args"]["name"] for e in events if e["ph"] == "M"}
            threads = self.threads(events)
            self.assertEqual(sorted(names[thread] for thread in threads), ["vcpu0", "vcpu1"])
            self.assert_nested(events)

    def test_slices_of_vcpus_that_move_nest_too(self):
        text = pathlib.Path(config("ipi")).read_text()
        moving = self.file("moving.toml", text.replace("[sim]\n", "[sim]\nmigration_rounds = 1\n"))
        events, _ = self.events_of(moving, "--timing", "neoverse-n1")
        self.assert_nested(events)

    def test_an_exit_holds_the_walk_and_what_the_vmm_did(self):
        events, _ = self.events("lazy")
        (thread,) = self.threads(events).values()
        names = [event["name"] for event in thread]
        at = names.index("page mapped")
        fault, reads = {"aarch64": ("data abort", "stage 2 level 1"),
                        "riscv64": ("guest-page fault", "G-stage level 1")}[ISA]
        exit_of = max(i for i in range(at) if fault in names[i])
        inside = names[exit_of + 1:at]
        self.assertEqual(inside[0], "walk")
        self.assertIn(reads, inside)
        self.assertEqual(inside[-1], "world switch")
        self.assertEqual(thread[exit_of]["args"]["event"], "TrapTaken")

    def test_a_walk_of_two_stages_begins_with_the_root_of_the_second(self):
        events, _ = self.events("exits")
        names = [event["name"] for thread in self.threads(events).values() for event in thread]
        first, second = {"aarch64": ("stage 1 ", "stage 2 level 0"),
                         "riscv64": ("VS-stage ", "G-stage level 3")}[ISA]
        self.assertTrue(any(name.startswith(first) for name in names))
        self.assertEqual({names[i + 1] for i, name in enumerate(names) if name == "walk"}, {second})

    def test_counters_of_the_model_are_tracks(self):
        events, _ = self.events("paging", "--timing", "neoverse-n1")
        tracks = {}
        for event in events:
            if event["ph"] == "C":
                for name, value in event["args"].items():
                    tracks[name] = tracks.get(name, 0) + value
        self.assertGreater(tracks["L1 TLB refills"], 0)
        self.assertGreater(tracks["walks"], 0)
        self.assertFalse([e for e in self.events("paging")[0] if e["ph"] == "C"])

    def test_it_is_the_same_every_time_and_shaken(self):
        _, first = self.events("ipi", "--timing", "cortex-a53")
        self.assertEqual(first, self.events("ipi", "--timing", "cortex-a53", "--chaos", "3")[1])


if __name__ == "__main__":
    unittest.main()
