"""Small experiments for the page, and its text."""

import html.parser
import json
import os
import shutil

from command import CONFIGS, Test

TITLE = 'A <b>title</b> & </script><script>"quoted" \'twice\''
ABOUT = "</title><!-- é"

# Without caches (bare) what walks read is known.
WALKS = f"""
title = '''{TITLE}'''
about = '''{ABOUT}'''

[sweep]
profile = ["bare", "cortex-a53"]
stage1 = ["vmsa-4k-39/1G", "vmsa-4k-39/2M", "vmsa-4k-39/4K"]
stage2 = ["off", "vmsa-4k-48/4K"]
stream = "random"
footprint = "1M"
accesses = 100

[[table]]
title = "</script> in a title"
rows = "stage1"
columns = "stage2"
metric = "references_per_walk"
source = "a <paper>"
published = [[1, 9], [2, 10], [3, 20]]

[[table]]
title = "One column"
rows = "stage1"
columns = "stage1"
metric = "stage2_references_per_walk"
"""


class PageTest(Test):
    def setUp(self):
        super().setUp()
        shutil.copytree(CONFIGS / "walk-lab" / "profiles", self.folder / "profiles")

    def run_lab(self, experiment, out, *options):
        done = self.axvm("walk-lab", experiment, "--out", self.folder / out, *options)
        self.assertEqual((done.status, done.err), (0, ""))
        return self.folder / out

    def report(self, text=WALKS, out="out"):
        return self.run_lab(self.file("experiment.toml", text), out) / "report.html"


class Page(html.parser.HTMLParser):
    """What a browser sees in the text: elements with their attributes and their own text."""

    def __init__(self, text):
        super().__init__()
        self.elements = []
        self.comments = []
        self._open = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append({"tag": tag, "text": "", **dict(attrs)})
        if tag not in ("meta", "link"):
            self._open.append(self.elements[-1])

    def handle_endtag(self, tag):
        self._open.pop()

    def handle_data(self, data):
        if self._open:
            self._open[-1]["text"] += data

    def handle_comment(self, data):
        self.comments.append(data)

    def all(self, tag):
        return [element for element in self.elements if element["tag"] == tag]

    def experiment(self):
        [script] = [element for element in self.all("script") if element.get("id") == "experiment"]
        return json.loads(script["text"])
