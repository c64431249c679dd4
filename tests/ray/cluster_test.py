# SPDX-License-Identifier: Apache-2.0
"""`headrace cluster`: what `up` makes, and that `down` leaves nothing of it."""

import json
import os
import pathlib
import stat
import unittest

import clusters
from clusters import kill, marked


def setUpModule():
    clusters.require_ray()
    clusters.own_network()


def shared_memory():
    return set(os.listdir("/dev/shm"))


class RayClusterTest(unittest.TestCase):
    def setUp(self):
        self.site = clusters.Site()
        self.addCleanup(self.site.close)

    def test_up_status_down_leave_nothing(self):
        before = shared_memory()
        first = json.loads(self.site.run("cluster", "up", "--ray", "--nodes", 2, "--cpus", 1, "--resource", "2:camera=2", "--json").stdout)
        state = self.site.state()
        self.assertEqual(stat.S_IMODE((self.site.folder / "state/ray/cluster.json").stat().st_mode), 0o600)
        self.assertTrue(pathlib.Path(state["temporary"]).is_dir())

        again = self.site.run("cluster", "up", "--ray", "--json")
        self.assertEqual(json.loads(again.stdout)["address"], first["address"])
        self.assertIn("is up already", again.stderr)

        shown = json.loads(self.site.run("cluster", "status", "--json").stdout)
        nodes = sorted((node["address"], node["cpu"], node["resources"]) for node in shown["nodes"])
        self.assertEqual(nodes, [("127.0.0.2", 1, {}), ("127.0.0.3", 1, {"camera": 2})])
        # The token is in no command line.
        self.assertFalse([pid for pid in clusters.pids() if state["token"] in " ".join(clusters.command_of(pid))])
        self.assertGreater(len(marked(state["mark"])), 5)

        self.site.run("cluster", "down")
        self.assertEqual(marked(state["mark"]), [])
        self.assertFalse(pathlib.Path(state["temporary"]).exists())
        self.assertEqual(shared_memory() - before, set())
        self.assertIsNone(self.site.state())
        self.assertEqual(json.loads(self.site.run("cluster", "status", "--json", code=1).stdout), {"up": False, "leftovers": 0})

    def test_what_a_crash_leaves_is_cleaned(self):
        self.site.run("cluster", "up", "--ray", "--no-jobs", "--cpus", 1)
        state = self.site.state()
        control = [pid for pid in marked(state["mark"]) if clusters.command_of(pid)[0].endswith("gcs_server")]
        self.assertEqual(len(control), 1)
        kill(control[0])
        clusters.wait_until(lambda: control[0] not in marked(state["mark"]), "the control store is dead")
        self.assertFalse(json.loads(self.site.run("cluster", "status", "--json", code=1).stdout)["up"])
        self.site.run("cluster", "down")
        self.assertEqual(marked(state["mark"]), [])
        self.assertFalse(pathlib.Path(state["temporary"]).exists())

    def test_cluster_grows_while_calls_wait(self):
        self.site.run("cluster", "up", "--ray", "--no-jobs", "--cpus", 1, "--grow", 1)
        driver = self.site.start("run", clusters.DIGITS, "--fresh", "--json", "--on", "ray://auto?workers=1..2", *clusters.LONGER)
        self.addCleanup(driver.end)
        driver.wait_for("worker w-2 placed")
        driver.finish()
        nodes = json.loads(self.site.run("cluster", "status", "--json").stdout)["nodes"]
        self.assertEqual([node["cpu"] for node in nodes], [1, 1])

    def test_down_without_a_cluster_is_no_error(self):
        self.assertIn("no cluster", self.site.run("cluster", "down").stderr)

    def test_python_without_ray_is_told_how_to_get_it(self):
        bare = self.site.folder / "bare/bin"
        bare.mkdir(parents=True)
        (bare / "python3").write_text('#!/bin/sh\nexec /usr/bin/python3 -S "$@"\n')
        (bare / "python3").chmod(0o755)
        done = self.site.run("cluster", "up", "--ray", "--json", code=3, HEADRACE_PYTHON=str(bare / "python3"), PYTHONPATH="")
        problem = json.loads(done.stdout)["error"]
        self.assertEqual(problem["name"], "Environment")
        self.assertIn("pip install", problem["advice"])
