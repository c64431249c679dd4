// SPDX-License-Identifier: Apache-2.0
#include "cli/overrides.h"

#include <vector>

#include "headrace/base/text.h"

namespace headrace::cli {
namespace {

using config::Value;

constexpr std::string_view kFlag = "--set ";
const std::vector<std::string> kTopKeys = {"pipeline", "seed", "evaluate", "term", "version"};

// The flag is the place of everything in its value.
void place(Value& value, const Position& where) {
  value.set_where(where);
  if (value.is_list()) {
    for (Value& item : value.list()) place(item, where);
  }
  if (value.is_map()) {
    for (config::Entry& entry : value.map()) {
      entry.where = where;
      place(entry.value, where);
    }
  }
}

std::vector<std::string> node_names(const Value& document) {
  std::vector<std::string> names;
  const Value* nodes = document.find("nodes");
  if (nodes == nullptr || !nodes->is_map()) return names;
  for (const config::Entry& entry : nodes->map()) names.push_back(entry.key);
  return names;
}

// The map a path starts in: the document itself, or its nodes.
Result<Value*> start_of(Value& document, std::vector<std::string>& keys, const Position& where) {
  Value* nodes = document.find("nodes");
  const bool has_nodes = nodes != nullptr && nodes->is_map();
  if (has_nodes && keys.size() > 2 && keys.front() == "nodes" && nodes->find("nodes") == nullptr) keys.erase(keys.begin());
  const std::vector<std::string> names = node_names(document);
  const std::string& first = keys.front();
  if (has_nodes && nodes->find(first) != nullptr) {
    if (keys.size() < 2)
      return Error(Code::kUsage, cat("'", first, "' is a node: name one of its keys"), cat("for example --set ", first, ".C=1"), where);
    return nodes;
  }
  for (const std::string& key : kTopKeys) {
    if (key == first) return &document;
  }
  std::vector<std::string> candidates = names;
  candidates.insert(candidates.end(), kTopKeys.begin(), kTopKeys.end());
  return Error(Code::kUnknownKey, cat("the pipeline has no node or key '", first, "'"), nearest_advice(first, candidates), where);
}

Status apply(Value& document, const std::string& text) {
  const Position where{cat(kFlag, text), 1, 1};   // with a line, so that it counts as known wherever places are compared
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    return Error(Code::kUsage, cat("--set takes KEY=VALUE, not '", text, "'"), "for example --set pca.components=5");
  }
  std::vector<std::string> keys = split(text.substr(0, equals), '.');
  for (const std::string& key : keys) {
    if (key.empty())
      return Error(Code::kUsage, cat("'", text.substr(0, equals), "' is no key"), "for example --set pca.components=5", where);
  }
  auto parsed = config::parse_yaml(text.substr(equals + 1), "");
  if (!parsed.ok()) {
    Error error = std::move(parsed).error();
    error.where = where;
    return error;
  }
  Value value = std::move(parsed).value();
  place(value, where);
  HEADRACE_ASSIGN(Value * at, start_of(document, keys, where));
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (!at->is_map() && !at->is_null()) {
      return Error(Code::kUsage, cat("'", keys[i - 1], "' holds ", config::kind_name(at->kind()), ": it has no key '", keys[i], "'"), {},
                   where);
    }
    const bool is_new = at->find(keys[i]) == nullptr;
    const bool last = i + 1 == keys.size();
    if (last || is_new) at->set(keys[i], last ? value : Value(config::Map{}));
    for (config::Entry& entry : at->map()) {
      if (entry.key == keys[i] && (is_new || last)) entry.where = where;
    }
    at = at->find(keys[i]);
    if (is_new) at->set_where(where);
  }
  return {};
}

}  // namespace

Status apply_overrides(config::Value& document, std::span<const std::string> overrides) {
  if (!overrides.empty() && !document.is_map()) return {};   // parse_graph says what is wrong with it
  for (const std::string& text : overrides) HEADRACE_TRY(apply(document, text));
  return {};
}

Error at_flag(Error error) {
  if (error.where.file.starts_with(kFlag)) error.where.line = error.where.column = 0;
  return error;
}

}  // namespace headrace::cli
