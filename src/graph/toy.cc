// SPDX-License-Identifier: Apache-2.0
#include "graph/toy.h"

#include "headrace/base/text.h"

namespace headrace::graph::toy {
namespace {

OperatorSpec row(std::string name, Family family) {
  OperatorSpec spec;
  spec.name = std::move(name);
  spec.family = family;
  spec.doc = "toy";
  spec.options = {config::integer("a", 0, "a number"), config::real("C", 1.0, "a positive number").above(0),
                  config::list("sizes", config::Type::kIntList, config::List{}, "a list"),
                  config::choice("kind", "x", {"x", "y", "z"}, "a word")};
  return spec;
}

std::vector<OperatorSpec> operators() {
  std::vector<OperatorSpec> out;
  for (const char* name : {"source", "reader", "draw"}) {
    OperatorSpec spec = row(name, Family::kSource);
    spec.takes.clear();
    spec.inputs_min = spec.inputs_max = 0;
    if (spec.name == "reader") spec.options.push_back(config::path("path", "file").must());
    spec.random = spec.name == "draw";
    out.push_back(std::move(spec));
  }
  for (const char* name : {"scale", "pca", "wash", "kernel", "stacker", "noise", "one", "filter", "busy"}) {
    OperatorSpec spec = row(name, Family::kTransformer);
    const std::string_view is = name;
    spec.fits = is != "scale" && is != "one" && is != "filter" && is != "busy";
    spec.updates = is == "kernel";
    spec.own_fit_output = is == "stacker";
    spec.random = is == "noise";
    if (is == "one") spec.inputs_max = 1;
    spec.keeps_rows = is != "filter";
    if (is == "busy") spec.options.push_back(config::choice("cache", "cold", {"cold", "warm"}, "bears the name of an annotation"));
    if (is == "pca") spec.options.push_back(config::integer("components", 2, "how many").at_least(1));
    out.push_back(std::move(spec));
  }
  for (const char* name : {"logistic", "forest", "bayes", "ridge", "means"}) {
    const std::string_view is = name;
    OperatorSpec spec = row(name, is == "ridge" ? Family::kRegressor : is == "means" ? Family::kClusterer : Family::kClassifier);
    spec.fits = true;
    spec.updates = is == "bayes";
    spec.random = is == "forest";
    spec.needs_target = is != "means";
    out.push_back(std::move(spec));
  }
  OperatorSpec voter = row("voter", Family::kClassifier);
  voter.fits = voter.needs_target = true;
  voter.options = {config::list("members", config::Type::kOperatorList, config::Value(), "who votes").or_null(),
                   config::nested("judge", "who decides").or_null()};
  out.push_back(voter);
  OperatorSpec metrics_only = row("bytes_reader", Family::kTransformer);
  metrics_only.takes = {data::Kind::kBytes};
  out.push_back(metrics_only);
  OperatorSpec pair = row("pair", Family::kTransformer);
  pair.inputs_min = pair.inputs_max = 2;
  out.push_back(pair);
  OperatorSpec save = row("save", Family::kSink);
  save.options.push_back(config::path("path", "file").must());
  out.push_back(save);
  OperatorSpec k_fold = row("k_fold", Family::kSplitter);
  k_fold.options = {config::integer("n", 5, "folds").at_least(2), config::boolean("shuffle", false, "permute first")};
  k_fold.random = true;
  out.push_back(k_fold);
  OperatorSpec hold_out = row("hold_out", Family::kSplitter);
  hold_out.options = {config::real("share", 0.25, "held out").above(0)};
  out.push_back(hold_out);
  return out;
}

}  // namespace

namespace {

Catalogue make_catalogue() {
  Catalogue out;
  for (OperatorSpec& spec : intrinsic_operators()) EXPECT_TRUE(out.add(std::move(spec)).ok());
  for (OperatorSpec& spec : operators()) EXPECT_TRUE(out.add(std::move(spec)).ok());
  EXPECT_TRUE(out.add(MetricSpec{.name = "accuracy"}).ok());
  EXPECT_TRUE(out.add(MetricSpec{.name = "f1"}).ok());
  EXPECT_TRUE(out.add(MetricSpec{.name = "r2", .family = Family::kRegressor}).ok());
  EXPECT_TRUE(out.add(MetricSpec{.name = "silhouette", .family = Family::kClusterer}).ok());
  return out;
}

}  // namespace

const Catalogue& catalogue() {
  static const Catalogue rows = make_catalogue();
  return rows;
}

Graph graph(const std::string& yaml) {
  const Result<config::Value> document = config::parse_yaml(yaml, "test.yaml");
  EXPECT_TRUE(document.ok()) << (document.ok() ? "" : document.error().text());
  if (!document.ok()) return {};
  Result<Graph> graph = parse_graph(*document);
  EXPECT_TRUE(graph.ok()) << (graph.ok() ? "" : graph.error().text());
  if (!graph.ok()) return {};
  for (const Error& error : validate(*graph, catalogue())) ADD_FAILURE() << error.text();
  return std::move(graph).value();
}

Plan plan(Graph graph, LowerOptions options) {
  Result<Expanded> expanded = expand(std::move(graph));
  EXPECT_TRUE(expanded.ok()) << (expanded.ok() ? "" : expanded.error().text());
  if (!expanded.ok()) return {};
  Result<Plan> plan = lower(std::move(expanded).value(), catalogue(), options);
  EXPECT_TRUE(plan.ok()) << (plan.ok() ? "" : plan.error().text());
  return plan.ok() ? std::move(plan).value() : Plan{};
}

Plan plan(const std::string& yaml, LowerOptions options) { return plan(graph(yaml), std::move(options)); }

std::vector<std::string> errors(const std::string& yaml, const Limits& limits) {
  const auto text = [](const Error& error) {
    return cat(error.where.line, ":", error.where.column, " ", code_name(error.code), " ", error.message,
               error.advice.empty() ? "" : cat("; ", error.advice));
  };
  const Result<config::Value> document = config::parse_yaml(yaml, "test.yaml");
  if (!document.ok()) return {text(document.error())};
  Result<Graph> graph = parse_graph(*document);
  if (!graph.ok()) return {text(graph.error())};
  std::vector<std::string> out;
  for (const Error& error : validate(*graph, catalogue(), limits)) out.push_back(text(error));
  return out;
}

std::map<std::string, int> counts(const Plan& plan) {
  std::map<std::string, int> out;
  for (const Task& task : plan.tasks) ++out[std::string(phase_name(task.phase))];
  return out;
}

std::vector<std::string> labels(const Plan& plan) {
  std::vector<std::string> out;
  for (const Path& path : plan.paths) out.push_back(path.label);
  return out;
}

}  // namespace headrace::graph::toy
