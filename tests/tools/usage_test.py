"""Whatever is wrong with the arguments: one line, exit status 2."""

import unittest

from command import Test, config


class Usage(Test):
    def test_help_shows_examples_and_exit_status(self):
        for arguments in (["--help"], ["run", "--help"], ["walk", "--help"], ["check", "-h"],
                          ["diff-trace", "--help"]):
            done = self.axvm(*arguments)
            self.assertEqual((done.status, done.err), (0, ""))
            self.assertIn("Examples:", done.out)
            self.assertIn("Exit status: 0 guest powered off", done.out)

    def test_no_command_and_unknown_commands(self):
        self.assert_rejected(self.axvm(), "no command, expected run, check, walk, explain, walk-lab, "
                                          "bare-metal or diff-trace; try axvm --help")
        self.assert_rejected(self.axvm("frob"), '"frob" is no command, expected run, check, walk, explain, '
                                                'walk-lab, bare-metal or diff-trace; try axvm --help')

    def test_no_configuration(self):
        self.assert_rejected(self.axvm("run"), "CONFIG is required")

    def test_an_unreadable_configuration(self):
        self.assert_rejected(self.axvm("run", "/no/such.toml"),
                             "/no/such.toml: cannot be read, expected a TOML file")

    def test_values_that_are_out_of_range_or_malformed(self):
        hello = config("hello")
        self.assert_rejected(self.axvm("run", hello, "--vcpus", "0"),
                             "--vcpus: is 0, expected 1 to 64")
        self.assert_rejected(self.axvm("run", hello, "--memory", "5"),
                             '--memory: "5" is not a size in pages of 4 KiB, expected for example '
                             '64M or 2G')
        self.assert_rejected(self.axvm("run", hello, "--max-instructions", "many"),
                             '--max-instructions: "many" is not a number, expected decimal or 0x '
                             'hexadecimal')
        self.assert_rejected(self.axvm("run", hello, "--expect", "("),
                             '--expect: "(" is not a regular expression')
        self.assert_rejected(self.axvm("run", hello, "--send", "\\q"),
                             '--send: "\\q": unknown escape, expected \\n, \\r, \\t, \\e, \\\\ or '
                             '\\xNN')
        self.assert_rejected(self.axvm("run", hello, "--trace", "/no/dir/trace"),
                             "--trace: cannot write /no/dir/trace: No such file or directory")
        for name in ("-:foo", "-:", f"{self.folder}/trace:foo", f"{self.folder}/trace:"):
            word = name[name.rindex(":") + 1:]
            self.assert_rejected(self.axvm("run", hello, "--trace", name),
                                 f"--trace: unknown trace format '{word}', expected text, jsonl, "
                                 "hash or chrome")
        self.assert_rejected(self.axvm("run", hello, "--bogus"),
                             "The following argument was not expected: --bogus")

    def test_walk_needs_one_address(self):
        self.assert_rejected(self.axvm("walk", config("hello")),
                             "walk: expected --gva ADDR or --gpa ADDR")
        self.assert_rejected(self.axvm("walk", config("hello"), "--gva", "1", "--gpa", "2"),
                             "--gva excludes --gpa")


if __name__ == "__main__":
    unittest.main()
