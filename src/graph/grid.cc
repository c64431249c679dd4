// SPDX-License-Identifier: Apache-2.0
#include "graph/grid.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <set>

#include "graph/keys.h"
#include "headrace/base/text.h"

namespace headrace::graph {
namespace {

using config::Value;

constexpr std::int64_t kStepsMax = 100'000;

const std::vector<config::Option>& range_options() {
  static const std::vector<config::Option> options = {
      config::real("from", Value(), "first value").must(), config::real("to", Value(), "last value").must(),
      config::integer("steps", Value(), "number of values").at_least(2).at_most(kStepsMax).must(),
      config::choice("scale", "linear", {"linear", "log"}, "even differences, or even ratios")};
  return options;
}

// Powers and sums carry rounding of the maths library; twelve digits are the same everywhere and read well.
double rounded(double value) {
  char buffer[40];
  std::snprintf(buffer, sizeof buffer, "%.12g", value);
  return std::strtod(buffer, nullptr);
}

Error bad_grid(std::string message, std::string advice, const Position& where) {
  return Error(Code::kBadGrid, std::move(message), std::move(advice), where);
}

Result<config::List> range(const config::Option& option, const Value& spec, const std::string& what) {
  Result<Value> bound = config::bind(range_options(), spec, "grid");
  if (!bound.ok()) {
    Error error = std::move(bound).error().within(what).at(spec.where());
    error.code = Code::kBadGrid;
    return error;
  }
  const double from = bound->find("from")->real();
  const double to = bound->find("to")->real();
  const std::int64_t steps = bound->find("steps")->integer();
  const bool log = bound->find("scale")->string() == "log";
  const bool numeric = option.type == config::Type::kInt || option.type == config::Type::kReal || option.type == config::Type::kAny;
  if (!numeric)
    return bad_grid(cat(what, " is ", config::type_name(option.type), ", which has no range"), "list the values: {grid: [..]}",
                    spec.where());
  if (log && !(from > 0 && to > 0))
    return bad_grid(cat(what, ": a log range needs ends above 0"), "use scale: linear, or list the values", spec.where());
  config::List out;
  for (std::int64_t i = 0; i < steps; ++i) {
    const double share = static_cast<double>(i) / static_cast<double>(steps - 1);
    double value = i == 0 ? from : i + 1 == steps ? to : rounded(log ? from * std::pow(to / from, share) : from + (to - from) * share);
    if (option.type == config::Type::kInt) value = std::round(value);
    Value item = option.type == config::Type::kInt ? Value(static_cast<std::int64_t>(value)) : Value(value);
    item.set_where(spec.where());
    out.push_back(std::move(item));
  }
  return out;
}

}  // namespace

bool is_grid(const Value& value) { return value.is_map() && value.map().size() == 1 && value.map()[0].key == kGridKey; }

config::List grid_values(const config::Option& option, const Value& grid, const std::string& what, std::vector<Error>& errors) {
  const Value& spec = grid.map()[0].value;
  config::List given;
  if (spec.is_map()) {
    Result<config::List> values = range(option, spec, what);
    if (!values.ok()) {
      errors.push_back(std::move(values).error());
      return {};
    }
    given = std::move(values).value();
  } else if (spec.is_list()) {
    given = spec.list();
  } else {
    errors.push_back(bad_grid(cat(what, ": 'grid' must be a list of values or a range"),
                              "for example {grid: [1, 2, 4]} or {grid: {from: 1, to: 100, steps: 3, scale: log}}",
                              spec.where().known() ? spec.where() : grid.where()));
    return {};
  }
  if (given.empty()) errors.push_back(bad_grid(cat(what, ": the grid is empty"), "give at least one value", spec.where()));
  config::List out;
  std::set<std::string> seen;
  for (const Value& item : given) {
    Result<Value> checked = config::check(option, item);
    if (!checked.ok()) {
      Error error = std::move(checked).error().within(what).at(item.where().known() ? item.where() : spec.where());
      error.code = Code::kBadGrid;
      errors.push_back(std::move(error));
    } else if (!seen.insert(config::canonical(*checked)).second) {
      errors.push_back(
          bad_grid(cat(what, ": the grid has the value ", value_label(*checked), " twice"), "give each value once", item.where()));
    } else {
      out.push_back(std::move(checked).value());
    }
  }
  return out;
}

std::string value_label(const Value& value) {
  if (value.kind() == config::Kind::kReal) return number_text(value.real());
  if (!value.is_string()) return config::to_json(value);
  // Quotes keep "1" and 1, or a text with a comma, apart from other values.
  const std::string& text = value.string();
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.' || c == '/';
  };
  const bool word = !text.empty() && !(text[0] >= '0' && text[0] <= '9') && text[0] != '-' && text[0] != '.' &&
                    std::all_of(text.begin(), text.end(), plain) && text != "true" && text != "false" && text != "null";
  return word ? text : config::to_json(value);
}

}  // namespace headrace::graph
