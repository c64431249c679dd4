// SPDX-License-Identifier: Apache-2.0
#include "headrace/config/options.h"

#include <algorithm>
#include <cmath>
#include <unordered_set>

#include "headrace/base/text.h"

namespace headrace::config {
namespace {

constexpr double kExactMax = 9007199254740992.0;   // 2^53: whole doubles up to here are integers without loss

std::string shown(const Value& value) {
  if (value.is_list()) return cat("a list of ", value.list().size());
  if (value.is_map()) return cat("a map of ", value.map().size());
  if (value.is_null()) return "null";
  std::string text = to_json(value);
  if (value.kind() == Kind::kReal && !std::isfinite(value.real())) text = number_text(value.real());
  if (text.size() > 60) text = cat(text.substr(0, 57), "...");
  return cat(text, " (", kind_name(value.kind()), ")");
}

Error refuse(const Option& option, const Value& value, std::string advice = {}) {
  if (advice.empty()) advice = cat("for example ", option.name, ": ", example(option));
  return Error(Code::kBadValue, cat("option '", option.name, "' must be ", expects(option), ", not ", shown(value)), std::move(advice),
               value.where());
}

bool in_range(const Option& option, double value) {
  return (option.min_open ? value > option.min : value >= option.min) && value <= option.max;
}

// The type of one item of a list option.
Type item_type(Type type) {
  switch (type) {
    case Type::kIntList: return Type::kInt;
    case Type::kRealList: return Type::kReal;
    case Type::kStringList: return Type::kString;
    case Type::kColumnList: return Type::kColumn;
    case Type::kOperatorList: return Type::kOperator;
    default: return type;
  }
}

bool is_list_type(Type type) { return item_type(type) != type; }

Value with_place(Value made, const Value& given) {
  made.set_where(given.where());
  return made;
}

Result<Value> check_integer(const Option& option, const Value& value) {
  std::int64_t number = 0;
  if (value.kind() == Kind::kInt) {
    number = value.integer();
  } else if (value.kind() == Kind::kReal && std::trunc(value.real()) == value.real() && std::abs(value.real()) <= kExactMax) {
    number = static_cast<std::int64_t>(value.real());
  } else {
    return refuse(option, value);
  }
  if (!in_range(option, static_cast<double>(number))) return refuse(option, value);
  return with_place(Value(number), value);
}

Result<Value> check_real(const Option& option, const Value& value) {
  if (!value.is_number() || !std::isfinite(value.real()) || !in_range(option, value.real())) return refuse(option, value);
  return with_place(Value(value.real()), value);
}

Result<Value> check_choice(const Option& option, const Value& value) {
  if (!value.is_string()) return refuse(option, value);
  if (std::find(option.choices.begin(), option.choices.end(), value.string()) != option.choices.end()) return value;
  return refuse(option, value, nearest_advice(value.string(), option.choices));
}

Result<Value> check_string(const Option& option, const Value& value) {
  if (value.is_string()) return value;
  if (value.is_number() || value.kind() == Kind::kBool)
    return refuse(option, value, cat("put it in quotes: ", option.name, ": \"", to_json(value), '"'));
  return refuse(option, value);
}

Result<Value> check_path(const Option& option, const Value& value) {
  if (!value.is_string() || value.string().empty() || value.string().find('\0') != std::string::npos) return refuse(option, value);
  return value;
}

Result<Value> check_column(const Option& option, const Value& value) {
  if (value.is_string() && !value.string().empty()) return value;
  if (value.kind() == Kind::kInt && in_range(option, static_cast<double>(value.integer()))) return value;
  return refuse(option, value);
}

Result<Value> check_operator(const Option& option, const Value& value) {
  const Value* op = value.is_map() ? value.find("op") : &value;
  if (op != nullptr && op->is_string() && !op->string().empty()) return value;
  return refuse(option, value, "write NAME or {op: NAME, PARAM: VALUE}");
}

Result<Value> check_one(const Option& option, Type type, const Value& value) {
  switch (type) {
    case Type::kBool: return value.kind() == Kind::kBool ? Result<Value>(value) : refuse(option, value, "write true or false");
    case Type::kInt: return check_integer(option, value);
    case Type::kReal: return check_real(option, value);
    case Type::kString: return check_string(option, value);
    case Type::kChoice: return check_choice(option, value);
    case Type::kPath: return check_path(option, value);
    case Type::kColumn: return check_column(option, value);
    case Type::kOperator: return check_operator(option, value);
    case Type::kMap: return value.is_map() ? Result<Value>(value) : refuse(option, value);
    default: return value;
  }
}

// A single item stands for a list of one.
Result<Value> check_list(const Option& option, const Value& value) {
  const Type type = item_type(option.type);
  List out;
  if (!value.is_list()) {
    HEADRACE_ASSIGN(Value item, check_one(option, type, value));
    out.push_back(std::move(item));
  } else {
    out.reserve(value.list().size());
    for (const Value& given : value.list()) {
      HEADRACE_ASSIGN(Value item, check_one(option, type, given));
      out.push_back(std::move(item));
    }
  }
  return with_place(Value(std::move(out)), value);
}

bool is_unset(const Option& option) { return !option.required && option.fallback.is_null(); }

std::vector<std::string> names_of(std::span<const Option> options) {
  std::vector<std::string> names;
  for (const Option& option : options) names.push_back(option.name);
  return names;
}

Option row(std::string name, Type type, Value fallback, std::string doc) {
  Option option;
  option.name = std::move(name);
  option.type = type;
  // A table may say `real("C", 1, ...)`; what operators read is a real all the same.
  if ((type == Type::kReal) && fallback.is_number()) fallback = Value(fallback.real());
  option.fallback = std::move(fallback);
  option.doc = std::move(doc);
  return option;
}

}  // namespace

Option boolean(std::string name, bool fallback, std::string doc) { return row(std::move(name), Type::kBool, fallback, std::move(doc)); }
Option integer(std::string name, Value fallback, std::string doc) {
  return row(std::move(name), Type::kInt, std::move(fallback), std::move(doc));
}
Option real(std::string name, Value fallback, std::string doc) {
  return row(std::move(name), Type::kReal, std::move(fallback), std::move(doc));
}
Option string(std::string name, Value fallback, std::string doc) {
  return row(std::move(name), Type::kString, std::move(fallback), std::move(doc));
}

Option choice(std::string name, std::string fallback, std::vector<std::string> choices, std::string doc) {
  const bool unset = fallback.empty() && std::find(choices.begin(), choices.end(), fallback) == choices.end();
  Option option = row(std::move(name), Type::kChoice, unset ? Value() : Value(std::move(fallback)), std::move(doc));
  option.choices = std::move(choices);
  return option;
}

Option path(std::string name, std::string doc) { return row(std::move(name), Type::kPath, Value(), std::move(doc)); }
Option column(std::string name, Value fallback, std::string doc) {
  return row(std::move(name), Type::kColumn, std::move(fallback), std::move(doc));
}

Option list(std::string name, Type type, Value fallback, std::string doc) {
  HEADRACE_CHECK(is_list_type(type), "list() takes a list type");
  Option option = row(std::move(name), type, std::move(fallback), std::move(doc));
  if (type == Type::kRealList && option.fallback.is_list()) {
    for (Value& item : option.fallback.list()) {
      if (item.is_number()) item = Value(item.real());
    }
  }
  return option;
}

Option nested(std::string name, std::string doc) { return row(std::move(name), Type::kOperator, Value(), std::move(doc)); }
Option map(std::string name, std::string doc) { return row(std::move(name), Type::kMap, Value(), std::move(doc)); }

Result<Value> check(const Option& option, const Value& value) {
  if (value.is_null()) {
    if (option.nullable || is_unset(option)) return value;
    return refuse(option, value);
  }
  if (value.is_string() && std::find(option.also.begin(), option.also.end(), value.string()) != option.also.end()) return value;
  return is_list_type(option.type) ? check_list(option, value) : check_one(option, option.type, value);
}

Result<Value> bind(std::span<const Option> options, const Value& given, std::string_view what) {
  if (!given.is_null() && !given.is_map()) {
    return Error(Code::kBadValue, cat(what, " takes a map of options, not ", shown(given)), "write key: value pairs", given.where());
  }
  if (given.is_map()) {
    for (const Entry& entry : given.map()) {
      if (find_option(options, entry.key) != nullptr) continue;
      return Error(Code::kUnknownKey, cat(what, " has no option '", entry.key, "'"), nearest_advice(entry.key, names_of(options)),
                   entry.where);
    }
  }
  Map bound;
  bound.reserve(options.size());
  for (const Option& option : options) {
    const Value* value = given.find(option.name);
    if (value == nullptr && option.required) {
      return Error(Code::kMissingKey, cat(what, " needs option '", option.name, "'"),
                   cat("for example ", option.name, ": ", example(option)), given.where());
    }
    if (value == nullptr) {
      bound.push_back(Entry{option.name, option.fallback, {}});
      continue;
    }
    Result<Value> checked = check(option, *value);
    if (!checked.ok()) return std::move(checked).error().within(what).at(given.where());
    bound.push_back(Entry{option.name, std::move(checked).value(), value->where()});
  }
  Value out(std::move(bound));
  out.set_where(given.where());
  return out;
}

const Option* find_option(std::span<const Option> options, std::string_view name) {
  const auto found = std::find_if(options.begin(), options.end(), [&](const Option& option) { return option.name == name; });
  return found == options.end() ? nullptr : &*found;
}

Status check_options(std::span<const Option> options) {
  std::unordered_set<std::string_view> names;
  for (const Option& option : options) {
    if (option.name.empty() || !names.insert(option.name).second)
      return Error(Code::kBug, cat("an option's name is empty or used twice: '", option.name, "'"));
    if (option.doc.empty()) return Error(Code::kBug, cat("option '", option.name, "' has no doc"));
    if (!(option.min <= option.max)) return Error(Code::kBug, cat("option '", option.name, "' has an empty range"));
    if (option.type == Type::kChoice && option.choices.empty()) return Error(Code::kBug, cat("option '", option.name, "' has no choices"));
    if (option.required || option.fallback.is_null()) continue;
    const Result<Value> fallback = check(option, option.fallback);
    if (!fallback.ok()) return Error(Code::kBug, cat("the default does not fit: ", fallback.error().message));
    if (!(*fallback == option.fallback))
      return Error(Code::kBug, cat("the default of option '", option.name, "' has another type than the option"));
  }
  return {};
}

}  // namespace headrace::config
