"""A walk's page in Chromium, as its readers use it. Exit status 77: there is none."""

import re
import sys
import unittest

import chromium
from command import Test, config
from tables import Dump


class ThePage(Dump, Test):
    @classmethod
    def setUpClass(cls):
        cls.browser = chromium.Browser()
        cls.addClassCleanup(cls.browser.close)

    def setUp(self):
        super().setUp()
        self.browser.resize(1200, 900)
        self.show(*self.typed_in(), "--gva", "0x403123")

    def tearDown(self):
        self.assertEqual(self.browser.complaints(), [])
        self.assertEqual([url.split("#")[0] for url in self.browser.requests()
                          if not url.startswith("data:")], [self.page.as_uri()])

    def show(self, *arguments, place=""):
        self.page = self.folder / f"walk{len(list(self.folder.iterdir()))}.html"
        done = self.axvm("explain", "walk", *arguments, "--html", self.page)
        self.assertEqual((done.status, done.out, done.err), (0, "", ""))
        self.browser.open(self.page.as_uri() + place)
        self.browser.settle()

    def js(self, expression):
        return self.browser.evaluate(expression)

    def text(self, selector):
        return self.js(f"document.querySelector({selector!r}).innerText.replace(/\\s+/g, ' ').trim()")

    def press(self, *keys):
        for key in keys:
            self.browser.press(key)
        self.browser.settle()

    def counts(self):
        return [int(n) for n in re.findall(r"\d+$|\d+(?= )", self.text("#counts").replace(
            "stage 1 reads", "").replace("stage 2 reads", ""))]

    def test_it_begins_with_the_first_read(self):
        self.assertEqual(self.text("#where"), "Step 1 of 15")
        self.assertEqual(self.text("h1"), "typed-in registers: GVA 0x403123")
        self.assertEqual(self.text("#step-title"),
                         "1. stage 2 level 1, to find the stage-1 descriptor of level 1")
        self.assertEqual(self.counts(), [0, 1, 16])

    def test_of_a_riscv_guest_it_has_riscv_s_words(self):
        self.show(config("paging", "riscv64"), "--gva", "0x80200000")
        self.assertEqual(self.text("#step-title"),
                         "1. G-stage level 3, to find the VS-stage entry of level 2")
        self.assertRegex(self.text("#addresses"), r"^GVA .* level 2 .* level 0 .* GPA .* level 3")
        self.assertIn("VS-stage", self.text("#lanes"))
        self.press("ArrowDown")
        self.assertRegex(self.text("#step-title"), r"VS-stage level 2$")

    def test_of_one_stage_it_has_no_word_of_guests(self):
        arguments = self.typed_in_riscv(registers='satp = "0x8000000000080008"')
        self.show(*arguments, "--gva", "0x403123")
        self.assertEqual(self.text("#step-title"), "1. level 2")
        self.assertEqual(self.text("#where"), "Step 1 of 3")
        self.assertRegex(self.text("#addresses"), r"^VA ")
        self.assertIn("Translation", self.text("#lanes"))
        self.press("End")
        self.assertIn("PA 0x80007123", self.text("#result"))
        self.assertNotRegex(self.text("body"), "GVA|VS-|vsatp")

    def test_arrows_step_and_the_ends_are_the_ends(self):
        self.press("ArrowRight", "ArrowRight", "ArrowRight")
        self.assertEqual(self.text("#step-title"), "4. stage 1 level 1")
        self.assertEqual(self.counts(), [1, 3, 4 + 4 * 12])
        self.press("ArrowLeft")
        self.assertEqual(self.text("#where"), "Step 3 of 15")
        self.press("ArrowDown", "ArrowDown")
        self.assertEqual(self.text("#step-title"), "8. stage 1 level 2")
        self.press("ArrowUp")
        self.assertEqual(self.text("#step-title"), "4. stage 1 level 1")
        self.press("End")
        self.assertEqual(self.text("#where"), "Result")
        self.assertTrue(self.js("document.getElementById('step').hidden"))
        self.assertIn("PA 0x80007123", self.text("#result"))
        self.press("ArrowRight")
        self.assertEqual(self.text("#where"), "Result")
        self.press("Home", "ArrowLeft")
        self.assertEqual(self.text("#where"), "Step 1 of 15")

    def test_the_bits_that_choose_are_lit_and_those_of_stage_1_wait(self):
        lit = "[...document.querySelectorAll('.bits .lit')].map((e) => e.innerText.split('\\n')[0])"
        self.press("End", "ArrowLeft", "ArrowUp")
        self.assertEqual(self.text("#step-title"), "12. stage 1 level 3")
        self.assertEqual(self.js(lit), ["000000011"])
        self.press("ArrowLeft")
        self.assertEqual(self.js(lit), ["000000101"])
        self.assertEqual(self.js("document.querySelector('.bits .waiting').innerText.split('\\n')[0]"),
                         "000000011")

    def test_the_table_is_a_grid_with_its_entry_lit(self):
        self.press("End", "ArrowLeft")
        cells = self.js("[...document.querySelectorAll('#table i')].map((cell) => cell.className)")
        self.assertEqual(len(cells), 512)
        self.assertEqual([n for n, name in enumerate(cells) if "lit" in name], [7])
        self.assertEqual([n for n, name in enumerate(cells) if "P" in name], list(range(16)))
        self.assertEqual(self.text("#entry"), "entry 7 = 0x00000000800077ff")

    def test_the_descriptor_is_decoded(self):
        self.press("End", "ArrowLeft")
        rows = self.js("""[...document.querySelectorAll('#fields tbody tr')].map((row) =>
            [...row.cells].map((cell) => cell.innerText))""")
        self.assertIn(["7:6", "S2AP", "0b11", "data access: read/write"], rows)
        self.assertEqual(self.js("document.querySelectorAll('#bits span').length"), 64)
        self.assertIn("Arm ARM", self.text("#section"))
        bits = [row[0].split(":") for row in rows]
        self.assertEqual(sum(int(b[0]) - int(b[-1]) + 1 for b in bits), 64)

    def test_lanes_show_both_stages_in_the_order_of_time(self):
        nodes = self.js("""[...document.querySelectorAll('#lanes button')].map((node) =>
            [node.innerText, node.style.gridRowStart, node.style.gridColumnStart])""")
        self.assertEqual([int(node[2]) for node in nodes], list(range(2, 18)))
        self.assertEqual([node[0] for node in nodes[:4]], ["L1", "L2", "L3", "L1"])
        self.assertEqual([node[1] for node in nodes[:4]], ["3", "3", "3", "2"])
        self.js("document.querySelectorAll('#lanes button')[7].click()")
        self.assertEqual(self.text("#where"), "Step 8 of 15")
        self.assertEqual(self.js("document.querySelectorAll('#lanes [aria-current]').length"), 1)

    def test_the_address_keeps_the_step(self):
        self.press("ArrowRight", "ArrowRight")
        self.assertEqual(self.js("location.hash"), "#3")
        self.show(*self.typed_in(), "--gva", "0x403123", place="#result")
        self.assertEqual(self.text("#where"), "Result")
        self.show(*self.typed_in(), "--gva", "0x403123", place="#99")
        self.assertEqual(self.text("#where"), "Result")

    def test_a_fault_ends_with_what_the_vmm_would_see(self):
        self.show(*self.typed_in(), "--gva", "0x503123")
        self.press("End")
        self.assertIn("translation fault, level 3 of stage 1", self.text("#result"))
        self.assertIn("failed", self.js("document.getElementById('result').className"))

    def test_nothing_is_read_when_both_stages_are_off(self):
        self.show(*self.typed_in(registers=""), "--gva", "0x1000")
        self.assertEqual(self.text("#where"), "Result")

    def test_a_guest_with_a_profile(self):
        profile = config("walk-lab/profiles/x").replace("x-aarch64", "cortex-a53")
        self.show(config("paging"), "--gva", "0x40080000", "--profile", profile)
        self.press("ArrowRight")
        self.assertIn("150 cycles, memory", self.text("#counts"))
        self.assertIn("hit: VMID 1, global", self.text("#tlb"))

    def test_help_opens_and_closes_and_keeps_the_step(self):
        self.js("document.dispatchEvent(new KeyboardEvent('keydown', { key: '?' }))")
        self.assertTrue(self.js("document.getElementById('help').open"))
        self.press("ArrowRight")
        self.assertEqual(self.text("#where"), "Step 1 of 15")
        self.press("Escape")
        self.assertFalse(self.js("document.getElementById('help').open"))

    def test_it_can_be_heard(self):
        self.press("ArrowRight")
        self.assertIn("stage 2 level 2", self.js("document.getElementById('spoken').textContent"))
        tree = self.browser.ask("Accessibility.getFullAXTree")["nodes"]
        roles = {"button", "image", "img", "region", "table", "group", "navigation"}
        nameless = [node["role"]["value"] for node in tree
                    if not node.get("ignored") and node["role"]["value"] in roles
                    and not node.get("name", {}).get("value")]
        self.assertEqual(nameless, [])
        self.assertGreater(sum(node["role"].get("value") == "button" for node in tree), 20)

    def test_light_and_dark_and_a_phone(self):
        background = "getComputedStyle(document.body).backgroundColor"
        light = self.js(background)
        self.browser.resize(360, 700, dark=True)
        self.browser.settle()
        self.assertNotEqual(self.js(background), light)
        self.assertEqual(self.js("document.documentElement.scrollWidth"), 360)
        self.js("document.getElementById('theme').click()")
        self.assertEqual(self.js(background), light)


if __name__ == "__main__":
    if chromium.PROGRAM is None:
        print("no chromium: skipped")
        sys.exit(77)
    unittest.main()
