// SPDX-License-Identifier: Apache-2.0
#include "cli/progress_screen.h"

#include <gtest/gtest.h>

#include "cli/output.h"
#include "headrace/base/text.h"

namespace headrace::cli {
namespace {

ProgressSnapshot halfway() {
  ProgressSnapshot snapshot{.started = true, .seconds = 3.21, .total = 125, .ended = 50, .remembered = 4, .rate = 15.6, .left_s = 4.2};
  snapshot.nodes = {{.name = "pca", .total = 25, .ended = 25, .rate = 30},
                    {.name = "logistic", .total = 100, .ended = 25, .running = 2, .rate = 7.8}};
  snapshot.workers = {{.worker = 0, .node = "logistic[C=1]", .phase = "fit", .fold = 2, .seconds = 0.4},
                      {.worker = 1, .node = "logistic[C=2]", .phase = "score", .seconds = 0.1, .share = 0.5}};
  return snapshot;
}

TEST(ProgressScreenTest, DrawsBarsTotalsAndWorkers) {
  const auto lines = progress_lines(halfway(), {.width = 90, .height = 24, .unicode = false});
  ASSERT_EQ(lines.size(), 5U);
  EXPECT_TRUE(lines[0].starts_with("pca      ########")) << lines[0];
  EXPECT_NE(lines[0].find(" 25/25"), std::string::npos);
  EXPECT_NE(lines[1].find(" 25/100  7.8/s"), std::string::npos) << lines[1];
  EXPECT_NE(lines[2].find(" 50/125  3.2 s, about 5 s left, 4 remembered"), std::string::npos) << lines[2];
  EXPECT_EQ(lines[3], "  1: logistic[C=1] fit fold 3 (0.4 s)");
  EXPECT_EQ(lines[4], "  2: logistic[C=2] score 50 % (0.1 s)");
}

TEST(ProgressScreenTest, NoLineIsWiderThanTheTerminalWhateverItsWidth) {
  for (std::size_t width = 1; width <= 130; ++width) {
    for (const bool color : {false, true}) {
      const auto lines = progress_lines(halfway(), {.width = width, .height = 24, .color = color});
      EXPECT_EQ(rows_taken(lines, width), lines.size()) << width;
    }
  }
}

TEST(ProgressScreenTest, NeverTakesMoreRowsThanThereAre) {
  ProgressSnapshot snapshot = halfway();
  for (int i = 0; i < 300; ++i) snapshot.nodes.push_back({.name = cat("node", i), .total = 10});
  for (int i = 2; i < 64; ++i) snapshot.workers.push_back({.worker = i, .node = "x", .phase = "fit"});
  for (std::size_t height = 1; height < 60; ++height)
    EXPECT_LE(progress_lines(snapshot, {.width = 80, .height = height}).size(), std::max<std::size_t>(height - 1, 1)) << height;
}

TEST(ProgressScreenTest, NodesAtWorkComeFirstWhenThereIsNoRoomForAll) {
  ProgressSnapshot snapshot = halfway();
  snapshot.workers.clear();
  const auto lines = progress_lines(snapshot, {.width = 80, .height = 4, .unicode = false});
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_TRUE(lines[0].starts_with("logistic"));
  EXPECT_TRUE(lines[1].starts_with("all"));
}

TEST(ProgressScreenTest, ColourOnlyWhenAsked) {
  const auto plain = progress_lines(halfway(), {.width = 80, .height = 24});
  EXPECT_EQ(join(plain, "").find('\x1b'), std::string::npos);
  EXPECT_NE(join(progress_lines(halfway(), {.width = 80, .height = 24, .color = true}), "").find('\x1b'), std::string::npos);
}

TEST(ProgressScreenTest, NamesFromFilesCannotSteerTheTerminal) {
  ProgressSnapshot snapshot = halfway();
  snapshot.nodes[0].name = "\x1b]0;x\x07";
  EXPECT_EQ(join(progress_lines(snapshot, {.width = 80, .height = 24}), "").find('\x1b'), std::string::npos);
  EXPECT_EQ(progress_line(snapshot).find('\x1b'), std::string::npos);
}

TEST(ProgressScreenTest, OneLineForLogs) {
  EXPECT_EQ(progress_line(halfway()), "  50 of 125 tasks, 3.2 s, about 5 s left (logistic 25/100)");
}

TEST(ProgressScreenTest, CountsRowsAsTheTerminalWrapsThem) {
  EXPECT_EQ(rows_taken({"12345", "\x1b[31m1234\x1b[0m", ""}, 4), 2U + 1U + 1U);
}

}  // namespace
}  // namespace headrace::cli
