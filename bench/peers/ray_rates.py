# SPDX-License-Identifier: Apache-2.0
"""Ray's own rates for what headrace_fleet_bench measures: calls that do nothing, on a cluster of this machine with as many cores.

Prints one JSON line a metric, {"metric", "value", "unit"}, with the names of the fleet bench where there is a counterpart. The cluster
is started for this run and ended with it. A batch is 1,000 calls, as Ray's own benchmarks have it.

    python bench/peers/ray_rates.py [--workers 2] [--only METRIC] [--queued 20000]
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PART = ROOT / "python/headrace/ray"
WAIT = 300   # seconds; Ray's get has no bound of its own


def emit(metric, value, unit):
    print(json.dumps({"metric": metric, "value": value, "unit": unit}), flush=True)


def seconds_of(work):
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


class Cluster:
    """One node with a token and state of its own."""

    def __init__(self, workers):
        self.folder = tempfile.TemporaryDirectory(prefix="headrace-bench-")
        self.environment = {**os.environ, "HEADRACE_STATE": self.folder.name}
        self.workers = workers

    def __enter__(self):
        self._part("up", "--cpus", str(self.workers), "--no-jobs")
        return json.loads((pathlib.Path(self.folder.name) / "ray/cluster.json").read_text())

    def __exit__(self, *_):
        self._part("down")
        self.folder.cleanup()

    def _part(self, *words):
        done = subprocess.run([sys.executable, PART, "cluster", *words], env=self.environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"{words}: {done.stdout}{done.stderr}")


def measures(ray, queued):
    @ray.remote
    def nothing(*_):
        return b""

    def many(count):
        return [nothing.remote() for _ in range(count)]

    def finish(references):
        ray.get(references, timeout=WAIT)

    def batch():
        finish(many(1000))

    def chain(length):
        last = nothing.remote()
        for _ in range(length - 1):
            last = nothing.remote(last)
        finish([last])

    def layers(depth, width):
        before = many(width)
        for _ in range(depth - 1):
            before = [nothing.remote(*before) for _ in range(width)]
        finish(before)

    def rate():
        batch()
        emit("calls_per_second", 5000 / seconds_of(lambda: [batch() for _ in range(5)]), "1/s")

    def round_trip():
        times = sorted(seconds_of(lambda: finish([nothing.remote()])) for _ in range(1000))
        emit("round_trip_p50_us", times[500] * 1e6, "us")
        emit("round_trip_p99_us", times[990] * 1e6, "us")
        emit("sync_calls_per_second", 1 / times[500], "1/s")

    # Objects that were put, as in Ray's own scalability tests.
    def arguments():
        made = [ray.put(b"") for _ in range(10_000)]
        emit("arguments_10000_seconds", seconds_of(lambda: finish([nothing.remote(*made)])), "s")
        emit("get_10000_seconds", seconds_of(lambda: finish(made)), "s")

    def results():
        @ray.remote(num_returns=3000)
        def three_thousand():
            return [b""] * 3000

        finish(three_thousand.remote())
        emit("results_3000_seconds", seconds_of(lambda: finish(three_thousand.remote())), "s")

    return {
        "rate": rate,
        "round_trip": round_trip,
        "chain": lambda: emit("chain_1000_seconds", seconds_of(lambda: chain(1000)), "s"),
        "layers": lambda: emit("layers_20x100_seconds", seconds_of(lambda: layers(20, 100)), "s"),
        "queued": lambda: emit("queued_20k_seconds", seconds_of(lambda: finish(many(queued))) * 20_000 / queued, "s"),
        "arguments": arguments,
        "results": results,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=2, help="cores of the cluster")
    parser.add_argument("--only", default="", help="one of rate, round_trip, chain, layers, queued, arguments, results")
    parser.add_argument("--queued", type=int, default=20_000, help="calls of the queue; the time is scaled to 20,000")
    given = parser.parse_args()
    with Cluster(given.workers) as state:
        os.environ.update(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=state["token"], RAY_USAGE_STATS_ENABLED="0")
        import ray

        ray.init(address=state["address"], log_to_driver=False, logging_level="ERROR")
        ray.get([ray.remote(lambda: time.sleep(0.2)).remote() for _ in range(given.workers)], timeout=WAIT)   # its workers are up
        try:
            for name, measure in measures(ray, given.queued).items():
                if given.only in ("", name):
                    measure()
        finally:
            ray.shutdown()


if __name__ == "__main__":
    main()
