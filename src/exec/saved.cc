// SPDX-License-Identifier: Apache-2.0
// Saved pipelines: one path, fitted on all rows, in a folder that needs nothing of the store it came from.
//
//   graph.yaml      the path as a graph without grids      models/NODE.hro    its models, as data::encode writes them
//   facts.json      where it came from, operator versions, scores under cross-validation

#include <filesystem>
#include <map>

#include "exec/store_access.h"
#include "headrace/base/text.h"
#include "headrace/exec/run.h"

namespace headrace::exec {
namespace {

using config::Value;
namespace fs = std::filesystem;

constexpr int kSavedVersion = 1;

std::string file_in(const std::string& folder, const std::string& name) { return (fs::path(folder) / name).string(); }

Result<graph::Graph> checked(graph::Graph graph, const graph::Catalogue& catalogue) {
  const std::vector<Error> errors = graph::validate(graph, catalogue);
  if (!errors.empty()) return errors[0];
  return graph;
}

Value facts_of(const RecordedRun& run, const PathResult& path, const graph::Graph& graph, const graph::Catalogue& catalogue) {
  Value facts{config::Map{}};
  facts.set("version", kSavedVersion);
  facts.set("run", run.id);
  facts.set("file", run.file);
  facts.set("path", path.label);
  facts.set("rank", path.rank);
  Value& scores = facts.set("scores", Value(config::Map{}));
  for (const MetricSummary& metric : path.metrics) scores.set(metric.metric, metric.mean);
  Value& operators = facts.set("operators", Value(config::Map{}));
  for (const graph::Node& node : graph.nodes) {
    if (const graph::OperatorSpec* spec = catalogue.find(node.op)) operators.set(node.op, spec->version);
  }
  return facts;
}

// Models that were made by another version of an operator may mean something else to this one.
Status check_versions(const Value& facts, const graph::Catalogue& catalogue) {
  const Value* operators = facts.find("operators");
  if (operators == nullptr || !operators->is_map()) return Error(Code::kBadData, "facts.json lists no operators");
  for (const config::Entry& entry : operators->map()) {
    const graph::OperatorSpec* spec = catalogue.find(entry.key);
    if (spec == nullptr) return Error(Code::kUnknownOperator, cat("this program has no operator ", entry.key));
    if (entry.value != Value(spec->version)) {
      return Error(Code::kVersion, cat("operator ", entry.key, " has version ", spec->version, " here, the saved pipeline another"),
                   "fit and save it again");
    }
  }
  return {};
}

}  // namespace

Status save_pipeline(Store& store, const graph::Catalogue& catalogue, Packs& packs, std::string_view run, int rank,
                     const std::string& folder) {
  HEADRACE_ASSIGN(const RecordedRun recorded, read_run(store, catalogue, run));
  if (rank < 1 || static_cast<std::size_t>(rank) > recorded.report.results.size()) {
    return Error(Code::kBadValue, cat("run ", recorded.id, " has ", recorded.report.results.size(), " paths, not one of rank ", rank));
  }
  std::error_code error;
  if (fs::exists(folder, error) && !fs::is_empty(folder, error)) {
    return Error(Code::kBadValue, cat("folder ", folder, " is not empty"), "name a new one with -o");
  }
  const PathResult& path = recorded.report.results[static_cast<std::size_t>(rank) - 1];
  graph::Graph selected = graph::select(*recorded.plan, static_cast<std::size_t>(path.path));
  selected.file = recorded.file;
  HEADRACE_ASSIGN(selected, checked(std::move(selected), catalogue));
  RunOptions options{.command = recorded.command};
  HEADRACE_ASSIGN(const RunOutcome fitted, run_graph(selected, catalogue, packs, &store, options));
  if (!fitted.report.errors.empty()) return Error(fitted.report.errors[0].error).within("fitting the path on all rows");

  HEADRACE_TRY(io::make_folders(file_in(folder, "models")));
  const graph::Plan& plan = *fitted.plan;
  for (std::size_t node = 0; node < plan.expanded.nodes.size(); ++node) {
    for (const graph::Ref& ref : graph::models_of(plan, static_cast<int>(node))) {
      const ObjectId id = plan.tasks[static_cast<std::size_t>(ref.task)].output(ref.slot);
      const auto kept = store.find(id);
      if (!kept.has_value())
        return Error(Code::kNotFound, cat("the model of node ", plan.expanded.nodes[node].name, " was not kept"),
                     "remove `cache: never` from the node");
      HEADRACE_ASSIGN(const data::Object model, store.load(*kept));
      HEADRACE_ASSIGN(const std::string bytes, data::encode(model));
      HEADRACE_TRY(io::write_file_atomic(file_in(folder, cat("models/", plan.expanded.nodes[node].name, ".hro")), bytes));
    }
  }
  HEADRACE_TRY(io::write_file_atomic(file_in(folder, "graph.yaml"), graph::graph_to_yaml(selected)));
  return io::write_file_atomic(file_in(folder, "facts.json"), config::to_json(facts_of(recorded, path, selected, catalogue), 1) + "\n");
}

Result<AppliedPipeline> apply_pipeline(const std::string& folder, const graph::Catalogue& catalogue, Packs& packs, graph::Mode mode,
                                       const std::string& data_path, const RunOptions& options) {
  if (mode == graph::Mode::kFit) {
    return Error(Code::kStateFrozen, "a saved pipeline is fitted already, and fitting it again is refused",
                 "run its pipeline file for a new fit, or apply it in mode transform, predict or score");
  }
  HEADRACE_ASSIGN(const Value facts, config::read_yaml(file_in(folder, "facts.json")));
  HEADRACE_TRY(check_versions(facts, catalogue));
  HEADRACE_ASSIGN(graph::Graph graph, graph::read_graph(file_in(folder, "graph.yaml")));
  const Value* file = facts.find("file");
  graph.file = file != nullptr && file->is_string() ? file->string() : std::string();
  if (!data_path.empty()) {
    int sources = 0;
    std::error_code error;
    for (graph::Node& node : graph.nodes) {
      const graph::OperatorSpec* spec = catalogue.find(node.op);
      if (spec == nullptr || spec->family != graph::Family::kSource) continue;
      node.params.set("path", fs::absolute(data_path, error).string());
      ++sources;
    }
    if (sources != 1) return Error(Code::kUnsupported, cat("the pipeline has ", sources, " sources, and --data can stand for one only"));
  }
  HEADRACE_ASSIGN(graph, checked(std::move(graph), catalogue));
  HEADRACE_ASSIGN(graph::Expanded expanded, graph::expand(std::move(graph)));
  graph::LowerOptions lowering{.mode = mode};
  HEADRACE_ASSIGN(const graph::Plan plan, graph::lower(std::move(expanded), catalogue, lowering));

  ExecuteOptions execution{.workers = options.workers, .memory_bytes = options.memory_bytes, .stop = options.stop, .sinks = options.sinks,
                           .keep_outputs = true};
  execution.folder = fs::path(plan.expanded.graph.file).parent_path().string();
  for (std::size_t node = 0; node < plan.expanded.nodes.size(); ++node) {
    const std::string model = file_in(folder, cat("models/", plan.expanded.nodes[node].name, ".hro"));
    std::error_code error;
    if (!fs::exists(model, error)) continue;
    HEADRACE_ASSIGN(const std::string bytes, io::read_file(model));
    HEADRACE_ASSIGN(data::Object object, data::decode(bytes));
    if (object.kind() != data::Kind::kModel) return Error(Code::kBadData, cat(model, " holds no model"));
    execution.fitted.emplace(static_cast<int>(node), std::move(object));
  }
  HEADRACE_ASSIGN(const ExecuteOutcome outcome, execute(plan, catalogue, packs, execution));
  for (const TaskOutcome& task : outcome.tasks) {
    if (task.status == TaskStatus::kFailed) return *task.error;
  }
  AppliedPipeline applied;
  for (std::size_t path = 0; path < plan.paths.size(); ++path) {
    for (const auto& score : outcome.scores[path]) {
      if (score.has_value()) applied.scores.push_back(*score);
    }
    for (const data::Object& output : outcome.outputs[path]) {
      if (output && output.kind() != data::Kind::kMetrics) applied.outputs.push_back(output);
    }
  }
  return applied;
}

}  // namespace headrace::exec
