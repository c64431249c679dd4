// SPDX-License-Identifier: Apache-2.0
#include "exec/rows.h"

#include <string>
#include <vector>

#include "headrace/base/text.h"
#include "headrace/data/table.h"

namespace headrace::exec::detail {
namespace {

using TablePtr = std::shared_ptr<const data::Table>;

Result<data::Object> take_fold(const Work& work, std::span<const data::Object> inputs) {
  const std::string name = cat(work.test_side ? "test" : "train", work.piece);
  const data::Tensor* rows = inputs[1].tensors().find(name);
  if (rows == nullptr) {
    return Error(Code::kBadData, cat("the splitter gave no fold ", work.piece), "ask for fewer folds, or check the splitter's options");
  }
  HEADRACE_ASSIGN(TablePtr table, inputs[0].table().take(rows->span<std::int64_t>()));
  return data::Object(std::move(table));
}

data::Object take_run(const data::Table& table, int part, int parts) {
  const std::int64_t rows = table.rows();
  const std::int64_t start = rows * part / parts;
  return data::Object(table.slice(start, rows * (part + 1) / parts - start));
}

// Row numbers of every shard, each in the order of the table.
Result<std::vector<std::vector<std::int64_t>>> rows_by_value(const data::Table& table, const graph::Shard& shard) {
  HEADRACE_ASSIGN(const int column, table.resolve(shard.by));
  HEADRACE_ASSIGN(const std::vector<std::string> values, table.texts(column));
  std::vector<std::vector<std::int64_t>> rows(static_cast<std::size_t>(shard.parts));
  for (std::size_t row = 0; row < values.size(); ++row) {
    const std::uint32_t home = crc32c(values[row].data(), values[row].size()) % static_cast<std::uint32_t>(shard.parts);
    rows[home].push_back(static_cast<std::int64_t>(row));
  }
  return rows;
}

const graph::Shard& shard_of(const Work& work) {
  HEADRACE_CHECK(work.recipe->shard.has_value(), "a task of shards on a node without `shard`");
  return *work.recipe->shard;
}

Result<TablePtr> stack_in_order(std::span<const data::Object> inputs) {
  std::vector<TablePtr> tables;
  for (const data::Object& input : inputs) {
    if (input.kind() != data::Kind::kTable)
      return Error(Code::kEdgeType, cat("only tables can be stacked, not ", data::kind_name(input.kind())));
    tables.push_back(input.shared_table());
  }
  return data::Table::stack(tables);
}

// `whole` is the table that the shards were cut from: cutting it again tells where each stacked row belongs.
Result<TablePtr> restore_order(const data::Table& stacked, const data::Table& whole, const graph::Shard& shard) {
  if (stacked.rows() != whole.rows()) return Error(Code::kShape, cat("shards of ", whole.rows(), " rows came back as ", stacked.rows()));
  HEADRACE_ASSIGN(const auto rows, rows_by_value(whole, shard));
  std::vector<std::int64_t> order(static_cast<std::size_t>(whole.rows()));
  std::int64_t next = 0;
  for (const auto& part : rows) {
    for (const std::int64_t row : part) order[static_cast<std::size_t>(row)] = next++;
  }
  return stacked.take(order);
}

}  // namespace

Result<data::Object> take_rows(const Work& work, std::span<const data::Object> inputs) {
  if (inputs[0].kind() != data::Kind::kTable) return Error(Code::kEdgeType, "only the rows of tables can be cut");
  if (inputs.size() == 2) return take_fold(work, inputs);
  const graph::Shard& shard = shard_of(work);
  const data::Table& table = inputs[0].table();
  if (shard.by.is_null()) return take_run(table, work.piece, shard.parts);
  HEADRACE_ASSIGN(const auto rows, rows_by_value(table, shard));
  HEADRACE_ASSIGN(TablePtr taken, table.take(rows[static_cast<std::size_t>(work.piece)]));
  return data::Object(std::move(taken));
}

Result<data::Object> stack_rows(const Work& work, std::span<const data::Object> inputs) {
  const bool restores = work.piece > 0 && inputs.size() == static_cast<std::size_t>(work.piece) + 1;
  const std::span<const data::Object> parts = restores ? inputs.first(inputs.size() - 1) : inputs;
  HEADRACE_ASSIGN(TablePtr stacked, stack_in_order(parts));
  if (restores) {
    HEADRACE_ASSIGN(stacked, restore_order(*stacked, inputs.back().table(), shard_of(work)));
  }
  return data::Object(std::move(stacked));
}

}  // namespace headrace::exec::detail
