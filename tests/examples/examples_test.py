# SPDX-License-Identifier: Apache-2.0
"""Runs the pipelines of examples/ as a user would, and checks what their READMEs say about the results."""

import gzip
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ.get("HEADRACE_SOURCE_DIR") or pathlib.Path(__file__).resolve().parents[2])
BUILD = pathlib.Path(os.environ.get("HEADRACE_BUILD_DIR") or SOURCE / "build/release")
EXAMPLES = SOURCE / "examples"


class ExampleTest(unittest.TestCase):
    """Runs one example twice in a store of its own: the first run makes everything, the second remembers it."""

    name = ""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.store = pathlib.Path(folder.name) / "store"
        cls.first = cls.run_file(EXAMPLES / cls.name / "pipeline.yaml")
        cls.again = cls.run_file(EXAMPLES / cls.name / "pipeline.yaml")

    @classmethod
    def run_file(cls, file, *arguments):
        done = subprocess.run([BUILD / "bin/headrace", "run", file, "--json", "--store", cls.store, *arguments],
                              capture_output=True, text=True, timeout=800, stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            raise AssertionError(f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}")
        return json.loads(done.stdout)

    def result(self, part, document=None):
        """The one result whose path names `part`."""
        rows = [row for row in (document or self.first)["results"] if re.search(rf"\b{part}\b", row["path"])]
        self.assertEqual(len(rows), 1, [row["path"] for row in (document or self.first)["results"]])
        return rows[0]

    def check_documents(self, paths):
        """What holds for every example."""
        self.assertEqual((self.first["status"], self.first["errors"]), ("done", []))
        self.assertEqual(len(self.first["results"]), paths)
        ranks = [row["rank"] for row in self.first["results"]]
        self.assertEqual(ranks, sorted(ranks))
        self.assertEqual(ranks[0], 1)
        self.assertGreater(self.first["tasks"]["executed"], 0)
        self.assertEqual(self.again["tasks"]["executed"], 0)
        # Remembered results are the results: all but the times.
        untimed = [[{key: value for key, value in row.items() if key != "seconds"} for row in document["results"]]
                   for document in (self.first, self.again)]
        self.assertEqual(*untimed)


class DigitsTest(ExampleTest):
    name = "digits"

    def test_best_is_64_components_and_c_0_046416(self):
        self.check_documents(paths=20)
        best, second = self.first["results"][:2]
        self.assertEqual(best["params"], {"pca.components": 64, "logistic.C": 0.046416})
        self.assertEqual(second["params"]["pca.components"], 45)
        # One sample of 1,797 is 0.0006: two solvers that stop apart may differ by as much.
        self.assertAlmostEqual(best["mean"], 0.92545, delta=0.0006)
        self.assertAlmostEqual(second["mean"], 0.92378, delta=0.0006)
        for fold, expected in zip(best["scores"]["accuracy"], [0.9333, 0.8833, 0.9443, 0.9582, 0.9081], strict=True):
            self.assertAlmostEqual(fold, expected, delta=0.003)

    def test_each_pca_is_fitted_once_a_fold_and_shared(self):
        self.assertEqual(self.first["tasks"]["fit"], 25 + 100)
        self.assertEqual(self.first["tasks"]["score"], 100)

    def test_one_changed_value_runs_only_what_depends_on_it(self):
        changed = self.run_file(EXAMPLES / "digits/pipeline.yaml", "--set", "nodes.logistic.C.grid=[1.0e-4, 0.046416, 21.544, 1.0e3]")
        # Five classifiers a fold are new, each fitted and scored; no PCA is fitted again.
        self.assertEqual(changed["tasks"]["fit"], 125)
        self.assertGreaterEqual(changed["tasks"]["executed"], 2 * 25)
        self.assertGreaterEqual(changed["tasks"]["remembered"], 75 + 25)
        self.assertEqual(changed["results"][0], {**self.again["results"][0], "seconds": changed["results"][0]["seconds"]})


class RbmTest(ExampleTest):
    name = "rbm"

    def test_learned_features_beat_raw_pixels(self):
        self.check_documents(paths=2)
        # What scikit-learn's plot_rbm_logistic_classification reads, to two places, on a draw of its own. Draws differ by 0.005 and
        # 0.01 (see the example's README): the seed in the file is one that is as hard as that one.
        self.assertAlmostEqual(self.result("learned_features")["mean"], 0.94, delta=0.01)
        self.assertAlmostEqual(self.result("raw_pixels")["mean"], 0.78, delta=0.01)


class IrisNcaTest(ExampleTest):
    name = "iris_nca"

    def test_components_help_the_neighbours(self):
        self.check_documents(paths=2)
        # scikit-learn 1.9.1 on 20 draws of its own: 0.933 and 0.945, deviation over draws 0.017: 0.004 for the mean of 20.
        plain, turned = (self.result(name) for name in ("knn", "nca_knn"))
        self.assertAlmostEqual(plain["mean"], 0.933, delta=0.015)
        self.assertAlmostEqual(turned["mean"], 0.945, delta=0.015)
        self.assertGreater(turned["mean"], plain["mean"])
        self.assertEqual([len(turned["scores"][metric]) for metric in ("accuracy", "f1_macro")], [20, 20])


class FeaturesForestTest(ExampleTest):
    name = "features_forest"

    def test_each_forest_reads_as_well_as_scikit_learns(self):
        self.check_documents(paths=3)
        # scikit-learn 1.9.1 reads these. Forests draw features and split by other random numbers here: two deviations of a mean of ten
        # folds, each of which deviates by 0.02 to 0.03.
        for name, expected in (("union", 0.950), ("pca_only", 0.941), ("best_only", 0.923)):
            self.assertAlmostEqual(self.result(name)["mean"], expected, delta=0.015)
            self.assertEqual(len(self.result(name)["scores"]["accuracy"]), 10)
        self.assertGreater(self.result("union")["mean"], self.result("best_only")["mean"])

    def test_what_the_paths_share_is_done_once(self):
        # A fold: one PCA, one choice of columns, one kernel map, three forests.
        self.assertEqual(self.first["tasks"]["fit"], 10 * 6)


class AdultTest(ExampleTest):
    name = "adult"

    def test_boosted_trees_beat_the_linear_model(self):
        self.check_documents(paths=3)
        best = self.first["results"][0]
        self.assertIn("boosted", best["path"])
        # scikit-learn's HistGradientBoostingClassifier reaches 0.87 and 0.93; its logistic regression 0.85.
        self.assertAlmostEqual(best["mean"], 0.872, delta=0.006)
        self.assertGreater(sum(best["scores"]["roc_auc"]) / 3, 0.92)
        self.assertAlmostEqual(self.result("linear")["mean"], 0.851, delta=0.006)


class ExampleFoldersTest(unittest.TestCase):
    """What every folder of examples/ has."""

    def folders(self):
        found = sorted(path.parent for path in EXAMPLES.glob("*/pipeline.yaml"))
        self.assertGreaterEqual(len(found), 5)
        return found

    def test_each_has_a_page_that_names_its_command(self):
        for folder in self.folders():
            with self.subTest(folder.name):
                self.assertIn(f"headrace run examples/{folder.name}/pipeline.yaml", (folder / "README.md").read_text())

    def test_each_data_file_has_its_source_and_digest(self):
        for path in sorted(EXAMPLES.glob("*/data/*")):
            if path.name == "SOURCE.md":
                continue
            with self.subTest(path.name):
                page = (path.parent / "SOURCE.md").read_text()
                data = path.read_bytes()
                self.assertIn(path.name, page)
                self.assertIn(hashlib.sha256(data).hexdigest(), page)
                if "SHA-256 of the content" in page:
                    self.assertIn(hashlib.sha256(gzip.decompress(data)).hexdigest(), page)
                self.assertRegex(page, r"CC BY|BSD|Apache|MIT")

    def test_each_validates_away_from_the_checkout(self):
        with tempfile.TemporaryDirectory() as place:
            copy = pathlib.Path(place) / "examples"
            shutil.copytree(EXAMPLES, copy)
            for folder in self.folders():
                with self.subTest(folder.name):
                    done = subprocess.run([BUILD / "bin/headrace", "validate", copy / folder.name / "pipeline.yaml"], cwd="/",
                                          capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
                    self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
