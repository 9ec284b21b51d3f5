"""report.html as a file: complete, safe and always the same."""

import json
import re
import unittest

from experiments import ABOUT, TITLE, Page, PageTest


class TheFile(PageTest):
    def test_it_needs_no_other_file(self):
        page = Page(self.report().read_text())
        for element in page.elements:
            for attribute in ("src", "href", "srcset", "action", "data", "poster"):
                self.assertRegex(element.get(attribute, "data:,"), "^data:", element["tag"])
            self.assertNotRegex(element.get("style", ""), r"url\(")
        for style in page.all("style"):
            self.assertNotRegex(style["text"], r"url\(|@import")
        [policy] = [meta["content"] for meta in page.all("meta")
                    if meta.get("http-equiv") == "Content-Security-Policy"]
        self.assertRegex(policy, "^default-src 'none';")
        self.assertNotIn("http", policy)

    def test_titles_cannot_become_elements(self):
        text = self.report().read_text()
        page = Page(text)
        self.assertEqual([title["text"] for title in page.all("title")], [TITLE])
        self.assertEqual([title["text"] for title in page.all("h1")], [TITLE])
        self.assertIn(ABOUT, [p["text"] for p in page.all("p")])
        self.assertEqual([len(page.all(tag)) for tag in ("script", "style", "b")], [7, 3, 0])
        data = text.split('<script id="experiment" type="application/json">')[1].split("</script>")[0]
        self.assertNotIn("<", data)
        self.assertEqual(json.loads(data)["tables"][0]["title"], "</script> in a title")

    def test_it_holds_all_metrics_of_all_points(self):
        file = self.report()
        experiment = Page(file.read_text()).experiment()
        results = json.loads((file.parent / "results.json").read_text())
        for key in ("title", "about", "fingerprint", "axes", "tables"):
            self.assertEqual(experiment[key], results[key])
        self.assertEqual({metric["name"]: metric["values"] for metric in experiment["metrics"]},
                         {name: [point["metrics"][name] for point in results["points"]]
                          for name in results["points"][0]["metrics"]})
        self.assertEqual(len(results["points"]), 12)

    def test_it_has_the_licence_of_what_it_contains(self):
        text = self.report().read_text()
        version = re.search(r"uPlot \(v([\d.]+)\)", text).group(1)
        self.assertIn(f"uPlot {version} by", text)
        self.assertTrue(any("Permission is hereby granted" in comment
                            for comment in Page(text).comments))

    def test_the_same_results_make_the_same_file(self):
        whole = self.report()
        experiment = self.folder / "experiment.toml"
        again = self.run_lab(experiment, "again", "-j", "1") / "report.html"
        for shard in ("1/2", "2/2"):
            self.run_lab(experiment, "shard" + shard[0], "--shard", shard)
        done = self.axvm("walk-lab", "merge", self.folder / "shard1", self.folder / "shard2",
                         "--out", self.folder / "merged")
        self.assertEqual(done.status, 0)
        self.assertEqual(again.read_bytes(), whole.read_bytes())
        self.assertEqual((self.folder / "merged" / "report.html").read_bytes(), whole.read_bytes())


if __name__ == "__main__":
    unittest.main()
