// SPDX-License-Identifier: Apache-2.0
#include "graph/task_ids.h"

#include <glob.h>

#include <algorithm>

#include "headrace/base/text.h"

namespace headrace::graph {
namespace {

using config::Value;

constexpr std::string_view kIdFormat = "headrace.task.1";
constexpr std::size_t kFilesMax = 1'000'000;

bool is_pattern(std::string_view path) { return path.find_first_of("*?[") != std::string_view::npos; }

// The folder of the pipeline file, with a final slash; "" when paths start where the program runs.
std::string folder_of(const std::string& file) {
  const std::size_t slash = file.rfind('/');
  return slash == std::string::npos ? std::string() : file.substr(0, slash + 1);
}

std::string resolved(const std::string& folder, const std::string& path) { return path.starts_with('/') ? path : folder + path; }

Result<std::vector<std::string>> files_on_disk(const std::string& pattern) {
  glob_t found{};
  const int failed = glob(pattern.c_str(), GLOB_NOSORT | GLOB_ERR, nullptr, &found);
  std::vector<std::string> out(found.gl_pathv, found.gl_pathv + (failed == 0 ? found.gl_pathc : 0));
  globfree(&found);
  if (failed == GLOB_NOSPACE || failed == GLOB_ABORTED)
    return Error(Code::kIo, cat("the folder of '", pattern, "' cannot be read"), "check the permissions of the folder");
  return out;
}

// Parameters as they enter ids: a path stands for what the file holds.
Result<Value> with_contents(Value params, const OperatorSpec& spec, const std::string& folder, const LowerOptions& options,
                            const Position& where) {
  for (const config::Option& option : spec.options) {
    if (option.type != config::Type::kPath) continue;
    Value* value = params.find(option.name);
    if (value == nullptr || !value->is_string()) continue;
    Value content;
    // What a sink writes to need not exist yet: its name is what counts.
    if (spec.family == Family::kSink || !options.file_digest) {
      content.set("path", value->string());
    } else {
      Result<Digest> digest = options.file_digest(resolved(folder, value->string()));
      if (!digest.ok()) return std::move(digest).error().at(value->where().line > 0 ? value->where() : where);
      content.set("sha256", digest->hex());
    }
    *value = std::move(content);
  }
  return params;
}

Digest head(std::string_view op, int version, const std::string& params, std::optional<std::uint64_t> seed) {
  Hasher hasher;
  hasher.field(kIdFormat).field(op).field(static_cast<std::uint64_t>(version)).field(params);
  if (seed) hasher.field("seed").field(*seed);
  return hasher.finish();
}

}  // namespace

namespace {

// The option of a source whose path is a pattern; null when there is none.
const config::Option* pattern_option(const OperatorSpec& spec, const Value& params) {
  if (spec.family != Family::kSource) return nullptr;
  for (const config::Option& option : spec.options) {
    if (option.type != config::Type::kPath) continue;
    const Value* value = params.find(option.name);
    if (value != nullptr && value->is_string() && is_pattern(value->string())) return &option;
  }
  return nullptr;
}

}  // namespace

Status find_files(Expanded& expanded, const std::vector<const OperatorSpec*>& specs, const LowerOptions& options) {
  const std::string folder = folder_of(expanded.graph.file);
  for (ExpandedNode& node : expanded.nodes) {
    node.files.clear();
    const OperatorSpec& spec = *specs[static_cast<std::size_t>(node.origin)];
    const config::Option* option = pattern_option(spec, node.params);
    if (option == nullptr) continue;
    Value* value = node.params.find(option->name);
    const Position& where = value->where().line > 0 ? value->where() : expanded.graph.nodes[static_cast<std::size_t>(node.origin)].where;
    const std::string pattern = resolved(folder, value->string());
    Result<std::vector<std::string>> found = options.list_files ? options.list_files(pattern) : files_on_disk(pattern);
    if (!found.ok()) return std::move(found).error().within(cat("node ", node.name)).at(where);
    // A drawing needs no data: the pattern then stands for one file.
    if (found->empty() && !options.file_digest && !options.list_files) continue;
    if (found->empty())
      return Error(Code::kNotFound, cat("node ", node.name, ": no file matches '", value->string(), "'"), cat("looked for ", pattern),
                   where);
    if (found->size() > kFilesMax)
      return Error(Code::kTooLarge, cat("node ", node.name, ": more than ", kFilesMax, " files match '", value->string(), "'"), {}, where);
    std::sort(found->begin(), found->end());
    for (std::string& file : *found) {
      // Kept relative to the pipeline file, as every path of it is.
      if (!folder.empty() && !value->string().starts_with('/') && file.starts_with(folder)) file.erase(0, folder.size());
      node.files.push_back(std::move(file));
    }
    if (node.files.size() > 1) {
      node.pattern = option->name;
      continue;
    }
    Value path(node.files[0]);
    path.set_where(value->where());
    *value = std::move(path);
    node.files.clear();
  }
  return {};
}

Result<IdHeads> IdHeads::make(const Expanded& expanded, const std::vector<const OperatorSpec*>& specs, const OperatorSpec* splitter,
                              std::uint64_t split_seed, const LowerOptions& options) {
  IdHeads out;
  out.take_ = head("take", 1, {}, {});
  out.stack_ = head("stack", 1, {}, {});
  out.prune_ = head("prune", 1, {}, {});
  const std::string folder = folder_of(expanded.graph.file);
  out.nodes_.resize(expanded.nodes.size());
  for (std::size_t i = 0; i < expanded.nodes.size(); ++i) {
    const ExpandedNode& node = expanded.nodes[i];
    const OperatorSpec& spec = *specs[static_cast<std::size_t>(node.origin)];
    const Position& where = expanded.graph.nodes[static_cast<std::size_t>(node.origin)].where;
    for (std::size_t piece = 0; piece < std::max<std::size_t>(node.files.size(), 1); ++piece) {
      Value params = node.params;
      if (!node.files.empty()) params.set(node.pattern, node.files[piece]);
      Result<Value> known = with_contents(std::move(params), spec, folder, options, where);
      if (!known.ok()) return std::move(known).error().within(cat("node ", node.name));
      out.nodes_[i].push_back(
          head(spec.name, spec.version, config::canonical(*known), spec.random ? std::optional(node.seed) : std::nullopt));
    }
  }
  if (splitter != nullptr) {
    const Value& params = expanded.graph.evaluate->splitter_params;
    out.splitter_ =
        head(splitter->name, splitter->version, config::canonical(params), splitter->random ? std::optional(split_seed) : std::nullopt);
  }
  return out;
}

const Digest& IdHeads::node(int node, int piece) const {
  const std::vector<Digest>& heads = nodes_[static_cast<std::size_t>(node)];
  return heads[heads.size() > 1 ? static_cast<std::size_t>(piece) : 0];
}

ObjectId task_id(const Digest& head, Phase phase, std::string_view facts, const ObjectId* model, std::string_view inputs,
                 std::string& buffer) {
  const auto raw = [&](const Digest& digest) { buffer.append(reinterpret_cast<const char*>(digest.bytes.data()), digest.bytes.size()); };
  buffer.clear();
  raw(head);
  buffer += static_cast<char>(phase);
  buffer += static_cast<char>(model != nullptr);
  for (int i = 0; i < 4; ++i) buffer += static_cast<char>(facts.size() >> (8 * i));
  buffer += facts;
  if (model != nullptr) raw(*model);
  buffer += inputs;   // whole ids to the end: nothing can be confused
  return sha256(buffer);
}

}  // namespace headrace::graph
