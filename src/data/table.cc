// SPDX-License-Identifier: Apache-2.0
// Columns, roles and the building of tables. Reading values out is in table_values.cc, choosing rows in table_rows.cc.
#include "headrace/data/table.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <arrow/util/byte_size.h>
#include <arrow/util/key_value_metadata.h>

#include "data/arrow_bridge.h"
#include "data/raw_tensor.h"
#include "data/table_impl.h"
#include "headrace/base/text.h"

namespace headrace::data {
namespace {

constexpr std::string_view kRoleKey = "headrace.role";
constexpr std::array<std::string_view, 6> kRoleNames = {"feature", "target", "group", "weight", "prediction", "ignore"};

Role role_of(const arrow::Field& field) {
  if (!field.metadata()) return Role::kFeature;
  const auto value = field.metadata()->Get(std::string(kRoleKey));
  if (!value.ok()) return Role::kFeature;
  const auto found = std::find(kRoleNames.begin(), kRoleNames.end(), *value);
  return found == kRoleNames.end() ? Role::kFeature : static_cast<Role>(found - kRoleNames.begin());
}

// Only roles live in metadata: two tables that say the same must not differ in what pandas or Parquet noted beside them.
bool is_plain(const arrow::Field& field) {
  const auto& metadata = field.metadata();
  if (!metadata || metadata->size() == 0) return true;
  return metadata->size() == 1 && metadata->key(0) == kRoleKey && role_of(field) != Role::kFeature;
}

std::shared_ptr<arrow::Table> with_plain_schema(const std::shared_ptr<arrow::Table>& table) {
  const auto& schema = *table->schema();
  const bool plain = !schema.HasMetadata() &&
                     std::all_of(schema.fields().begin(), schema.fields().end(), [](const auto& field) { return is_plain(*field); });
  if (plain) return table;
  arrow::FieldVector fields;
  for (const auto& field : schema.fields()) fields.push_back(detail::with_role(field, role_of(*field)));
  return arrow::Table::Make(arrow::schema(std::move(fields)), table->columns(), table->num_rows());
}

// Transposes in blocks that keep the rows being read in the first-level cache while whole lines of each column are written.
template <class T>
void transpose(const T* from, std::int64_t rows, std::int64_t columns, T* to, std::int64_t stride) {
  constexpr std::int64_t kBlock = 32;
  for (std::int64_t row = 0; row < rows; row += kBlock) {
    const std::int64_t row_end = std::min(rows, row + kBlock);
    for (std::int64_t column = 0; column < columns; ++column) {
      T* out = to + column * stride;
      for (std::int64_t i = row; i < row_end; ++i) out[i] = from[i * columns + column];
    }
  }
}

template <class ArrowType>
std::vector<std::shared_ptr<arrow::Array>> split_columns(const Tensor& matrix) {
  using T = typename ArrowType::c_type;
  const std::int64_t rows = matrix.dim(0), columns = matrix.dim(1);
  constexpr std::int64_t kLine = 64 / static_cast<std::int64_t>(sizeof(T));
  const std::int64_t stride = (rows + kLine - 1) / kLine * kLine;   // each column starts on a cache line
  const auto memory = detail::aligned_memory(static_cast<std::size_t>(stride * columns) * sizeof(T));
  transpose(static_cast<const T*>(matrix.bytes()), rows, columns, static_cast<T*>(memory.get()), stride);
  struct Holder : arrow::Buffer {
    Holder(std::shared_ptr<void> memory, std::int64_t size)
        : arrow::Buffer(static_cast<const std::uint8_t*>(memory.get()), size), memory(std::move(memory)) {}
    std::shared_ptr<void> memory;
  };
  const auto whole = std::make_shared<Holder>(memory, stride * columns * static_cast<std::int64_t>(sizeof(T)));
  std::vector<std::shared_ptr<arrow::Array>> out;
  out.reserve(static_cast<std::size_t>(columns));
  for (std::int64_t column = 0; column < columns; ++column) {
    const std::int64_t width = static_cast<std::int64_t>(sizeof(T));
    auto part = arrow::SliceBuffer(whole, column * stride * width, rows * width);
    out.push_back(std::make_shared<arrow::NumericArray<ArrowType>>(rows, std::move(part)));
  }
  return out;
}

}  // namespace

std::string_view role_name(Role role) { return kRoleNames.at(static_cast<std::size_t>(role)); }

std::string_view column_type_name(ColumnType type) {
  constexpr std::array<std::string_view, 7> kNames = {"bool", "int", "real", "text", "category", "time", "other"};
  return kNames.at(static_cast<std::size_t>(type));
}

namespace detail {

std::shared_ptr<arrow::Field> with_role(const std::shared_ptr<arrow::Field>& field, Role role) {
  if (role == Role::kFeature) return field->RemoveMetadata();
  return field->WithMetadata(arrow::key_value_metadata({std::string(kRoleKey)}, {std::string(role_name(role))}));
}

ColumnType column_type(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::BOOL: return ColumnType::kBool;
    case arrow::Type::UINT8:
    case arrow::Type::INT8:
    case arrow::Type::UINT16:
    case arrow::Type::INT16:
    case arrow::Type::UINT32:
    case arrow::Type::INT32:
    case arrow::Type::UINT64:
    case arrow::Type::INT64: return ColumnType::kInt;
    case arrow::Type::NA:   // a column of nulls: nothing speaks against numbers
    case arrow::Type::HALF_FLOAT:
    case arrow::Type::FLOAT:
    case arrow::Type::DOUBLE:
    case arrow::Type::DECIMAL32:
    case arrow::Type::DECIMAL64:
    case arrow::Type::DECIMAL128:
    case arrow::Type::DECIMAL256: return ColumnType::kReal;
    case arrow::Type::STRING:
    case arrow::Type::LARGE_STRING:
    case arrow::Type::STRING_VIEW: return ColumnType::kText;
    case arrow::Type::DICTIONARY: return ColumnType::kCategory;
    case arrow::Type::DATE32:
    case arrow::Type::DATE64:
    case arrow::Type::TIMESTAMP:
    case arrow::Type::TIME32:
    case arrow::Type::TIME64:
    case arrow::Type::DURATION: return ColumnType::kTime;
    default: return ColumnType::kOther;
  }
}

bool is_numeric(ColumnType type) { return type == ColumnType::kReal || type == ColumnType::kInt || type == ColumnType::kBool; }

std::string free_name(std::string name, std::unordered_set<std::string>& taken) {
  if (taken.insert(name).second) return name;
  for (int i = 1;; ++i) {
    std::string candidate = cat(name, "_", i);
    if (taken.insert(candidate).second) return candidate;
  }
}

Result<std::vector<std::shared_ptr<arrow::Array>>> matrix_columns(const Tensor& matrix) {
  if (matrix.shape().size() != 2) {
    return Error(Code::kShape, cat("a table needs a matrix [rows, columns], not a tensor with ", matrix.shape().size(), " axes"));
  }
  switch (matrix.dtype()) {
    case DType::kF64: return split_columns<arrow::DoubleType>(matrix);
    case DType::kF32: return split_columns<arrow::FloatType>(matrix);
    case DType::kI64: return split_columns<arrow::Int64Type>(matrix);
    case DType::kI32: return split_columns<arrow::Int32Type>(matrix);
    case DType::kI16: return split_columns<arrow::Int16Type>(matrix);
    case DType::kI8: return split_columns<arrow::Int8Type>(matrix);
    case DType::kU64: return split_columns<arrow::UInt64Type>(matrix);
    case DType::kU32: return split_columns<arrow::UInt32Type>(matrix);
    case DType::kU16: return split_columns<arrow::UInt16Type>(matrix);
    case DType::kU8: return split_columns<arrow::UInt8Type>(matrix);
    default:
      return Error(Code::kUnsupported, cat("a table column cannot hold elements of type ", dtype_name(matrix.dtype())),
                   "convert the tensor to f32 or f64 first");
  }
}

}  // namespace detail

Table::Table(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Table::~Table() = default;

std::shared_ptr<const Table> Table::from_arrow(std::shared_ptr<arrow::Table> table) {
  HEADRACE_CHECK(table != nullptr, "a table made from no Arrow table");
  auto impl = std::make_unique<Impl>();
  impl->table = with_plain_schema(table);
  impl->columns.reserve(static_cast<std::size_t>(impl->table->num_columns()));
  for (int i = 0; i < impl->table->num_columns(); ++i) {
    const auto& field = *impl->table->field(i);
    impl->columns.push_back({field.name(), detail::column_type(*field.type()), role_of(field), impl->table->column(i)->null_count()});
  }
  return std::shared_ptr<const Table>(new Table(std::move(impl)));
}

Result<std::shared_ptr<const Table>> Table::from_matrix(const Tensor& matrix, std::span<const std::string> names) {
  HEADRACE_ASSIGN(auto arrays, detail::matrix_columns(matrix));
  if (!names.empty() && names.size() != arrays.size()) {
    return Error(Code::kShape, cat(names.size(), " names for a matrix of ", arrays.size(), " columns"));
  }
  arrow::FieldVector fields;
  for (std::size_t i = 0; i < arrays.size(); ++i) {
    fields.push_back(arrow::field(names.empty() ? cat("x", i) : names[i], arrays[i]->type()));
  }
  return from_arrow(arrow::Table::Make(arrow::schema(std::move(fields)), arrays, matrix.dim(0)));
}

std::int64_t Table::rows() const { return impl_->table->num_rows(); }
const std::vector<Column>& Table::columns() const { return impl_->columns; }
const std::shared_ptr<arrow::Table>& Table::arrow() const { return impl_->table; }

Result<int> Table::column_index(std::string_view name) const {
  std::vector<std::string> known;
  for (std::size_t i = 0; i < impl_->columns.size(); ++i) {
    if (impl_->columns[i].name == name) return static_cast<int>(i);
  }
  for (const Column& column : impl_->columns) known.push_back(column.name);
  return Error(Code::kMissingColumn, cat("there is no column '", name, "'"), nearest_advice(name, known));
}

Result<int> Table::resolve(const config::Value& name_or_index) const {
  if (name_or_index.kind() == config::Kind::kInt) {
    const auto count = static_cast<std::int64_t>(impl_->columns.size());
    const std::int64_t given = name_or_index.integer();
    if (given < -count || given >= count) {
      return Error(Code::kMissingColumn, cat("there is no column number ", given),
                   count == 0 ? std::string("the table has no columns")
                              : cat("the table has ", count, " columns: 0 to ", count - 1, ", or -1 for the last"),
                   name_or_index.where());
    }
    return static_cast<int>(given < 0 ? given + count : given);
  }
  if (name_or_index.is_string()) {
    Result<int> index = column_index(name_or_index.string());
    if (index.ok()) return index;
    return std::move(index).error().at(name_or_index.where());
  }
  return Error(Code::kBadValue, cat("a column is given by name or by number, not by a ", config::kind_name(name_or_index.kind())), {},
               name_or_index.where());
}

std::optional<int> Table::with_role(Role role) const {
  for (std::size_t i = 0; i < impl_->columns.size(); ++i) {
    if (impl_->columns[i].role == role) return static_cast<int>(i);
  }
  return std::nullopt;
}

std::vector<int> Table::features() const {
  std::vector<int> out;
  for (std::size_t i = 0; i < impl_->columns.size(); ++i) {
    if (impl_->columns[i].role == Role::kFeature) out.push_back(static_cast<int>(i));
  }
  return out;
}

std::uint64_t Table::size_bytes() const {
  const auto bytes = arrow::util::ReferencedBufferSize(*impl_->table);
  // Types without fixed buffers (views, unions) are counted whole.
  return static_cast<std::uint64_t>(bytes.ok() ? *bytes : arrow::util::TotalBufferSize(*impl_->table));
}

bool Table::equals(const Table& other) const {
  if (rows() != other.rows() || columns().size() != other.columns().size()) return false;
  const arrow::EqualOptions options = arrow::EqualOptions::Defaults().nans_equal(true);
  for (int i = 0; i < static_cast<int>(columns().size()); ++i) {
    const auto& field = *impl_->table->field(i);
    const auto& field_other = *other.impl_->table->field(i);
    if (field.name() != field_other.name() || !field.type()->Equals(*field_other.type())) return false;
    if (columns()[static_cast<std::size_t>(i)].role != other.columns()[static_cast<std::size_t>(i)].role) return false;
    if (!impl_->table->column(i)->Equals(*other.impl_->table->column(i), options)) return false;
  }
  return true;
}

}  // namespace headrace::data
