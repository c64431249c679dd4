// SPDX-License-Identifier: Apache-2.0
// Acting on some columns of a table and handing the others on.
#include <algorithm>

#include "headrace/base/text.h"
#include "learn/estimator.h"

namespace headrace::learn {
namespace {

// The chosen columns a model was fitted on, found again by name, or by place when the input's names are others.
Result<std::vector<int>> fitted_columns(const data::Model& model, const data::Table& table, const exec::Context& context) {
  HEADRACE_ASSIGN(const std::vector<std::string> names, texts_of(model, "columns"));
  std::vector<int> columns;
  for (const std::string& name : names) {
    const auto column = table.column_index(name);
    if (!column.ok()) break;
    columns.push_back(*column);
  }
  if (columns.size() == names.size()) return columns;
  HEADRACE_ASSIGN(columns, chosen_columns(context, table, is_numeric));
  if (columns.size() == names.size()) return columns;
  return Error(Code::kShape, cat("features differ from those of the fit: ", model.op, " was fitted on ", names.size(), " columns, ",
                                 columns.size(), " fit here"));
}

}  // namespace

config::Option columns_option(std::string_view what) {
  return config::list("columns", config::Type::kColumnList, config::Value(),
                      cat("feature columns to act on, by name or index; others pass through; null means ", what)).or_null();
}

bool is_numeric(data::ColumnType type) {
  return type == data::ColumnType::kBool || type == data::ColumnType::kInt || type == data::ColumnType::kReal;
}

Result<std::vector<int>> chosen_columns(const exec::Context& context, const data::Table& table, bool (*fits)(data::ColumnType)) {
  const config::Value& option = context.value("columns");
  std::vector<int> chosen;
  if (option.is_null()) {
    for (const int column : table.features()) {
      if (fits(table.columns()[static_cast<std::size_t>(column)].type)) chosen.push_back(column);
    }
    return chosen;
  }
  for (const config::Value& entry : option.list()) {
    HEADRACE_ASSIGN(const int column, table.resolve(entry));
    const data::Column& found = table.columns()[static_cast<std::size_t>(column)];
    if (found.role != data::Role::kFeature) {
      return Error(Code::kBadValue, cat("option columns names what is no feature: ", found.name, ", a ", data::role_name(found.role)));
    }
    if (!fits(found.type)) {
      return Error(Code::kEdgeType, cat("option columns names a column of a type this operator cannot take: ", found.name, ", ",
                                        data::column_type_name(found.type)));
    }
    if (std::find(chosen.begin(), chosen.end(), column) != chosen.end()) {
      return Error(Code::kBadValue, cat("option columns names a column twice: ", found.name));
    }
    chosen.push_back(column);
  }
  return chosen;
}

Result<TablePtr> one_table(std::span<const data::Object> inputs) {
  HEADRACE_ASSIGN(const std::vector<TablePtr> tables, tables_of(inputs));
  TablePtr table = tables[0];
  for (std::size_t i = 1; i < tables.size(); ++i) {
    HEADRACE_ASSIGN(table, data::Table::beside(*table, *tables[i], true));
  }
  return table;
}

Result<exec::Fitted> NumericTransformer::fit(const exec::Context& context, std::span<const data::Object> inputs, bool wants_output) {
  return guarded(context, [&]() -> Result<exec::Fitted> {
    HEADRACE_ASSIGN(const TablePtr table, one_table(inputs));
    HEADRACE_ASSIGN(const std::vector<int> columns, chosen_columns(context, *table, is_numeric));
    Training training;
    HEADRACE_ASSIGN(training.frame, frame_of(table, columns, {.refuses_missing = row().refuses_missing}));
    HEADRACE_ASSIGN(training.weights, weights_of(*table));
    exec::Fitted fitted;
    if (!columns.empty()) {
      HEADRACE_ASSIGN(fitted.model, learn(context, training));
    }
    sign(fitted.model, training);
    fitted.model.meta.set("columns", text_list(training.frame.names));
    if (wants_output) {
      HEADRACE_ASSIGN(fitted.output, transform(context, &fitted.model, inputs));
    }
    return fitted;
  });
}

Result<data::Object> NumericTransformer::transform(const exec::Context& context, const data::Model* model,
                                                   std::span<const data::Object> inputs) {
  return guarded(context, [&]() -> Result<data::Object> {
    HEADRACE_ASSIGN(const TablePtr table, one_table(inputs));
    std::vector<int> columns;
    if (model != nullptr) {
      HEADRACE_ASSIGN(columns, fitted_columns(*model, *table, context));
    } else {
      HEADRACE_ASSIGN(columns, chosen_columns(context, *table, is_numeric));
    }
    if (columns.empty()) return data::Object(table);
    HEADRACE_ASSIGN(const Frame frame, frame_of(table, columns, {.refuses_missing = row().refuses_missing}));
    HEADRACE_ASSIGN(const Features features, map(context, model, frame));
    TablePtr out;
    if (columns == table->features()) {
      HEADRACE_ASSIGN(out, features_table(*table, features.matrix, features.names));
    } else {
      HEADRACE_ASSIGN(out, replace_features(*table, columns, features.matrix, features.names, columns));
    }
    return data::Object(std::move(out));
  });
}

}  // namespace headrace::learn
