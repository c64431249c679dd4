# SPDX-License-Identifier: Apache-2.0
"""The report of a run, opened in a browser without a network."""

import html.parser
import re
import shutil
import subprocess
import tempfile
import unittest

from program import ProgramTest, blobs

CHROMIUM = shutil.which("chromium")
PIPELINE = """
pipeline: blobs
seed: 7
nodes:
  rows: { op: csv, path: rows.csv, target: label }
  pca: { op: pca, from: rows, components: { grid: [1, 2, 3] } }
  line: { op: logistic_regression, from: pca, C: { grid: [0.1, 1.0, 10.0] } }
evaluate: { folds: 3, metric: [accuracy, f1_macro] }
"""
HOSTILE = '<img src=x onerror="document.title=1"></script><b>'


class Elements(html.parser.HTMLParser):
    """Tags with their attributes, and the text outside scripts and tooltips."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text, self.skipped = [], "", None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag in ("script", "style", "title"):
            self.skipped = tag

    def handle_endtag(self, tag):
        if tag == self.skipped:
            self.skipped = None

    def handle_data(self, data):
        self.text += "" if self.skipped else data

    def count(self, tag, part=""):
        return sum(1 for name, attributes in self.tags if name == tag and part in (attributes.get("class") or ""))


class ReportPageTest(ProgramTest):
    def setUp(self):
        super().setUp()
        if CHROMIUM is None:
            self.skipTest("chromium is not installed (tools/setup/apt-test.txt)")

    def open(self, page):
        """The page after its script ran, and what the browser's console said."""
        with tempfile.TemporaryDirectory() as profile:
            done = subprocess.run([CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                                   "--disable-background-networking", "--disable-component-update", "--disable-sync",
                                   f"--user-data-dir={profile}", "--enable-logging=stderr", "--virtual-time-budget=5000",
                                   "--window-size=1400,2000", "--dump-dom", f"file://{page}"],
                                  capture_output=True, text=True, timeout=180, stdin=subprocess.DEVNULL)
        console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
        return Elements(done.stdout), console, done.stdout

    def report(self, pipeline=PIPELINE, rows=None, code=0):
        self.write("pipeline.yaml", pipeline)
        self.write("rows.csv", rows or blobs(90))
        self.run_program("run", "pipeline.yaml", "--workers", "2", code=code)
        self.run_program("report", "last", "-o", "page.html")
        return self.folder / "page.html"

    def test_opens_without_a_word_in_the_console_and_shows_everything(self):
        page = self.report()
        elements, console, dom = self.open(page)
        self.assertEqual(console, [])
        self.assertEqual(elements.count("tr", "path"), 9)
        self.assertEqual(elements.count("table", "heat"), 2)          # parameters and confusion matrix
        self.assertEqual(elements.count("canvas"), 1)
        self.assertGreaterEqual(elements.count("svg"), 1)
        for word in ("accuracy", "f1_macro", "pca.components", "truth \\ predicted", "headrace replay", "workers busy", "9paths"):
            self.assertIn(word, elements.text)
        self.assertNotIn("NaN", elements.text)
        self.assertNotIn("undefined", elements.text)

    def test_names_no_address_but_that_of_svg(self):
        text = self.report().read_text()
        self.assertEqual(set(re.findall(r"https?://[^\s\"'<)]*", text)), {"http://www.w3.org/2000/svg"})

    def test_words_from_data_stay_words(self):
        rows = blobs(90, classes=("left", "'" + HOSTILE.replace('"', "") + "'", "right"))
        elements, console, dom = self.open(self.report(rows=rows))
        self.assertEqual(console, [])
        self.assertEqual(elements.count("img"), 0)
        self.assertIn("<img src=x", elements.text)

    def test_one_parameter_is_drawn_as_a_line(self):
        elements, console, dom = self.open(self.report(PIPELINE.replace("components: { grid: [1, 2, 3] }", "components: 2")))
        self.assertEqual(console, [])
        self.assertEqual(elements.count("svg", "chart"), 1)

    def test_a_run_without_scores_has_a_page_too(self):
        elements, console, dom = self.open(self.report(PIPELINE.split("evaluate")[0]))
        self.assertEqual(console, [])
        self.assertEqual(elements.count("tr", "path"), 9)

    def test_failures_are_told(self):
        # The first of two folds trains on three rows of seven, too few for four components.
        few = PIPELINE.replace("[1, 2, 3]", "[2, 4]").replace("folds: 3", "folds: 2").replace("logistic_regression", "gaussian_nb")
        few = few.replace(", C: { grid: [0.1, 1.0, 10.0] }", "")
        elements, console, dom = self.open(self.report(few, blobs(7, classes=("no", "yes")), code=1))
        self.assertEqual(console, [])
        self.assertGreater(elements.count("div", "failure"), 0)
        self.assertIn("error 1004", elements.text)


if __name__ == "__main__":
    unittest.main()
