# SPDX-License-Identifier: Apache-2.0
"""Losses on a Ray cluster of two nodes: whoever is killed or frozen, the results are those of one process."""

import signal
import time
import unittest

import clusters
from clusters import DIGITS, LONG, gateway_of, kill, parent_of, results_of, wait_until, workers


def setUpModule():
    global site, expected
    clusters.require_ray()
    clusters.own_network()
    site = clusters.Site()
    unittest.addModuleCleanup(site.close)
    site.run("cluster", "up", "--ray", "--nodes", 2, "--cpus", 1, "--no-jobs")
    expected = results_of(site.run("run", DIGITS, "--fresh", "--json", *LONG).stdout)


class RayLossesTest(unittest.TestCase):
    def start(self, query=""):
        """A run whose two workers are there."""
        driver = site.start("run", DIGITS, "--fresh", "--json", "--on", f"ray://auto{query}", *LONG)
        self.addCleanup(driver.end)
        driver.wait_for(r"worker \S+ placed", 2)
        driver.wait_for(r"^\d+ of \d+ tasks|^pipeline")
        wait_until(lambda: len(workers(site.mark())) == 2, "two workers run")
        return driver

    def check(self, driver):
        self.assertEqual(results_of(driver.finish()), expected)
        wait_until(lambda: not workers(site.mark()), "no worker is left", 40)

    def test_1_worker_is_killed(self):
        for query in ("", "?shared=no"):
            with self.subTest(query):
                driver = self.start(query)
                slot, pid = next(iter(workers(site.mark()).items()))
                kill(pid)
                driver.wait_for(rf"worker {slot} placed", 2)
                self.check(driver)

    def test_1_worker_is_frozen(self):
        driver = self.start()
        slot, pid = next(iter(workers(site.mark()).items()))
        kill(pid, signal.SIGSTOP)
        driver.wait_for(rf"worker {slot} placed", 2)
        self.check(driver)

    def test_1_supervisor_is_killed(self):
        driver = self.start()
        slot, pid = next(iter(workers(site.mark()).items()))
        kill(parent_of(pid))
        driver.wait_for(rf"worker {slot} (placed|ended)", 2)
        self.check(driver)

    def test_1_gateway_is_killed_and_workers_go_on(self):
        driver = self.start()
        before = workers(site.mark())
        kill(gateway_of(driver))
        driver.wait_for("the gateway to Ray is lost")
        wait_until(lambda: gateway_of(driver) > 0, "another gateway runs")
        self.assertEqual(workers(site.mark()), before)
        self.check(driver)

    def test_1_driver_is_killed_and_nothing_is_left(self):
        driver = self.start()
        kill(driver.process.pid)
        wait_until(lambda: not workers(site.mark()), "no worker is left", 30)

    def test_1_driver_and_gateway_are_killed_and_nothing_is_left(self):
        driver = self.start()
        supervisors = {parent_of(pid) for pid in workers(site.mark()).values()}
        gateway = gateway_of(driver)
        kill(driver.process.pid)
        kill(gateway)
        wait_until(lambda: not supervisors & set(clusters.marked(site.mark())), "no supervisor is left", 60)
        self.assertEqual(workers(site.mark()), {})

    def test_2_second_node_is_lost(self):
        driver = self.start()
        began = time.monotonic()
        site.run("cluster", "down", "--node", 2)
        driver.wait_for("worker .* is gone|ended")
        # Ray itself takes 15 s to see that.
        self.assertLess(time.monotonic() - began, 12)
        self.check(driver)
