// SPDX-License-Identifier: Apache-2.0
// New tables from old ones: rows chosen, columns chosen, tables put together. Memory is shared wherever it can be.
#include <algorithm>

#include <arrow/array/array_dict.h>
#include <arrow/compute/api_vector.h>

#include "data/arrow_bridge.h"
#include "data/table_impl.h"
#include "headrace/base/text.h"

namespace headrace::data {
namespace {

struct Run {
  std::int64_t first = 0;
  std::int64_t rows = 0;
};

// Slices are cheaper than copies only while there are few of them: every chunk costs each later reader a little.
constexpr std::size_t kRunsMax = 4;
constexpr int kChunksMax = 32;

// Consecutive indices as runs; gives up (empty) once there are more than kRunsMax.
std::vector<Run> runs_of(std::span<const std::int64_t> rows) {
  std::vector<Run> runs;
  for (const std::int64_t row : rows) {
    if (!runs.empty() && runs.back().first + runs.back().rows == row) {
      ++runs.back().rows;
      continue;
    }
    if (runs.size() == kRunsMax) return {};
    runs.push_back({row, 1});
  }
  return runs;
}

int chunks_max(const arrow::Table& table) {
  int most = 0;
  for (const auto& column : table.columns()) most = std::max(most, column->num_chunks());
  return most;
}

// Every dictionary column gets one dictionary for all its chunks, so that codes mean the same in each.
Result<std::shared_ptr<arrow::Table>> with_one_dictionary(std::shared_ptr<arrow::Table> table) {
  const auto& fields = table->schema()->fields();
  const bool any =
      std::any_of(fields.begin(), fields.end(), [](const auto& field) { return field->type()->id() == arrow::Type::DICTIONARY; });
  if (!any) return table;
  HEADRACE_ARROW(table, arrow::DictionaryUnifier::UnifyTable(*table, arrow::default_memory_pool()), Code::kTooLarge,
                 "putting categories together");
  return table;
}

std::shared_ptr<const Table> replace_column_list(const Table& table, const std::vector<std::shared_ptr<arrow::Field>>& fields,
                                                 const std::vector<std::shared_ptr<arrow::ChunkedArray>>& columns) {
  return Table::from_arrow(arrow::Table::Make(arrow::schema(fields), columns, table.rows()));
}

Result<std::shared_ptr<const Table>> append(const Table& table, std::string name, Role role, std::shared_ptr<arrow::Array> array) {
  if (array->length() != table.rows()) {
    return Error(Code::kShape, cat("column '", name, "' has ", array->length(), " values for a table of ", table.rows(), " rows"));
  }
  for (const Column& column : table.columns()) {
    if (column.name == name) return Error(Code::kNameClash, cat("there is a column '", name, "' already"));
  }
  const auto field = detail::with_role(arrow::field(std::move(name), array->type()), role);
  HEADRACE_ARROW(auto out, table.arrow()->AddColumn(table.arrow()->num_columns(), field, std::make_shared<arrow::ChunkedArray>(array)),
                 Code::kShape, "adding a column");
  return Table::from_arrow(std::move(out));
}

}  // namespace

std::shared_ptr<const Table> Table::slice(std::int64_t offset, std::int64_t rows) const {
  HEADRACE_CHECK(offset >= 0 && rows >= 0 && offset <= this->rows(), "a slice outside the table");
  return from_arrow(impl_->table->Slice(offset, rows));
}

Result<std::shared_ptr<const Table>> Table::take(std::span<const std::int64_t> rows) const {
  const std::int64_t total = this->rows();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i] < 0 || rows[i] >= total) {
      return Error(Code::kShape, cat("row index ", rows[i], " at place ", i, " is outside a table of ", total, " rows"));
    }
  }
  if (rows.empty()) return slice(0, 0);
  const std::vector<Run> runs = runs_of(rows);
  if (runs.size() == 1) return slice(runs[0].first, runs[0].rows);
  if (!runs.empty() && chunks_max(*impl_->table) * static_cast<int>(runs.size()) <= kChunksMax) {
    std::vector<std::shared_ptr<arrow::Table>> parts;
    for (const Run& run : runs) parts.push_back(impl_->table->Slice(run.first, run.rows));
    HEADRACE_ARROW(auto out, arrow::ConcatenateTables(parts), Code::kShape, "putting slices together");
    return from_arrow(std::move(out));
  }
  detail::initialize_compute();
  const auto bytes = std::make_shared<arrow::Buffer>(reinterpret_cast<const std::uint8_t*>(rows.data()),
                                                     static_cast<std::int64_t>(rows.size_bytes()));
  const auto indices = std::make_shared<arrow::Int64Array>(static_cast<std::int64_t>(rows.size()), bytes);
  std::vector<std::shared_ptr<arrow::ChunkedArray>> columns;
  for (const auto& column : impl_->table->columns()) {
    HEADRACE_ARROW(auto taken,
                   arrow::compute::Take(arrow::Datum(column), arrow::Datum(indices), arrow::compute::TakeOptions::NoBoundsCheck()),
                   Code::kTooLarge, "taking rows");
    columns.push_back(taken.is_array() ? std::make_shared<arrow::ChunkedArray>(taken.make_array()) : taken.chunked_array());
  }
  return from_arrow(arrow::Table::Make(impl_->table->schema(), std::move(columns), static_cast<std::int64_t>(rows.size())));
}

Result<std::shared_ptr<const Table>> Table::select(std::span<const int> columns) const {
  std::vector<std::shared_ptr<arrow::Field>> fields;
  std::vector<std::shared_ptr<arrow::ChunkedArray>> chosen;
  for (const int column : columns) {
    if (column < 0 || column >= impl_->table->num_columns()) {
      return Error(Code::kMissingColumn, cat("there is no column number ", column, " in a table of ", impl_->table->num_columns()));
    }
    fields.push_back(impl_->table->field(column));
    chosen.push_back(impl_->table->column(column));
  }
  return replace_column_list(*this, fields, chosen);
}

Result<std::shared_ptr<const Table>> Table::with_roles(std::span<const std::pair<int, Role>> roles) const {
  auto fields = impl_->table->schema()->fields();
  for (const auto& [column, role] : roles) {
    if (column < 0 || column >= static_cast<int>(fields.size())) {
      return Error(Code::kMissingColumn, cat("there is no column number ", column, " in a table of ", fields.size()));
    }
    fields[static_cast<std::size_t>(column)] = detail::with_role(fields[static_cast<std::size_t>(column)], role);
  }
  return replace_column_list(*this, fields, impl_->table->columns());
}

Result<std::shared_ptr<const Table>> Table::beside(const Table& left, const Table& right, bool features_only) {
  if (left.rows() != right.rows()) {
    return Error(Code::kShape, cat("tables of ", left.rows(), " and ", right.rows(), " rows cannot stand side by side"));
  }
  auto fields = left.arrow()->schema()->fields();
  auto columns = left.arrow()->columns();
  std::unordered_set<std::string> taken;
  for (const Column& column : left.columns()) taken.insert(column.name);
  for (int i = 0; i < right.arrow()->num_columns(); ++i) {
    const Column& column = right.columns()[static_cast<std::size_t>(i)];
    const bool carried = column.role == Role::kTarget || column.role == Role::kGroup || column.role == Role::kWeight;
    if (features_only && carried) continue;
    fields.push_back(right.arrow()->field(i)->WithName(detail::free_name(column.name, taken)));
    columns.push_back(right.arrow()->column(i));
  }
  return replace_column_list(left, fields, columns);
}

Result<std::shared_ptr<const Table>> Table::stack(std::span<const std::shared_ptr<const Table>> tables) {
  if (tables.empty()) return Error(Code::kShape, "there are no tables to put under each other");
  const Table& first = *tables.front();
  std::vector<std::shared_ptr<arrow::Table>> parts;
  std::int64_t rows = 0, chunks = 0;
  for (std::size_t t = 0; t < tables.size(); ++t) {
    const Table& table = *tables[t];
    if (table.columns().size() != first.columns().size()) {
      return Error(Code::kShape, cat("table ", t + 1, " has ", table.columns().size(), " columns, table 1 has ", first.columns().size()));
    }
    for (int i = 0; i < first.arrow()->num_columns(); ++i) {
      const Column& a = first.columns()[static_cast<std::size_t>(i)];
      const Column& b = table.columns()[static_cast<std::size_t>(i)];
      const auto& type_a = *first.arrow()->field(i)->type();
      const auto& type_b = *table.arrow()->field(i)->type();
      const std::string place = cat("column ", i, " of table ", t + 1, " differs from table 1: ");
      if (a.name != b.name) return Error(Code::kShape, cat(place, "it is called '", b.name, "', not '", a.name, "'"));
      if (!type_a.Equals(type_b))
        return Error(Code::kShape, cat(place, "'", a.name, "' is ", type_b.ToString(), ", not ", type_a.ToString()));
      if (a.role != b.role)
        return Error(Code::kShape, cat(place, "'", a.name, "' is a ", role_name(b.role), ", not a ", role_name(a.role)));
    }
    if (table.rows() == 0 && tables.size() > 1 && t > 0) continue;
    parts.push_back(table.arrow());
    rows += table.rows();
    chunks += std::max(1, chunks_max(*table.arrow()));
  }
  if (parts.size() == 1) return tables.front();
  HEADRACE_ARROW(auto out, arrow::ConcatenateTables(parts), Code::kShape, "putting tables under each other");
  HEADRACE_ASSIGN(out, with_one_dictionary(std::move(out)));
  if (chunks > kChunksMax && rows / chunks < 1024) {   // many small pieces: one copy now is cheaper than every later walk over them
    HEADRACE_ARROW(out, out->CombineChunks(), Code::kTooLarge, "putting tables under each other");
  }
  return from_arrow(std::move(out));
}

Result<std::shared_ptr<const Table>> Table::with_features(const Tensor& matrix, std::span<const std::string> names) const {
  HEADRACE_ASSIGN(auto arrays, detail::matrix_columns(matrix));
  if (matrix.dim(0) != rows()) {
    return Error(Code::kShape, cat("a matrix of ", matrix.dim(0), " rows cannot be the features of a table of ", rows(), " rows"));
  }
  if (!names.empty() && names.size() != arrays.size()) {
    return Error(Code::kShape, cat(names.size(), " names for a matrix of ", arrays.size(), " columns"));
  }
  std::unordered_set<std::string> taken;
  for (const Column& column : columns()) {
    if (column.role != Role::kFeature) taken.insert(column.name);
  }
  std::vector<std::shared_ptr<arrow::Field>> fields;
  std::vector<std::shared_ptr<arrow::ChunkedArray>> chosen;
  for (std::size_t i = 0; i < arrays.size(); ++i) {
    fields.push_back(arrow::field(detail::free_name(names.empty() ? cat("x", i) : names[i], taken), arrays[i]->type()));
    chosen.push_back(std::make_shared<arrow::ChunkedArray>(arrays[i]));
  }
  for (int i = 0; i < impl_->table->num_columns(); ++i) {
    if (columns()[static_cast<std::size_t>(i)].role == Role::kFeature) continue;
    fields.push_back(impl_->table->field(i));
    chosen.push_back(impl_->table->column(i));
  }
  return replace_column_list(*this, fields, chosen);
}

Result<std::shared_ptr<const Table>> Table::with_column(std::string name, Role role, std::span<const double> values) const {
  arrow::DoubleBuilder builder;
  HEADRACE_ARROW_TRY(builder.AppendValues(values.data(), static_cast<std::int64_t>(values.size())), Code::kTooLarge, "adding a column");
  HEADRACE_ARROW(auto array, builder.Finish(), Code::kTooLarge, "adding a column");
  return append(*this, std::move(name), role, std::move(array));
}

Result<std::shared_ptr<const Table>> Table::with_column(std::string name, Role role, std::span<const std::string> values) const {
  arrow::StringBuilder builder;
  for (const std::string& value : values) HEADRACE_ARROW_TRY(builder.Append(value), Code::kTooLarge, "adding a column");
  HEADRACE_ARROW(auto array, builder.Finish(), Code::kTooLarge, "adding a column");
  return append(*this, std::move(name), role, std::move(array));
}

}  // namespace headrace::data
