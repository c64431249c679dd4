// SPDX-License-Identifier: Apache-2.0
#include "headrace/web/report.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "headrace/base/text.h"
#include "web/report_data.h"

namespace headrace::web {
namespace {

using exec::TaskStatus;

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr std::string_view kHostile = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&";

exec::PathResult path_result(int rank, int path, std::string label, std::vector<std::pair<std::string, config::Value>> params,
                             std::vector<double> folds) {
  exec::PathResult result{.rank = rank, .path = path, .label = std::move(label), .params = std::move(params), .seconds = 0.5};
  double sum = 0;
  for (const double fold : folds) sum += fold;
  const double mean = sum / static_cast<double>(folds.size());
  result.metrics.push_back(
      {.metric = "accuracy", .folds = std::move(folds), .mean = mean, .std = 0.01, .low = mean - 0.02, .high = mean + 0.02});
  return result;
}

data::Metrics metrics_of(std::vector<std::string> classes, std::vector<std::int64_t> confusion) {
  return {.values = {{"accuracy", 0.9}}, .rows = 10, .classes = std::move(classes), .confusion = std::move(confusion)};
}

// rows -> svm with two values of C, two folds; one fold of the second path failed.
exec::RecordedRun small_run(std::string_view name = "svm") {
  graph::Plan plan;
  plan.expanded.graph.name = std::string(name);
  plan.expanded.graph.nodes = {{.name = "rows", .op = "csv"}, {.name = std::string(name), .op = "svm"}};
  plan.expanded.nodes = {
      {.name = "rows", .origin = 0}, {.name = cat(name, "[C=1]"), .origin = 1}, {.name = cat(name, "[C=2]"), .origin = 1}};
  plan.expanded.sinks = {1, 2};
  for (graph::ExpandedNode& node : plan.expanded.nodes) {
    if (node.origin == 1) node.inputs.add(std::vector<int>{0});
  }
  plan.metrics = {"accuracy"};
  plan.folds = 2;
  plan.tasks.push_back({.phase = graph::Phase::kRead, .node = 0});
  for (const int node : {1, 2}) {
    for (const std::int16_t fold : {0, 1}) plan.tasks.push_back({.phase = graph::Phase::kFit, .node = node, .fold = fold});
  }
  exec::RecordedRun run{.id = "svm-1", .command = {"headrace", "run", "p.yaml"}, .file = "p.yaml", .started_us = 1'800'000'000'000'000};
  run.plan = std::make_shared<const graph::Plan>(std::move(plan));
  run.status = {TaskStatus::kRemembered, TaskStatus::kDone, TaskStatus::kDone, TaskStatus::kDone, TaskStatus::kFailed};
  for (std::int32_t task = 1; task < 5; ++task) {
    run.events.push_back({.task = task,
                          .status = run.status[static_cast<std::size_t>(task)],
                          .worker = task % 2,
                          .start_us = 1000 * task,
                          .end_us = 1000 * task + 1500});
  }
  run.report.run = run.id;
  run.report.pipeline = std::string(name);
  run.report.status = "failed";
  run.report.seed = 18'000'000'000'000'000'000U;
  run.report.results = {path_result(1, 0, cat(name, "[C=1]"), {{cat(name, ".C"), 1}}, {0.9, 0.8}),
                        path_result(0, 1, cat(name, "[C=2]"), {{cat(name, ".C"), 2}}, {0.7, kNone})};
  run.report.errors = {{.node = cat(name, "[C=2]"),
                        .phase = "fit",
                        .fold = 1,
                        .attempt = 2,
                        .error = Error(Code::kTaskFailed, std::string(name), "scale it first"),
                        .object = "ab"}};
  run.scores = {{metrics_of({"a", "b"}, {4, 1, 0, 5}), metrics_of({"a", "b", "c"}, {3, 0, 1, 0, 2, 0, 0, 0, 4})},
                {metrics_of({"a", "b"}, {5, 0, 3, 2}), std::nullopt}};
  return run;
}

graph::Catalogue catalogue() {
  graph::Catalogue out;
  EXPECT_TRUE(out.add(graph::MetricSpec{.name = "accuracy"}).ok());
  return out;
}

std::size_t count_of(std::string_view text, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + part.size())) ++count;
  return count;
}

TEST(ReportTest, FetchesNothing) {
  const std::string page = report_html(small_run(), catalogue());
  // The name of the SVG language is the only address, and it is never fetched.
  EXPECT_EQ(count_of(page, "http://") + count_of(page, "https://"), count_of(page, "http://www.w3.org/2000/svg"));
  for (const char* word : {"<link", "<img", "@import", "url(", "src=", "fetch(", "XMLHttpRequest"})
    EXPECT_EQ(count_of(page, word), 0U) << word;
  EXPECT_EQ(count_of(page, "default-src 'none'"), 1U);
}

TEST(ReportTest, WordsFromDataCannotBecomeMarkup) {
  const std::string page = report_html(small_run(kHostile), catalogue());
  EXPECT_EQ(count_of(page, "<script>alert"), 0U);
  EXPECT_EQ(count_of(page, "<img"), 0U);
  EXPECT_EQ(count_of(page, "</script>"), 2U);   // the data and the script of the page
}

TEST(ReportTest, SumsConfusionOverFoldsByTheNamesOfClasses) {
  const config::Value data = report_data(small_run(), catalogue(), {});
  const config::List& paths = data.find("confusion")->find("paths")->list();
  ASSERT_EQ(paths.size(), 2U);
  EXPECT_EQ(to_json(paths[0]), R"({"row": 0, "classes": ["a", "b", "c"], "counts": [7, 1, 1, 0, 7, 0, 0, 0, 4]})");
  EXPECT_EQ(to_json(paths[1]), R"({"row": 1, "classes": ["a", "b"], "counts": [5, 0, 3, 2]})");
}

TEST(ReportTest, LeavesOutMatricesPastTheBoundAndSaysSo) {
  const config::Value data = report_data(small_run(), catalogue(), {.confusion_cells_max = 9});
  EXPECT_EQ(data.find("confusion")->find("paths")->list().size(), 1U);
  EXPECT_EQ(data.find("confusion")->find("left_out")->integer(), 1);
}

TEST(ReportTest, MissingFoldsAreNull) {
  const config::Value data = report_data(small_run(), catalogue(), {});
  const config::Value& score = data.find("paths")->list()[1].find("scores")->list()[0];
  EXPECT_EQ(to_json(*score.find("folds")), "[0.7, null]");
  EXPECT_TRUE(score.find("mean")->is_null());
}

TEST(ReportTest, SeedsKeepAllTheirDigits) {
  EXPECT_EQ(report_data(small_run(), catalogue(), {}).find("facts")->find("seed")->string(), "18000000000000000000");
}

TEST(ReportTest, ParametersAreInOrder) {
  exec::RecordedRun run = small_run();
  std::swap(run.report.results[0].params, run.report.results[1].params);
  EXPECT_EQ(to_json(*report_data(run, catalogue(), {}).find("params")), R"([{"name": "svm.C", "values": [1, 2]}])");
}

TEST(ReportTest, NodesShowTheWorstThatHappenedAndTheirTime) {
  const auto marks = node_marks(small_run());
  ASSERT_EQ(marks.size(), 3U);
  EXPECT_EQ(marks[0].status, "remembered");
  EXPECT_EQ(marks[0].text, "");
  EXPECT_EQ(marks[1].status, "done");
  EXPECT_EQ(marks[1].text, "3 ms");
  EXPECT_EQ(marks[2].status, "failed");
}

TEST(ReportTest, FailuresAreListedAndCounted) {
  exec::RecordedRun run = small_run();
  run.report.errors.resize(3, run.report.errors[0]);
  const config::Value data = report_data(run, catalogue(), {.failures_max = 2});
  EXPECT_EQ(data.find("failures")->list().size(), 2U);
  EXPECT_EQ(data.find("failures_all")->integer(), 3);
  EXPECT_EQ(data.find("failures")->list()[0].find("advice")->string(), "scale it first");
}

TEST(ReportTest, StaysSmallWithManyTasks) {
  exec::RecordedRun run = small_run();
  for (int i = 0; i < 200'000; ++i)
    run.events.push_back(
        {.task = 1 + i % 4, .status = TaskStatus::kDone, .worker = i % 8, .start_us = 10'000 + i * 10, .end_us = 10'000 + i * 10 + 70});
  EXPECT_LT(report_html(run, catalogue()).size(), 2'000'000U);
}

}  // namespace
}  // namespace headrace::web
