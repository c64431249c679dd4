# SPDX-License-Identifier: Apache-2.0
"""Runs on workers in other processes: the same bytes as in one, whatever dies."""

import os
import signal
import subprocess
import sys
import time
import unittest

from program import BUILD, HEADRACE, SOURCE, ProgramTest, blobs

sys.path.insert(0, str(SOURCE / "tools"))
import trial  # noqa: E402

FOREST = """
pipeline: forest
seed: 7
nodes:
  rows: { op: csv, path: rows.csv, target: label }
  scaled: { op: standard_scaler, from: rows }
  forest: { op: random_forest, from: [scaled], n_estimators: { grid: [20, 21, 22] } }
evaluate: { folds: 4, metric: accuracy }
"""


MIXED = """
pipeline: mixed
seed: 7
nodes:
  rows: { op: csv, path: rows.csv, target: label }
  scaled: { op: python_function, from: rows, call: "mine:scaled", factor: { grid: [0.5, 2.0] }, code: "CODE_1" }
  near: { op: k_nearest_neighbors, from: scaled, n_neighbors: 3 }
  centres: { op: python_classifier, from: scaled, call: "mine:NearestCentre", code: "CODE_2" }
evaluate: { folds: 3, metric: accuracy }
"""
PYTHON_NODES = """
import headrace as hr
import numpy as np

def scaled(table, factor=1.0):
    return hr.tables.with_features(table, factor * hr.tables.features([table]), hr.tables.feature_names([table]))

class NearestCentre:
    def fit(self, table):
        rows, labels = hr.tables.features([table]), np.array(hr.tables.target_classes(table))
        self.names = sorted(set(labels.tolist()))
        self.centres = np.stack([rows[labels == name].mean(axis=0) for name in self.names])

    def predict(self, table):
        rows = hr.tables.features([table])
        distances = ((rows[:, None, :] - self.centres[None]) ** 2).sum(axis=2)
        return [self.names[index] for index in distances.argmin(axis=1)]
"""


class ProcessesTest(ProgramTest):
    def pipeline(self):
        self.write("rows.csv", blobs(300))
        return self.write("forest.yaml", FOREST)

    def run_in(self, store, pipeline, *flags, **more):
        document = self.run_json("run", str(pipeline), "--store", str(self.folder / store), *flags, **more)
        return [{key: value for key, value in row.items() if key != "seconds"} for row in document["results"]], document

    def assert_same_on(self, pipeline, place, **more):
        here, _ = self.run_in("here", pipeline, **more)
        there, document = self.run_in("there", pipeline, "--on", place, **more)
        self.assertEqual(here, there)
        objects = trial.contents(self.folder / "here")
        self.assertEqual(objects, trial.contents(self.folder / "there"))
        self.assertGreater(len(objects), 20)
        # And either remembers what the other made.
        _, again = self.run_in("there", pipeline, **more)
        self.assertEqual(again["tasks"]["executed"], 0)
        return document

    def test_digits_gives_the_same_bytes_on_four_processes(self):
        self.assert_same_on(SOURCE / "examples/digits/pipeline.yaml", "processes:4")

    def test_ten_folds_of_a_forest_give_the_same_bytes_on_two_processes(self):
        self.assert_same_on(SOURCE / "examples/features_forest/pipeline.yaml", "processes:2")

    def test_objects_beyond_their_memory_go_to_disk(self):
        # 1 MiB for objects of some tens: nothing fits, everything ends.
        pipeline = self.pipeline()
        here, _ = self.run_in("here", pipeline)
        self.write("rows.csv", blobs(20000, columns=8))
        here, _ = self.run_in("here", pipeline)
        there, _ = self.run_in("there", pipeline, "--on", "processes:2", "--object-memory", "1MB", TMPDIR=str(self.folder))
        self.assertEqual(here, there)
        self.assertEqual([], [path for path in self.folder.iterdir() if path.name not in ("here", "there", "rows.csv", "forest.yaml")])

    def test_nodes_in_python_give_the_same_bytes_anywhere(self):
        self.write("rows.csv", blobs(300))
        self.write("mine.py", PYTHON_NODES)
        python = {"HEADRACE_PYTHON": sys.executable, "PYTHONPATH": f"{SOURCE / 'python'}:{self.folder}"}
        codes = subprocess.run([sys.executable, "-c", "import mine\nfrom headrace.operators import code_of\n"
                                "print(code_of(mine.scaled), code_of(mine.NearestCentre))"], env={**os.environ, **python},
                               capture_output=True, text=True, check=True).stdout.split()
        pipeline = self.write("mixed.yaml", MIXED.replace("CODE_1", codes[0]).replace("CODE_2", codes[1]))
        document = self.assert_same_on(pipeline, "processes:2", **python)
        self.assertEqual(len(document["results"]), 4)
        self.assertGreater(document["results"][0]["mean"], 0.9)
        broken = self.write("broken.yaml", MIXED.replace("mine:scaled", "mine:nothing").replace("CODE_1", "").replace("CODE_2", ""))
        done = self.run_program("run", str(broken), "--no-store", code=1, **python)
        self.assertIn("nothing", done.stderr)
        self.assertIn("broken.yaml:6", done.stderr)

    def test_a_short_drill_of_killed_and_frozen_processes(self):
        done = subprocess.run([SOURCE / "tools/drill/chaos", "--times", "6", "--seed", "20261124"], capture_output=True, text=True,
                              env=self.environment(HEADRACE_BUILD_DIR=str(BUILD)), timeout=500)
        print(done.stdout)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("same bytes", done.stdout)

    def test_interrupting_the_driver_ends_its_workers(self):
        run = subprocess.Popen([HEADRACE, "run", SOURCE / "examples/features_forest/pipeline.yaml", "--on", "processes:2"],
                               cwd=self.folder, env=self.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.addCleanup(run.stderr.close)
        workers, end = [], time.monotonic() + 60
        while len(workers) < 2 and time.monotonic() < end:
            workers = trial.workers_of(run.pid)
            time.sleep(0.02)
        self.assertEqual(len(workers), 2)
        run.send_signal(signal.SIGINT)
        self.assertEqual(run.wait(60), 4, run.stderr.read())
        for worker in workers:
            with self.assertRaises(ProcessLookupError):
                os.kill(worker, 0)

    def test_a_failing_node_names_node_fold_and_cause(self):
        self.write("rows.csv", blobs(60))
        self.write("wrong.yaml", FOREST.replace("n_estimators: { grid: [20, 21, 22] }", "n_estimators: 20000, timeout: 0.1"))
        done = self.run_program("run", "wrong.yaml", "--on", "processes:2", "--no-store", "--json", code=1)
        self.assertIn("Timeout", done.stdout + done.stderr)
        self.assertIn("fold", done.stderr)

    def test_places_that_are_none_are_refused(self):
        pipeline = self.pipeline()
        for place in ("processes", "processes:0", "processes:x", "moon:3", "workers:2", "workers:2@nowhere", "processes:99999"):
            done = self.run_program("run", str(pipeline), "--on", place, "--no-store", code=2)
            self.assertIn("--on", done.stderr + done.stdout, place)

    def test_a_worker_without_a_token_or_with_a_wrong_one_is_refused(self):
        self.run_program("worker", "--connect", "unix:@headrace-nobody", code=2)
        waiting = subprocess.Popen([HEADRACE, "run", self.pipeline(), "--on", "workers:1@tls:127.0.0.1:0", "--no-store"], cwd=self.folder,
                                   env=self.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(lambda: waiting.poll() is None and waiting.kill())
        line = ""
        while "--connect" not in line:
            line = waiting.stderr.readline()
            self.assertTrue(line, "the driver ended")
        address = line.split("--connect ")[1].split()[0]
        token = line.split("HEADRACE_TOKEN=")[1].split()[0]
        wrong = self.run_program("worker", "--connect", address, code=3, HEADRACE_TOKEN="0" * 64)
        self.assertIn("token", wrong.stderr)
        other = address[:-4] + "0000"
        if other != address:
            self.run_program("worker", "--connect", other, code=3, HEADRACE_TOKEN=token)
        right = subprocess.Popen([HEADRACE, "worker", "--connect", address], env=self.environment(HEADRACE_TOKEN=token))
        out, err = waiting.communicate(timeout=120)
        self.assertEqual(waiting.returncode, 0, err)
        self.assertIn("forest", out)
        self.assertEqual(right.wait(20), 0)


if __name__ == "__main__":
    unittest.main()
