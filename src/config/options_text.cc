// SPDX-License-Identifier: Apache-2.0
// Option rows as words for people (errors, reference pages) and as values for manifests.
#include <cmath>
#include <limits>

#include "headrace/base/text.h"
#include "headrace/config/options.h"

namespace headrace::config {
namespace {

constexpr Type kTypes[] = {Type::kBool,       Type::kInt,        Type::kReal, Type::kString, Type::kChoice,
                           Type::kPath,       Type::kColumn,     Type::kIntList, Type::kRealList, Type::kStringList,
                           Type::kColumnList, Type::kMap,        Type::kAny,  Type::kOperator, Type::kOperatorList};

std::string_view type_phrase(Type type) {
  switch (type) {
    case Type::kBool: return "true or false";
    case Type::kInt: return "an integer";
    case Type::kReal: return "a real number";
    case Type::kString: return "a string";
    case Type::kChoice: return "one of";
    case Type::kPath: return "a path";
    case Type::kColumn: return "a column (name or index)";
    case Type::kIntList: return "a list of integers";
    case Type::kRealList: return "a list of real numbers";
    case Type::kStringList: return "a list of strings";
    case Type::kColumnList: return "a list of columns (names or indices)";
    case Type::kMap: return "a map";
    case Type::kAny: return "any value";
    case Type::kOperator: return "an operator (NAME or {op: NAME, PARAM: VALUE})";
    case Type::kOperatorList: return "a list of operators (NAME or {op: NAME, PARAM: VALUE})";
  }
  return "any value";
}

// 5.0 is shown as 5: ranges are doubles even for integer options.
std::string bound_text(double bound) { return number_text(bound); }

std::string range_phrase(const Option& option) {
  const bool low = std::isfinite(option.min), high = std::isfinite(option.max);
  if (low && high && !option.min_open) return cat(" from ", bound_text(option.min), " to ", bound_text(option.max));
  std::string out;
  if (low) out = cat(option.min_open ? " above " : " of at least ", bound_text(option.min));
  if (high) out += cat(low ? " and" : " of", " at most ", bound_text(option.max));
  return out;
}

Value number_value(double value) {
  return std::trunc(value) == value && std::abs(value) < 1e15 ? Value(static_cast<std::int64_t>(value)) : Value(value);
}

Value string_list(const std::vector<std::string>& words) {
  List out;
  for (const std::string& word : words) out.emplace_back(word);
  return Value(std::move(out));
}

std::vector<std::string> words_of(const Value& list) {
  std::vector<std::string> out;
  for (const Value& word : list.list()) out.push_back(word.string());
  return out;
}

// The table that reads a manifest row; the manifest is checked like any other input.
const std::vector<Option>& row_options() {
  static const std::vector<Option> options = [] {
    std::vector<std::string> types;
    for (const Type type : kTypes) types.emplace_back(type_name(type));
    std::vector<Option> rows;
    rows.push_back(string("name", Value(), "name of the option").must());
    rows.push_back(choice("type", "", std::move(types), "type of its value").must());
    rows.push_back(boolean("required", false, "it has no default and must be given"));
    rows.push_back(boolean("nullable", false, "null is a legal value"));
    Option fallback;
    fallback.name = "default";
    fallback.type = Type::kAny;
    fallback.doc = "the value when it is not given";
    rows.push_back(std::move(fallback));
    rows.push_back(real("min", Value(), "least value"));
    rows.push_back(boolean("min_open", false, "the least value itself is refused"));
    rows.push_back(real("max", Value(), "greatest value"));
    rows.push_back(list("choices", Type::kStringList, Value(List{}), "the words a choice takes"));
    rows.push_back(list("also", Type::kStringList, Value(List{}), "words it takes besides its type"));
    rows.push_back(string("unit", "", "unit of the number"));
    rows.push_back(string("doc", "", "one sentence"));
    return rows;
  }();
  return options;
}

Value row_to_value(const Option& option) {
  Value out{Map{}};
  out.set("name", option.name);
  out.set("type", std::string(type_name(option.type)));
  if (option.required) out.set("required", true);
  if (option.nullable) out.set("nullable", true);
  if (!option.fallback.is_null()) out.set("default", option.fallback);
  if (std::isfinite(option.min)) out.set("min", number_value(option.min));
  if (option.min_open) out.set("min_open", true);
  if (std::isfinite(option.max)) out.set("max", number_value(option.max));
  if (!option.choices.empty()) out.set("choices", string_list(option.choices));
  if (!option.also.empty()) out.set("also", string_list(option.also));
  if (!option.unit.empty()) out.set("unit", option.unit);
  if (!option.doc.empty()) out.set("doc", option.doc);
  return out;
}

Type type_from_name(const std::string& name) {
  for (const Type type : kTypes) {
    if (type_name(type) == name) return type;
  }
  return Type::kAny;   // the table above lets only known names through
}

Result<Option> row_from_value(const Value& value) {
  HEADRACE_ASSIGN(const Value row, config::bind(row_options(), value, "option row"));
  Option option;
  option.name = row.find("name")->string();
  option.type = type_from_name(row.find("type")->string());
  option.required = row.find("required")->boolean();
  option.nullable = row.find("nullable")->boolean();
  option.fallback = *row.find("default");
  option.min_open = row.find("min_open")->boolean();
  if (const Value* min = row.find("min"); min->is_number()) option.min = min->real();
  if (const Value* max = row.find("max"); max->is_number()) option.max = max->real();
  option.choices = words_of(*row.find("choices"));
  option.also = words_of(*row.find("also"));
  option.unit = row.find("unit")->string();
  option.doc = row.find("doc")->string();
  return option;
}

}  // namespace

std::string_view type_name(Type type) {
  switch (type) {
    case Type::kBool: return "boolean";
    case Type::kInt: return "integer";
    case Type::kReal: return "real";
    case Type::kString: return "string";
    case Type::kChoice: return "choice";
    case Type::kPath: return "path";
    case Type::kColumn: return "column";
    case Type::kIntList: return "integer list";
    case Type::kRealList: return "real list";
    case Type::kStringList: return "string list";
    case Type::kColumnList: return "column list";
    case Type::kMap: return "map";
    case Type::kAny: return "any";
    case Type::kOperator: return "operator";
    case Type::kOperatorList: return "operator list";
  }
  return "any";
}

std::string expects(const Option& option) {
  std::string out(type_phrase(option.type));
  if (option.type == Type::kChoice) out += " " + join(option.choices, ", ");
  out += range_phrase(option);
  if (!option.unit.empty()) out += cat(" (", option.unit, ")");
  for (const std::string& word : option.also) out += cat(" or '", word, "'");
  if (option.nullable) out += " or null";
  return out;
}

std::string example(const Option& option) {
  if (!option.fallback.is_null()) return to_json(option.fallback);
  switch (option.type) {
    case Type::kBool: return "true";
    case Type::kInt:
    case Type::kReal: {
      if (std::isfinite(option.min)) return bound_text(option.min_open ? std::min(option.min + 1, option.max) : option.min);
      return std::isfinite(option.max) ? bound_text(option.max) : "1";
    }
    case Type::kString: return "text";
    case Type::kChoice: return option.choices.empty() ? "" : option.choices.front();
    case Type::kPath: return "data/table.csv";
    case Type::kColumn: return "age";
    case Type::kIntList: return "[1, 2]";
    case Type::kRealList: return "[0.1, 1.0]";
    case Type::kStringList: return "[one, two]";
    case Type::kColumnList: return "[age, income]";
    case Type::kMap: return "{key: value}";
    case Type::kAny: return "1";
    case Type::kOperator: return "{op: NAME, PARAM: VALUE}";
    case Type::kOperatorList: return "[NAME, {op: NAME, PARAM: VALUE}]";
  }
  return "1";
}

Value options_to_value(std::span<const Option> options) {
  List rows;
  for (const Option& option : options) rows.push_back(row_to_value(option));
  return Value(std::move(rows));
}

Result<std::vector<Option>> options_from_value(const Value& value) {
  if (!value.is_list()) return Error(Code::kBadValue, "a table of options must be a list", {}, value.where());
  std::vector<Option> options;
  for (const Value& row : value.list()) {
    HEADRACE_ASSIGN(Option option, row_from_value(row));
    options.push_back(std::move(option));
  }
  return options;
}

}  // namespace headrace::config
