// SPDX-License-Identifier: Apache-2.0
// Annotations: the table that parses, checks and documents them, and the reading and writing of their values.
#include <array>
#include <charconv>
#include <cmath>

#include "headrace/base/text.h"
#include "headrace/graph/graph.h"

namespace headrace::graph {
namespace {

using config::Option;
using config::Value;

constexpr double kShardPartsMax = 65536;

// In the order of the enumerators.
const std::vector<std::string> kCombines = {"union", "join", "product"};
const std::vector<std::string> kFirings = {"each", "all"};
const std::vector<std::string> kStates = {"none", "once", "sequential", "aggregate"};
const std::vector<std::string> kOnErrors = {"stop", "skip"};
const std::vector<std::string> kCaches = {"auto", "always", "never"};

template <class Enum>
Enum enumerator(const std::vector<std::string>& words, const std::string& word) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == word) return static_cast<Enum>(i);
  }
  return Enum{};
}

template <class Enum>
const std::string& word(const std::vector<std::string>& words, Enum value) {
  return words[static_cast<std::size_t>(value)];
}

std::vector<Option> table() {
  Option shard{.name = "shard", .type = config::Type::kAny};
  shard.doc =
      "cut the rows of the input into this many parts that run apart and are re-united in order; {parts: n, by: column} keeps equal values "
      "together";
  return {
      config::choice(
          "combine", "", kCombines,
          "how the objects of several inputs meet: by origin (join, the default), one at a time (union), every combination (product)"),
      config::choice("firing", "each", kFirings, "fire for each object, or wait for all objects of the edge"),
      config::choice("state", "", kStates,
                     "never fits; fit once (the default of operators that fit); updated piece by piece; fitted on all pieces together"),
      shard,
      config::integer("replicas", 1, "run the node this many times; copies of an operator that draws random numbers draw others")
          .at_least(1)
          .at_most(100000),
      config::map("resources", "what one attempt needs: {cpu: cores, memory: bytes or '2 GB', gpu: devices}"),
      config::integer("gang", 1, "workers that must start together").at_least(1).at_most(100000),
      config::integer("retries", 0, "attempts after the first one fails").at_least(0).at_most(1000),
      config::real("timeout", 0.0, "time limit of one attempt; 0 for none").at_least(0).in("seconds"),
      config::integer("priority", 0, "of ready tasks the higher starts first").at_least(-1000000).at_most(1000000),
      config::choice(
          "cache", "auto", kCaches,
          "what is remembered across runs: models, scores and whatever took longer to make than to write (auto), everything, nothing"),
      config::choice(
          "on_error", "stop", kOnErrors,
          "what a node does when some of its inputs failed: fail with them (stop), or, with firing: all, go on with the others (skip)"),
      config::map(
          "prune",
          "successive halving: after each fold only the best share of the alternatives goes on: {metric: name, keep: share in (0, 1]}"),
  };
}

const std::vector<Option>& resource_options() {
  static const std::vector<Option> options = [] {
    Option memory{.name = "memory", .type = config::Type::kAny, .fallback = Value(0)};
    memory.doc = "bytes, or text with a unit";
    return std::vector<Option>{config::real("cpu", 1.0, "cores").at_least(0), memory, config::real("gpu", 0.0, "devices").at_least(0)};
  }();
  return options;
}

const std::vector<Option>& shard_options() {
  static const std::vector<Option> options = {
      config::integer("parts", Value(), "number of parts").at_least(1).at_most(kShardPartsMax).must(),
      config::column("by", Value(), "column whose equal values stay together").or_null()};
  return options;
}

const std::vector<Option>& prune_options() {
  static const std::vector<Option> options = {
      config::string("metric", Value(), "score to rank by; the first of the evaluation when unset").or_null(),
      config::real("keep", 0.5, "share that goes on after each fold").above(0).at_most(1)};
  return options;
}

// "2 GB", "512 MiB", or a number of bytes.
Result<std::uint64_t> bytes_of(const Value& value) {
  const Error bad(Code::kBadValue, "'memory' must be a number of bytes or text such as '2 GB'",
                  "units are B, kB, MB, GB, TB and KiB, MiB, GiB, TiB", value.where());
  if (value.kind() == config::Kind::kInt) {
    if (value.integer() < 0) return bad;
    return static_cast<std::uint64_t>(value.integer());
  }
  if (!value.is_string()) return bad;
  constexpr std::array<std::pair<std::string_view, double>, 9> kUnits = {{{"B", 1.0},
                                                                          {"kB", 1e3},
                                                                          {"MB", 1e6},
                                                                          {"GB", 1e9},
                                                                          {"TB", 1e12},
                                                                          {"KiB", 0x1p10},
                                                                          {"MiB", 0x1p20},
                                                                          {"GiB", 0x1p30},
                                                                          {"TiB", 0x1p40}}};
  const std::string_view text = trim(value.string());
  double number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc() || !(number >= 0) || number > 1e9) return bad;
  const std::string_view unit = trim(std::string_view(end, static_cast<std::size_t>(text.data() + text.size() - end)));
  for (const auto& [name, factor] : kUnits) {
    if (unit == name) return static_cast<std::uint64_t>(std::llround(number * factor));
  }
  return bad;
}

Result<Resources> resources_of(const Value& value) {
  HEADRACE_ASSIGN(const Value bound, config::bind(resource_options(), value, "annotation resources"));
  HEADRACE_ASSIGN(const std::uint64_t memory, bytes_of(*bound.find("memory")));
  return Resources{bound.find("cpu")->real(), memory, bound.find("gpu")->real()};
}

Result<Shard> shard_of(const Value& value) {
  Value map = value;
  if (value.kind() == config::Kind::kInt) {
    map = Value();
    map.set("parts", value);
  }
  HEADRACE_ASSIGN(const Value bound, config::bind(shard_options(), map, "annotation shard"));
  return Shard{static_cast<int>(bound.find("parts")->integer()), *bound.find("by")};
}

Result<Prune> prune_of(const Value& value) {
  HEADRACE_ASSIGN(const Value bound, config::bind(prune_options(), value, "annotation prune"));
  const Value* metric = bound.find("metric");
  return Prune{metric->is_null() ? std::string() : metric->string(), bound.find("keep")->real()};
}

}  // namespace

const std::vector<Option>& annotation_options() {
  static const std::vector<Option> options = table();
  return options;
}

Result<Annotations> annotations_from_value(const Value& map) {
  HEADRACE_ASSIGN(const Value bound, config::bind(annotation_options(), map, "annotate"));
  const auto get = [&](std::string_view name) -> const Value& { return *bound.find(name); };
  const auto given = [&](std::string_view name) { return !get(name).is_null(); };
  Annotations out;
  if (given("combine")) out.combine = enumerator<Combine>(kCombines, get("combine").string());
  out.firing = enumerator<Firing>(kFirings, get("firing").string());
  if (given("state")) out.state = enumerator<State>(kStates, get("state").string());
  if (given("shard")) {
    HEADRACE_ASSIGN(out.shard, shard_of(get("shard")));
  }
  out.replicas = static_cast<int>(get("replicas").integer());
  if (given("resources")) {
    HEADRACE_ASSIGN(out.resources, resources_of(get("resources")));
  }
  out.gang = static_cast<int>(get("gang").integer());
  out.retries = static_cast<int>(get("retries").integer());
  out.timeout_s = get("timeout").real();
  out.priority = static_cast<int>(get("priority").integer());
  out.cache = enumerator<Cache>(kCaches, get("cache").string());
  out.on_error = enumerator<OnError>(kOnErrors, get("on_error").string());
  if (given("prune")) {
    HEADRACE_ASSIGN(out.prune, prune_of(get("prune")));
  }
  return out;
}

Value annotations_to_value(const Annotations& annotations) {
  const Annotations fallback;
  Value out(config::Map{});
  if (annotations.combine) out.set("combine", word(kCombines, *annotations.combine));
  if (annotations.firing != fallback.firing) out.set("firing", word(kFirings, annotations.firing));
  if (annotations.state) out.set("state", word(kStates, *annotations.state));
  if (annotations.shard) {
    Value shard;
    shard.set("parts", annotations.shard->parts);
    if (!annotations.shard->by.is_null()) shard.set("by", annotations.shard->by);
    out.set("shard", annotations.shard->by.is_null() ? Value(annotations.shard->parts) : shard);
  }
  if (annotations.replicas != 1) out.set("replicas", annotations.replicas);
  if (!(annotations.resources == fallback.resources)) {
    Value resources;
    resources.set("cpu", annotations.resources.cpu);
    if (annotations.resources.memory_bytes != 0) resources.set("memory", static_cast<std::int64_t>(annotations.resources.memory_bytes));
    if (annotations.resources.gpu != 0) resources.set("gpu", annotations.resources.gpu);
    out.set("resources", std::move(resources));
  }
  if (annotations.gang != 1) out.set("gang", annotations.gang);
  if (annotations.retries != 0) out.set("retries", annotations.retries);
  if (annotations.timeout_s != 0) out.set("timeout", annotations.timeout_s);
  if (annotations.priority != 0) out.set("priority", annotations.priority);
  if (annotations.cache != fallback.cache) out.set("cache", word(kCaches, annotations.cache));
  if (annotations.on_error != fallback.on_error) out.set("on_error", word(kOnErrors, annotations.on_error));
  if (annotations.prune) {
    Value prune;
    if (!annotations.prune->metric.empty()) prune.set("metric", annotations.prune->metric);
    prune.set("keep", annotations.prune->keep);
    out.set("prune", std::move(prune));
  }
  return out;
}

}  // namespace headrace::graph
