// SPDX-License-Identifier: Apache-2.0
#pragma once
// Builders of small tables for the tests of this room.

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "headrace/config/options.h"
#include "headrace/data/table.h"
#include "headrace/exec/operator.h"

namespace headrace::learn::testing {

using TablePtr = std::shared_ptr<const data::Table>;

/// A table of feature columns "x0", "x1", ... given row by row.
inline TablePtr features(std::vector<std::vector<double>> rows) {
  std::vector<double> values;
  for (const auto& row : rows) values.insert(values.end(), row.begin(), row.end());
  const auto matrix = data::Tensor::of<double>({static_cast<std::int64_t>(rows.size()), static_cast<std::int64_t>(rows[0].size())}, values);
  return data::Table::from_matrix(matrix).value();
}

inline TablePtr with_texts(const TablePtr& table, std::string name, std::vector<std::string> texts,
                           data::Role role = data::Role::kFeature) {
  return table->with_column(std::move(name), role, std::span<const std::string>(texts)).value();
}
inline TablePtr with_reals(const TablePtr& table, std::string name, std::vector<double> values, data::Role role = data::Role::kFeature) {
  return table->with_column(std::move(name), role, std::span<const double>(values)).value();
}

/// Column as reals or texts.
inline std::vector<double> reals(const data::Table& table, std::string_view name) {
  return table.reals(table.column_index(name).value()).value();
}
inline std::vector<std::string> texts(const data::Table& table, std::string_view name) {
  return table.texts(table.column_index(name).value()).value();
}

inline std::vector<std::string> names(const data::Table& table) {
  std::vector<std::string> out;
  for (const data::Column& column : table.columns()) out.push_back(column.name);
  return out;
}

/// An operator of the pack with its options bound, ready to run.
struct Bench {
  std::unique_ptr<exec::Operator> op;
  exec::Context context;

  explicit Bench(std::string_view name, config::Map params = {}, std::uint64_t seed = 7) {
    for (const exec::Registration& registration : headrace_pack_rows().operators()) {
      if (registration.spec.name != name) continue;
      op = registration.make();
      context.params = config::bind(registration.spec.options, config::Value(std::move(params)), name).value();
      context.node = std::string(name);
      context.seed = seed;
    }
    HEADRACE_CHECK(op != nullptr, "the pack has no such operator");
  }

  Result<exec::Fitted> fit(const TablePtr& table, bool wants_output = false) {
    const std::vector<data::Object> inputs = {data::Object(table)};
    return op->fit(context, inputs, wants_output);
  }
  Result<data::Object> transform(const data::Model* model, const TablePtr& table) {
    const std::vector<data::Object> inputs = {data::Object(table)};
    return op->transform(context, model, inputs);
  }
  Result<data::Object> predict(const data::Model& model, const TablePtr& table) {
    const std::vector<data::Object> inputs = {data::Object(table)};
    return op->predict(context, &model, inputs);
  }
  Result<data::Metrics> score(const data::Model& model, const TablePtr& table) {
    const std::vector<data::Object> inputs = {data::Object(table)};
    return op->score(context, &model, inputs);
  }
  /// fit, then transform of the same table.
  TablePtr fit_transform(const TablePtr& table) { return fit(table, true).value().output.shared_table(); }
};

inline config::Entry param(std::string key, config::Value value) { return {std::move(key), std::move(value), {}}; }

}  // namespace headrace::learn::testing
