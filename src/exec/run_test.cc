// SPDX-License-Identifier: Apache-2.0
#include "headrace/exec/run.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "exec/lossy_place.h"
#include "exec/run_folder.h"
#include "exec/toy_operators.h"
#include "headrace/base/text.h"
#include "headrace/data/table.h"
#include "headrace/io/file.h"

namespace headrace::exec {
namespace {

using toys::world;

// Two grids over folds, as text: scores are known exactly.
constexpr const char* kGrid = R"(
pipeline: toy
seed: 7
nodes:
  data: { op: rows, n: 70 }
  plus: { op: add, from: data, amount: { grid: [1, 2, 3] } }
  mean: { op: mean, from: plus, shift: { grid: [0, 0.5] } }
evaluate: { folds: { kind: cut, n: 5 }, metric: closeness }
)";

class RunTest : public testing::Test {
 protected:
  void SetUp() override {
    world().reset();
    auto folder = io::TemporaryFolder::create("headrace-run-test");
    ASSERT_TRUE(folder.ok());
    folder_.emplace(std::move(folder).value());
    open_store();
    toys::add_operators(packs_);
  }

  void open_store() {
    store_.reset();
    auto store = Store::open(folder_->path());
    ASSERT_TRUE(store.ok()) << store.error().text();
    store_ = std::move(store).value();
  }

  graph::Graph graph(const std::string& yaml) {
    auto value = config::parse_yaml(yaml, "toy.yaml");
    EXPECT_TRUE(value.ok()) << value.error().text();
    auto parsed = graph::parse_graph(*value);
    EXPECT_TRUE(parsed.ok()) << parsed.error().text();
    graph::Graph out = std::move(parsed).value();
    for (const Error& error : graph::validate(out, catalogue_)) ADD_FAILURE() << error.text();
    return out;
  }

  RunOutcome run(const std::string& yaml, RunOptions options = {}) {
    options.workers = options.workers == 0 ? 2 : options.workers;
    auto outcome = run_graph(graph(yaml), catalogue_, packs_, store_.get(), options);
    EXPECT_TRUE(outcome.ok()) << outcome.error().text();
    return std::move(outcome).value();
  }

  static std::string scores(const RunReport& report) {
    std::string out;
    for (const PathResult& result : report.results) {
      out += cat(result.rank, ' ', result.label);
      for (const double fold : result.metrics[0].folds) out += cat(' ', fold);
      out += '\n';
    }
    return out;
  }

  graph::Catalogue catalogue_ = toys::catalogue();
  Packs packs_{catalogue_};
  std::optional<io::TemporaryFolder> folder_;
  std::unique_ptr<Store> store_;
};

TEST_F(RunTest, EachFoldIsFittedAndTransformedOncePerAlternative) {
  const RunReport report = run(kGrid).report;
  EXPECT_EQ(report.status, "done");
  EXPECT_EQ(report.results.size(), 6u);
  EXPECT_EQ(world().count("read rows"), 1);
  EXPECT_EQ(world().count("split cut"), 1);
  EXPECT_EQ(world().count("transform add"), 3 * 5 * 2);   // three amounts, five folds, two sides
  EXPECT_EQ(world().count("fit mean"), 6 * 5);
  EXPECT_EQ(world().count("score mean"), 6 * 5);
  EXPECT_EQ(report.tasks.fit, 30);
  EXPECT_EQ(report.tasks.score, 30);
  EXPECT_EQ(report.tasks.executed, report.tasks.fit + report.tasks.transform + report.tasks.score + 1 + 1 + 10);
  // y is 0..6 over and over and each fold is two of these: without shift the prediction is exact.
  EXPECT_EQ(report.results[0].metrics[0].mean, 0.0);
  EXPECT_EQ(report.results[0].rank, 1);
  EXPECT_EQ(report.results[2].rank, 1);
  EXPECT_EQ(report.results[3].rank, 4);
  EXPECT_EQ(report.results[3].metrics[0].mean, -0.5);
}

TEST_F(RunTest, ASecondRunRemembersEverythingAndPrintsTheSameTable) {
  const RunReport first = run(kGrid).report;
  world().reset();
  open_store();
  const RunReport second = run(kGrid).report;
  EXPECT_TRUE(world().calls.empty());
  EXPECT_EQ(second.tasks.executed, 0);
  EXPECT_EQ(second.tasks.remembered, first.tasks.executed);
  EXPECT_EQ(to_table(first), to_table(second));
  EXPECT_NE(first.run, second.run);
}

TEST_F(RunTest, AChangedParameterRunsOnlyWhatItAffects) {
  run(kGrid);
  world().reset();
  std::string changed = kGrid;
  changed.replace(changed.find("[0, 0.5]"), 8, "[0, 0.25]");
  const RunReport report = run(changed).report;
  EXPECT_EQ(world().count("fit mean"), 15);      // the new shift only
  EXPECT_EQ(world().count("score mean"), 15);
  EXPECT_EQ(world().count("transform add"), 0);  // training and held-out rows are remembered
  EXPECT_EQ(world().count("read rows"), 0);
  EXPECT_EQ(report.results.size(), 6u);
}

TEST_F(RunTest, FreshRunsEverythingAgain) {
  run(kGrid);
  world().reset();
  RunOptions options;
  options.recall = false;
  EXPECT_EQ(run(kGrid, options).report.tasks.remembered, 0);
  EXPECT_EQ(world().count("fit mean"), 30);
}

constexpr const char* kBranches = R"(
pipeline: branches
nodes:
  data:  { op: rows, n: 50 }
  good:  { op: mean, from: data }
  bad:   { op: fails, from: data }
  after: { op: mean, from: bad }
evaluate: { folds: { kind: cut, n: 5 }, metric: closeness }
)";

TEST_F(RunTest, AFailingBranchLeavesTheOthersAloneAndIsNamed) {
  world().fail_rows_from = 10;   // held-out rows of folds 1..4 start at 10 or later; training rows always start below
  const RunReport report = run(kBranches).report;
  EXPECT_EQ(report.status, "failed");
  EXPECT_EQ(report.exit_code(), 1);
  EXPECT_EQ(report.tasks.failed, 4 + 1);   // fold 0 trains on rows from 10 on
  EXPECT_EQ(report.results[0].label, "good");
  EXPECT_EQ(report.results[0].rank, 1);
  EXPECT_EQ(report.results[1].rank, 0);
  EXPECT_EQ(report.results[1].status, TaskStatus::kFailed);
  std::set<int> folds;
  for (const Failure& failure : report.errors) {
    EXPECT_EQ(failure.node, "bad");
    EXPECT_EQ(failure.phase, "transform");
    EXPECT_EQ(failure.attempt, 1);
    EXPECT_EQ(failure.error.code, Code::kTaskFailed);
    EXPECT_NE(failure.error.message.find("is refused"), std::string::npos);
    EXPECT_EQ(failure.error.where.line, 6);
    folds.insert(failure.fold);
  }
  EXPECT_EQ(folds, (std::set<int>{0, 1, 2, 3, 4}));

  world().reset();
  const RunReport again = run(kBranches).report;
  EXPECT_EQ(again.status, "done");
  EXPECT_EQ(world().count("fit mean"), 1);          // fold 0 only: the others were fitted, just not scored
  EXPECT_EQ(world().count("score mean"), 5);
  EXPECT_EQ(world().count("transform fails"), 5);   // exactly what had failed: training rows of fold 0, held-out rows of 1 to 4
}

TEST_F(RunTest, RetriesUntilTheLastAttemptAndKeepsTheCause) {
  const char* yaml = R"(
nodes:
  data: { op: rows }
  plus: { op: add, from: data, retries: 2 }
)";
  world().failures["plus"] = 2;
  RunOutcome outcome = run(yaml);
  EXPECT_EQ(outcome.report.status, "done");
  EXPECT_EQ(world().count("transform add"), 3);
  world().failures["plus"] = 3;
  RunOptions fresh;
  fresh.recall = false;
  outcome = run(yaml, fresh);
  EXPECT_EQ(outcome.report.status, "failed");
  ASSERT_EQ(outcome.report.errors.size(), 1u);
  EXPECT_EQ(outcome.report.errors[0].attempt, 3);
  EXPECT_EQ(outcome.report.errors[0].error.message, "failing on purpose");
}

TEST_F(RunTest, ATaskPastItsTimeLimitIsStopped) {
  const RunReport report = run(R"(
nodes:
  data: { op: rows }
  slow: { op: slow, from: data, seconds: 60, timeout: 0.05 }
)").report;
  ASSERT_EQ(report.errors.size(), 1u);
  EXPECT_EQ(report.errors[0].error.code, Code::kTimeout);
}

TEST_F(RunTest, AStoppedRunEndsSoonAndIsResumedUnderItsOwnName) {
  const std::string yaml = R"(
nodes:
  data: { op: rows }
  plus: { op: add, from: data }
  slow: { op: slow, from: plus, seconds: 0.2 }
)";
  std::stop_source stop;
  RunOptions options;
  options.stop = stop.get_token();
  std::jthread stopper([&] {
    while (world().count("transform slow") == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    stop.request_stop();
  });
  const RunReport stopped = run(yaml, options).report;
  EXPECT_EQ(stopped.status, "cancelled");
  EXPECT_EQ(stopped.exit_code(), 4);
  world().reset();
  const RunReport resumed = run(yaml).report;
  EXPECT_EQ(resumed.status, "done");
  EXPECT_TRUE(resumed.resumed);
  EXPECT_EQ(resumed.run, stopped.run);
  EXPECT_EQ(world().count("transform add"), 0);
}

TEST_F(RunTest, ADamagedObjectIsMadeAgain) {
  const RunReport first = run(kGrid).report;
  const std::string objects = folder_->path() + "/runs/" + first.run + "/objects";
  {
    std::fstream file(objects, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(0, std::ios::end);
    const auto size = static_cast<long>(file.tellp());
    for (long at = 100; at < size; at += 64) {
      file.seekp(at);
      file.put('\x5a');
    }
  }
  open_store();
  const RunReport second = run(kGrid).report;
  EXPECT_EQ(second.status, "done");
  EXPECT_EQ(scores(first), scores(second));
}

TEST_F(RunTest, InputsStayAsTheyWere) {
  RunOptions options;
  options.keep_outputs = true;
  const RunOutcome outcome = run(R"(
nodes:
  data: { op: rows, n: 10 }
  same: { op: fails, from: data }
  plus: { op: add, from: data, amount: 5 }
  more: { op: add, from: plus, amount: 5 }
)", options);
  ASSERT_EQ(outcome.execution.outputs.size(), 2u);
  const data::Table& same = outcome.execution.outputs[0][0].table();
  const data::Table& more = outcome.execution.outputs[1][0].table();
  EXPECT_EQ((*same.reals(0))[3], 3.0);
  EXPECT_EQ((*more.reals(0))[3], 13.0);
}

TEST_F(RunTest, ShardsRunApartAndComeBackInOrder) {
  for (const char* shard : {"3", "{ parts: 3, by: y }"}) {
    RunOptions options;
    options.keep_outputs = true;
    world().reset();
    const RunOutcome outcome =
        run(cat("nodes:\n  data: { op: rows, n: 20 }\n  plus: { op: add, from: data, shard: ", shard, ", cache: never }\n"), options);
    EXPECT_EQ(world().count("transform add"), 3);
    const auto x = *outcome.execution.outputs.at(0).at(0).table().reals(0);
    ASSERT_EQ(x.size(), 20u);
    for (std::size_t i = 0; i < 20; ++i) EXPECT_EQ(x[i], static_cast<double>(i) + 1) << shard;
  }
}

TEST_F(RunTest, SequentialStateLearnsPieceByPieceAndAggregateAtOnce) {
  const auto value = [&](const char* state) {
    RunOptions options;
    options.keep_outputs = true;
    options.mode = graph::Mode::kTransform;
    world().reset();
    const RunOutcome outcome =
        run(cat("nodes:\n  data: { op: rows, n: 10 }\n  seen: { op: counter, from: data, shard: 2, state: ", state, " }\n"), options);
    return (*outcome.execution.outputs.at(0).at(0).table().reals(0))[0];
  };
  EXPECT_EQ(value("sequential"), 45.0 + 2);   // the sum of 0..9, seen in two pieces
  EXPECT_EQ(world().count("update counter"), 2);
  EXPECT_EQ(value("aggregate"), 45.0 + 1);    // at once
  EXPECT_EQ(world().count("fit counter"), 1);
}

TEST_F(RunTest, FiringAllWaitsForEveryAlternative) {
  RunOptions options;
  options.keep_outputs = true;
  const RunOutcome outcome = run(R"(
nodes:
  data: { op: rows, n: 4 }
  plus: { op: add, from: data, amount: { grid: [1, 10, 100] } }
  all:  { op: sum, from: plus, firing: all }
)", options);
  EXPECT_EQ(world().count("transform sum"), 1);
  EXPECT_EQ((*outcome.execution.outputs.at(0).at(0).table().reals(0))[1], 3 * 1 + 111.0);
}

TEST_F(RunTest, OnErrorSkipGoesOnWithTheOthers) {
  world().failures["plus[amount=10]"] = 1;
  RunOptions options;
  options.keep_outputs = true;
  const RunOutcome outcome = run(R"(
nodes:
  data: { op: rows, n: 4 }
  plus: { op: add, from: data, on_error: skip, amount: { grid: [1, 10, 100] } }
  all:  { op: sum, from: plus, firing: all, on_error: skip }
)", options);
  EXPECT_EQ(outcome.report.status, "done");
  EXPECT_EQ(outcome.report.tasks.failed, 1);
  EXPECT_EQ((*outcome.execution.outputs.at(0).at(0).table().reals(0))[1], 2 * 1 + 101.0);
}

TEST_F(RunTest, PruningStopsPoorAlternativesEarly) {
  const RunReport report = run(R"(
nodes:
  data: { op: rows, n: 70 }
  mean: { op: mean, from: data, prune: { metric: closeness, keep: 0.5 }, shift: { grid: [3, 0, 2, 1, 4, 5, 6, 7] } }
evaluate: { folds: { kind: cut, n: 5 }, metric: closeness }
)").report;
  // 8 alternatives on fold 0, then 4, 2, 1, 1.
  EXPECT_EQ(world().count("score mean"), 8 + 4 + 2 + 1 + 1);
  EXPECT_EQ(report.status, "done");
  EXPECT_EQ(report.results[0].params[0].second, config::Value(0.0));
  EXPECT_EQ(report.results[0].rank, 1);
  EXPECT_EQ(report.results[1].rank, 0);
  EXPECT_EQ(report.results[1].status, TaskStatus::kPruned);
}

TEST_F(RunTest, NeverCachedNodesRunAgain) {
  const char* yaml = "nodes:\n  data: { op: rows }\n  plus: { op: add, from: data, cache: never }\n";
  run(yaml);
  run(yaml);
  EXPECT_EQ(world().count("transform add"), 2);
}

TEST_F(RunTest, ARecordedRunReadsBackAsItWas) {
  world().fail_rows_from = 10;
  const RunReport report = run(kBranches).report;
  auto recorded = read_run(*store_, catalogue_, "last");
  ASSERT_TRUE(recorded.ok()) << recorded.error().text();
  EXPECT_EQ(recorded->report.status, report.status);
  EXPECT_EQ(to_table(recorded->report), to_table(report));
  EXPECT_EQ(recorded->report.errors.size(), report.errors.size());
  EXPECT_EQ(recorded->report.errors[0].error.message, report.errors[0].error.message);
  EXPECT_EQ(static_cast<std::int64_t>(recorded->events.size()), report.tasks.executed + report.tasks.failed + report.tasks.skipped);
}

TEST_F(RunTest, ExplainTellsTheWayBackToTheSource) {
  run(kGrid);
  auto explained = explain(*store_, catalogue_, "last", "mean[shift=0.5]@4");
  ASSERT_TRUE(explained.ok()) << explained.error().text();
  const config::Value* made = explained->find("made");
  ASSERT_NE(made, nullptr);
  EXPECT_EQ(made->find("phase")->string(), "score");
  EXPECT_EQ(made->find("fold")->integer(), 3);
  std::string text = config::to_json(*explained);
  for (const char* phase : {"\"fit\"", "\"take\"", "\"split\"", "\"read\""}) EXPECT_NE(text.find(phase), std::string::npos) << phase;
  EXPECT_EQ(explain(*store_, catalogue_, "last", "maen").error().code, Code::kNotFound);
}

TEST_F(RunTest, ASavedPipelineGivesWhatTheFittedOneGave) {
  run(kGrid);
  const std::string folder = folder_->path() + "/saved";
  const Status saved = save_pipeline(*store_, catalogue_, packs_, "last", 4, folder);
  ASSERT_TRUE(saved.ok()) << saved.error().text();
  world().reset();
  auto applied = apply_pipeline(folder, catalogue_, packs_, graph::Mode::kPredict, "", {});
  ASSERT_TRUE(applied.ok()) << applied.error().text();
  EXPECT_EQ(world().count("fit mean"), 0);
  ASSERT_EQ(applied->outputs.size(), 1u);
  const data::Table& table = applied->outputs[0].table();
  const auto prediction = *table.reals(*table.column_index("prediction"));
  EXPECT_EQ(prediction[0], 3.5);   // the mean of y plus the shift of 0.5
  EXPECT_EQ(apply_pipeline(folder, catalogue_, packs_, graph::Mode::kFit, "", {}).error().code, Code::kStateFrozen);
}

TEST_F(RunTest, WithoutAStoreNothingIsWritten) {
  auto outcome = run_graph(graph(kGrid), catalogue_, packs_, nullptr, {});
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(outcome->report.status, "done");
  EXPECT_TRUE(outcome->report.run.empty());
  EXPECT_TRUE(store_->runs().empty());
}

TEST_F(RunTest, ResourcesThatNobodyCanGiveAreRefusedBeforeAnyTask) {
  RunOptions options;
  options.workers = 2;
  const auto refused = run_graph(graph("nodes:\n  data: { op: rows, resources: { cpu: 3 } }\n"), catalogue_, packs_, store_.get(), options);
  EXPECT_EQ(refused.error().code, Code::kInfeasible);
  EXPECT_EQ(refused.error().where.line, 2);
  EXPECT_EQ(world().count("read rows"), 0);
}

TEST_F(RunTest, RowsThatANodeRefusesAreFoundBeforeAnythingIsComputed) {
  const char* yaml =
      "nodes:\n  data: { op: rows, missing: 4 }\n  good: { op: add, from: data, on_error: skip }\n  mean: { op: mean, from: data }\n";
  const auto refused = run_graph(graph(yaml), catalogue_, packs_, store_.get(), {});
  EXPECT_EQ(refused.error().code, Code::kNotFinite);
  EXPECT_EQ(refused.error().where.line, 4);
  EXPECT_NE(refused.error().message.find("row 5"), std::string::npos);
  EXPECT_EQ(world().count("transform add") + world().count("fit mean"), 0);
  EXPECT_TRUE(store_->runs().empty());
}

TEST_F(RunTest, RunsAreListedNamedAndRemoved) {
  const RunReport first = run(kGrid).report;
  const RunReport second = run(kGrid).report;
  ASSERT_EQ(store_->runs().size(), 2u);
  EXPECT_EQ(store_->runs()[0].id, second.run);
  EXPECT_EQ(*store_->resolve_run("last"), second.run);
  EXPECT_EQ(store_->resolve_run("toy-").error().code, Code::kNotFound);   // two match
  ASSERT_TRUE(store_->remove_run(first.run).ok());
  EXPECT_EQ(store_->runs().size(), 1u);
  EXPECT_FALSE(std::filesystem::exists(folder_->path() + "/runs/" + first.run));
  world().reset();
  run(kGrid);
  EXPECT_EQ(world().count("fit mean"), 30);   // its objects went with it
}

TEST_F(RunTest, LostObjectsAreMadeAgainAndNobodyIsToldTwice) {
  const std::string expected = scores(run(kGrid).report);
  int lost = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(cat("seed ", seed));
    toys::LossyPlace place(packs_, seed, 0.1);
    RunOptions options;
    options.place = &place;
    options.recall = false;
    const RunReport report = run(kGrid, options).report;
    EXPECT_EQ(report.status, "done");
    EXPECT_EQ(scores(report), expected);
    EXPECT_EQ(report.tasks.fit, 30);
    EXPECT_EQ(report.tasks.failed, 0);
    lost += place.lost();
  }
  EXPECT_GT(lost, 100);
}

}  // namespace
}  // namespace headrace::exec
