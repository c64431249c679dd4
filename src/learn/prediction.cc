// SPDX-License-Identifier: Apache-2.0
// From matrices and decisions back to tables.
#include <algorithm>
#include <set>
#include <utility>

#include <ATen/ops/cat.h>

#include "headrace/base/text.h"
#include "learn/frame.h"

namespace headrace::learn {
namespace {

constexpr std::string_view kPrediction = "prediction";
constexpr std::string_view kProbability = "probability:";
constexpr std::string_view kDecision = "decision:";
constexpr std::string_view kDecisionBinary = "decision";

// Columns that ride along with predictions.
std::vector<int> riders(const data::Table& input) {
  std::vector<int> columns;
  for (std::size_t i = 0; i < input.columns().size(); ++i) {
    const data::Role role = input.columns()[i].role;
    if (role != data::Role::kFeature && role != data::Role::kPrediction) columns.push_back(static_cast<int>(i));
  }
  return columns;
}

Result<TablePtr> matrix_table(const at::Tensor& matrix, std::span<const std::string> names, data::Role role) {
  HEADRACE_ASSIGN(TablePtr table, data::Table::from_matrix(to_data(matrix), names));
  if (role == data::Role::kFeature) return table;
  std::vector<std::pair<int, data::Role>> roles;
  for (int i = 0; i < static_cast<int>(names.size()); ++i) roles.emplace_back(i, role);
  return table->with_roles(roles);
}

Result<at::Tensor> real_columns(const data::Table& table, std::span<const int> columns) {
  HEADRACE_ASSIGN(const data::Tensor matrix, table.matrix(columns));
  return to_aten(matrix);
}

}  // namespace

at::Tensor largest(const at::Tensor& scores) {
  const at::Tensor rows = scores.contiguous();
  const std::int64_t count = rows.size(0), width = rows.size(1);
  const double* values = rows.const_data_ptr<double>();
  data::Tensor codes(data::DType::kI64, {count});
  const std::span<std::int64_t> out = codes.mutable_span<std::int64_t>();
  for (std::int64_t row = 0; row < count; ++row) {
    const double* begin = values + row * width;
    out[static_cast<std::size_t>(row)] = std::max_element(begin, begin + width) - begin;
  }
  return to_aten(codes);
}

Result<TablePtr> features_table(const data::Table& input, const at::Tensor& matrix, std::span<const std::string> names) {
  return input.with_features(to_data(matrix), names);
}

Result<TablePtr> replace_features(const data::Table& input, std::span<const int> replaced, const at::Tensor& matrix,
                                  std::span<const std::string> names, std::span<const int> sources) {
  const std::set<int> gone(replaced.begin(), replaced.end());
  std::vector<int> stay;
  for (int i = 0; i < static_cast<int>(input.columns().size()); ++i) {
    if (!gone.contains(i)) stay.push_back(i);
  }
  if (names.empty()) return input.select(stay);
  HEADRACE_ASSIGN(const TablePtr fresh, matrix_table(matrix, names, data::Role::kFeature));
  HEADRACE_ASSIGN(const TablePtr rest, input.select(stay));
  HEADRACE_ASSIGN(const TablePtr both, data::Table::beside(*rest, *fresh, false));

  // Where each column of `both` belongs: kept ones where they were, new ones at their source.
  std::vector<std::pair<int, int>> order;
  for (std::size_t i = 0; i < stay.size(); ++i) order.emplace_back(stay[i], static_cast<int>(i));
  for (std::size_t i = 0; i < sources.size(); ++i) order.emplace_back(sources[i], static_cast<int>(stay.size() + i));
  std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<int> columns;
  for (const auto& [place, column] : order) columns.push_back(column);
  return both->select(columns);
}

Result<TablePtr> prediction_table(const data::Table& input, const Decision& decision, bool as_features) {
  const data::Role role = as_features ? data::Role::kFeature : data::Role::kPrediction;

  // The numbers: one matrix, so one pass.
  std::vector<at::Tensor> blocks;
  std::vector<std::string> names;
  if (decision.values.defined()) {
    blocks.push_back(decision.values.view({-1, 1}));
    names.emplace_back(kPrediction);
  }
  if (decision.probabilities.defined()) {
    blocks.push_back(decision.probabilities);
    for (const std::string& name : decision.classes) names.push_back(cat(kProbability, name));
  }
  if (decision.decisions.defined()) {
    const bool one = decision.decisions.dim() == 1;
    blocks.push_back(one ? decision.decisions.view({-1, 1}) : decision.decisions);
    if (one) names.emplace_back(kDecisionBinary);
    for (std::size_t i = 0; !one && i < decision.classes.size(); ++i) names.push_back(cat(kDecision, decision.classes[i]));
  }

  HEADRACE_ASSIGN(TablePtr table, input.select(riders(input)));
  if (decision.classifies()) {
    const at::Tensor codes = decision.codes.contiguous();
    std::vector<std::string> texts;
    texts.reserve(static_cast<std::size_t>(codes.numel()));
    for (std::int64_t row = 0; row < codes.numel(); ++row) {
      texts.push_back(decision.classes[static_cast<std::size_t>(codes.const_data_ptr<std::int64_t>()[row])]);
    }
    HEADRACE_ASSIGN(table, table->with_column(std::string(kPrediction), data::Role::kPrediction, texts));
  }
  if (!names.empty()) {
    HEADRACE_ASSIGN(const TablePtr numbers, matrix_table(blocks.size() == 1 ? blocks[0] : at::cat(blocks, 1), names, role));
    HEADRACE_ASSIGN(table, data::Table::beside(*table, *numbers, false));
  }
  return table;
}

Result<Decision> decision_of(const data::Table& table) {
  Decision decision;
  std::vector<int> probabilities, decisions;
  int prediction = -1;
  for (int i = 0; i < static_cast<int>(table.columns().size()); ++i) {
    const data::Column& column = table.columns()[static_cast<std::size_t>(i)];
    if (column.role != data::Role::kPrediction && column.role != data::Role::kFeature) continue;
    if (column.name == kPrediction) prediction = i;
    if (column.name.starts_with(kProbability)) {
      probabilities.push_back(i);
      decision.classes.push_back(column.name.substr(kProbability.size()));
    }
    if (column.name == kDecisionBinary || column.name.starts_with(kDecision)) decisions.push_back(i);
  }
  if (prediction < 0) {
    return Error(Code::kMissingColumn, "the table holds no column 'prediction'", "give this node the output of a classifier or regressor");
  }
  if (!probabilities.empty()) {
    HEADRACE_ASSIGN(decision.probabilities, real_columns(table, probabilities));
  }
  if (!decisions.empty()) {
    HEADRACE_ASSIGN(decision.decisions, real_columns(table, decisions));
    if (decisions.size() == 1) decision.decisions = decision.decisions.view({-1});
    for (const int column : decisions) {
      if (!probabilities.empty() || decisions.size() == 1) break;
      decision.classes.push_back(table.columns()[static_cast<std::size_t>(column)].name.substr(kDecision.size()));
    }
  }

  const data::ColumnType type = table.columns()[static_cast<std::size_t>(prediction)].type;
  if (type == data::ColumnType::kReal) {
    const std::vector<int> columns = {prediction};
    HEADRACE_ASSIGN(decision.values, real_columns(table, columns));
    decision.values = decision.values.view({-1});
    return decision;
  }
  // Codes of the predicted names; classes that have neither a probability nor a decision are known by being predicted.
  HEADRACE_ASSIGN(const auto codes, table.codes(prediction));
  if (decision.classes.empty()) decision.classes = codes.classes;
  std::vector<std::int64_t> mapped;
  for (const std::string& name : codes.classes) {
    const auto found = std::find(decision.classes.begin(), decision.classes.end(), name);
    if (found == decision.classes.end()) {
      return Error(Code::kBadData, cat("a predicted class has no column of its own: ", name));
    }
    mapped.push_back(found - decision.classes.begin());
  }
  std::vector<std::int64_t> rows;
  for (const std::int64_t code : codes.codes) rows.push_back(mapped[static_cast<std::size_t>(code)]);
  decision.codes = to_aten(data::Tensor::of<std::int64_t>({static_cast<std::int64_t>(rows.size())}, rows));
  return decision;
}

}  // namespace headrace::learn
