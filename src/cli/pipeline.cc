// SPDX-License-Identifier: Apache-2.0
#include "cli/pipeline.h"

#include <unistd.h>

#include <thread>
#include <utility>

#include "cli/command_line.h"
#include "cli/overrides.h"

namespace headrace::cli {
namespace {

Result<graph::Graph> parse(const LoadOptions& options) {
  HEADRACE_ASSIGN(config::Value document, config::read_yaml(options.file));
  HEADRACE_TRY(apply_overrides(document, options.overrides));
  auto graph = graph::parse_graph(document);
  if (!graph.ok()) return std::move(graph).error().at(Position{options.file});
  graph->file = options.file;
  if (options.seed.has_value()) graph->seed = static_cast<std::uint64_t>(*options.seed);
  return graph;
}

}  // namespace

LoadedPipeline load_pipeline(Session& session, const LoadOptions& options) {
  LoadedPipeline loaded;
  auto graph = parse(options);
  if (!graph.ok()) {
    loaded.errors.push_back(at_flag(std::move(graph).error()));
    return loaded;
  }
  loaded.graph = std::move(graph).value();
  const auto catalogue = session.catalogue();
  if (!catalogue.ok()) {
    loaded.errors.push_back(catalogue.error());
    return loaded;
  }
  for (Error& error : graph::validate(loaded.graph, **catalogue, options.limits)) loaded.errors.push_back(at_flag(std::move(error)));
  return loaded;
}

graph::Limits limits_here(int workers, std::uint64_t memory_bytes) {
  graph::Limits limits;
  limits.cpu = workers > 0 ? workers : std::max(1U, std::thread::hardware_concurrency());
  limits.memory_bytes = memory_bytes;
  if (memory_bytes == 0) {
    const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    if (pages > 0 && page > 0) limits.memory_bytes = static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(page);
  }
  return limits;
}

Result<graph::Plan> plan_of(const graph::Graph& validated, const graph::Catalogue& catalogue, graph::Mode mode) {
  HEADRACE_ASSIGN(graph::Expanded expanded, graph::expand(validated));
  return graph::lower(std::move(expanded), catalogue, {.mode = mode});
}

Flag mode_flag(std::string fallback, std::vector<std::string> choices, std::string doc) {
  const bool required = fallback.empty();
  config::Option option = config::choice("mode", std::move(fallback), std::move(choices), std::move(doc));
  option.required = required;
  return takes("MODE", std::move(option));
}

graph::Mode mode_of(const Arguments& arguments) {
  for (const graph::Mode mode : {graph::Mode::kTransform, graph::Mode::kPredict, graph::Mode::kScore}) {
    if (graph::mode_name(mode) == arguments.text("mode")) return mode;
  }
  return graph::Mode::kFit;
}

}  // namespace headrace::cli
