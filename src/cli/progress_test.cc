// SPDX-License-Identifier: Apache-2.0
#include "cli/progress.h"

#include <gtest/gtest.h>

namespace headrace::cli {
namespace {

using exec::TaskEvent;
using exec::TaskStatus;

class HandClock : public Clock {
 public:
  std::int64_t monotonic_us() const override { return now_us; }
  std::int64_t wall_us() const override { return now_us; }
  std::int64_t now_us = 1'000'000;
};

// rows -> pca (two alternatives) with one fit a fold: tasks 0 read, 1..4 fits.
graph::Plan two_alternatives() {
  graph::Plan plan;
  plan.expanded.graph.nodes = {{.name = "rows"}, {.name = "pca"}};
  plan.expanded.nodes = {
      {.name = "rows", .origin = 0}, {.name = "pca[components=1]", .origin = 1}, {.name = "pca[components=2]", .origin = 1}};
  plan.tasks.push_back({.phase = graph::Phase::kRead, .node = 0});
  for (int fold = 0; fold < 2; ++fold) {
    for (int node = 1; node <= 2; ++node)
      plan.tasks.push_back({.phase = graph::Phase::kFit, .node = node, .fold = static_cast<std::int16_t>(fold)});
  }
  return plan;
}

class ProgressTest : public ::testing::Test {
 protected:
  void start(std::vector<TaskStatus> initial) {
    plan = two_alternatives();
    progress.on_start(plan, initial);
  }
  void run(std::int32_t task, int worker, std::int64_t us, TaskStatus end = TaskStatus::kDone) {
    progress.on_task({.task = task, .status = TaskStatus::kRunning, .worker = worker, .start_us = clock.now_us});
    const std::int64_t from = clock.now_us;
    clock.now_us += us;
    progress.on_task({.task = task, .status = end, .worker = worker, .start_us = from, .end_us = clock.now_us});
  }

  HandClock clock;
  graph::Plan plan;
  Progress progress{clock};
};

constexpr TaskStatus kWaits = TaskStatus::kWaiting;

TEST_F(ProgressTest, NothingIsShownBeforeTheStart) { EXPECT_FALSE(progress.snapshot().started); }

TEST_F(ProgressTest, CountsByNodeAsWritten) {
  start({kWaits, kWaits, kWaits, kWaits, kWaits});
  run(0, 0, 1000);
  run(1, 0, 1'000'000);
  const ProgressSnapshot now = progress.snapshot();
  EXPECT_EQ(now.total, 5);
  EXPECT_EQ(now.ended, 2);
  ASSERT_EQ(now.nodes.size(), 2U);
  EXPECT_EQ(now.nodes[1].name, "pca");
  EXPECT_EQ(now.nodes[1].total, 4);
  EXPECT_EQ(now.nodes[1].ended, 1);
  EXPECT_DOUBLE_EQ(now.nodes[1].rate, 1.0);
  EXPECT_TRUE(now.workers.empty());
}

TEST_F(ProgressTest, RememberedTasksAreNoWork) {
  start({kWaits, TaskStatus::kRemembered, TaskStatus::kRemembered, kWaits, kWaits});
  EXPECT_EQ(progress.snapshot().total, 3);
  EXPECT_EQ(progress.snapshot().remembered, 2);
  EXPECT_EQ(progress.snapshot().nodes[1].total, 2);
}

TEST_F(ProgressTest, TellsWhatWorkersDo) {
  start({kWaits, kWaits, kWaits, kWaits, kWaits});
  progress.on_task({.task = 3, .status = TaskStatus::kRunning, .worker = 1});
  progress.on_progress(3, 0.25);
  clock.now_us += 500'000;
  const ProgressSnapshot now = progress.snapshot();
  ASSERT_EQ(now.workers.size(), 1U);
  EXPECT_EQ(now.workers[0].worker, 1);
  EXPECT_EQ(now.workers[0].node, "pca[components=1]");
  EXPECT_EQ(now.workers[0].phase, graph::phase_name(graph::Phase::kFit));
  EXPECT_EQ(now.workers[0].fold, 1);
  EXPECT_DOUBLE_EQ(now.workers[0].share, 0.25);
  EXPECT_DOUBLE_EQ(now.workers[0].seconds, 0.5);
}

TEST_F(ProgressTest, TimeLeftComesFromTheMeanOfEachAlternative) {
  start({TaskStatus::kRemembered, kWaits, kWaits, kWaits, kWaits});
  EXPECT_LT(progress.snapshot().left_s, 0);
  run(1, 0, 1'000'000);                                       // pca[1]: 1 s
  EXPECT_DOUBLE_EQ(progress.snapshot().left_s, 3.0);          // three more; pca[2] is taken for as long
  run(2, 0, 5'000'000);                                       // pca[2]: 5 s
  EXPECT_DOUBLE_EQ(progress.snapshot().left_s, 6.0);
}

TEST_F(ProgressTest, TimeLeftIsSharedByTheWorkersSeenBusy) {
  start({TaskStatus::kRemembered, kWaits, kWaits, kWaits, kWaits});
  progress.on_task({.task = 1, .status = TaskStatus::kRunning, .worker = 0, .start_us = clock.now_us});
  const std::int64_t from = clock.now_us;
  progress.on_task({.task = 2, .status = TaskStatus::kRunning, .worker = 1, .start_us = clock.now_us});
  clock.now_us += 2'000'000;
  progress.on_task({.task = 1, .status = TaskStatus::kDone, .worker = 0, .start_us = from, .end_us = clock.now_us});
  progress.on_task({.task = 2, .status = TaskStatus::kDone, .worker = 1, .start_us = from, .end_us = clock.now_us});
  EXPECT_DOUBLE_EQ(progress.snapshot().left_s, 2.0);
}

TEST_F(ProgressTest, SkippedTasksEndWithoutATime) {
  start({TaskStatus::kRemembered, kWaits, kWaits, kWaits, kWaits});
  run(1, 0, 1'000'000, TaskStatus::kFailed);
  progress.on_task({.task = 2, .status = TaskStatus::kSkipped, .worker = 0});
  const ProgressSnapshot now = progress.snapshot();
  EXPECT_EQ(now.ended, 2);
  EXPECT_EQ(now.failed, 1);
  EXPECT_DOUBLE_EQ(now.left_s, 2.0);
}

}  // namespace
}  // namespace headrace::cli
