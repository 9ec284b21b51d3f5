"""Typing at a guest: from a terminal, from the standard input, by a script."""

import fcntl
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
import unittest

from command import Test, config


def own_terminal():
    """Makes the standard input the terminal of this session, whoever has started the tests."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


# Takes the terminal back when its job has stopped, and kills that then.
SHELL = """
import os, signal, sys
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
job = os.fork()
if job == 0:
    os.setpgid(0, 0)
    os.tcsetpgrp(0, os.getpid())
    signal.signal(signal.SIGTTOU, signal.SIG_DFL)
    os.execv(sys.argv[1], sys.argv[1:])
os.waitpid(job, os.WUNTRACED)
os.tcsetpgrp(0, os.getpgrp())
os.killpg(job, signal.SIGTERM)
os.killpg(job, signal.SIGCONT)
_, status = os.waitpid(job, os.WUNTRACED)
print("stopped" if os.WIFSTOPPED(status) else f"exited {os.waitstatus_to_exitcode(status)}")
"""


class Session:
    """axvm on a terminal of its own, which it leaves as it was."""

    def __init__(self, *arguments, shell=()):
        """`shell`: a command that runs what follows it."""
        self.master, slave = pty.openpty()
        self.settings = termios.tcgetattr(self.master)
        self.process = subprocess.Popen([*shell, os.environ["AXVM"], *map(str, arguments)],
                                        stdin=slave, stdout=slave, stderr=slave,
                                        start_new_session=True, preexec_fn=own_terminal)
        os.close(slave)
        self.seen = ""

    def expect(self, text, timeout=60):
        deadline = time.monotonic() + timeout
        while text not in self.seen:
            if not self.read(deadline):
                raise AssertionError(f"{text!r} did not come, but {self.seen!r}")
        before, _, self.seen = self.seen.partition(text)
        return before

    def read(self, deadline):
        """Adds to `seen`; false when nothing more comes."""
        ready, _, _ = select.select([self.master], [], [], max(0, deadline - time.monotonic()))
        if not ready:
            return False
        try:
            self.seen += os.read(self.master, 4096).decode()
        except OSError:  # the other side is gone
            return False
        return True

    def type(self, text):
        os.write(self.master, text.encode())

    def hang_up(self, timeout=60):
        """Takes the terminal away; gives the exit status."""
        os.close(self.master)
        try:
            return self.process.wait(timeout)
        finally:
            self.process.kill()

    def end(self, timeout=60):
        """The exit status; `seen` has what came last."""
        deadline = time.monotonic() + timeout
        try:
            while self.read(deadline):
                pass
            status = self.process.wait(timeout)
            settings = termios.tcgetattr(self.master)
            if settings != self.settings:
                raise AssertionError(f"the terminal is {settings}, but was {self.settings}")
            return status
        finally:
            self.process.kill()
            os.close(self.master)


class Terminal(Test):
    def echo(self, *options):
        session = Session("run", config("echo"), *options)
        session.expect("echo: ready")
        return session

    def test_keys_reach_the_guest_and_it_waits_for_them(self):
        session = self.echo("--quiet")
        session.type("hello")
        session.expect("hello")
        session.type("\x03")  # Ctrl-C is a key like others
        session.expect("<3>")
        session.type("\x01a\x01\x01")
        session.expect("<1><1>")
        session.type("\roff\r")
        self.assertEqual(session.end(), 0)

    def test_ctrl_a_x_ends_the_run(self):
        session = self.echo()
        session.type("\x01x")
        session.expect("ended from the keyboard after")
        self.assertEqual(session.end(), 0)

    def test_ctrl_a_x_ends_a_guest_that_never_waits(self):
        endless = self.variant("hello", "aarch64/hello.bin", "aarch64/bench/alu.bin")
        session = Session("run", endless)
        session.expect("Ctrl-A x ends the run")
        session.type("\x01x")
        session.expect("ended from the keyboard after")
        self.assertEqual(session.end(), 0)

    def test_a_signal_ends_the_run_and_leaves_the_terminal_as_it_was(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            for whom in (os.kill, os.killpg):
                session = self.echo("--hash")
                session.type("x")
                session.expect("x")
                whom(session.process.pid, number)
                session.expect("interrupted after")
                self.assertEqual(session.end(), 128 + number)
                self.assertRegex(session.seen, r"[0-9a-f]{16}\r\n$")

    def test_a_signal_ends_a_guest_that_never_waits(self):
        endless = self.variant("hello", "aarch64/hello.bin", "aarch64/bench/alu.bin")
        session = Session("run", endless)
        session.expect("Ctrl-A x ends the run")
        session.process.terminate()
        session.expect("interrupted after")
        self.assertEqual(session.end(), 128 + signal.SIGTERM)

    def test_a_signal_ends_the_run_in_the_monitor_too(self):
        for number, end in (
                (signal.SIGINT, lambda session: session.type("\x03")),
                (signal.SIGTERM, lambda session: session.process.terminate()),
                (signal.SIGHUP, lambda session: os.killpg(session.process.pid, signal.SIGHUP))):
            session = self.echo()
            session.type("\x01c")
            session.expect("(axvm) ")
            end(session)
            session.expect("interrupted after")
            self.assertEqual(session.end(), 128 + number)

    def test_a_signal_ends_a_stopped_run_that_has_lost_the_terminal_to_its_shell(self):
        session = Session("run", config("echo"), shell=(sys.executable, "-c", SHELL))
        session.expect("echo: ready")
        session.type("\x01c")
        session.expect("(axvm) ")
        session.type("\x1a")  # Ctrl-Z
        session.expect("interrupted after")
        session.expect(f"exited {128 + signal.SIGTERM}")
        self.assertEqual(session.end(), 0)

    def test_a_terminal_that_goes_away_ends_the_run_with_its_traces(self):
        endless = self.variant("hello", "aarch64/hello.bin", "aarch64/bench/alu.bin")
        trace = self.folder / "trace"
        session = Session("run", endless, "--trace", f"{trace}:hash")
        session.expect("Ctrl-A x ends the run")
        self.assertEqual(session.hang_up(), 128 + signal.SIGHUP)
        self.assertRegex(trace.read_text(), r"^[0-9a-f]{16} \d+\n$")

    def test_the_monitor_looks_and_the_guest_goes_on(self):
        session = self.echo("--quiet")
        session.type("\x01c")
        session.expect("(axvm) ")
        session.type("info vcpus\n")
        session.expect("vm1 vcpu0: on, ")
        session.type("info mtree\n")
        session.expect("pl011 (emulated console)")
        session.type("info tlb\n")
        session.expect("pcpu0: ")
        session.type("info irqs\n")
        session.expect("vm1")
        session.type("walk 0x40080000\n")
        session.expect("result: IPA 0x40080000")
        session.type("stats\n")
        session.expect("exits")
        session.type("help\n")
        session.expect("info mtree")
        session.type("nonsense\n")
        session.expect('"nonsense" is no command')
        session.expect("(axvm) ")  # not to be taken for the one after Ctrl-A c
        session.type("continue\n")
        session.type("abc")
        session.expect("abc")
        session.type("\x01c")
        session.expect("(axvm) ")
        session.type("quit\n")
        self.assertEqual(session.end(), 0)

    def test_keys_behind_ctrl_a_c_are_for_the_monitor_however_fast_they_come(self):
        session = self.echo("--quiet")
        session.type("\x01cinfo mtreee\x7f\rcontinue\rtwo\roff\r")
        session.expect("(axvm) info mtree\r\n")
        session.expect("pl011 (emulated console)")
        session.expect("(axvm) continue")
        self.assertEqual(session.expect("two").strip(), "")
        self.assertEqual(session.end(), 0)

    def test_a_line_for_the_monitor_may_come_in_pieces(self):
        session = self.echo("--quiet")
        session.type("\x01cinfo m")
        session.expect("(axvm) info m")
        session.type("tree\n")
        session.expect("pl011 (emulated console)")
        session.type("quit\n")
        self.assertEqual(session.end(), 0)

    def test_a_script_is_done_before_anybody_types(self):
        session = Session("run", config("echo"), "--quiet", "--send", "one", "--expect", "one")
        session.expect("one")
        session.type("two\roff\r")
        session.expect("two")
        self.assertEqual(session.end(), 0)


class Script(Test):
    def test_the_standard_input_is_typed_when_asked_for(self):
        process = subprocess.run([os.environ["AXVM"], "run", config("echo"), "--quiet", "--stdin"],
                                 input=b"some text\noff\n", stdout=subprocess.PIPE, timeout=60,
                                 check=False)
        self.assertEqual(process.returncode, 0)
        self.assertEqual(process.stdout.decode(), "echo: ready\r\nsome text\r\noff\r\n")

    def test_its_end_leaves_nobody_to_wait_for(self):
        process = subprocess.run([os.environ["AXVM"], "run", config("echo"), "--quiet", "--stdin"],
                                 input=b"some text", stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                 timeout=60, check=False)
        self.assertEqual(process.returncode, 1)
        self.assertIn("some text", process.stdout.decode())
        self.assertIn("guest waits forever", process.stderr.decode())

    def test_a_script_may_be_a_file(self):
        script = self.file("script", "# greets\nexpect ready\n\nsend hello\\n\n"
                                     "timeout 1_000_000\nexpect hel+o\nsend off\\n\n")
        done = self.axvm("run", config("echo"), "--quiet", "--script", script)
        self.assertEqual((done.status, done.err), (0, ""))
        self.assertIn("hello", done.out)

    def test_a_bad_script_is_one_line(self):
        for text, line in (
                ("send x\nshout\n", ":2: expected send TEXT, expect REGEX, timeout INSTRUCTIONS or "
                                    "snapshot FILE"),
                ("shout x\n", ':1: unknown word "shout", expected send, expect, timeout or '
                              'snapshot'),
                ("timeout soon\n", ':1: "soon" is not a number of instructions'),
                ("expect (\n", ':1: "(" is not a regular expression'),
                ("send \\q\n", ':1: "\\q": unknown escape, expected \\n, \\r, \\t, \\e, \\\\ or '
                               "\\xNN")):
            script = self.file("script", text)
            self.assert_rejected(self.axvm("run", config("echo"), "--script", script),
                                 f"--script: {script}{line}")
        missing = self.folder / "missing"
        self.assert_rejected(self.axvm("run", config("echo"), "--script", missing),
                             f"--script: {missing} cannot be read")

    def test_a_timeout_ends_an_expectation_and_shows_the_last_screen(self):
        endless = self.variant("hello", "aarch64/hello.bin", "aarch64/bench/alu.bin")
        done = self.axvm("run", endless, "--quiet", "--timeout", "100000", "--expect", "never")
        self.assertEqual(done.status, 1)
        self.assertEqual(done.err_lines, [
            'axvm: timeout of 100000 instructions before the console matched --expect "never"'])
        done = self.axvm("run", config("hello"), "--expect", "never")
        self.assertEqual(done.status, 1)
        self.assertEqual(done.err_lines[:4], [
            "", "the console's last lines:", "  | Hello from EL1: a guest on the AxVM core.",
            done.err_lines[3]])
        self.assertRegex(done.err_lines[3], '^powered off before the console matched')


if __name__ == "__main__":
    unittest.main()
