// SPDX-License-Identifier: Apache-2.0
#include "prep/columns.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include <arrow/api.h>

#include "headrace/base/text.h"

namespace headrace::prep {
namespace {

Status collect(const data::Object& object, std::vector<TablePointer>& out) {
  if (object.kind() == data::Kind::kTable) {
    out.push_back(object.shared_table());
    return {};
  }
  if (object.kind() == data::Kind::kTuple) {
    for (const data::Object& part : object.tuple()) HEADRACE_TRY(collect(part, out));
    return {};
  }
  return Error(Code::kEdgeType, cat("a table is needed here, and this is a ", data::kind_name(object.kind())));
}

}  // namespace

Result<TablePointer> table_of(std::span<const data::Object> inputs) {
  std::vector<TablePointer> tables;
  for (const data::Object& input : inputs) HEADRACE_TRY(collect(input, tables));
  if (tables.empty()) return Error(Code::kMissingInput, "there is no table to work on");
  TablePointer out = tables.front();
  for (std::size_t i = 1; i < tables.size(); ++i) {
    HEADRACE_ASSIGN(out, data::Table::beside(*out, *tables[i], /*features_only=*/true));
  }
  return out;
}

Result<std::vector<int>> columns_of(const data::Table& table, const config::Value& list) {
  std::vector<int> out;
  for (const config::Value& item : list.list()) {
    HEADRACE_ASSIGN(const int column, table.resolve(item));
    if (std::find(out.begin(), out.end(), column) != out.end()) {
      return Error(Code::kBadValue, cat("column '", table.columns()[static_cast<std::size_t>(column)].name, "' is named twice"), {},
                   item.where());
    }
    out.push_back(column);
  }
  return out;
}

Result<data::Object> TableTransform::transform(const exec::Context& context, const data::Model*, std::span<const data::Object> inputs) {
  HEADRACE_ASSIGN(const TablePointer table, table_of(inputs));
  HEADRACE_ASSIGN(TablePointer out, apply(context, table));
  return data::Object(std::move(out));
}

Result<std::vector<data::Object>> TableSource::read(const exec::Context& context) {
  HEADRACE_ASSIGN(TablePointer table, load(context));
  return std::vector<data::Object>{data::Object(std::move(table))};
}

graph::OperatorSpec transform_row(std::string name, std::string doc, std::vector<config::Option> options, bool keeps_rows) {
  return {.name = std::move(name), .doc = std::move(doc), .takes = {data::Kind::kTable, data::Kind::kTuple}, .options = std::move(options),
          .refuses_missing = false, .numeric_only = false, .keeps_rows = keeps_rows};
}

std::string path_of(const exec::Context& context, std::string_view option) {
  return (std::filesystem::path(context.folder) / context.string(option)).string();
}

Status texts_of(const data::Table& table, int column, std::vector<std::string>& texts, std::vector<bool>& missing) {
  HEADRACE_ASSIGN(texts, table.texts(column, &missing));
  if (table.columns()[static_cast<std::size_t>(column)].type == data::ColumnType::kReal) {
    HEADRACE_ASSIGN(missing, missing_of(table, column));
  }
  return {};
}

Result<std::vector<bool>> missing_of(const data::Table& table, int column) {
  const data::Column& facts = table.columns()[static_cast<std::size_t>(column)];
  std::vector<bool> out(static_cast<std::size_t>(table.rows()), false);
  if (facts.type == data::ColumnType::kReal) {
    HEADRACE_ASSIGN(const auto values, table.reals(column));
    std::transform(values.begin(), values.end(), out.begin(), [](double value) { return std::isnan(value); });
    return out;
  }
  if (facts.nulls == 0) return out;
  std::size_t row = 0;
  for (const auto& chunk : table.arrow()->column(column)->chunks()) {
    for (std::int64_t i = 0; i < chunk->length(); ++i) out[row++] = chunk->IsNull(i);
  }
  return out;
}

Result<TablePointer> keep_rows(const data::Table& table, const std::vector<bool>& keep) {
  std::vector<std::int64_t> rows;
  for (std::size_t i = 0; i < keep.size(); ++i) {
    if (keep[i]) rows.push_back(static_cast<std::int64_t>(i));
  }
  return table.take(rows);
}

}  // namespace headrace::prep
