// SPDX-License-Identifier: Apache-2.0
#include "web/timeline.h"

#include <gtest/gtest.h>

namespace headrace::web {
namespace {

using exec::TaskEvent;
using exec::TaskStatus;

TaskEvent event(std::int32_t task, int worker, std::int64_t start, std::int64_t end, TaskStatus status = TaskStatus::kDone) {
  return {.task = task, .status = status, .worker = worker, .start_us = start, .end_us = end};
}

TEST(TimelineTest, KeepsEveryTaskWhileTheyAreFew) {
  const std::vector<TaskEvent> events = {event(1, 1, 2000, 3000), event(0, 0, 1000, 2500), event(2, 0, 2500, 4000, TaskStatus::kFailed)};
  const Timeline timeline = timeline_of(events, 100);
  EXPECT_EQ(timeline.workers, 2);
  EXPECT_EQ(timeline.tasks, 3);
  EXPECT_EQ(timeline.span_us, 3000);
  EXPECT_EQ(timeline.busy_us, 4000);
  EXPECT_FALSE(timeline.merged);
  ASSERT_EQ(timeline.blocks.size(), 3U);
  EXPECT_EQ(timeline.blocks[0].task, 0);
  EXPECT_EQ(timeline.blocks[0].start_us, 0);
  EXPECT_EQ(timeline.blocks[1].task, 2);
  EXPECT_TRUE(timeline.blocks[1].failed);
  EXPECT_EQ(timeline.blocks[2].worker, 1);
}

TEST(TimelineTest, LeavesOutWhatDidNotRun) {
  const std::vector<TaskEvent> events = {event(0, -1, 1000, 2000), event(1, 0, 0, 0), event(2, 0, 1000, 2000, TaskStatus::kRemembered),
                                         event(3, 1 << 30, 1000, 2000)};
  EXPECT_EQ(timeline_of(events, 100).tasks, 0);
}

TEST(TimelineTest, MergesNeighboursUntilTheyAreFewAndLosesNone) {
  std::vector<TaskEvent> events;
  for (int i = 0; i < 100'000; ++i) events.push_back(event(i, i % 4, 1000 + i / 4 * 10, 1000 + i / 4 * 10 + 9));
  events[777].status = TaskStatus::kFailed;
  const Timeline timeline = timeline_of(events, 1000);
  EXPECT_TRUE(timeline.merged);
  EXPECT_LE(timeline.blocks.size(), 1000U);
  EXPECT_GE(timeline.blocks.size(), 100U);   // not more coarse than asked
  std::int64_t count = 0, busy = 0, failed = 0;
  for (const Block& block : timeline.blocks) {
    count += block.count;
    busy += block.busy_us;
    failed += block.failed ? block.count : 0;
    EXPECT_LE(block.start_us, block.end_us);
  }
  EXPECT_EQ(count, 100'000);
  EXPECT_EQ(busy, timeline.busy_us);
  EXPECT_EQ(failed, 1);
}

TEST(TimelineTest, AMergedBlockIsNamedByItsLongestTask) {
  const std::vector<TaskEvent> events = {event(0, 0, 1000, 1010), event(1, 0, 1010, 1090), event(2, 0, 1090, 1100)};
  const Timeline timeline = timeline_of(events, 1);
  ASSERT_EQ(timeline.blocks.size(), 1U);
  EXPECT_EQ(timeline.blocks[0].task, 1);
  EXPECT_EQ(timeline.blocks[0].count, 3);
}

}  // namespace
}  // namespace headrace::web
