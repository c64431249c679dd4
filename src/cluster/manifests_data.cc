// SPDX-License-Identifier: Apache-2.0
// Files of a pipeline in its pods. The pipeline file stays as written; `--set` words point its sources to the data folder and its sinks
// to the state folder. Sources keep their places relative to the deepest folder that holds them all.
#include <algorithm>
#include <filesystem>
#include <set>

#include <glob.h>

#include "cluster/manifests_parts.h"
#include "headrace/base/text.h"
#include "headrace/io/file.h"

namespace headrace::cluster::detail {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kWild = "*?[";
constexpr std::size_t kFilesMax = 1000;

/// One value of one option: a path as written, or one of a grid.
struct Named {
  const graph::Node* node;
  std::string option;
  Value value;                         // a string, or {grid: [strings]}
  bool sink;
};

std::vector<std::string> paths_in(const Value& value) {
  std::vector<std::string> out;
  if (value.is_string()) out.push_back(value.string());
  const Value* grid = value.find("grid");
  if (grid != nullptr && grid->is_list()) {
    for (const Value& item : grid->list()) {
      if (item.is_string()) out.push_back(item.string());
    }
  }
  return out;
}

/// `value` with every path replaced.
template <class F>
Value replaced(const Value& value, F&& place_of) {
  if (value.is_string()) return Value(place_of(value.string()));
  Value out = value;
  for (Value& item : out.find("grid")->list()) {
    if (item.is_string()) item = Value(place_of(item.string()));
  }
  return out;
}

std::vector<Named> named_in(const graph::Graph& graph, const graph::Catalogue& catalogue) {
  std::vector<Named> out;
  for (const graph::Node& node : graph.nodes) {
    const graph::OperatorSpec* spec = catalogue.find(node.op);
    if (spec == nullptr) continue;
    for (const config::Option& option : spec->options) {
      const Value* value = node.params.find(option.name);
      if (option.type != config::Type::kPath || value == nullptr || paths_in(*value).empty()) continue;
      out.push_back({&node, option.name, *value, spec->family == graph::Family::kSink});
    }
  }
  return out;
}

fs::path absolute_of(const graph::Graph& graph, const std::string& path) {
  const fs::path named = path;
  const fs::path base = graph.file.empty() ? fs::path(".") : fs::path(graph.file).parent_path();
  return fs::absolute(named.is_absolute() ? named : base / named).lexically_normal();
}

/// The folder of a path, as far as it has no wildcard.
fs::path fixed_folder(const fs::path& path) {
  fs::path out;
  for (const fs::path& part : path.parent_path()) {
    if (part.string().find_first_of(kWild) != std::string::npos) break;
    out /= part;
  }
  return out;
}

fs::path common_folder(const fs::path& left, const fs::path& right) {
  fs::path out;
  auto a = left.begin(), b = right.begin();
  for (; a != left.end() && b != right.end() && *a == *b; ++a, ++b) out /= *a;
  return out;
}

/// The `--set` word for one option. A node that spells its parameters out under `params` keeps them there.
std::string set_word(const Named& named, const Value& value) {
  const bool apart = named.node->written.find(named.option) == nullptr && named.node->written.find("params") != nullptr;
  return cat(named.node->name, apart ? ".params." : ".", named.option, "=", config::to_json(value));
}

Result<std::vector<std::string>> files_at(const fs::path& pattern, const Position& where) {
  std::vector<std::string> found;
  if (pattern.string().find_first_of(kWild) == std::string::npos) {
    found.push_back(pattern.string());
  } else {
    glob_t listed{};
    const int failed = ::glob(pattern.c_str(), 0, nullptr, &listed);
    if (failed == 0) found.assign(listed.gl_pathv, listed.gl_pathv + listed.gl_pathc);
    ::globfree(&listed);
    if (found.empty()) return Error(Code::kNotFound, cat("no file matches '", pattern.string(), "'"), "check the path", where);
  }
  for (const std::string& path : found) {
    const auto stat = io::file_stat(path);
    if (!stat.ok()) return Error(stat.error()).at(where);
    if (stat->folder) return Error(Code::kBadValue, cat("'", path, "' is a folder"), "name the files in it", where);
    const bool plain = is_utf8(path) && std::none_of(path.begin(), path.end(), [](char c) { return (c >= 0 && c < ' ') || c == 0x7F; });
    if (!plain || fs::path(path).filename().string().starts_with(".."))
      return Error(Code::kBadValue, "a file of the sources has a name that no ConfigMap takes", "rename it, or use --data-claim",
                   where);
  }
  return found;
}

}  // namespace

Result<DataFiles> data_files_of(const graph::Graph& validated, const graph::Catalogue& catalogue, const std::string& data_folder,
                                bool embed) {
  const std::vector<Named> named = named_in(validated, catalogue);
  std::optional<fs::path> top;
  for (const Named& each : named) {
    if (each.sink) continue;
    for (const std::string& path : paths_in(each.value)) {
      const fs::path folder = fixed_folder(absolute_of(validated, path));
      top = top ? common_folder(*top, folder) : folder;
    }
  }
  DataFiles out;
  std::set<std::string> places, outputs;
  const auto place_of = [&](const std::string& path) {
    const std::string place = absolute_of(validated, path).lexically_relative(*top).string();
    places.insert(place);
    return cat(data_folder, "/", place);
  };
  const auto output_of = [&](const std::string& path) {
    std::string name = fs::path(path).filename().string();
    for (int copy = 2; !outputs.insert(name).second; ++copy) name = cat(copy, "-", fs::path(path).filename().string());
    return cat(kStateFolder, "/", name);
  };
  for (const Named& each : named) {
    const Value value = each.sink ? replaced(each.value, output_of) : replaced(each.value, place_of);
    out.sets.push_back(set_word(each, value));
  }
  out.places.assign(places.begin(), places.end());
  out.outputs.assign(outputs.begin(), outputs.end());
  if (!embed) return out;
  std::set<std::string> seen;
  for (const Named& each : named) {
    if (each.sink) continue;
    for (const std::string& path : paths_in(each.value)) {
      HEADRACE_ASSIGN(const std::vector<std::string> found, files_at(absolute_of(validated, path), each.node->where));
      for (const std::string& file : found) {
        if (seen.insert(file).second) out.files.push_back({file, fs::path(file).lexically_relative(*top).string()});
      }
    }
  }
  if (out.files.size() > kFilesMax)
    return Error(Code::kTooLarge, cat("the sources read ", out.files.size(), " files, and ", kFilesMax, " is the most for a ConfigMap"),
                 "put them on a claim: --data-claim NAME");
  std::sort(out.files.begin(), out.files.end(), [](const DataFile& a, const DataFile& b) { return a.place < b.place; });
  return out;
}

}  // namespace headrace::cluster::detail
