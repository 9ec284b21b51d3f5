"""report.html in Chromium, as its readers use it. Exit status 77: there is none."""

import json
import sys
import unittest

import chromium
from experiments import TITLE, WALKS, PageTest

# The text of each row's cells, the first row being the headings.
CELLS = """[...document.querySelectorAll('%s tr:not(.over)')].map((row) =>
  [...row.cells].map((cell) => cell.innerText.replace(/\\s+/g, ' ').trim()))"""

# The plot's colours in the middle of a bar, at some values of y.
COLOURS = """(() => {
  const [from, to] = barEdges(%d, %d, %d).map((x) => plot.valToPos(x, 'x', true));
  const column = plot.ctx.getImageData((from + to) / 2, 0, 1, plot.ctx.canvas.height).data;
  return %s.map((y) => Math.round(plot.valToPos(y, 'y', true)) * 4)
    .map((at) => `rgb(${column.slice(at, at + 3).join(", ")})`);
})()"""


class InTheBrowser(PageTest):
    times = 0

    @classmethod
    def setUpClass(cls):
        cls.browser = chromium.Browser()
        cls.addClassCleanup(cls.browser.close)

    def setUp(self):
        super().setUp()
        self.url = self.report().as_uri()
        self.browser.resize(1000, 900)
        self.show()

    def tearDown(self):
        self.assertEqual(self.browser.complaints(), [])
        self.assertEqual([url.split("?")[0] for url in self.browser.requests()
                          if not url.startswith("data:")], [self.url])

    def show(self, view=""):
        # Another address each time, lest only what is behind # be new.
        self.times += 1
        self.browser.open(f"{self.url}?{self.times}{view}")
        self.browser.settle()

    def js(self, expression):
        return self.browser.evaluate(expression)

    def choose(self, name, value):
        self.js(f"""(() => {{
          const control = document.getElementById('controls').elements['{name}'];
          control.value = [...control.options].find((o) => o.text === '{value}').value;
          control.dispatchEvent(new Event('change'));
        }})()""")
        self.browser.settle()

    def drawn(self):
        """What is plotted: the labels from left to right, and each line's values by its name."""
        return self.js("""[grid.rowLabels, Object.fromEntries(plot.series.slice(1).map((series, i) =>
            [series.label, [...plot.data[i + 1]]]))]""")

    def picture(self):
        return self.js("plot.ctx.canvas.toDataURL()")

    def focus_is(self, selector):
        return self.js(f"document.activeElement.matches({selector!r})")

    def tab_to(self, selector):
        for _ in range(60):
            self.browser.press("Tab")
            if self.focus_is(selector):
                return
        self.fail(f"Tab does not reach {selector}")


class TheTables(InTheBrowser):
    def test_ours_beside_what_was_published(self):
        self.assertEqual(self.js("document.title"), TITLE)
        self.assertEqual(self.js("document.querySelector('h1').innerText"), TITLE)
        self.assertEqual(self.js(CELLS % "section.table:nth-of-type(1) table"), [
            ["stage1", "off", "vmsa-4k-48/4K"],
            ["vmsa-4k-39/1G", "1 published 1 deviation ±0 %", "9 published 9 deviation ±0 %"],
            ["vmsa-4k-39/2M", "2 published 2 deviation ±0 %", "14 published 10 deviation +40 %"],
            ["vmsa-4k-39/4K", "3 published 3 deviation ±0 %", "19 published 20 deviation −5.0 %"],
        ])
        self.assertEqual(
            self.js("document.querySelector('section.table > p.small').innerText"),
            "6 published values (a <paper>); the largest deviation is +40 %: vmsa-4k-39/2M, "
            "vmsa-4k-48/4K")

    def test_each_table_has_what_its_own_source_has_published(self):
        self.url = self.report(WALKS + '''
[[table]]
title = "The same by somebody else"
rows = "stage1"
columns = "stage2"
metric = "references_per_walk"
source = "another paper"
published = [[1, 18], [2, 14], [3, 19]]
''', "other").as_uri()
        self.show()
        cells = self.js(CELLS % "section.table:nth-of-type(3) table")
        self.assertEqual(cells[1], ["vmsa-4k-39/1G", "1 published 1 deviation ±0 %",
                                    "9 published 18 deviation −50 %"])
        self.assertIn("another paper",
                      self.js("document.querySelectorAll('section.table > p.small')[2].innerText"))

    def test_a_relative_table_says_how_many_times_a_value_goes_into_a_rows(self):
        self.url = self.report(WALKS + '''
[[table]]
title = "Relative"
rows = "stage1"
columns = "stage2"
metric = "references_per_walk"
relative_to = "vmsa-4k-39/4K"
source = "a third paper"
published = [[2, ""], ["", ""], ["", 1]]
''', "other").as_uri()
        self.show()
        self.assertEqual(self.js(CELLS % "section.table:nth-of-type(3) table"), [
            ["stage1", "off", "vmsa-4k-48/4K"],
            ["vmsa-4k-39/1G", "3 published 2 deviation +50 %", "2.111"],
            ["vmsa-4k-39/2M", "1.5", "1.357"],
            ["vmsa-4k-39/4K", "1", "1 published 1 deviation ±0 %"],
        ])
        self.assertIn("how many times it goes into that of vmsa-4k-39/4K",
                      self.js("document.querySelectorAll('section.table')[2].innerText"))
        self.assertEqual(self.drawn()[1]["off"], [1, 2, 3])

    def test_a_table_of_one_column_has_a_choice_of_the_rest(self):
        second = "section.table:nth-of-type(2)"
        self.assertEqual(self.js(CELLS % f"{second} table"),
                         [["stage1", "stage2 references per walk"], ["vmsa-4k-39/1G", "0"],
                          ["vmsa-4k-39/2M", "0"], ["vmsa-4k-39/4K", "0"]])
        self.js(f"""(() => {{
          const choice = document.querySelector('{second} select[name=stage2]');
          choice.value = 1;
          choice.dispatchEvent(new Event('change'));
        }})()""")
        self.assertEqual([row[1] for row in self.js(CELLS % f"{second} table")[1:]],
                         ["8", "12", "16"])

    def test_numbers_are_as_in_the_text(self):
        values = [n / part for part in (7, 16, 32) for n in (*range(64), *range(9000, 40000, 501))]
        expected = [f"{value:.{3 if value < 10 else 2 if value < 1000 else 1}f}".rstrip("0").rstrip(".")
                    for value in values]
        self.assertEqual(self.js(f"{values}.map(numberText)"), expected)

    def test_a_heading_sorts_by_keyboard(self):
        self.tab_to("section.table thead th:nth-child(3) button")
        order = "[...document.querySelectorAll('section.table tbody')[0].rows].map((r) => r.cells[0].innerText)"
        names = ["vmsa-4k-39/1G", "vmsa-4k-39/2M", "vmsa-4k-39/4K"]
        for key, expected, sort in (("Enter", names, "ascending"),
                                    (" ", names[::-1], "descending")):
            self.browser.press(key)
            self.assertEqual(self.js(order), expected)
            self.assertEqual(self.js("document.activeElement.parentElement.ariaSort"), sort)

    def test_a_phone_scrolls_tables_and_not_the_page(self):
        self.browser.resize(360, 700)
        self.show()
        self.assertEqual(self.js("document.documentElement.scrollWidth"), 360)
        self.assertTrue(self.js("document.querySelector('.uplot').offsetWidth <= 340"))


class ThePlot(InTheBrowser):
    def test_it_shows_the_first_table_first(self):
        self.assertEqual(self.drawn(), [["vmsa-4k-39/1G", "vmsa-4k-39/2M", "vmsa-4k-39/4K"],
                                        {"off": [1, 2, 3], "vmsa-4k-48/4K": [9, 14, 19]}])
        self.assertIn("published: a <paper>", self.js("document.getElementById('legend').innerText"))

    def test_bars_are_as_high_as_their_values(self):
        bar, card = self.js("[colour('series-1'), colour('card')]")
        nothing = "rgb(0, 0, 0)"  # transparent
        # The bar ends at 19. What was published is 20: a diamond, and the card's colour in it.
        self.assertEqual(self.js(COLOURS % (2, 1, 2, "[1, 18, 20, 21.5]")), [bar, bar, card, nothing])

    def test_each_choice_changes_it(self):
        pictures = [self.picture()]
        self.choose("across", "stage2")
        self.assertEqual(self.js("grid.cells.map((row) => row.map((cell) => cell.published))"),
                         [[1, 2, 3], [9, 10, 20]])
        pictures.append(self.picture())
        self.choose("across", "stage1")
        self.choose("metric", "stage2 references per walk")
        self.assertEqual(self.drawn()[1], {"off": [0, 0, 0], "vmsa-4k-48/4K": [8, 12, 16]})
        self.assertNotIn("published", self.js("document.getElementById('legend').innerText"))
        pictures.append(self.picture())
        self.choose("across", "stage2")
        self.assertEqual(self.drawn(), [["off", "vmsa-4k-48/4K"], {
            "vmsa-4k-39/1G": [0, 8], "vmsa-4k-39/2M": [0, 12], "vmsa-4k-39/4K": [0, 16]}])
        pictures.append(self.picture())
        self.choose("drawn as", "lines")
        pictures.append(self.picture())
        self.js("document.getElementById('controls').elements.log.click()")
        self.assertEqual(self.drawn()[1]["vmsa-4k-39/1G"], [None, 8])
        self.assertIn("zeroes", self.js("document.getElementById('plot-about').innerText"))
        pictures.append(self.picture())
        self.choose("for each", "–")
        self.assertEqual(self.drawn()[1], {"stage2 references per walk": [None, 8]})
        pictures.append(self.picture())
        self.assertEqual(len(set(pictures)), len(pictures))

    def test_the_axis_that_is_not_shown_is_chosen(self):
        self.choose("metric", "cycles per walk")
        before = self.drawn()[1]
        self.choose("profile", "cortex-a53")
        results = json.loads((self.folder / "out" / "results.json").read_text())["points"]
        expected = {stage2: [point["metrics"]["cycles_per_walk"] for point in results
                             if (point["profile"], point["stage2"]) == ("cortex-a53", stage2)]
                    for stage2 in ("off", "vmsa-4k-48/4K")}
        self.assertEqual(self.drawn()[1], expected)
        self.assertNotEqual(before, expected)

    def test_an_experiment_of_one_point_without_tables(self):
        self.url = self.report("title = 'One'\n[sweep]\nprofile = 'bare'\nstage1 = 'vmsa-4k-39/2M'\n"
                               "stream = 'random'\nfootprint = '1M'\naccesses = 100", "one").as_uri()
        self.show()
        self.assertEqual(self.drawn(), [["bare"], {"references per walk": [2]}])
        self.assertEqual(self.js("document.querySelectorAll('section.table').length"), 0)

    def test_the_address_keeps_the_view(self):
        self.choose("metric", "stage2 references per walk")
        self.choose("across", "stage2")
        self.choose("profile", "cortex-a53")
        drawn, picture = self.drawn(), self.picture()
        self.show(self.js("location.hash"))
        self.assertEqual((self.drawn(), self.picture()), (drawn, picture))
        self.show("#metric=none&across=seed&profile=none&each=none")
        self.assertEqual(self.drawn()[1], {"off": [1, 2, 3], "vmsa-4k-48/4K": [9, 14, 19]})

    def test_hovering_and_tapping_show_values(self):
        for width, point in ((1000, self.browser.hover), (360, self.browser.tap)):
            self.browser.resize(width, 900)
            self.show()
            self.assertTrue(self.js("document.querySelector('.tooltip').hidden"))
            point(*self.js("""(() => {
              plot.over.scrollIntoView({ block: 'center' });
              const box = plot.over.getBoundingClientRect();
              return [box.x + plot.valToPos(1, 'x') + 10, box.y + 50];
            })()"""))
            self.browser.wait_for("!document.querySelector('.tooltip').hidden")
            self.assertEqual(
                self.js("document.querySelector('.tooltip').innerText.split(/\\s+/).join(' ')"),
                "stage1 vmsa-4k-39/2M off 2 ◇ 2 ±0 % vmsa-4k-48/4K 14 ◇ 10 +40 %")

    def test_the_keyboard_does_all(self):
        self.tab_to("select[name=metric]")
        self.browser.press("ArrowDown")
        self.browser.settle()
        self.assertEqual(self.drawn()[1]["off"], [1, 2, 3])
        self.assertEqual(self.js("view.metric"), "stage1_references_per_walk")
        self.assertTrue(self.focus_is("select[name=metric]"))
        self.tab_to("input[name=log]")
        self.browser.press(" ")
        self.assertTrue(self.js("view.log"))
        self.tab_to("#legend button")
        self.browser.press("Enter")
        self.browser.settle()
        self.assertEqual(list(self.drawn()[1]), ["vmsa-4k-48/4K"])
        self.tab_to("#plot")
        for key, spoken in (("ArrowRight", "stage1 vmsa-4k-39/1G: vmsa-4k-48/4K 1"),
                            ("ArrowRight", "stage1 vmsa-4k-39/2M: vmsa-4k-48/4K 2"),
                            ("End", "stage1 vmsa-4k-39/4K: vmsa-4k-48/4K 3"), ("Escape", "")):
            self.browser.press(key)
            self.assertEqual(self.js("document.getElementById('spoken').innerText"), spoken)
            self.browser.settle()
            self.assertEqual(self.js("document.querySelector('.tooltip').hidden"), spoken == "")
        self.tab_to(".plot-it")
        self.browser.press("Enter")
        self.assertEqual(self.js("view.metric"), "references_per_walk")
        self.assertTrue(self.focus_is("#plot"))

    def test_everything_has_a_name(self):
        tree = self.browser.ask("Accessibility.getFullAXTree")["nodes"]
        roles = {"button", "combobox", "checkbox", "image", "img", "region", "table", "form"}
        nameless = [node for node in tree if not node.get("ignored")
                    and node["role"]["value"] in roles and not node.get("name", {}).get("value")]
        self.assertEqual([node["role"]["value"] for node in nameless], [])
        self.assertGreater(sum(node["role"].get("value") == "combobox" for node in tree), 5)

    def test_light_and_dark(self):
        background = "getComputedStyle(document.body).backgroundColor"
        light, picture = self.js(background), self.picture()
        self.browser.resize(1000, 900, dark=True)
        self.browser.settle()
        dark = self.js(background)
        self.assertNotEqual(dark, light)
        self.assertNotEqual(self.picture(), picture)
        self.js("document.getElementById('theme').click()")
        self.browser.settle()
        self.assertEqual((self.js(background), self.picture()), (light, picture))


if __name__ == "__main__":
    if chromium.PROGRAM is None:
        print("no chromium: skipped")
        sys.exit(77)
    unittest.main()
