"""Traces for viewers, opened in one: speedscope, in Chromium."""

import base64
import json
import os
import pathlib
import sys
import unittest

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path.append(str(TESTS / "lab"))
import chromium
from command import Test, config

VIEWER = TESTS.parent / "third_party" / "speedscope"
PAGE = """<!DOCTYPE html><html><head><meta charset="UTF-8"><title>speedscope</title>
<link rel="icon" href="data:,"></head><body><script src="speedscope.js"></script></body></html>"""


class TraceViewer(Test):
    @classmethod
    def setUpClass(cls):
        cls.browser = chromium.Browser()
        cls.addClassCleanup(cls.browser.close)

    def opened(self, trace):
        """What the viewer shows first, and what it complains of."""
        content = json.dumps(base64.b64encode(trace.encode()).decode())
        profile = self.file("profile.js", f"speedscope.loadFileFromBase64('trace.json', {content})")
        self.file("speedscope.js", (VIEWER / "speedscope.js").read_text())
        page = self.file("page.html", PAGE)
        self.browser.open("about:blank")
        self.browser.open(f"file://{page}#localProfilePath={profile}")
        self.browser.wait_for("document.title.startsWith('trace.json') || "
                              "document.body.innerText.includes('Something went wrong')")
        complaints = []
        for event in self.browser.events:
            of = event.get("params", {})
            match event.get("method"):
                case "Runtime.exceptionThrown":
                    complaints.append(of["exceptionDetails"]["text"])
                case "Runtime.consoleAPICalled" if of["type"] in ("warning", "error"):
                    complaints.append(of["args"][0]["value"])
                # What a driver of graphics says is none of the trace's.
                case "Log.entryAdded" if of["entry"]["source"] != "rendering":
                    complaints.append(of["entry"]["text"])
        return self.browser.evaluate("document.body.innerText"), complaints

    def trace(self, isa):
        file = self.folder / "trace.json"
        done = self.axvm("run", config("exits", isa), "--quiet", "--timing", "neoverse-n1",
                         "--trace", f"{file}:chrome")
        self.assertEqual((done.status, done.err), (0, ""))
        return file.read_text()

    def test_a_viewer_opens_each_vcpu_and_does_not_complain(self):
        for isa in ("aarch64", "riscv64"):
            with self.subTest(isa=isa):
                text, complaints = self.opened(self.trace(isa))
                self.assertEqual(complaints, [])
                self.assertRegex(text, r"vm1 .*vcpu0 .*\(1/2\)")

    def test_it_complains_of_slices_that_do_not_nest(self):
        trace = json.loads(self.trace("aarch64"))
        events = trace["traceEvents"]
        end = next(i for i, event in enumerate(events) if event["ph"] == "E")
        events.insert(end, {**events[end], "name": "of nothing"})
        _, complaints = self.opened(json.dumps(trace))
        self.assertNotEqual(complaints, [])


if __name__ == "__main__":
    if chromium.PROGRAM is None:
        print("skipped: there is no chromium")
        sys.exit(77)
    unittest.main()
