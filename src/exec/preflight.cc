// SPDX-License-Identifier: Apache-2.0
#include "exec/preflight.h"

#include <cmath>
#include <set>

#include "exec/demand.h"
#include "headrace/base/text.h"
#include "headrace/data/table.h"

namespace headrace::exec::detail {
namespace {

using data::ColumnType;
using graph::Phase;

// The read task whose rows a task sees unchanged, or -1.
std::int32_t source_of(const graph::Plan& plan, const graph::Ref& input) {
  std::int32_t index = input.task;
  while (index >= 0) {
    const graph::Task& task = plan.tasks[static_cast<std::size_t>(index)];
    if (task.phase == Phase::kRead) return index;
    if (task.phase != Phase::kTake) return -1;
    index = task.inputs[0].task;
  }
  return -1;
}

bool is_words(ColumnType type) { return type == ColumnType::kText || type == ColumnType::kCategory || type == ColumnType::kOther; }

Status check_table(const data::Table& table, const graph::OperatorSpec& spec, const graph::Node& node) {
  for (const int index : table.features()) {
    const data::Column& column = table.columns()[static_cast<std::size_t>(index)];
    if (is_words(column.type)) {
      return Error(Code::kEdgeType, cat("node ", node.name, " (", spec.name, ") takes numbers, but column '", column.name, "' holds ",
                                        data::column_type_name(column.type)),
                   "put one_hot_encoder or ordinal_encoder before it, or leave the column out", node.where);
    }
    if (!spec.refuses_missing || (column.nulls == 0 && column.type != ColumnType::kReal)) continue;
    HEADRACE_ASSIGN(const std::vector<double> values, table.reals(index));
    for (std::size_t row = 0; row < values.size(); ++row) {
      if (!std::isnan(values[row])) continue;
      return Error(
          Code::kNotFinite,
          cat("node ", node.name, " (", spec.name, ") refuses missing values, and column '", column.name, "' has one in row ", row + 1),
          "put an imputer before it, or drop such rows (drop_missing)", node.where);
    }
  }
  return {};
}

}  // namespace

Status check_rows(const graph::Plan& plan, const graph::Catalogue& catalogue,
                  const std::function<const data::Object*(std::int32_t)>& read_of) {
  std::set<std::pair<std::int32_t, int>> checked;   // a source and a written node: alternatives and folds see the same columns
  for (const graph::Task& task : plan.tasks) {
    if (task.phase != Phase::kFit && task.phase != Phase::kTransform && task.phase != Phase::kUpdate) continue;
    const graph::Node& node = written_node(plan, task);
    const graph::OperatorSpec* spec = catalogue.find(node.op);
    if (spec == nullptr || !spec->numeric_only || node.annotations.on_error == graph::OnError::kSkip) continue;
    for (const graph::Ref& input : task.inputs) {
      const std::int32_t source = source_of(plan, input);
      if (source < 0 || !checked.emplace(source, plan.expanded.nodes[static_cast<std::size_t>(task.node)].origin).second) continue;
      const data::Object* object = read_of(source);
      if (object == nullptr || object->kind() != data::Kind::kTable) continue;
      HEADRACE_TRY(check_table(object->table(), *spec, node));
    }
  }
  return {};
}

}  // namespace headrace::exec::detail
