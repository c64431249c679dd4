// SPDX-License-Identifier: Apache-2.0
#include "headrace/cluster/fleet.h"

#include <gtest/gtest.h>
#include <sys/types.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <future>
#include <thread>

#include "exec/toy_operators.h"
#include "headrace/base/digest.h"
#include "headrace/base/random.h"
#include "headrace/base/text.h"
#include "headrace/cluster/processes.h"
#include "headrace/data/table.h"
#include "headrace/exec/run.h"
#include "headrace/io/file.h"

namespace headrace::cluster {
namespace {

constexpr const char* kGrid = R"(
pipeline: toy
seed: 7
nodes:
  data: { op: rows, n: 70 }
  plus: { op: add, from: data, amount: { grid: [1, 2, 3] } }
  mean: { op: mean, from: plus, shift: { grid: [0, 0.5] } }
evaluate: { folds: { kind: cut, n: 5 }, metric: closeness }
)";

const std::string kToyWorker = std::string(HEADRACE_BUILD_DIR) + "/bin/headrace_toy_worker";

class FleetTest : public testing::Test {
 protected:
  FleetTest() { exec::toys::add_operators(packs_); }

  // `tls`: over TCP, as on another host: nothing is shared, objects are fetched.
  void start(int workers, FleetOptions options = {}, std::vector<std::string> words = {"toy"}, bool tls = false) {
    if (tls) options.listen = {{.kind = io::Address::Kind::kTls, .host = "127.0.0.1", .port = 0, .certificate = {}}};
    options.workers_expected = workers;
    options.largest_host.cpu = workers;
    auto fleet = Fleet::start(std::move(options));
    ASSERT_TRUE(fleet.ok()) << fleet.error().text();
    fleet_ = std::move(fleet).value();
    const io::Address address = tls ? fleet_->addresses().back() : io::Address{};
    auto processes =
        Processes::start(*fleet_, {.count = workers, .program = kToyWorker, .words = std::move(words), .name = {}, .address = address});
    ASSERT_TRUE(processes.ok()) << processes.error().text();
    processes_ = std::move(processes).value();
    const Status there = fleet_->wait_for_workers(workers, std::chrono::seconds(20));
    ASSERT_TRUE(there.ok()) << there.error().text();
  }

  exec::RunOutcome run(const std::string& yaml, exec::Place* place) {
    auto value = config::parse_yaml(yaml, "toy.yaml");
    auto graph = graph::parse_graph(*value);
    EXPECT_TRUE(graph.ok()) << graph.error().text();
    for (const Error& error : graph::validate(*graph, catalogue_)) ADD_FAILURE() << error.text();
    exec::RunOptions options{.workers = 2, .place = place, .keep_outputs = true};
    auto outcome = exec::run_graph(*graph, catalogue_, packs_, nullptr, options);
    EXPECT_TRUE(outcome.ok()) << outcome.error().text();
    return std::move(outcome).value();
  }

  // Every result's bytes.
  static std::vector<std::string> results(const exec::RunOutcome& outcome) {
    std::vector<std::string> out;
    for (const exec::PathResult& result : outcome.report.results) {
      std::string line = cat(result.rank, ' ', result.label);
      for (const double fold : result.metrics[0].folds) line += cat(' ', fold);
      out.push_back(std::move(line));
    }
    for (const exec::TaskOutcome& task : outcome.execution.tasks) {
      if (task.error.has_value() && task.cause < 0) out.push_back(task.error->text());
    }
    for (const auto& path : outcome.execution.outputs) {
      for (const data::Object& object : path) {
        auto bytes = object ? data::encode(object) : Result<std::string>(std::string("none"));
        out.push_back(bytes.ok() ? sha256(*bytes).brief() : bytes.error().text());
      }
    }
    return out;
  }

  // One call of an operator on nothing, or on `inputs`.
  static exec::Call call(const std::string& op, graph::Phase phase, config::Value params, std::vector<exec::Handle> inputs) {
    auto recipe = std::make_shared<exec::Recipe>();
    recipe->op = op;
    recipe->node = op;
    recipe->params = std::move(params);
    exec::Call call;
    call.work = {.recipe = std::move(recipe), .phase = phase};
    call.inputs = std::move(inputs);
    return call;
  }

  exec::CallOutcome outcome_of(exec::Call call) {
    auto promise = std::make_shared<std::promise<exec::CallOutcome>>();
    auto outcome = promise->get_future();
    call.done = [promise](exec::CallOutcome ended) { promise->set_value(std::move(ended)); };
    fleet_->start(std::move(call));
    return outcome.get();
  }

  // A join of one object: comes back as it went, in a tuple.
  exec::CallOutcome round_trip(exec::Handle handle) { return outcome_of(call("", graph::Phase::kJoin, {}, {std::move(handle)})); }

  graph::Catalogue catalogue_ = exec::toys::catalogue();
  exec::Packs packs_{catalogue_};
  std::unique_ptr<Fleet> fleet_;
  std::unique_ptr<Processes> processes_;   // ends before the fleet
};

TEST_F(FleetTest, AGraphGivesTheSameBytesAsInOneProcess) {
  start(3);
  const auto here = results(run(kGrid, nullptr));
  EXPECT_EQ(results(run(kGrid, fleet_.get())), here);
  const FleetReport report = fleet_->report();
  EXPECT_EQ(report.workers.size(), 3u);
  EXPECT_GT(report.calls_done, 100u);
  EXPECT_EQ(report.calls_failed, 0u);
  for (const WorkerInfo& worker : report.workers) EXPECT_GT(worker.calls_done, 0u) << worker.slot;
}

TEST_F(FleetTest, LargeObjectsTravelAsDescriptorsAndAreLetGo) {
  start(2);
  {
    std::string bytes(5 << 20, 'x');
    for (std::size_t i = 0; i < bytes.size(); i += 4096) bytes[i] = static_cast<char>('a' + i / 4096 % 26);
    const exec::Handle handle = fleet_->put(data::Object::bytes(bytes));
    const auto outcome = round_trip(handle);
    ASSERT_TRUE(outcome.outputs.ok()) << outcome.outputs.error().text();
    auto object = (*outcome.outputs)[0]->object();
    ASSERT_TRUE(object.ok()) << object.error().text();
    EXPECT_EQ(object->tuple()[0].bytes(), bytes);
    EXPECT_GE(fleet_->report().object_bytes, 2u * bytes.size());
  }
  // The last handles went with the scope; the loop hears of it.
  for (int i = 0; i < 200 && fleet_->report().object_bytes > 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_EQ(fleet_->report().object_bytes, 0u);
}

TEST_F(FleetTest, BeyondItsBudgetObjectsGoToDiskAndComeBack) {
  auto folder = io::TemporaryFolder::create("headrace-spill-test");
  ASSERT_TRUE(folder.ok());
  constexpr std::uint64_t kBudget = 4 << 20;
  start(2, {.token = {}, .object_bytes = kBudget, .spill_folder = folder->path(), .scheduling = {}, .largest_host = {}});
  std::vector<exec::Handle> held;
  constexpr int kObjects = 40;   // of 1 MiB, there and back: 20 times the budget
  for (int i = 0; i < kObjects; ++i) {
    const auto outcome = round_trip(fleet_->put(data::Object::bytes(std::string(1 << 20, static_cast<char>('a' + i % 26)))));
    ASSERT_TRUE(outcome.outputs.ok()) << outcome.outputs.error().text();
    held.push_back((*outcome.outputs)[0]);
  }
  const FleetReport report = fleet_->report();
  EXPECT_GT(report.spilled_bytes, 10 * kBudget / 2);
  EXPECT_LE(report.object_bytes_max, kBudget + (8 << 20));
  for (int i = 0; i < kObjects; ++i) {
    auto object = held[static_cast<std::size_t>(i)]->object();
    ASSERT_TRUE(object.ok());
    EXPECT_EQ(object->tuple()[0].bytes()[12345], static_cast<char>('a' + i % 26));
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder->path())) << "spilled objects have no name that could be left behind";
}

TEST_F(FleetTest, AFailureKeepsItsCause) {
  start(1);
  const auto outcome = outcome_of(call("no_such_operator", graph::Phase::kTransform, {}, {fleet_->put(data::Object::bytes("x"))}));
  ASSERT_FALSE(outcome.outputs.ok());
  EXPECT_EQ(outcome.outputs.error().code, Code::kUnknownOperator);
}

TEST_F(FleetTest, ACallOverItsTimeLimitIsStopped) {
  start(1);
  config::Value params{config::Map{}};
  params.set("seconds", 30.0);
  const auto table = run("pipeline: t\nnodes: { data: { op: rows, n: 3 } }\n", nullptr).execution.outputs[0][0];
  exec::Call slow = call("slow", graph::Phase::kTransform, params, {fleet_->put(table)});
  slow.timeout_s = 0.2;
  const auto outcome = outcome_of(std::move(slow));
  ASSERT_FALSE(outcome.outputs.ok());
  EXPECT_EQ(outcome.outputs.error().code, Code::kTimeout);
  // The worker is free again: it looked at its stop token.
  EXPECT_TRUE(round_trip(fleet_->put(data::Object::bytes("y"))).outputs.ok());
}

TEST_F(FleetTest, StoppingReachesARunningCall) {
  start(1);
  config::Value params{config::Map{}};
  params.set("seconds", 30.0);
  const auto table = run("pipeline: t\nnodes: { data: { op: rows, n: 3 } }\n", nullptr).execution.outputs[0][0];
  std::stop_source stop;
  exec::Call slow = call("slow", graph::Phase::kTransform, params, {fleet_->put(table)});
  slow.stop = stop.get_token();
  std::promise<void> started;
  slow.started = [&](int) { started.set_value(); };
  std::thread stopper([&] {
    started.get_future().wait();
    stop.request_stop();
  });
  const auto outcome = outcome_of(std::move(slow));
  stopper.join();
  ASSERT_FALSE(outcome.outputs.ok());
  EXPECT_EQ(outcome.outputs.error().code, Code::kCancelled);
  EXPECT_TRUE(round_trip(fleet_->put(data::Object::bytes("y"))).outputs.ok());
}

// Fewer than the restarts that a slot has: on a busy machine the rounds take long, and no slot is to be given up.
constexpr int kHitsMax = 20;

TEST_F(FleetTest, KilledAndFrozenWorkersChangeNothing) {
  start(3, {}, {"toy", "--sleep-us", "2000"});
  const auto here = results(run(kGrid, nullptr));
  Random random(20261124);
  std::atomic<bool> over{false};
  std::atomic<int> hit{0};
  std::thread chaos([&] {
    while (!over && hit < kHitsMax) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20 + random.below(150)));
      const std::vector<int> pids = processes_->pids();
      const int pid = pids[random.below(pids.size())];
      if (pid <= 0 || over) continue;
      kill(pid, random.below(3) == 0 ? SIGSTOP : SIGKILL);
      ++hit;
    }
  });
  for (int i = 0; i < 6; ++i) EXPECT_EQ(results(run(kGrid, fleet_.get())), here) << "round " << i;
  over = true;
  chaos.join();
  EXPECT_GT(hit, 2);
  EXPECT_GT(fleet_->report().workers_lost, 0u);
}

const std::vector<std::string> kElsewhere = {"toy", "--data-host", "127.0.0.1"};

TEST_F(FleetTest, OverTlsAGraphGivesTheSameBytes) {
  start(3, {}, kElsewhere, true);
  EXPECT_EQ(results(run(kGrid, fleet_.get())), results(run(kGrid, nullptr)));
}

TEST_F(FleetTest, OverTlsLargeObjectsAreFetchedFromWhoeverHasThem) {
  start(3, {}, kElsewhere, true);
  const std::string bytes(5 << 20, 'x');
  exec::Handle handle = fleet_->put(data::Object::bytes(bytes));
  // Each round wraps it once more, wherever that runs: from the driver to a worker, from worker to worker.
  for (int round = 0; round < 12; ++round) {
    auto outcome = round_trip(handle);
    ASSERT_TRUE(outcome.outputs.ok()) << outcome.outputs.error().text();
    handle = (*outcome.outputs)[0];
    // So that the worker that holds it is busy, and another has to fetch it.
    round_trip(fleet_->put(data::Object::bytes("small")));
  }
  auto object = handle->object();
  ASSERT_TRUE(object.ok()) << object.error().text();
  data::Object inner = *object;
  while (inner.kind() == data::Kind::kTuple) inner = inner.tuple()[0];
  EXPECT_EQ(inner.bytes(), bytes);
  EXPECT_GE(fleet_->report().bytes_sent, bytes.size());
  EXPECT_GE(fleet_->report().bytes_received, bytes.size());
}

TEST_F(FleetTest, OverTlsWhatAWorkerTookWithItIsReportedAsLost) {
  start(1, {}, kElsewhere, true);
  auto outcome = round_trip(fleet_->put(data::Object::bytes(std::string(1 << 20, 'x'))));
  ASSERT_TRUE(outcome.outputs.ok()) << outcome.outputs.error().text();
  const exec::Handle handle = (*outcome.outputs)[0];
  EXPECT_TRUE(handle->there());
  kill(processes_->pids()[0], SIGKILL);
  for (int i = 0; i < 500 && handle->there(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_FALSE(handle->there());
  EXPECT_EQ(handle->object().error().code, Code::kObjectLost);
  // And a call that reads it says so, with the fleet alive.
  ASSERT_TRUE(fleet_->wait_for_workers(1, std::chrono::seconds(10)).ok());
  EXPECT_EQ(round_trip(handle).outputs.error().code, Code::kObjectLost);
  EXPECT_TRUE(round_trip(fleet_->put(data::Object::bytes("y"))).outputs.ok());
}

TEST_F(FleetTest, OverTlsKilledWorkersChangeNothing) {
  std::vector<std::string> words = kElsewhere;
  words.insert(words.end(), {"--sleep-us", "2000"});
  start(3, {.token = {}, .inline_bytes = 100, .spill_folder = {}, .scheduling = {}, .largest_host = {}}, words, true);
  const auto here = results(run(kGrid, nullptr));
  Random random(7);
  std::atomic<bool> over{false};
  std::thread chaos([&] {
    for (int hit = 0; !over && hit < kHitsMax;) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50 + random.below(200)));
      const std::vector<int> pids = processes_->pids();
      const int pid = pids[random.below(pids.size())];
      if (pid <= 0 || over) continue;
      kill(pid, SIGKILL);
      ++hit;
    }
  });
  for (int i = 0; i < 5; ++i) EXPECT_EQ(results(run(kGrid, fleet_.get())), here) << "round " << i;
  over = true;
  chaos.join();
}

TEST_F(FleetTest, WorkersThatOnlyDieAreGivenUpWithTheReason) {
  FleetOptions options;
  auto fleet = Fleet::start(options);
  ASSERT_TRUE(fleet.ok());
  auto processes =
      Processes::start(**fleet, {.count = 2, .program = "/bin/false", .words = {"x"}, .name = {}, .address = {}, .restarts_max = 2});
  ASSERT_TRUE(processes.ok());
  const Status there = (*fleet)->wait_for_workers(1, std::chrono::seconds(20));
  ASSERT_FALSE(there.ok());
  EXPECT_EQ(there.error().code, Code::kWorkerLost);
  EXPECT_NE(there.error().message.find("exit code 1"), std::string::npos) << there.error().message;
}

TEST_F(FleetTest, NothingIsLeftBehind) {
  start(3);
  const std::vector<int> pids = processes_->pids();
  run(kGrid, fleet_.get());
  processes_.reset();
  fleet_.reset();
  for (const int pid : pids) EXPECT_NE(kill(pid, 0), 0) << pid;
}

TEST_F(FleetTest, AGangAnswersOnceAndLeavesItsWorkersFree) {
  start(3);
  for (int round = 0; round < 20; ++round) {
    exec::Call gang = call("", graph::Phase::kJoin, {}, {fleet_->put(data::Object::bytes("x"))});
    gang.gang = 2 + round % 2;
    const auto outcome = outcome_of(std::move(gang));
    ASSERT_TRUE(outcome.outputs.ok()) << outcome.outputs.error().text();
    EXPECT_EQ((*outcome.outputs)[0]->object()->tuple()[0].bytes(), "x");
  }
  EXPECT_EQ(fleet_->report().calls_done, 20u);
  EXPECT_EQ(fleet_->report().load.running, 0u);
}

TEST_F(FleetTest, AStragglerIsOvertakenByASecondAttempt) {
  FleetOptions options;
  options.silence = std::chrono::seconds(60);   // so that a frozen worker is slow, not dead
  options.scheduling.straggler_min_us = 200'000;
  start(2, options);
  // The group is known to be quick.
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(round_trip(fleet_->put(data::Object::bytes("x"))).outputs.ok());
  kill(processes_->pids()[0], SIGSTOP);
  // One of these goes to the frozen worker, and is run again by the other.
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(round_trip(fleet_->put(data::Object::bytes("y"))).outputs.ok());
  EXPECT_EQ(fleet_->report().workers_lost, 0u);
  kill(processes_->pids()[0], SIGCONT);
}

TEST_F(FleetTest, WhatNoWorkerCanGiveIsRefused) {
  start(2);
  EXPECT_EQ(fleet_->check({.cpu = 3}, 1).error().code, Code::kInfeasible);
  EXPECT_EQ(fleet_->check({.cpu = 1}, 3).error().code, Code::kInfeasible);
  EXPECT_EQ(fleet_->check({.cpu = 1, .gpu = 1}, 1).error().code, Code::kInfeasible);
  EXPECT_TRUE(fleet_->check({.cpu = 2}, 1).ok());
}

}  // namespace
}  // namespace headrace::cluster
