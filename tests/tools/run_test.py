"""axvm run"""

import json
import os
import pathlib
import signal
import subprocess
import time
import unittest

from command import Test, config

HELLO = "Hello from EL1: a guest on the AxVM core.\r\n"


class Run(Test):
    def test_console_on_standard_output_and_status_0_at_power_off(self):
        done = self.axvm("run", config("hello"), "--quiet")
        self.assertEqual((done.status, done.out.replace("\r", ""), done.err),
                         (0, HELLO.replace("\r", ""), ""))

    def test_summary_on_standard_error(self):
        done = self.axvm("run", config("hello"))
        self.assertRegex(done.err_lines[0], r"^powered off after 0\.\d{6} s of guest time$")
        for word in ("instructions", "cycles", "walks", "TLB hits", "exits", "MIPS", "█",
                     "data abort from EL0/EL1"):
            self.assertIn(word, done.err)

    def test_code_without_cache_maintenance_is_reported(self):
        trace = self.folder / "t"
        done = self.axvm("run", config("selfmod"), "--trace", f"{trace}:jsonl")
        self.assertEqual(done.status, 0)
        self.assertEqual(done.err_lines[-1].strip(),
                         "code run without instruction cache maintenance at 0x41000a00")
        events = [json.loads(line) for line in trace.read_text().splitlines()]
        self.assertEqual([e["pc"] for e in events if e["event"] == "UnmaintainedCode"],
                         ["0x41000a00"])

    def test_a_guest_that_gets_nowhere_is_a_failure(self):
        nowhere = self.variant("hello", "entry_point = 0x4008_0000", "entry_point = 0x4000_0000")
        done = self.axvm("run", nowhere, "--quiet")
        self.assertEqual(done.status, 1)
        self.assertEqual(len(done.err_lines), 1)
        self.assertRegex(done.err, "^axvm: vm1 vcpu0 failed")

    def test_hash_is_the_last_line_and_the_same_in_every_run(self):
        first = self.axvm("run", config("smp"), "--hash")
        again = self.axvm("run", config("smp"), "--hash", "--quiet", "--chaos", "3",
                          "--trace", self.folder / "t")
        self.assertRegex(first.out_lines[-1], "^[0-9a-f]{16}$")
        self.assertEqual(first.out_lines, again.out_lines)

    def test_memory_costs_what_is_touched_of_it(self):
        process = subprocess.Popen([os.environ["AXVM"], "run", config("hello"), "--quiet", "--hash",
                                    "--memory", "64G"],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        out = process.stdout.read().decode()
        process.stdout.close()
        # Of the parent and the machine's process, which it has waited for.
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = status
        self.assertEqual(status, 0)
        self.assertIn("Hello from EL1", out)
        self.assertLess(used.ru_maxrss, 1 << 20)  # KiB

    def test_limit_reached_is_status_3(self):
        done = self.axvm("run", config("hello"), "--max-instructions", "1000", "--quiet")
        self.assertEqual(done.status, 3)
        self.assertEqual(done.err_lines, ["axvm: limit of 1000 instructions reached"])

    def test_reset_is_a_failure(self):
        done = self.axvm("run", config("smp"), "--vcpus", "1", "--quiet")
        self.assertEqual(done.status, 1)
        self.assertEqual(done.err_lines, ["axvm: vm1: guest asked for reset"])

    def test_endless_waiting_is_a_failure(self):
        waiting = self.variant("hello", "aarch64/hello.bin", "aarch64/bench/wfi.bin")
        done = self.axvm("run", waiting, "--quiet")
        self.assertEqual(done.status, 1)
        self.assertIn("guest waits forever", done.err)

    def test_a_missing_image_is_an_error(self):
        missing = self.variant("hello", "guests/aarch64/hello.bin", "no-such.bin")
        done = self.axvm("run", missing)
        self.assertEqual(done.status, 2)
        self.assertRegex(done.err, r'^axvm: .*hello\.toml:\d+:\d+: kernel\.kernel_path: '
                                   r'"no-such\.bin" is neither in ')

    def test_images_names_a_folder_to_look_in(self):
        moved = self.variant("hello", "guests/aarch64/hello.bin", "empty.bin")
        folder = self.folder / "elsewhere"
        folder.mkdir()
        (folder / "empty.bin").write_bytes(b"")
        done = self.axvm("run", moved, "--images", folder)
        self.assertEqual(done.status, 2)
        self.assertIn("empty.bin is empty", done.err)

    def test_text_trace_explains_traps(self):
        trace = self.folder / "trace.txt"
        self.axvm("run", config("hello"), "--quiet", "--trace", trace)
        text = trace.read_text()
        for part in ("data abort from EL0/EL1", "FAR_EL2=0x9000000", "SAS=2 (4 bytes)",
                     "→ pl011 write DR = 0x48 'H'", "HVC from AArch64", "hvc #0",
                     "→ vm1 is stopping"):
            self.assertIn(part, text)

    def test_json_trace_is_one_object_per_line_event_first(self):
        trace = self.folder / "trace.jsonl"
        self.axvm("run", config("hello"), "--quiet", "--trace", f"{trace}:jsonl")
        lines = trace.read_text().splitlines()
        events = [json.loads(line) for line in lines]
        self.assertTrue(all(line.startswith('{"event":') for line in lines))
        written = "".join(chr(int(e["data"], 16)) for e in events
                          if e["event"] == "DeviceAccess" and e["is_write"]
                          and e["address"] == "0x9000000")
        self.assertIn("Hello from EL1", written)

    def test_traces_tell_what_stage_2_maps_only_when_asked_to(self):
        traces = {}
        for name, options in (("plain", []), ("tables", ["--trace-tables"])):
            self.axvm("run", config("lazy"), "--quiet", "--trace", f"{self.folder / name}:jsonl",
                      *options)
            traces[name] = (self.folder / name).read_text().splitlines()
        events = [json.loads(line) for line in traces["tables"]]
        told = [e for e in events if e["event"] == "TablesChanged"]
        pages = [e for e in events if e["event"] == "PageMapped"]
        # Once at the first trap, and behind each page that a trap has mapped.
        self.assertGreater(len(pages), 10)
        self.assertEqual([int(e["mapped"], 16) - int(told[0]["mapped"], 16) for e in told],
                         [0x1000 * n for n in range(len(pages) + 1)])
        self.assertEqual(len({e["hash"] for e in told}), len(told))
        self.assertEqual([line for line in traces["tables"] if "TablesChanged" not in line],
                         traces["plain"])

    def test_hash_trace_is_one_line_and_independent_of_other_traces(self):
        one, two, other = (self.folder / name for name in ("one", "two", "other"))
        self.axvm("run", config("mmio"), "--quiet", "--trace", f"{one}:hash")
        self.axvm("run", config("mmio"), "--quiet", "--trace", other, "--trace", f"{two}:hash",
                  "--chaos", "9")
        self.assertRegex(one.read_text(), r"^[0-9a-f]{16} \d+\n$")
        self.assertEqual(one.read_text(), two.read_text())

    def test_trace_on_standard_output_keeps_lines_whole(self):
        done = self.axvm("run", config("hello"), "--quiet", "--trace", "-")
        self.assertIn("hello| Hello from EL1: a guest on the AxVM core.", done.out)
        self.assertIn("→ pl011 write DR = 0x48 'H'", done.out_lines[
            next(i for i, line in enumerate(done.out_lines) if "DR = 0x48" in line)])

    def test_a_colon_may_be_part_of_a_trace_s_name(self):
        trace = self.folder / "at-12:30.txt"
        self.assertEqual(self.axvm("run", config("hello"), "--quiet", "--trace", trace).status, 0)
        self.assertIn("data abort", trace.read_text())

    def test_output_that_is_lost_is_told_and_a_failure(self):
        full = "axvm: cannot write {}: No space left on device"
        for arguments in (["run", config("hello"), "--quiet"],
                          ["run", config("hello"), "--quiet", "--hash"],
                          ["run", config("hello"), "--quiet", "--trace", "-:jsonl"],
                          ["walk", config("hello"), "--gpa", "0x40080000"],
                          ["check", config("hello")], ["--help"]):
            with open("/dev/full", "wb") as out:
                done = self.axvm(*arguments, out=out)
            self.assertEqual((done.status, done.err_lines), (1, [full.format("the standard output")]))
        for file_format in ("text", "jsonl", "hash"):
            done = self.axvm("run", config("hello"), "--quiet", "--trace", f"/dev/full:{file_format}")
            self.assertEqual((done.status, done.err_lines), (1, [full.format("/dev/full")]))

    def test_closed_outputs_do_not_end_up_in_other_files(self):
        trace = self.folder / "trace"
        command = f"'{os.environ['AXVM']}' run '{config('hello')}' --trace '{trace}':hash"
        closed = subprocess.run(f"{command} --quiet >&-", shell=True, capture_output=True,
                                check=False)
        self.assertEqual((closed.returncode, closed.stderr.decode()),
                         (1, "axvm: cannot write the standard output: Bad file descriptor\n"))
        self.assertRegex(trace.read_text(), r"^[0-9a-f]{16} \d+\n$")
        silent = subprocess.run(f"{command} 2>&-", shell=True, capture_output=True, check=False)
        self.assertEqual(silent.returncode, 0)
        full = subprocess.run(f"{command} 2>/dev/full", shell=True, capture_output=True,
                              check=False)
        self.assertEqual(full.returncode, 0)

    def test_expect_and_send_are_done_in_turns(self):
        done = self.axvm("run", config("hello"), "--quiet", "--expect", "Hel+o", "--send", "x\\n",
                         "--expect", "core")
        self.assertEqual(done.status, 0)

    def test_an_expectation_that_is_not_met_is_a_failure(self):
        done = self.axvm("run", config("hello"), "--quiet", "--expect", "core", "--expect", "Hello")
        self.assertEqual(done.status, 1)
        self.assertEqual(done.err_lines, [
            'axvm: powered off before the console matched --expect "Hello"'])

    def test_a_machine_that_dies_is_reported_with_the_command_that_replays_it(self):
        endless = self.variant("hello", "aarch64/hello.bin", "aarch64/bench/alu.bin")
        command = [os.environ["AXVM"], "run", str(endless), "--send", "it's"]
        parent = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE)
        children = pathlib.Path(f"/proc/{parent.pid}/task/{parent.pid}/children")
        deadline = time.monotonic() + 30
        while not children.read_text().split() and time.monotonic() < deadline:
            time.sleep(0.01)
        # Killed, because sanitizers handle the other signals themselves.
        os.kill(int(children.read_text().split()[0]), signal.SIGKILL)
        _, errors = parent.communicate(timeout=30)
        self.assertEqual(parent.returncode, 1)
        self.assertEqual(errors.decode().splitlines(), [
            "axvm: the machine died of SIGKILL (Killed); this replays it: "
            f"{command[0]} run {endless} --send 'it'\\''s'"])

    def interrupt(self, whom, number, *arguments, hangup=signal.SIG_DFL):
        """A signal when the machine runs; gives status, output and errors."""
        endless = self.variant("hello", "aarch64/hello.bin", "aarch64/bench/alu.bin")
        begun = self.folder / "begun"
        begun.unlink(missing_ok=True)
        arguments = ["--trace", str(begun), *arguments]
        process = subprocess.Popen([os.environ["AXVM"], "run", str(endless), *arguments],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, start_new_session=True,
                                   preexec_fn=lambda: signal.signal(signal.SIGHUP, hangup))
        deadline = time.monotonic() + 30
        while not begun.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.1)
        whom(process.pid, number)
        out, errors = process.communicate(timeout=60)
        return process.returncode, out.decode(), errors.decode()

    def test_a_run_that_a_signal_ends_has_summary_trace_and_status(self):
        trace = self.folder / "trace"
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            for whom in (os.kill, os.killpg):
                status, out, errors = self.interrupt(whom, number, "--hash", "--trace",
                                                     f"{trace}:hash")
                self.assertEqual(status, 128 + number)
                self.assertRegex(out, r"[0-9a-f]{16}\n$")
                self.assertRegex(errors, r"^interrupted after \d+\.\d{6} s of guest time\n")
                self.assertIn("instructions", errors)
                self.assertRegex(trace.read_text(), r"^[0-9a-f]{16} \d+\n$")

    def test_an_interrupted_expectation_is_an_interruption(self):
        status, _, errors = self.interrupt(os.killpg, signal.SIGINT, "--quiet", "--expect", "never")
        self.assertEqual((status, errors), (130, 'axvm: interrupted before the console matched '
                                                 '--expect "never"\n'))

    def test_who_ignores_hangups_goes_on(self):
        def hang_up_and_kill(process, number):
            os.killpg(process, signal.SIGHUP)
            os.kill(process, number)

        status, _, _ = self.interrupt(hang_up_and_kill, signal.SIGTERM, hangup=signal.SIG_IGN)
        self.assertEqual(status, 128 + signal.SIGTERM)

    def test_separate_machines_run_in_parallel(self):
        failing = self.variant("hello", "aarch64/hello.bin", "aarch64/bench/wfi.bin")
        alone = self.axvm("run", config("smp"), "--quiet", "--hash")
        done = self.axvm("run", "-j", 2, config("smp"), config("smp"), "--quiet", "--hash")
        self.assertEqual(done.status, 0)
        self.assertEqual(done.out, 2 * alone.out)
        self.assertEqual(done.err_lines, 2 * [f"== {config('smp')}"])
        done = self.axvm("run", "-j", 1, failing, config("hello"), "--quiet")
        self.assertEqual(done.status, 1)
        self.assertEqual(done.err_lines[0], f"== {failing}")
        self.assertIn("guest waits forever", done.err_lines[1])
        self.assertEqual(done.err_lines[2:], [f"== {config('hello')}"])
        self.assertIn("Hello from EL1", done.out)

    def test_separate_machines_share_no_files(self):
        done = self.axvm("run", "-j", 2, config("smp"), "--trace", self.folder / "trace")
        self.assert_rejected(
            done, "-j: several machines cannot share --stdin or a file of --trace, --record, "
                  "--replay, --snapshot-at, --restore, --stats or --record-stream")

    def test_several_vms_run_on_one_machine(self):
        second = self.variant("mmio", "id = 1", "id = 2")
        done = self.axvm("run", config("hello"), second, "--quiet")
        self.assertEqual(done.status, 0)
        self.assertIn("hello| Hello from EL1: a guest on the AxVM core.", done.out)
        self.assertIn("mmio| mmio: PASS", done.out)


if __name__ == "__main__":
    unittest.main()
