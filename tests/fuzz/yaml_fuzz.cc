// SPDX-License-Identifier: Apache-2.0
// fuzz-build: src/base/*.cc src/config/*.cc -lyaml-cpp -lcrypto
// Any bytes as YAML and as JSON: refused with a place, or a tree that every writer and reader of ours agrees on.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "headrace/base/text.h"
#include "headrace/config/value.h"

namespace {

using headrace::Code;
using headrace::Result;
using headrace::config::Kind;
using headrace::config::Value;

constexpr std::size_t kRoundTripMax = std::size_t{1} << 20;   // aliases can make a small text very large

void require(bool holds, const char* what, const std::string& text) {
  if (holds) return;
  std::fprintf(stderr, "%s:\n%s\n", what, text.c_str());
  std::abort();
}

// Every string is text, every place lies in the input; returns whether all numbers are finite, which JSON needs.
bool check_tree(const Value& value, int lines) {
  bool finite = true;
  require(value.where().line >= 1 && value.where().line <= lines, "a value lies outside the text", headrace::config::to_json(value));
  switch (value.kind()) {
    case Kind::kReal: return std::isfinite(value.real());
    case Kind::kString: require(headrace::is_utf8(value.string()), "a string is not UTF-8", value.string()); break;
    case Kind::kList:
      for (const Value& item : value.list()) finite = check_tree(item, lines) && finite;
      break;
    case Kind::kMap:
      for (const headrace::config::Entry& entry : value.map()) {
        require(headrace::is_utf8(entry.key), "a key is not UTF-8", entry.key);
        require(entry.where.line >= 1 && entry.where.line <= lines, "a key lies outside the text", entry.key);
        require(value.find(entry.key) == &entry.value, "a key is there twice", entry.key);
        finite = check_tree(entry.value, lines) && finite;
      }
      break;
    default: break;
  }
  return finite;
}

void check_round_trips(const Value& value, bool finite) {
  const std::string yaml = headrace::config::to_yaml(value);
  if (yaml.size() > kRoundTripMax) return;
  const Result<Value> again = headrace::config::parse_yaml(yaml, "again.yaml");
  require(again.ok(), again.ok() ? "" : again.error().text().c_str(), yaml);
  require(*again == value, "YAML that was written reads back as something else", yaml);
  require(headrace::config::canonical(*again) == headrace::config::canonical(value), "equal values have two canonical forms", yaml);
  const std::string json = headrace::config::to_json(value, 1);
  const Result<Value> from_json = headrace::config::parse_json(json, "again.json");
  require(from_json.ok(), from_json.ok() ? "" : from_json.error().text().c_str(), json);
  if (finite) require(*from_json == value, "JSON that was written reads back as something else", json);
}

void check_parse(const Result<Value>& parsed, std::string_view text) {
  if (!parsed.ok()) {
    require(parsed.error().code == Code::kSyntax || parsed.error().code == Code::kTooLarge, "an error of another kind",
            parsed.error().text());
    require(parsed.error().where.line >= 1, "an error without a place", parsed.error().text());
    return;
  }
  int lines = 1;
  for (const char byte : text) lines += byte == '\n' ? 1 : 0;
  const bool finite = check_tree(*parsed, lines);
  check_round_trips(*parsed, finite);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_parse(headrace::config::parse_yaml(text, "fuzz.yaml"), text);
  check_parse(headrace::config::parse_json(text, "fuzz.json"), text);
  return 0;
}
