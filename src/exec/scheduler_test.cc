// SPDX-License-Identifier: Apache-2.0
#include "headrace/exec/scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

namespace headrace::exec {
namespace {

using Kind = Decision::Kind;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr std::int64_t kMs = 1'000;

/// Hosts with workers numbered from 0, host after host, and a clock.
class Cluster {
 public:
  explicit Cluster(const SchedulerOptions& options = {}) : scheduler(options) {}

  Cluster& host(const Capacity& capacity, int workers, std::uint32_t language = 0) {
    scheduler.add_host(hosts_, capacity);
    for (int i = 0; i < workers; ++i) scheduler.add_worker(workers_++, hosts_, language, now);
    ++hosts_;
    return *this;
  }

  Cluster& calls(CallId first, CallId last, CallRequest like = {}) {
    for (CallId id = first; id <= last; ++id) {
      like.id = id;
      const Status fits = scheduler.submit(like, now);
      EXPECT_TRUE(fits.ok()) << fits.error().text();
    }
    return *this;
  }

  /// What is sent because of the events so far: (call, worker).
  std::vector<std::pair<CallId, WorkerId>> sent() {
    others = scheduler.decide(now);
    std::vector<std::pair<CallId, WorkerId>> out;
    for (const Decision& decision : others)
      if (decision.kind == Kind::kSend) out.emplace_back(decision.call, decision.worker);
    std::erase_if(others, [](const Decision& decision) { return decision.kind == Kind::kSend; });
    return out;
  }

  bool end(CallId call, WorkerId worker, bool well = true) { return scheduler.ended(call, worker, well, now); }

  /// Lets a group learn that its calls take `us`, on a worker that is idle.
  void learn(std::uint32_t group, std::int64_t us) {
    for (CallId id = 1'000'000; id < 1'000'008; ++id) {
      calls(id, id, {.group = group});
      const auto at = sent();
      ASSERT_EQ(at.size(), 1u);
      now += us;
      end(id, at[0].second);
    }
    sent();
  }

  Scheduler scheduler;
  std::vector<Decision> others;                // the last decisions that send nothing
  std::int64_t now = 0;

 private:
  HostId hosts_ = 0;
  WorkerId workers_ = 0;
};

using Sent = std::pair<CallId, WorkerId>;

CallRequest reading(std::vector<CallInput> inputs) {
  CallRequest request;
  request.inputs = std::move(inputs);
  return request;
}

TEST(SchedulerTest, TakesTheMoreUrgentFirstAndTheOlderAmongEqual) {
  Cluster cluster({.queue_depth = 0});
  cluster.host({.cpu = 1}, 1).calls(1, 1).sent();
  cluster.calls(2, 3).calls(4, 5, {.priority = 1});
  std::vector<CallId> order;
  for (CallId running = 1, left = 4; left > 0; --left) {
    cluster.end(running, 0);
    const auto next = cluster.sent();
    ASSERT_EQ(next.size(), 1u);
    order.push_back(running = next[0].first);
  }
  EXPECT_THAT(order, ElementsAre(4, 5, 2, 3));
}

TEST(SchedulerTest, RunsACallWhereMostOfItsInputsLie) {
  Cluster cluster;
  cluster.host({.cpu = 1}, 1).host({.cpu = 1}, 1).host({.cpu = 1}, 1);
  cluster.scheduler.object_at(7, 1);
  cluster.scheduler.object_at(8, 2);
  cluster.calls(1, 1, reading({{7, 10}, {8, 1'000}}));
  EXPECT_THAT(cluster.sent(), ElementsAre(Sent{1, 2}));
}

TEST(SchedulerTest, AFreeWorkerTakesTheCallWhoseDataItsHostHolds) {
  Cluster cluster({.queue_depth = 0});
  cluster.host({.cpu = 1}, 1).host({.cpu = 1}, 1).calls(1, 2).sent();
  cluster.scheduler.object_at(7, 1);
  cluster.calls(3, 3).calls(4, 4, reading({{7, 1'000}}));
  cluster.end(2, 1);
  EXPECT_THAT(cluster.sent(), ElementsAre(Sent{4, 1}));
}

TEST(SchedulerTest, WaitsForABusyHostWithItsDataOnlyAsLongAsMovingThemTakes) {
  Cluster cluster({.queue_depth = 0, .link_bytes_per_s = 1e9});
  cluster.host({.cpu = 1}, 1).host({.cpu = 1}, 1);
  cluster.scheduler.object_at(7, 0);
  cluster.calls(1, 1, reading({{7, 1}}));
  ASSERT_THAT(cluster.sent(), ElementsAre(Sent{1, 0}));
  cluster.calls(2, 2, reading({{7, 50'000'000}}));   // 50 ms to move
  EXPECT_THAT(cluster.sent(), IsEmpty());
  ASSERT_EQ(cluster.scheduler.next_tick(), 50 * kMs);
  cluster.calls(3, 3);                                  // one without data does not wait behind it
  EXPECT_THAT(cluster.sent(), ElementsAre(Sent{3, 1}));
  cluster.end(3, 1);
  cluster.now = 50 * kMs;
  cluster.scheduler.tick(cluster.now);
  EXPECT_THAT(cluster.sent(), ElementsAre(Sent{2, 1}));
}

TEST(SchedulerTest, ACallThatWaitsForItsDataKeepsNoWorkerFromOthers) {
  Cluster cluster({.queue_depth = 0, .link_bytes_per_s = 1e9});
  cluster.host({.cpu = 1}, 1).host({.cpu = 1}, 1);
  cluster.scheduler.object_at(7, 0);
  cluster.calls(1, 2).sent();
  cluster.calls(3, 3, reading({{7, 50'000'000}})).sent();   // both are busy
  cluster.end(2, 1);
  EXPECT_THAT(cluster.sent(), IsEmpty());
  cluster.calls(4, 4);
  EXPECT_THAT(cluster.sent(), ElementsAre(Sent{4, 1}));
}

TEST(SchedulerTest, MovesDataAtOnceWhereTheQueueAtTheirHostIsLonger) {
  Cluster cluster({.queue_depth = 0, .link_bytes_per_s = 1e9});
  cluster.host({.cpu = 1}, 1).host({.cpu = 1}, 1).learn(0, 200 * kMs);
  cluster.scheduler.object_at(7, 0);
  cluster.calls(1, 1, reading({{7, 1}})).sent();
  cluster.calls(2, 2, reading({{7, 50'000'000}}));
  EXPECT_THAT(cluster.sent(), ElementsAre(Sent{2, 1}));
}

TEST(SchedulerTest, QueuesMoreBehindShortCallsAndLessBehindLong) {
  for (const auto& [us, queued] : {std::pair<std::int64_t, std::size_t>{20, 64}, {100, 20}, {50 * kMs, 2}, {5'000 * kMs, 1}}) {
    Cluster cluster;
    cluster.host({.cpu = 1}, 1).learn(0, us);
    cluster.calls(1, 200);
    EXPECT_EQ(cluster.sent().size(), 1 + queued) << us << " us";
  }
}

TEST(SchedulerTest, FillsDeepQueuesInBatches) {
  Cluster cluster;
  cluster.host({.cpu = 1}, 1).learn(0, 20);
  cluster.calls(1, 200).sent();
  std::size_t batches = 0;
  for (CallId id = 1; id <= 100; ++id) {
    cluster.now += 20;
    cluster.end(id, 0);
    batches += !cluster.sent().empty();
  }
  EXPECT_LE(batches, 4u);
  EXPECT_GE(batches, 2u);
}

TEST(SchedulerTest, RecallsAQueuedCallForAnIdleWorker) {
  Cluster cluster;
  cluster.host({.cpu = 2}, 2).calls(1, 4);
  ASSERT_THAT(cluster.sent(), UnorderedElementsAre(Sent{1, 0}, Sent{2, 1}, Sent{3, 0}, Sent{4, 1}));
  cluster.end(2, 1);
  cluster.end(4, 1);
  EXPECT_THAT(cluster.sent(), IsEmpty());
  ASSERT_EQ(cluster.others.size(), 1u);
  EXPECT_EQ(cluster.others[0].kind, Kind::kRecall);
  EXPECT_EQ(cluster.others[0].call, 3u);
  EXPECT_THAT(cluster.sent(), IsEmpty());
  EXPECT_THAT(cluster.others, IsEmpty()) << "asked twice";
  cluster.scheduler.returned(3, 0, cluster.now);
  EXPECT_THAT(cluster.sent(), ElementsAre(Sent{3, 1}));
}

TEST(SchedulerTest, ARecalledCallThatHasStartedStays) {
  Cluster cluster;
  cluster.host({.cpu = 2}, 2).calls(1, 4).sent();
  cluster.end(2, 1);
  cluster.end(4, 1);
  cluster.sent();
  cluster.end(1, 0);
  cluster.scheduler.started(3, 0, cluster.now);
  EXPECT_THAT(cluster.sent(), IsEmpty());
  EXPECT_THAT(cluster.others, IsEmpty());
  EXPECT_TRUE(cluster.end(3, 0));
  EXPECT_EQ(cluster.scheduler.load().idle, 2u);
}

TEST(SchedulerTest, WorkersOfAHostShareItsResources) {
  Cluster cluster({.queue_depth = 0});
  cluster.host({.cpu = 8, .memory_bytes = 100, .gpu = 1, .custom = {{"licence", 2}}}, 8);
  cluster.calls(1, 3, {.asked = {.cpu = 1, .memory_bytes = 40}}).calls(11, 12, {.asked = {.cpu = 1, .gpu = 1}});
  cluster.calls(21, 23, {.asked = {.cpu = 0.5, .custom = {{"licence", 1}}}});
  std::vector<CallId> running;
  for (const auto& [call, worker] : cluster.sent()) running.push_back(call);
  EXPECT_THAT(running, UnorderedElementsAre(1, 2, 11, 21, 22));
}

TEST(SchedulerTest, ThirdsOfAProcessorAddUpAgainAndAgain) {
  Cluster cluster({.queue_depth = 0});
  cluster.host({.cpu = 1}, 4);
  for (CallId id = 1; id < 3'000; id += 3) {
    cluster.calls(id, id + 2, {.asked = {.cpu = 1.0 / 3}});
    const auto three = cluster.sent();
    ASSERT_EQ(three.size(), 3u);
    for (const auto& [call, worker] : three) cluster.end(call, worker);
  }
}

TEST(SchedulerTest, SmallCallsPassALargeOneOnlySoOften) {
  Cluster cluster({.queue_depth = 2, .passes_max = 10});
  cluster.host({.cpu = 4}, 4).calls(1, 4).sent();
  cluster.calls(5, 5, {.asked = {.cpu = 4}}).calls(6, 500);
  std::vector<Sent> running{{1, 0}, {2, 1}, {3, 2}, {4, 3}};
  for (const auto& sent : cluster.sent()) running.push_back(sent);
  int passed = 0;
  while (!running.empty()) {
    const auto [call, worker] = running.front();
    running.erase(running.begin());
    cluster.end(call, worker);
    for (const auto& sent : cluster.sent()) {
      if (sent.first == 5) {
        EXPECT_GT(passed, 0);
        EXPECT_LE(passed, 10 + 12);
        return;
      }
      passed += sent.first > 5;
      running.push_back(sent);
    }
  }
  FAIL() << "the large call never ran";
}

TEST(SchedulerTest, StartsAGangOnAllItsWorkersOrOnNone) {
  Cluster cluster({.queue_depth = 0});
  cluster.host({.cpu = 2}, 2).host({.cpu = 2}, 2).calls(1, 2);
  ASSERT_EQ(cluster.sent().size(), 2u);
  cluster.calls(3, 3, {.gang = 3});
  EXPECT_THAT(cluster.sent(), IsEmpty());
  cluster.end(1, 0);
  EXPECT_THAT(cluster.sent(), UnorderedElementsAre(testing::Pair(3, 0), testing::Pair(3, testing::_), testing::Pair(3, testing::_)));
  EXPECT_FALSE(cluster.end(3, 0));
  EXPECT_FALSE(cluster.end(3, 1));
  EXPECT_TRUE(cluster.end(3, 3) || cluster.end(3, 2)) << "the last rank decides";
}

TEST(SchedulerTest, TwoGangsThatNeedTheWholeClusterBothRun) {
  Cluster cluster({.queue_depth = 2, .passes_max = 2});
  for (int i = 0; i < 4; ++i) cluster.host({.cpu = 2}, 2);
  cluster.calls(1, 8);
  std::vector<Sent> running = cluster.sent();
  cluster.calls(9, 10, {.gang = 8}).calls(11, 100);
  std::map<CallId, int> ranks;
  for (int step = 0; step < 1'000; ++step) {
    for (const auto& sent : cluster.sent()) {
      ranks[sent.first] += 1;
      running.push_back(sent);
    }
    if (running.empty()) break;
    const auto [call, worker] = running.front();
    running.erase(running.begin());
    cluster.end(call, worker);
  }
  EXPECT_EQ(ranks[9], 8);
  EXPECT_EQ(ranks[10], 8);
  EXPECT_EQ(ranks.size(), 92u);
}

TEST(SchedulerTest, AGangThatLosesAWorkerStartsAgainWhole) {
  Cluster cluster;
  cluster.host({.cpu = 4}, 4).calls(1, 1, {.gang = 3});
  ASSERT_EQ(cluster.sent().size(), 3u);
  cluster.scheduler.remove_worker(1, cluster.now);
  EXPECT_THAT(cluster.sent(), IsEmpty());
  EXPECT_EQ(cluster.others.size(), 2u) << "the others are stopped";
  cluster.end(1, 0, false);
  cluster.end(1, 2, false);
  EXPECT_THAT(cluster.sent(), UnorderedElementsAre(Sent{1, 0}, Sent{1, 2}, Sent{1, 3}));
}

TEST(SchedulerTest, DuplicatesAStragglerAndCommitsTheFirstThatEndsWell) {
  Cluster cluster({.queue_depth = 0, .straggler_factor = 3, .straggler_min_us = 10 * kMs});
  cluster.host({.cpu = 2}, 1).host({.cpu = 2}, 1).learn(0, 20 * kMs);
  cluster.calls(1, 1);
  const WorkerId slow = cluster.sent().at(0).second;
  const std::int64_t due = cluster.now + 60 * kMs + 1;
  ASSERT_EQ(cluster.scheduler.next_tick(), due);
  cluster.now = due;
  cluster.scheduler.tick(due);
  EXPECT_THAT(cluster.sent(), ElementsAre(Sent{1, 1 - slow}));
  EXPECT_FALSE(cluster.scheduler.next_tick().has_value()) << "a third attempt is planned";
  EXPECT_TRUE(cluster.end(1, 1 - slow));
  EXPECT_THAT(cluster.sent(), IsEmpty());
  ASSERT_EQ(cluster.others.size(), 1u);
  EXPECT_EQ(cluster.others[0].kind, Kind::kStop);
  EXPECT_EQ(cluster.others[0].worker, slow);
  EXPECT_FALSE(cluster.end(1, slow)) << "its results came second";
  EXPECT_EQ(cluster.scheduler.load().idle, 2u);
}

TEST(SchedulerTest, AFailedAttemptDecidesOnlyWhenNoOtherRuns) {
  Cluster cluster({.queue_depth = 0, .straggler_min_us = 10 * kMs});
  cluster.host({.cpu = 2}, 2).learn(0, 1 * kMs);
  cluster.calls(1, 1).sent();
  cluster.now += 100 * kMs;
  ASSERT_EQ(cluster.sent().size(), 1u);
  EXPECT_FALSE(cluster.end(1, 0, false));
  EXPECT_TRUE(cluster.end(1, 1, false));
}

TEST(SchedulerTest, NeverDuplicatesWhatMayNotRunTwice) {
  Cluster cluster({.queue_depth = 0, .straggler_min_us = 10 * kMs});
  cluster.host({.cpu = 4}, 4).learn(0, 1 * kMs);
  cluster.calls(1, 1, {.may_duplicate = false}).calls(2, 2, {.gang = 2}).sent();
  EXPECT_FALSE(cluster.scheduler.next_tick().has_value());
  cluster.now += 10'000 * kMs;
  EXPECT_THAT(cluster.sent(), IsEmpty());
}

TEST(SchedulerTest, CallsOfALostWorkerRunElsewhereAndItsObjectsAreNamed) {
  Cluster cluster;
  cluster.host({.cpu = 1}, 1).host({.cpu = 1}, 1).calls(1, 4).sent();
  for (const auto& [object, worker] : {Sent{9, 0}, {7, 0}, {8, 0}, {8, 1}}) cluster.scheduler.object_at(object, worker);
  EXPECT_THAT(cluster.scheduler.remove_worker(0, cluster.now), ElementsAre(7, 9));
  EXPECT_THAT(std::vector<WorkerId>(cluster.scheduler.holders(8).begin(), cluster.scheduler.holders(8).end()), ElementsAre(1));
  cluster.end(2, 1);
  cluster.end(4, 1);
  EXPECT_THAT(cluster.sent(), ElementsAre(Sent{1, 1}, Sent{3, 1}));
}

TEST(SchedulerTest, GivesUpACallThatKillsItsWorkersButNotThoseBehindIt) {
  Cluster cluster({.lost_max = 3});
  cluster.scheduler.may_grow(true);
  cluster.calls(1, 2);
  for (WorkerId worker = 0; worker < 3; ++worker) {
    cluster.scheduler.add_host(worker, {.cpu = 1});
    cluster.scheduler.add_worker(worker, worker, 0, cluster.now);
    EXPECT_THAT(cluster.sent(), ElementsAre(Sent{1, worker}, Sent{2, worker}));
    cluster.scheduler.remove_worker(worker, cluster.now);
  }
  EXPECT_THAT(cluster.sent(), IsEmpty());
  ASSERT_EQ(cluster.others.size(), 1u);
  EXPECT_EQ(cluster.others[0].kind, Kind::kGiveUp);
  EXPECT_EQ(cluster.others[0].call, 1u);
  EXPECT_EQ(cluster.others[0].error->code, Code::kWorkerLost);
  EXPECT_EQ(cluster.scheduler.load().waiting, 1u);
}

TEST(SchedulerTest, ADrainingWorkerGivesBackWhatItHasNotStarted) {
  Cluster cluster;
  cluster.host({.cpu = 2}, 2).calls(1, 6).sent();
  cluster.scheduler.drain(0);
  cluster.sent();
  ASSERT_EQ(cluster.others.size(), 2u);
  for (const Decision& decision : cluster.others) {
    EXPECT_EQ(decision.kind, Kind::kRecall);
    cluster.scheduler.returned(decision.call, 0, cluster.now);
  }
  for (const auto& [call, worker] : cluster.sent()) EXPECT_EQ(worker, 1u) << call;
  EXPECT_TRUE(cluster.scheduler.has_calls(0));
  EXPECT_TRUE(cluster.end(1, 0));
  EXPECT_FALSE(cluster.scheduler.has_calls(0));
  for (const auto& [call, worker] : cluster.sent()) EXPECT_EQ(worker, 1u) << call;
}

TEST(SchedulerTest, RefusesWhatNoWorkerCanRunAndSaysWhy) {
  Cluster cluster;
  cluster.host({.cpu = 4, .memory_bytes = 1'000'000'000}, 2).host({.cpu = 8}, 1);
  const auto refused = [&](CallRequest request) {
    request.id = 1;
    const Status fits = cluster.scheduler.submit(request, 0);
    EXPECT_FALSE(fits.ok());
    return fits.ok() ? Error() : fits.error();
  };
  const Error large = refused({.asked = {.cpu = 200}});
  EXPECT_EQ(large.code, Code::kInfeasible);
  EXPECT_THAT(large.message, testing::AllOf(HasSubstr("200 cpu"), HasSubstr("8 cpu")));
  EXPECT_THAT(refused({.asked = {.cpu = 1, .custom = {{"licence", 1}}}}).message, HasSubstr("0 licence"));
  EXPECT_THAT(refused({.gang = 4}).message, testing::AllOf(HasSubstr("4 workers"), HasSubstr("at most 3")));
  EXPECT_EQ(refused({.language = 1}).code, Code::kInfeasible);
  EXPECT_EQ(refused({.gang = 0}).code, Code::kBadValue);
  EXPECT_EQ(refused({.asked = {.cpu = -1}}).code, Code::kBadValue);
  EXPECT_EQ(refused({.asked = {.cpu = std::numeric_limits<double>::quiet_NaN()}}).code, Code::kBadValue);
  cluster.calls(2, 2, {.gang = 3});
  CallRequest twice;
  twice.id = 2;
  EXPECT_EQ(cluster.scheduler.submit(twice, 0).error().code, Code::kBadValue);
}

TEST(SchedulerTest, GivesUpWhatWaitsWhenTheLastWorkerForItWent) {
  Cluster cluster({.queue_depth = 0});
  cluster.host({.cpu = 1}, 1).host({.cpu = 1, .gpu = 1}, 1).calls(1, 1, {.asked = {.cpu = 1, .gpu = 1}});
  cluster.sent();
  cluster.calls(2, 2, {.asked = {.cpu = 1, .gpu = 1}}).calls(3, 3).sent();
  cluster.scheduler.remove_worker(1, cluster.now);
  EXPECT_THAT(cluster.sent(), IsEmpty());
  std::vector<CallId> given_up;
  for (const Decision& decision : cluster.others) {
    EXPECT_EQ(decision.kind, Kind::kGiveUp);
    EXPECT_EQ(decision.error->code, Code::kWorkerLost);
    given_up.push_back(decision.call);
  }
  EXPECT_THAT(given_up, ElementsAre(1, 2));
}

TEST(SchedulerTest, WhereWorkersMayStillComeALargeRequestWaits) {
  Cluster cluster;
  cluster.scheduler.may_grow(true);
  cluster.host({.cpu = 1}, 1).calls(1, 1, {.asked = {.cpu = 8}});
  EXPECT_THAT(cluster.sent(), IsEmpty());
  cluster.host({.cpu = 8}, 1);
  EXPECT_THAT(cluster.sent(), ElementsAre(Sent{1, 1}));
  cluster.calls(2, 2, {.asked = {.cpu = 99}}).sent();
  cluster.scheduler.may_grow(false);
  cluster.sent();
  ASSERT_EQ(cluster.others.size(), 1u);
  EXPECT_EQ(cluster.others[0].error->code, Code::kInfeasible);
}

TEST(SchedulerTest, ACancelledCallIsStoppedAndCountsNoMore) {
  Cluster cluster;
  cluster.host({.cpu = 1}, 1).calls(1, 9).sent();
  for (const CallId id : {1, 2, 9}) cluster.scheduler.cancel(id, cluster.now);
  cluster.sent();
  EXPECT_EQ(cluster.others.size(), 2u) << "one that waits needs no message";
  EXPECT_FALSE(cluster.end(1, 0));
  EXPECT_FALSE(cluster.end(2, 0, false));
  EXPECT_THAT(cluster.sent(), ElementsAre(Sent{4, 0}, Sent{5, 0}));
}

}  // namespace
}  // namespace headrace::exec
