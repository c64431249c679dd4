// SPDX-License-Identifier: Apache-2.0
// Measures the executor's engine: how many tasks a second, how long all-to-all layers and long queues take, in how much memory.
// Prints one JSON line a metric and run: {"metric", "value", "unit"}; tools/bench repeats it and takes medians.

#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string_view>
#include <vector>

#include "headrace/exec/dataflow.h"

namespace {

using headrace::exec::Dataflow;
using TaskIds = std::vector<Dataflow::TaskId>;

double seconds_of(const auto& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void print(const char* metric, double value, const char* unit) {
  std::printf("{\"metric\": \"%s\", \"value\": %.9g, \"unit\": \"%s\"}\n", metric, value, unit);
}

std::size_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::size_t size = 0, resident = 0;
  statm >> size >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

struct Bench {
  int workers;
  bool account;
  std::atomic<long> ran{0};

  Dataflow::Options options() const { return {.workers = workers, .account = account}; }

  // One thread submits, the pool completes.
  double noop_rate(int count) {
    return count / seconds_of([&] {
      Dataflow flow(options());
      for (int i = 0; i < count; ++i) flow.submit([this] { ran.fetch_add(1, std::memory_order_relaxed); });
      flow.wait();
    });
  }

  double chain_seconds(int length) {
    return seconds_of([&] {
      Dataflow flow(options());
      Dataflow::TaskId last = flow.submit([] {});
      for (int i = 1; i < length; ++i) {
        const Dataflow::TaskId after[] = {last};
        last = flow.submit([this] { ran.fetch_add(1, std::memory_order_relaxed); }, after);
      }
      flow.wait();
    });
  }

  double layers_seconds(int layers, int width) {
    return seconds_of([&] {
      Dataflow flow(options());
      TaskIds before, layer;
      for (int l = 0; l < layers; ++l) {
        layer.clear();
        for (int i = 0; i < width; ++i) layer.push_back(flow.submit([this] { ran.fetch_add(1, std::memory_order_relaxed); }, before));
        before.swap(layer);
      }
      flow.wait();
    });
  }

  double fan_in_seconds(int width) {
    return seconds_of([&] {
      Dataflow flow(options());
      TaskIds before;
      for (int i = 0; i < width; ++i) before.push_back(flow.submit([this] { ran.fetch_add(1, std::memory_order_relaxed); }));
      flow.submit([this] { ran.fetch_add(1, std::memory_order_relaxed); }, before);
      flow.wait();
    });
  }

  // All tasks are held back by one, so that all of them are queued at the same time.
  void queued(int count) {
    std::size_t bytes = 0;
    const double seconds = seconds_of([&] {
      Dataflow flow(options());
      const std::size_t before = resident_bytes();
      std::atomic<bool> go{false};
      const Dataflow::TaskId gate = flow.submit([&go] { go.wait(false); });
      const Dataflow::TaskId after[] = {gate};
      for (int i = 0; i < count; ++i) flow.submit([this] { ran.fetch_add(1, std::memory_order_relaxed); }, after);
      go = true;
      go.notify_all();
      flow.wait();
      bytes = resident_bytes() - before;
    });
    print("queued_1m_seconds", seconds, "s");
    print("queued_1m_bytes", static_cast<double>(bytes), "bytes");
  }
};

}  // namespace

int main(int argc, char** argv) {
  const int workers = argc > 1 ? std::atoi(argv[1]) : 2;
  const bool account = argc > 2 && std::string_view(argv[2]) == "account";
  Bench bench{workers, account};
  print("noop_tasks_per_second", bench.noop_rate(300'000), "1/s");
  print("chain_100k_seconds", bench.chain_seconds(100'000), "s");
  print("layers_20x500_seconds", bench.layers_seconds(20, 500), "s");
  print("fan_in_10000_seconds", bench.fan_in_seconds(10'000), "s");
  bench.queued(1'000'000);
  // Every task counted itself; the first of the chain and the gate do not.
  const long expected = 300'000 + 99'999 + 20 * 500 + 10'001 + 1'000'000;
  if (bench.ran != expected) {
    std::fprintf(stderr, "ran %ld tasks, expected %ld\n", bench.ran.load(), expected);
    return 1;
  }
  return 0;
}
