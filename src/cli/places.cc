// SPDX-License-Identifier: Apache-2.0
#include "cli/places.h"

#include <algorithm>
#include <thread>

namespace headrace::cli {
namespace {

bool has_python(const graph::Graph& graph, const graph::Catalogue& catalogue) {
  return std::any_of(graph.nodes.begin(), graph.nodes.end(), [&](const graph::Node& node) {
    const graph::OperatorSpec* spec = catalogue.find(node.op);
    return spec != nullptr && spec->language == "python";
  });
}

}  // namespace

Result<Places> open_places(const Arguments& arguments, Session& session, const graph::Graph& graph) {
  HEADRACE_ASSIGN(const graph::Catalogue* catalogue, session.catalogue());
  const bool python = has_python(graph, *catalogue);
  const bool elsewhere = arguments.given("on");
  Places places;
  if (!python && !elsewhere) return places;
  cluster::ClusterOptions options;
  if (arguments.given("object-memory")) {
    HEADRACE_ASSIGN(options.object_bytes, parse_size(arguments.text("object-memory"), "--object-memory"));
  }
  if (python) {
    const auto asked = static_cast<int>(arguments.integer("workers"));
    options.python = asked > 0 ? asked : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  }
  HEADRACE_ASSIGN(places.workers, cluster::Cluster::open(elsewhere ? arguments.text("on") : "here", options));
  if (elsewhere) places.place = &places.workers->fleet();
  if (python) places.python = &places.workers->fleet();
  return places;
}

}  // namespace headrace::cli
