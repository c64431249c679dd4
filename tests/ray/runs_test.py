# SPDX-License-Identifier: Apache-2.0
"""Runs on a Ray cluster of two nodes: the same results as in one process, placed where they were asked for."""

import hashlib
import json
import subprocess
import sys
import unittest

import clusters
from clusters import DIGITS, results_of

sys.path.insert(0, str(clusters.SOURCE / "tools"))
import trial  # noqa: E402

MIXED = """
pipeline: mixed
seed: 7
nodes:
  rows: { op: csv, path: DATA, header: false, target: 64 }
  scaled: { op: python_function, from: rows, call: "mine:scaled", factor: { grid: [0.5, 2.0] }, code: "CODE" }
  near: { op: k_nearest_neighbors, from: scaled, n_neighbors: 3 }
evaluate: { folds: 3, metric: accuracy }
"""
MINE = """
import headrace as hr

def scaled(table, factor=1.0):
    return hr.tables.with_features(table, factor * hr.tables.features([table]), hr.tables.feature_names([table]))
"""
ONE_PATH = ["--set", "pca.components=15", "--set", "logistic.C=0.05"]


def setUpModule():
    global site
    clusters.require_ray()
    clusters.own_network()
    site = clusters.Site()
    unittest.addModuleCleanup(site.close)
    site.run("cluster", "up", "--ray", "--nodes", 2, "--cpus", 1, "--resource", "2:camera=1")


class RayRunsTest(unittest.TestCase):
    def run_on(self, query, *words, **more):
        return site.run("run", DIGITS, "--fresh", "--json", "--on", f"ray://auto{query}", *words, **more)

    def placed(self, done):
        return sorted(line.rpartition(" ")[2] for line in done.stderr.splitlines() if " placed on " in line)

    def check_same(self, pipeline, **more):
        """Results and the bytes of every object: in this process, on Ray through shared memory, on Ray over TLS."""
        stores = {name: site.folder / f"{pipeline.parent.name}-{pipeline.stem}-{name}" for name in ("here", "shared", "apart")}
        here = results_of(site.run("run", pipeline, "--json", "--store", stores["here"], **more).stdout)
        for name, query in (("shared", ""), ("apart", "?shared=no")):
            with self.subTest(name):
                done = site.run("run", pipeline, "--json", "--store", stores[name], "--on", f"ray://auto{query}", **more)
                self.assertEqual(results_of(done.stdout), here)
                objects = trial.contents(stores[name])
                self.assertEqual(objects, trial.contents(stores["here"]))
                self.assertGreater(len(objects), 10)

    def test_digits_gives_the_same_bytes_as_in_one_process(self):
        self.check_same(DIGITS)

    def test_ten_folds_of_a_forest_give_the_same_bytes(self):
        self.check_same(clusters.SOURCE / "examples/features_forest/pipeline.yaml")

    def test_python_nodes_give_the_same_bytes(self):
        paths = {"PYTHONPATH": f"{clusters.SOURCE / 'python'}:{site.folder}"}
        (site.folder / "mine.py").write_text(MINE)
        asked = "import mine, headrace.worker.worker\nfrom headrace.operators import code_of\nprint(code_of(mine.scaled))"
        code = subprocess.run([clusters.PYTHON, "-c", asked], env=site.environment(**paths), capture_output=True, text=True, timeout=60)
        if code.returncode != 0:
            self.skipTest(f"{clusters.PYTHON} cannot run Python nodes: {code.stderr.strip().splitlines()[-1]}")
        pipeline = site.folder / "mixed.yaml"
        pipeline.write_text(MIXED.replace("DATA", str(DIGITS.parent / "data/digits.csv.gz")).replace("CODE", code.stdout.strip()))
        self.check_same(pipeline, **paths)

    def test_predictions_are_equal_byte_for_byte(self):
        pipeline = site.folder / "predict.yaml"
        data = str(DIGITS.parent / "data/digits.csv.gz")
        pipeline.write_text(DIGITS.read_text().replace("data/digits.csv.gz", data).partition("evaluate:")[0])
        digests = []
        for name, words in (("here.csv", []), ("ray.csv", ["--on", "ray://auto?shared=no"])):
            site.run("run", pipeline, "--fresh", "--mode", "predict", "--output", site.folder / name, *ONE_PATH, *words)
            digests.append(hashlib.sha256((site.folder / name).read_bytes()).hexdigest())
        self.assertEqual(digests[0], digests[1])

    def test_gang_is_spread_by_a_placement_group(self):
        place = "ray://auto?workers=2&placement=strict_spread&shared=no"
        driver = site.start("run", DIGITS, "--fresh", "--json", "--on", place, *clusters.LONG)
        self.addCleanup(driver.end)
        placed = driver.wait_for(r"placed on (\S+)", 2)
        driver.finish()
        self.assertEqual(sorted(match[1] for match in placed), ["127.0.0.2", "127.0.0.3"])

    def test_custom_resource_decides_the_node(self):
        self.assertEqual(self.placed(self.run_on("?workers=1&resource=camera:1", *ONE_PATH)), ["127.0.0.3"])

    def test_node_is_chosen_by_address(self):
        for address in ("127.0.0.2", "127.0.0.3"):
            with self.subTest(address):
                self.assertEqual(self.placed(self.run_on(f"?workers=1&node={address}", *ONE_PATH)), [address])

    def test_what_no_node_has_is_refused_with_the_reason(self):
        done = self.run_on("?workers=1&resource=unicorn:1&patience=12", code=2)
        self.assertEqual(json.loads(done.stdout)["error"]["name"], "Infeasible")

    def test_workers_come_when_calls_wait(self):
        driver = site.start("run", DIGITS, "--fresh", "--json", "--on", "ray://auto?workers=1..2", *clusters.LONG)
        self.addCleanup(driver.end)
        first = driver.wait_for(r"worker (\S+) placed")[0][1]
        second = driver.wait_for(r"worker (\S+) placed", 2)[1][1]
        driver.finish()
        self.assertEqual([first, second], ["w-1", "w-2"])

    def test_wrong_token_is_refused(self):
        address = site.state()["address"]
        for token in ("f" * 64, ""):
            with self.subTest(token):
                done = site.run("run", DIGITS, "--json", "--on", f"ray://{address}", code=3, HEADRACE_STATE=str(site.folder / "none"),
                                RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=token)
                self.assertEqual(json.loads(done.stdout)["error"]["name"], "Refused")

    def test_unknown_keys_name_the_nearest(self):
        done = self.run_on("?worker=2", code=2)
        self.assertIn("workers", json.loads(done.stdout)["error"]["advice"])

    def test_job_runs_the_pipeline_on_the_cluster(self):
        done = site.run("submit", "--ray", DIGITS)
        here = site.run("run", DIGITS).stdout
        table = [line.split() for line in here.splitlines() if line.strip()]
        job = [line.split() for line in done.stdout.splitlines()]
        self.assertTrue(table)
        for row in table:
            self.assertIn(row, job)
        self.assertIn("SUCCEEDED", done.stdout)

    def test_failed_job_gives_exit_code_1(self):
        done = site.run("submit", "--ray", DIGITS, "--program", site.folder / "absent", "--json", code=1)
        self.assertEqual(json.loads(done.stdout)["status"], "FAILED")

    def test_job_is_cancelled(self):
        job = json.loads(site.run("submit", "--ray", DIGITS, "--no-wait", "--json", *clusters.LONG).stdout)["id"]
        self.assertEqual(json.loads(site.run("submit", "--ray", "--cancel", job, "--json").stdout)["status"], "STOPPED")
        self.assertEqual(json.loads(site.run("submit", "--ray", "--status", job, "--json").stdout)["status"], "STOPPED")

    def test_jobs_api_wants_the_token(self):
        dashboard = site.state()["dashboard"]
        done = site.run("submit", "--ray", "--status", "all", "--address", dashboard, "--json", code=3,
                        HEADRACE_STATE=str(site.folder / "none"), RAY_AUTH_TOKEN="f" * 64)
        self.assertEqual(json.loads(done.stdout)["error"]["name"], "Refused")

    def tearDown(self):
        clusters.wait_until(lambda: not clusters.workers(site.mark()), "no worker is left", 40)
