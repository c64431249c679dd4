// SPDX-License-Identifier: Apache-2.0
#pragma once
// Options: the one table behind operator parameters, annotations, the evaluate block and command-line flags. The same rows
// check input, fill defaults, and produce the reference pages.

#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/config/value.h"

namespace headrace::config {

enum class Type {
  kBool, kInt, kReal, kString, kChoice, kPath, kColumn, kIntList, kRealList, kStringList, kColumnList, kMap, kAny, kOperator, kOperatorList
};
std::string_view type_name(Type type);

/// One option: name, type, default, range, unit and one sentence of doc.
/// kPath is resolved against the file that names it and enters ids by its content digest; kColumn takes a name or an index.
/// kOperator is another operator of the same pack and family, as NAME or {op: NAME, PARAM: VALUE}: graph::validate looks inside.
struct Option {
  std::string name;
  Type type = Type::kReal;
  Value fallback;                     ///< the default; null with `required` false means "not set"
  std::string doc;
  bool required = false;
  bool nullable = false;              ///< null is a legal value
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
  bool min_open = false;              ///< min itself is refused
  std::vector<std::string> choices;   ///< for kChoice
  std::vector<std::string> also;      ///< literal words a number or list option also takes ("auto", "sqrt")
  std::string unit;                   ///< "rows", "bytes", "seconds"; empty when there is none

  // A row reads as a sentence: real("C", 1.0, "inverse of the L2 penalty").at_least(0).
  Option& at_least(double value) { min = value; return *this; }
  Option& above(double value) { min = value; min_open = true; return *this; }
  Option& at_most(double value) { max = value; return *this; }
  Option& or_null() { nullable = true; return *this; }
  Option& or_word(std::string word) { also.push_back(std::move(word)); return *this; }
  Option& in(std::string text) { unit = std::move(text); return *this; }
  Option& must() { required = true; return *this; }
};

Option boolean(std::string name, bool fallback, std::string doc);
Option integer(std::string name, Value fallback, std::string doc);
Option real(std::string name, Value fallback, std::string doc);
Option string(std::string name, Value fallback, std::string doc);
Option choice(std::string name, std::string fallback, std::vector<std::string> choices, std::string doc);
Option path(std::string name, std::string doc);
Option column(std::string name, Value fallback, std::string doc);
Option list(std::string name, Type type, Value fallback, std::string doc);
Option map(std::string name, std::string doc);
Option nested(std::string name, std::string doc);   ///< a kOperator

/// Checks `value` against one option and returns it coerced (an integer given for a real becomes a real).
/// Errors: kBadValue with the position of the value, what was expected and an example.
Result<Value> check(const Option& option, const Value& value);

/// Binds a map to a table: every unknown key is an error with the nearest match; defaults are filled in; order is the table's.
/// `what` names the thing in errors ("operator pca", "evaluate"). Collects the first error only.
Result<Value> bind(std::span<const Option> options, const Value& given, std::string_view what);

/// What an option takes, in words: "a real number above 0 (seconds) or 'auto'"; and a value it would take.
std::string expects(const Option& option);
std::string example(const Option& option);
/// Checks a table itself, for tests of rooms that own one: unique names, a doc each, defaults that fit and have the option's type.
Status check_options(std::span<const Option> options);

const Option* find_option(std::span<const Option> options, std::string_view name);
/// Rows as JSON (for manifests and `headrace ops --json`) and back.
Value options_to_value(std::span<const Option> options);
Result<std::vector<Option>> options_from_value(const Value& value);

}  // namespace headrace::config
