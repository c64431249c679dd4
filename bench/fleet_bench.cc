// SPDX-License-Identifier: Apache-2.0
// Measures calls across processes: how many a second, how long there and back, chains, all-to-all layers, many arguments, many
// results, and a large table handed to several readers. The workers are this program again, with an operator that does nothing.
// Prints one JSON line a metric: {"metric", "value", "unit"}; tools/bench repeats it and takes medians.

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/cluster/fleet.h"
#include "headrace/cluster/processes.h"
#include "headrace/cluster/worker.h"
#include "headrace/data/table.h"
#include "headrace/exec/dataflow.h"

namespace {

using namespace headrace;

struct Nothing : exec::Operator {
  Result<data::Object> transform(const exec::Context&, const data::Model*, std::span<const data::Object>) override {
    return data::Object::bytes("");
  }
};

double seconds_of(const auto& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void print(const char* metric, double value, const char* unit) {
  std::printf("{\"metric\": \"%s\", \"value\": %.9g, \"unit\": \"%s\"}\n", metric, value, unit);
  std::fflush(stdout);
}

[[noreturn]] void die(const Error& error) {
  std::fprintf(stderr, "%s\n", error.text().c_str());
  std::exit(3);
}

// Calls that end some time, and what they gave.
class Batch {
 public:
  explicit Batch(exec::Place& place) : place_(place) {}

  void start(exec::Call call, std::size_t slot) {
    {
      const std::lock_guard lock(mutex_);
      ++open_;
      if (results_.size() <= slot) results_.resize(slot + 1);
    }
    call.done = [this, slot](exec::CallOutcome outcome) {
      if (!outcome.outputs.ok()) die(outcome.outputs.error());
      const std::lock_guard lock(mutex_);
      results_[slot] = (*outcome.outputs)[0];
      if (--open_ == 0) ended_.notify_all();
    };
    place_.start(std::move(call));
  }
  const std::vector<exec::Handle>& wait() {
    std::unique_lock lock(mutex_);
    ended_.wait(lock, [this] { return open_ == 0; });
    return results_;
  }

 private:
  exec::Place& place_;
  std::mutex mutex_;
  std::condition_variable ended_;
  std::size_t open_ = 0;
  std::vector<exec::Handle> results_;
};

class Bench {
 public:
  explicit Bench(cluster::Fleet& fleet) : fleet_(fleet) {
    auto recipe = std::make_shared<exec::Recipe>();
    recipe->op = recipe->node = "nothing";
    recipe->params = config::Value(config::Map{});
    nothing_ = std::move(recipe);
    auto rows = std::make_shared<exec::Recipe>();
    rows->node = "join";
    join_ = std::move(rows);
  }

  exec::Call nothing(std::vector<exec::Handle> inputs = {}) const {
    exec::Call call;
    call.work = {.recipe = nothing_, .phase = graph::Phase::kTransform};
    call.inputs = std::move(inputs);
    call.group = 1;
    return call;
  }
  exec::Call join(std::vector<exec::Handle> inputs) const {
    exec::Call call = nothing(std::move(inputs));
    call.work = {.recipe = join_, .phase = graph::Phase::kJoin};
    call.group = 2;
    return call;
  }
  exec::Handle one(exec::Call call) const {
    Batch batch(fleet_);
    batch.start(std::move(call), 0);
    return batch.wait()[0];
  }

  std::vector<exec::Handle> many(int count) const {
    Batch batch(fleet_);
    for (int i = 0; i < count; ++i) batch.start(nothing(), static_cast<std::size_t>(i));
    return batch.wait();
  }

  void rate(int count) const {
    const double before = fleet_.report().loop_cpu_seconds;
    const double seconds = seconds_of([&] { many(count); });
    // Both messages of a call, what the scheduler does for it, and letting its result go.
    print("driver_us_per_call", (fleet_.report().loop_cpu_seconds - before) / count * 1e6, "us");
    print("calls_per_second", count / seconds, "1/s");
    print("queued_20k_seconds", seconds * 20'000 / count, "s");
  }

  void round_trip(int count) const {
    std::vector<double> times;
    for (int i = 0; i < count; ++i) times.push_back(seconds_of([&] { one(nothing()); }));
    std::sort(times.begin(), times.end());
    print("round_trip_p50_us", times[times.size() / 2] * 1e6, "us");
    print("round_trip_p99_us", times[times.size() * 99 / 100] * 1e6, "us");
    print("sync_calls_per_second", 1 / times[times.size() / 2], "1/s");
  }

  void chain(int length) const {
    print("chain_1000_seconds", seconds_of([&] {
            exec::Handle last = one(nothing());
            for (int i = 1; i < length; ++i) last = one(nothing({last}));
          }), "s");
  }

  void layers(int depth, int width) const {
    print("layers_20x100_seconds", seconds_of([&] {
            exec::Dataflow flow({.workers = 2});
            std::vector<std::vector<exec::Handle>> results(static_cast<std::size_t>(depth),
                                                           std::vector<exec::Handle>(static_cast<std::size_t>(width)));
            std::vector<exec::Dataflow::TaskId> before, layer;
            for (int l = 0; l < depth; ++l) {
              layer.clear();
              for (int i = 0; i < width; ++i) {
                layer.push_back(flow.submit([&, l, i] {
                  const auto held = flow.hold();
                  exec::Call call = nothing(l == 0 ? std::vector<exec::Handle>() : results[static_cast<std::size_t>(l - 1)]);
                  call.done = [&, l, i, held](exec::CallOutcome outcome) {
                    if (!outcome.outputs.ok()) die(outcome.outputs.error());
                    results[static_cast<std::size_t>(l)][static_cast<std::size_t>(i)] = (*outcome.outputs)[0];
                    flow.resume(held, [] {});
                  };
                  fleet_.start(std::move(call));
                }, before));
              }
              before = layer;
            }
            flow.wait();
          }), "s");
  }

  void arguments(int count) const {
    const std::vector<exec::Handle> made = many(count);
    print("arguments_10000_seconds", seconds_of([&] { one(nothing(made)); }), "s");
    print("get_10000_seconds", seconds_of([&] {
            for (const exec::Handle& handle : made) {
              if (auto object = handle->object(); !object.ok()) die(object.error());
            }
          }), "s");
  }

  // One call that gives 3,000 objects: a tuple of them, every part read.
  void results(int count) const {
    std::vector<exec::Handle> made = many(count);
    one(join(made));
    print("results_3000_seconds", seconds_of([&] {
            auto object = one(join(made))->object();
            if (!object.ok()) die(object.error());
            if (object->tuple().size() != static_cast<std::size_t>(count)) std::exit(3);
          }), "s");
  }

  void hand_over(std::uint64_t bytes, int readers) const {
    const auto values = static_cast<std::int64_t>(bytes / 8);
    std::vector<double> column(static_cast<std::size_t>(values));
    for (std::size_t i = 0; i < column.size(); ++i) column[i] = static_cast<double>(i);
    const double copied = seconds_of([&] {
      std::unique_ptr<double[]> copy(new double[column.size()]);
      std::memcpy(copy.get(), column.data(), column.size() * 8);
      if (copy[column.size() / 2] < 0) std::exit(3);
    });
    data::TensorSet set;
    set.set("x", data::Tensor::of<double>({values}, column));
    column = {};
    const data::Object object{std::move(set)};
    // The second time: a virtual machine first has to get the pages from its host, which memcpy's had before.
    double handed = 0;
    for (int round = 0; round < 2; ++round) {
      handed = seconds_of([&] {
        const exec::Handle handle = fleet_.put(object);
        Batch batch(fleet_);
        for (int i = 0; i < readers; ++i) batch.start(nothing({handle}), static_cast<std::size_t>(i));
        batch.wait();
      });
    }
    print("hand_over_1gb_seconds", handed, "s");
    print("memcpy_1gb_seconds", copied, "s");
    print("hand_over_1gb_memcpys", handed / copied, "ratio");
  }

 private:
  cluster::Fleet& fleet_;
  std::shared_ptr<const exec::Recipe> nothing_, join_;
};

int work(int argc, char** argv) {
  cluster::WorkerOptions options;
  for (int i = 1; i + 1 < argc; ++i) {
    if (std::string_view(argv[i]) == "--connect") options.driver = io::Address::parse(argv[i + 1]).value();
    if (std::string_view(argv[i]) == "--slot") options.slot = argv[i + 1];
    if (std::string_view(argv[i]) == "--parent") options.parent = std::atoll(argv[i + 1]);
  }
  options.token = std::getenv("HEADRACE_TOKEN");
  const graph::Catalogue catalogue;
  exec::Packs packs(catalogue);
  packs.add("nothing", std::make_unique<Nothing>());
  return cluster::run_worker(options, packs).ok() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "--worker") return work(argc, argv);
  const int workers = argc > 1 ? std::atoi(argv[1]) : 2;
  const std::string only = argc > 2 ? argv[2] : "";
  auto fleet = cluster::Fleet::start({.token = {}, .spill_folder = {}, .scheduling = {}, .workers_expected = workers, .largest_host = {}});
  if (!fleet.ok()) die(fleet.error());
  auto processes = cluster::Processes::start(**fleet, {.count = workers, .program = {}, .words = {"--worker"}, .name = {}, .address = {}});
  if (!processes.ok()) die(processes.error());
  if (const Status there = (*fleet)->wait_for_workers(workers, std::chrono::seconds(20)); !there.ok()) die(there.error());
  const Bench bench(**fleet);
  bench.many(2000);   // warm
  const auto asked = [&](std::string_view name) { return only.empty() || only == name; };
  if (asked("rate")) bench.rate(100'000);
  if (asked("round_trip")) bench.round_trip(2000);
  if (asked("chain")) bench.chain(1000);
  if (asked("layers")) bench.layers(20, 100);
  if (asked("arguments")) bench.arguments(10'000);
  if (asked("results")) bench.results(3'000);
  if (asked("hand_over")) bench.hand_over(std::uint64_t{1} << 30, 4);
  return 0;
}
