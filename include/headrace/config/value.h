// SPDX-License-Identifier: Apache-2.0
#pragma once
// Value: a YAML or JSON tree that remembers where each part was written. Copyable, compared by content (positions ignored).

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "headrace/base/error.h"
#include "headrace/base/result.h"

namespace headrace::config {

class Value;
/// One `key: value` of a map, in the order written.
struct Entry;
using List = std::vector<Value>;
using Map = std::vector<Entry>;

enum class Kind { kNull, kBool, kInt, kReal, kString, kList, kMap };
std::string_view kind_name(Kind kind);

class Value {
 public:
  Value();
  Value(bool value);          // NOLINT: literals read better without a wrapper
  Value(int value);           // NOLINT
  Value(std::int64_t value);  // NOLINT
  Value(double value);        // NOLINT
  Value(const char* value);   // NOLINT
  Value(std::string value);   // NOLINT
  Value(List value);          // NOLINT
  Value(Map value);           // NOLINT

  Kind kind() const { return static_cast<Kind>(data_.index()); }
  bool is_null() const { return kind() == Kind::kNull; }
  bool is_list() const { return kind() == Kind::kList; }
  bool is_map() const { return kind() == Kind::kMap; }
  bool is_string() const { return kind() == Kind::kString; }
  bool is_number() const { return kind() == Kind::kInt || kind() == Kind::kReal; }

  /// Typed reads; the kind must match (integer reads as real too). A mismatch is a bug: check the kind or bind options first.
  bool boolean() const;
  std::int64_t integer() const;
  double real() const;
  const std::string& string() const;
  const List& list() const;
  List& list();
  const Map& map() const;
  Map& map();

  /// The value under `key` of a map, or null when absent (or when this is no map).
  const Value* find(std::string_view key) const;
  Value* find(std::string_view key);
  /// Sets `key`, keeping its place when it exists. Turns a null into a map.
  Value& set(std::string_view key, Value value);
  bool erase(std::string_view key);

  const Position& where() const { return where_; }
  void set_where(Position where) { where_ = std::move(where); }

  /// Same kinds and content, keys of maps in the same order; NaN equals NaN. Compare `canonical` to ignore the order.
  bool operator==(const Value& other) const;

 private:
  std::variant<std::monostate, bool, std::int64_t, double, std::string, List, Map> data_;
  Position where_;
};

struct Entry {
  std::string key;
  Value value;
  Position where;  // of the key

  bool operator==(const Entry& other) const { return key == other.key && value == other.value; }
};

// Defined here, where Entry is complete, as the variant needs it to be.
inline Value::Value() = default;
inline Value::Value(bool value) : data_(value) {}
inline Value::Value(int value) : data_(std::int64_t{value}) {}
inline Value::Value(std::int64_t value) : data_(value) {}
inline Value::Value(double value) : data_(value) {}
inline Value::Value(const char* value) : data_(std::string(value)) {}
inline Value::Value(std::string value) : data_(std::move(value)) {}
inline Value::Value(List value) : data_(std::move(value)) {}
inline Value::Value(Map value) : data_(std::move(value)) {}

/// JSON text. `indent` < 0 gives one line. Numbers are printed shortest; NaN and infinities become null.
std::string to_json(const Value& value, int indent = -1);
/// JSON with sorted keys and one spelling a number (1 and 1.0 differ, 1e-4 and 0.0001 do not): the form that ids hash.
std::string canonical(const Value& value);
/// YAML text that parse_yaml reads back to an equal value.
std::string to_yaml(const Value& value);

/// Parses one YAML 1.2 document (core schema: true/false, null, decimal integers and reals, strings). `file` names it in errors.
/// Errors: kSyntax with position (not UTF-8, duplicate key, anchors that expand past `node_limit`, nesting past 100), kTooLarge.
/// Hostile input is fine: bounded in depth, nodes (1 M) and bytes (64 MiB).
Result<Value> parse_yaml(std::string_view text, std::string_view file);
Result<Value> parse_json(std::string_view text, std::string_view file);
/// Reads and parses a file. Errors: kNotFound, kSyntax, kTooLarge.
Result<Value> read_yaml(const std::string& path);

}  // namespace headrace::config
