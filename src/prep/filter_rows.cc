// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <functional>

#include "headrace/base/text.h"
#include "prep/columns.h"

namespace headrace::prep {
namespace {

// True when `left` compares so with `right`.
template <class T>
bool holds(const std::string& compare, const T& left, const T& right) {
  if (compare == "==") return left == right;
  if (compare == "!=") return left != right;
  if (compare == "<") return left < right;
  if (compare == "<=") return left <= right;
  if (compare == ">") return left > right;
  return left >= right;
}

class FilterRows final : public TableTransform {
  Result<TablePointer> apply(const exec::Context& context, const TablePointer& table) const override {
    HEADRACE_ASSIGN(const int column, table->resolve(context.value("column")));
    const std::string& compare = context.string("compare");
    const config::Value& value = context.value("value");
    if (value.is_list() != (compare == "in")) {
      return Error(
          Code::kBadValue,
          compare == "in" ? "'in' compares with a list of values" : cat("'", compare, "' compares with one value, not with a list"),
          compare == "in" ? "write value: [a, b]" : "use compare: in", value.where());
    }
    const config::List values = value.is_list() ? value.list() : config::List{value};
    const data::ColumnType type = table->columns()[static_cast<std::size_t>(column)].type;
    const bool numeric = type == data::ColumnType::kInt || type == data::ColumnType::kReal;
    HEADRACE_ASSIGN(const auto keep, numeric ? by_number(*table, column, compare, values) : by_text(*table, column, compare, values));
    return keep_rows(*table, keep);
  }

  static Result<std::vector<bool>> by_number(const data::Table& table, int column, const std::string& compare, const config::List& values) {
    std::vector<double> wanted;
    for (const config::Value& value : values) {
      if (!value.is_number()) {
        return Error(Code::kBadValue,
                     cat("column '", table.columns()[static_cast<std::size_t>(column)].name,
                         "' holds numbers; they cannot be compared with a ", config::kind_name(value.kind())),
                     {}, value.where());
      }
      wanted.push_back(value.real());
    }
    HEADRACE_ASSIGN(const auto cells, table.reals(column));
    std::vector<bool> keep;
    for (const double cell : cells) keep.push_back(!std::isnan(cell) && matches(compare, cell, wanted));
    return keep;
  }

  static Result<std::vector<bool>> by_text(const data::Table& table, int column, const std::string& compare, const config::List& values) {
    std::vector<std::string> wanted;
    for (const config::Value& value : values) {
      if (value.is_string()) wanted.push_back(value.string());
      else if (value.kind() == config::Kind::kBool) wanted.emplace_back(value.boolean() ? "true" : "false");
      else if (value.kind() == config::Kind::kInt) wanted.push_back(std::to_string(value.integer()));
      else if (value.kind() == config::Kind::kReal) wanted.push_back(number_text(value.real()));
      else
        return Error(Code::kBadValue, cat("a ", config::kind_name(value.kind()), " is nothing to compare with"),
                     "to find missing values, use drop_missing", value.where());
    }
    std::vector<std::string> cells;
    std::vector<bool> missing, keep;
    HEADRACE_TRY(texts_of(table, column, cells, missing));
    for (std::size_t row = 0; row < cells.size(); ++row) keep.push_back(!missing[row] && matches(compare, cells[row], wanted));
    return keep;
  }

  template <class T>
  static bool matches(const std::string& compare, const T& cell, const std::vector<T>& wanted) {
    if (compare == "in") return std::find(wanted.begin(), wanted.end(), cell) != wanted.end();
    return holds(compare, cell, wanted.front());
  }
};

config::Option value_option() {
  config::Option option;
  option.name = "value";
  option.type = config::Type::kAny;
  option.required = true;
  option.doc = "what to compare with: a number, a text, or for `in` a list of them";
  return option;
}

HEADRACE_OPERATOR(
    FilterRows,
    transform_row(
        "filter_rows",
        "Keeps the rows where a column compares with a value as asked; rows without a value there go. Dates compare as text (2026-01-31).",
        {config::column("column", {}, "the column to look at").must(),
         config::choice("compare", "==", {"==", "!=", "<", "<=", ">", ">=", "in"}, "how it must compare"), value_option()},
        /*keeps_rows=*/false));

}  // namespace
}  // namespace headrace::prep
