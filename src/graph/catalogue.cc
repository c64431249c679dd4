// SPDX-License-Identifier: Apache-2.0
#include "headrace/graph/catalogue.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "headrace/base/text.h"

namespace headrace::graph {
namespace {

constexpr std::array kFamilies = {std::string_view("source"),    std::string_view("transformer"), std::string_view("classifier"),
                                  std::string_view("regressor"), std::string_view("clusterer"),   std::string_view("sink"),
                                  std::string_view("splitter"),  std::string_view("selector")};
// The names of data::Kind. Spelled here too, so that reading manifests does not load Arrow.
constexpr std::array kKinds = {std::string_view("none"),  std::string_view("table"),   std::string_view("tensors"),
                               std::string_view("model"), std::string_view("metrics"), std::string_view("bytes"),
                               std::string_view("tuple")};
constexpr std::uintmax_t kManifestBytesMax = 16u << 20;

template <class Names>
std::vector<std::string> listed(const Names& names) {
  return {names.begin(), names.end()};
}

// One entry of a manifest map, read with a type and remembered as the first error.
class Reader {
 public:
  Reader(const config::Value& map, std::string what) : map_(map), what_(std::move(what)) {
    if (!map.is_map()) fail("is no map", map);
  }

  std::string text(std::string_view key, bool required = false) {
    const config::Value* value = get(key, config::Kind::kString, required);
    return value ? value->string() : std::string();
  }
  bool flag(std::string_view key, bool fallback) {
    const config::Value* value = get(key, config::Kind::kBool, false);
    return value ? value->boolean() : fallback;
  }
  int number(std::string_view key, int fallback, std::int64_t min) {
    const config::Value* value = get(key, config::Kind::kInt, false);
    if (!value) return fallback;
    if (value->integer() < min || value->integer() > 1'000'000'000) fail(cat("has a bad '", key, "'"), *value);
    return static_cast<int>(value->integer());
  }
  template <class Enum, class Names>
  Enum word(std::string_view key, const Names& names, Enum fallback) {
    const config::Value* value = get(key, config::Kind::kString, false);
    return value ? one<Enum>(*value, key, names, fallback) : fallback;
  }
  template <class Enum, class Names>
  std::vector<Enum> words(std::string_view key, const Names& names, std::vector<Enum> fallback) {
    const config::Value* value = get(key, config::Kind::kList, false);
    if (!value) return fallback;
    std::vector<Enum> out;
    for (const config::Value& item : value->list()) out.push_back(one<Enum>(item, key, names, Enum{}));
    return out;
  }
  const config::Value* list(std::string_view key) { return get(key, config::Kind::kList, false); }

  void fail(std::string message, const config::Value& at) {
    if (!error_) error_ = Error(Code::kBadData, cat("manifest: ", what_, " ", message), "rebuild the pack", at.where());
  }
  const std::optional<Error>& error() const { return error_; }

 private:
  const config::Value* get(std::string_view key, config::Kind kind, bool required) {
    const config::Value* value = map_.find(key);
    if (value == nullptr) {
      if (required) fail(cat("has no '", key, "'"), map_);
      return nullptr;
    }
    if (value->kind() == kind) return value;
    fail(cat("has a '", key, "' that is no ", config::kind_name(kind)), *value);
    return nullptr;
  }
  template <class Enum, class Names>
  Enum one(const config::Value& value, std::string_view key, const Names& names, Enum fallback) {
    if (value.is_string()) {
      const auto found = std::find(names.begin(), names.end(), value.string());
      if (found != names.end()) return static_cast<Enum>(found - names.begin());
    }
    fail(cat("has an unknown '", key, "'"), value);
    return fallback;
  }

  const config::Value& map_;
  std::string what_;
  std::optional<Error> error_;
};

Result<OperatorSpec> operator_from_value(const config::Value& value) {
  const OperatorSpec fallback;
  Reader reader(value, "operator");
  OperatorSpec spec;
  spec.name = reader.text("name", true);
  spec.version = reader.number("version", 1, 1);
  spec.family = reader.word("family", kFamilies, fallback.family);
  spec.doc = reader.text("doc");
  spec.takes = reader.words("takes", kKinds, fallback.takes);
  spec.gives = reader.word("gives", kKinds, fallback.gives);
  spec.inputs_min = reader.number("inputs_min", fallback.inputs_min, 0);
  spec.inputs_max = reader.number("inputs_max", fallback.inputs_max, -1);
  spec.fits = reader.flag("fits", fallback.fits);
  spec.updates = reader.flag("updates", fallback.updates);
  spec.own_fit_output = reader.flag("own_fit_output", fallback.own_fit_output);
  spec.random = reader.flag("random", fallback.random);
  spec.needs_target = reader.flag("needs_target", fallback.needs_target);
  spec.refuses_missing = reader.flag("refuses_missing", fallback.refuses_missing);
  spec.numeric_only = reader.flag("numeric_only", fallback.numeric_only);
  spec.keeps_rows = reader.flag("keeps_rows", fallback.keeps_rows);
  spec.open_params = reader.flag("open_params", fallback.open_params);
  spec.language = reader.text("language");
  if (const config::Value* options = reader.list("options")) {
    Result<std::vector<config::Option>> rows = config::options_from_value(*options);
    if (!rows.ok()) return std::move(rows).error().within(cat("operator ", spec.name));
    spec.options = std::move(rows).value();
  }
  if (reader.error()) return *reader.error();
  return spec;
}

Result<MetricSpec> metric_from_value(const config::Value& value) {
  Reader reader(value, "metric");
  MetricSpec spec;
  spec.name = reader.text("name", true);
  spec.doc = reader.text("doc");
  spec.higher_is_better = reader.flag("higher_is_better", true);
  spec.family = reader.word("family", kFamilies, spec.family);
  if (reader.error()) return *reader.error();
  return spec;
}

config::Value operator_to_value(const OperatorSpec& spec) {
  config::Value out;
  out.set("name", spec.name);
  out.set("version", spec.version);
  out.set("family", std::string(family_name(spec.family)));
  out.set("doc", spec.doc);
  config::List takes;
  for (const data::Kind kind : spec.takes) takes.emplace_back(std::string(kKinds[static_cast<std::size_t>(kind)]));
  out.set("takes", std::move(takes));
  out.set("gives", std::string(kKinds[static_cast<std::size_t>(spec.gives)]));
  out.set("inputs_min", spec.inputs_min);
  out.set("inputs_max", spec.inputs_max);
  out.set("options", config::options_to_value(spec.options));
  out.set("fits", spec.fits);
  out.set("updates", spec.updates);
  out.set("own_fit_output", spec.own_fit_output);
  out.set("random", spec.random);
  out.set("needs_target", spec.needs_target);
  out.set("refuses_missing", spec.refuses_missing);
  out.set("numeric_only", spec.numeric_only);
  out.set("keeps_rows", spec.keeps_rows);
  if (spec.open_params) out.set("open_params", true);
  if (!spec.language.empty()) out.set("language", spec.language);
  return out;
}

}  // namespace

std::string_view family_name(Family family) { return kFamilies[static_cast<std::size_t>(family)]; }
bool is_predictor(Family family) { return family == Family::kClassifier || family == Family::kRegressor; }

Result<Catalogue> Catalogue::load(const std::vector<std::string>& folders) {
  Catalogue out;
  for (OperatorSpec& spec : intrinsic_operators()) HEADRACE_TRY(out.add(std::move(spec)));
  for (const std::string& folder : folders) {
    const auto before = out.libraries_;   // packs of earlier folders hide theirs of this name, as in $PATH
    std::vector<std::filesystem::path> manifests;
    std::error_code failed;
    for (std::filesystem::directory_iterator entry(folder, failed), end; !failed && entry != end; entry.increment(failed)) {
      if (entry->path().string().ends_with(".ops.json")) manifests.push_back(entry->path());
    }
    if (failed && failed != std::errc::no_such_file_or_directory) {
      return Error(Code::kIo, cat("the pack folder cannot be read: ", folder, " (", failed.message(), ")"));
    }
    std::sort(manifests.begin(), manifests.end());   // the order of a folder is the file system's
    for (const std::filesystem::path& manifest : manifests) {
      const std::uintmax_t size = std::filesystem::file_size(manifest, failed);
      if (failed || size > kManifestBytesMax)
        return Error(Code::kBadData, cat("the manifest is unreadable or too large: ", manifest.string()), "rebuild the pack");
      std::ifstream stream(manifest, std::ios::binary);
      const std::string text{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
      HEADRACE_ASSIGN(const config::Value value, config::parse_json(text, manifest.string()));
      if (const config::Value* pack = value.find("pack"); pack != nullptr && pack->is_string() && before.contains(pack->string())) continue;
      std::string library = manifest.string();
      library.replace(library.size() - std::string_view(".ops.json").size(), std::string::npos, ".so");
      HEADRACE_TRY(out.add_manifest(value, std::move(library)));
    }
  }
  return out;
}

Status Catalogue::add(OperatorSpec spec) {
  const std::string name = spec.name;
  if (name.empty()) return Error(Code::kBadData, "an operator has no name");
  const auto [place, fresh] = operators_.try_emplace(name, std::move(spec));
  if (fresh) return {};
  return Error(Code::kNameClash, cat("two operators are called '", name, "'"),
               place->second.pack.empty() ? "" : cat("the other is in pack ", place->second.pack));
}

Status Catalogue::add(MetricSpec spec) {
  const std::string name = spec.name;
  if (name.empty()) return Error(Code::kBadData, "a metric has no name");
  if (metrics_.try_emplace(name, std::move(spec)).second) return {};
  return Error(Code::kNameClash, cat("two metrics are called '", name, "'"));
}

Status Catalogue::add_manifest(const config::Value& manifest, std::string library) {
  Reader reader(manifest, "pack");
  const std::string pack = reader.text("pack", true);
  const config::Value* operators = reader.list("operators");
  const config::Value* metrics = reader.list("metrics");
  if (reader.error()) return *reader.error();
  if (operators != nullptr) {
    for (const config::Value& row : operators->list()) {
      HEADRACE_ASSIGN(OperatorSpec spec, operator_from_value(row));
      spec.pack = pack;
      HEADRACE_TRY(add(std::move(spec)));
    }
  }
  if (metrics != nullptr) {
    for (const config::Value& row : metrics->list()) {
      HEADRACE_ASSIGN(MetricSpec spec, metric_from_value(row));
      spec.pack = pack;
      HEADRACE_TRY(add(std::move(spec)));
    }
  }
  libraries_[pack] = std::move(library);
  return {};
}

const OperatorSpec* Catalogue::find(std::string_view name) const {
  const auto found = operators_.find(name);
  return found == operators_.end() ? nullptr : &found->second;
}

const MetricSpec* Catalogue::find_metric(std::string_view name) const {
  const auto found = metrics_.find(name);
  return found == metrics_.end() ? nullptr : &found->second;
}

std::string Catalogue::library(std::string_view pack) const {
  const auto found = libraries_.find(pack);
  return found == libraries_.end() ? std::string() : found->second;
}

config::Value manifest_of(std::string_view pack, const std::vector<OperatorSpec>& operators, const std::vector<MetricSpec>& metrics) {
  config::List operator_rows, metric_rows;
  for (const OperatorSpec& spec : operators) operator_rows.push_back(operator_to_value(spec));
  for (const MetricSpec& spec : metrics) {
    config::Value row;
    row.set("name", spec.name);
    row.set("doc", spec.doc);
    row.set("higher_is_better", spec.higher_is_better);
    row.set("family", std::string(family_name(spec.family)));
    metric_rows.push_back(std::move(row));
  }
  config::Value out;
  out.set("pack", std::string(pack));
  out.set("operators", std::move(operator_rows));
  out.set("metrics", std::move(metric_rows));
  return out;
}

std::vector<OperatorSpec> intrinsic_operators() {
  using data::Kind;
  OperatorSpec join{.name = "join", .doc = "Several objects become one tuple; whoever reads it gets its parts side by side."};
  join.takes = {Kind::kTable, Kind::kTensors, Kind::kModel, Kind::kMetrics, Kind::kBytes, Kind::kTuple};
  join.gives = Kind::kTuple;
  OperatorSpec identity{.name = "identity", .doc = "Passes its input on unchanged."};
  identity.takes = join.takes;
  identity.inputs_max = 1;
  for (OperatorSpec* spec : {&join, &identity}) spec->refuses_missing = spec->numeric_only = false;
  return {join, identity};
}

}  // namespace headrace::graph
