// SPDX-License-Identifier: Apache-2.0
#include "learn/frame.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include "headrace/base/text.h"

namespace headrace::learn {
namespace {

at::ScalarType scalar_of(data::DType type) {
  switch (type) {
    case data::DType::kF32: return at::kFloat;
    case data::DType::kF64: return at::kDouble;
    case data::DType::kI32: return at::kInt;
    case data::DType::kI64: return at::kLong;
    case data::DType::kU8: return at::kByte;
    case data::DType::kI8: return at::kChar;
    case data::DType::kI16: return at::kShort;
    case data::DType::kU16: return at::kUInt16;
    case data::DType::kU32: return at::kUInt32;
    case data::DType::kU64: return at::kUInt64;
    case data::DType::kF16: return at::kHalf;
    case data::DType::kBF16: return at::kBFloat16;
    case data::DType::kBool: return at::kBool;
  }
  return at::kDouble;
}

data::DType dtype_of(at::ScalarType type) {
  for (int i = 0; i <= static_cast<int>(data::DType::kBool); ++i) {
    if (scalar_of(static_cast<data::DType>(i)) == type) return static_cast<data::DType>(i);
  }
  detail_abort("a torch dtype without a counterpart in data::DType");
}

std::string unique_name(std::string name, std::set<std::string>& taken) {
  std::string candidate = name;
  for (int suffix = 1; !taken.insert(candidate).second; ++suffix) candidate = cat(name, "_", suffix);
  return candidate;
}

// A value is fine when finite, or NaN where missing values are allowed. The sum over a row is finite when all of it is, so
// clean data cost one pass of additions.
Status check_values(const at::Tensor& x, std::span<const std::string> names, bool refuses_missing) {
  const std::int64_t rows = x.size(0), width = x.size(1);
  const double* values = x.const_data_ptr<double>();
  for (std::int64_t row = 0; row < rows; ++row) {
    const double* begin = values + row * width;
    double sum = 0.0;
    for (std::int64_t column = 0; column < width; ++column) sum += begin[column] * 0.0;
    if (sum == 0.0) continue;
    for (std::int64_t column = 0; column < width; ++column) {
      const double value = begin[column];
      if (std::isinf(value)) {
        return Error(Code::kNotFinite, cat("a feature is infinite: column '", names[static_cast<std::size_t>(column)], "', row ", row + 1,
                                           " of ", rows), "remove the row, or replace the value");
      }
      if (std::isnan(value) && refuses_missing) {
        return Error(Code::kNotFinite, cat("a feature is missing: column '", names[static_cast<std::size_t>(column)], "', row ", row + 1,
                                           " of ", rows), "put an imputer before this node, or drop such rows");
      }
    }
  }
  return {};
}

Status flatten(const data::Object& object, std::vector<TablePtr>& tables) {
  if (object.kind() == data::Kind::kTuple) {
    for (const data::Object& part : object.tuple()) HEADRACE_TRY(flatten(part, tables));
    return {};
  }
  if (object.kind() != data::Kind::kTable) {
    return Error(Code::kEdgeType, cat("an estimator reads tables, this input is: ", data::kind_name(object.kind())));
  }
  tables.push_back(object.shared_table());
  return {};
}

Result<int> column_of(const data::Table& table, data::Role role, std::string_view advice) {
  if (const auto column = table.with_role(role)) return *column;
  return Error(Code::kMissingColumn, cat("no column has the role: ", data::role_name(role)), std::string(advice));
}

constexpr std::string_view kTargetAdvice = "set `target:` on the source that reads the data";

}  // namespace

at::Tensor to_aten(const data::Tensor& tensor) {
  auto owner = tensor.owner();
  const auto options = at::TensorOptions().dtype(scalar_of(tensor.dtype()));
  if (tensor.count() == 0) return at::empty(tensor.shape(), options);
  return at::from_blob(const_cast<void*>(tensor.bytes()), tensor.shape(), [owner](void*) mutable { owner.reset(); }, options);
}

data::Tensor to_data(const at::Tensor& tensor) {
  auto kept = std::make_shared<const at::Tensor>(tensor.detach().cpu().contiguous());
  const auto sizes = kept->sizes();
  const void* bytes = kept->const_data_ptr();
  return data::Tensor(dtype_of(kept->scalar_type()), std::vector<std::int64_t>(sizes.begin(), sizes.end()), bytes,
                      std::shared_ptr<const void>(kept, bytes));
}

Result<std::vector<TablePtr>> tables_of(std::span<const data::Object> inputs) {
  std::vector<TablePtr> tables;
  for (const data::Object& input : inputs) HEADRACE_TRY(flatten(input, tables));
  if (tables.empty()) return Error(Code::kMissingInput, "an estimator needs at least one table");
  for (const TablePtr& table : tables) {
    if (table->rows() != tables[0]->rows()) {
      return Error(Code::kShape, cat("tables set side by side differ in rows: ", tables[0]->rows(), " and ", table->rows()));
    }
  }
  if (tables[0]->rows() == 0) return Error(Code::kShape, "the table has no rows");
  return tables;
}

Result<Frame> frame_of(const TablePtr& table, std::span<const int> columns, const FrameOptions& options) {
  Frame frame;
  frame.table = table;
  for (const int column : columns) frame.names.push_back(table->columns()[static_cast<std::size_t>(column)].name);
  HEADRACE_ASSIGN(const data::Tensor matrix, table->matrix(columns));
  frame.x = to_aten(matrix);
  HEADRACE_TRY(check_values(frame.x, frame.names, options.refuses_missing));
  return frame;
}

Result<Frame> frame_of(std::span<const data::Object> inputs, const FrameOptions& options) {
  HEADRACE_ASSIGN(const std::vector<TablePtr> tables, tables_of(inputs));
  std::vector<Frame> parts;
  for (const TablePtr& table : tables) {
    const std::vector<int> features = table->features();
    if (features.empty() && tables.size() > 1) continue;
    if (features.empty()) return Error(Code::kShape, "the table has no feature column", "look at the roles of its columns");
    HEADRACE_ASSIGN(auto part, frame_of(table, features, options));
    parts.push_back(std::move(part));
  }
  if (parts.empty()) return Error(Code::kShape, "no input has a feature column", "look at the roles of their columns");
  if (parts.size() == 1) {
    parts[0].table = tables[0];
    return std::move(parts[0]);
  }

  // Beyond this point every part has as many rows as the first.
  Frame frame;
  frame.table = tables[0];
  std::set<std::string> taken;
  std::vector<at::Tensor> blocks;
  for (Frame& part : parts) {
    blocks.push_back(std::move(part.x));
    for (std::string& name : part.names) frame.names.push_back(unique_name(std::move(name), taken));
  }
  data::Tensor memory(data::DType::kF64, {tables[0]->rows(), static_cast<std::int64_t>(frame.names.size())});
  frame.x = to_aten(memory);
  at::cat_out(frame.x, blocks, 1);
  return frame;
}

Result<Labels> labels_of(const data::Table& table) {
  HEADRACE_ASSIGN(const int column, column_of(table, data::Role::kTarget, kTargetAdvice));
  HEADRACE_ASSIGN(auto codes, table.codes(column));
  Labels labels;
  labels.codes = to_aten(data::Tensor::of<std::int64_t>({static_cast<std::int64_t>(codes.codes.size())}, codes.codes));
  labels.classes = std::move(codes.classes);
  labels.numeric = codes.numeric;
  return labels;
}

Result<at::Tensor> targets_of(const data::Table& table) {
  HEADRACE_ASSIGN(const int column, column_of(table, data::Role::kTarget, kTargetAdvice));
  HEADRACE_ASSIGN(const std::vector<double> values, table.reals(column));
  for (std::size_t row = 0; row < values.size(); ++row) {
    if (std::isfinite(values[row])) continue;
    return Error(Code::kNotFinite, cat("a target is missing or infinite: column '", table.columns()[static_cast<std::size_t>(column)].name,
                                       "', row ", row + 1, " of ", values.size()), "drop such rows before this node");
  }
  return to_aten(data::Tensor::of<double>({static_cast<std::int64_t>(values.size())}, values));
}

Result<at::Tensor> weights_of(const data::Table& table) {
  const auto column = table.with_role(data::Role::kWeight);
  if (!column) return at::Tensor();
  HEADRACE_ASSIGN(const std::vector<double> values, table.reals(*column));
  double sum = 0.0;
  for (std::size_t row = 0; row < values.size(); ++row) {
    if (!(values[row] >= 0.0) || std::isinf(values[row])) {
      return Error(Code::kBadData, cat("a weight is missing, negative or infinite: column '",
                                       table.columns()[static_cast<std::size_t>(*column)].name, "', row ", row + 1, " of ", values.size()));
    }
    sum += values[row];
  }
  if (sum == 0.0) return Error(Code::kBadData, "all weights are zero");
  return to_aten(data::Tensor::of<double>({static_cast<std::int64_t>(values.size())}, values));
}

Result<at::Tensor> groups_of(const data::Table& table) {
  HEADRACE_ASSIGN(const int column, column_of(table, data::Role::kGroup, "set `group:` on the source that reads the data"));
  HEADRACE_ASSIGN(const auto codes, table.codes(column));
  return to_aten(data::Tensor::of<std::int64_t>({static_cast<std::int64_t>(codes.codes.size())}, codes.codes));
}

std::vector<std::string> numbered(std::string_view prefix, std::int64_t count) {
  std::vector<std::string> names;
  names.reserve(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) names.push_back(cat(prefix, i));
  return names;
}

config::Value text_list(std::span<const std::string> texts) {
  config::List list;
  list.reserve(texts.size());
  for (const std::string& text : texts) list.emplace_back(text);
  return config::Value(std::move(list));
}

std::vector<std::string> texts_of(const config::Value& list) {
  std::vector<std::string> texts;
  for (const config::Value& entry : list.list()) texts.push_back(entry.string());
  return texts;
}

Result<at::Tensor> tensor_of(const data::Model& model, std::string_view name) {
  const data::Tensor* tensor = model.tensors.find(name);
  if (tensor != nullptr) return to_aten(*tensor);
  return Error(Code::kDamaged, cat("a model of ", model.op, " lacks the tensor: ", name), "fit the model again");
}

Result<std::vector<std::string>> texts_of(const data::Model& model, std::string_view key) {
  const config::Value* list = model.meta.find(key);
  const auto is_text = [](const config::Value& value) { return value.is_string(); };
  if (list == nullptr || !list->is_list() || !std::all_of(list->list().begin(), list->list().end(), is_text)) {
    return Error(Code::kDamaged, cat("a model of ", model.op, " lacks the list: ", key), "fit the model again");
  }
  return texts_of(*list);
}

Result<double> number_of(const data::Model& model, std::string_view key) {
  const config::Value* number = model.meta.find(key);
  if (number != nullptr && number->is_number()) return number->real();
  return Error(Code::kDamaged, cat("a model of ", model.op, " lacks the number: ", key), "fit the model again");
}

}  // namespace headrace::learn
