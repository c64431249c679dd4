// SPDX-License-Identifier: Apache-2.0
// Reading values out of a table: matrices, reals, texts and class codes.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <unordered_map>

#include <arrow/compute/cast.h>

#include "data/arrow_bridge.h"
#include "data/raw_tensor.h"
#include "data/table_impl.h"
#include "headrace/base/text.h"

namespace headrace::data {
namespace {

constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

template <class ArrayType>
void copy_reals(const arrow::Array& array, std::int64_t offset, std::int64_t rows, double* out) {
  const auto* values = static_cast<const ArrayType&>(array).raw_values() + offset;
  for (std::int64_t i = 0; i < rows; ++i) out[i] = static_cast<double>(values[i]);
}

// Writes rows [offset, offset + rows) of one chunk as doubles, nulls as NaN.
void read_chunk(const arrow::Array& array, std::int64_t offset, std::int64_t rows, double* out) {
  switch (array.type_id()) {
    case arrow::Type::DOUBLE: {
      const double* values = static_cast<const arrow::DoubleArray&>(array).raw_values() + offset;
      std::memcpy(out, values, static_cast<std::size_t>(rows) * sizeof(double));
      break;
    }
    case arrow::Type::FLOAT: copy_reals<arrow::FloatArray>(array, offset, rows, out); break;
    case arrow::Type::INT64: copy_reals<arrow::Int64Array>(array, offset, rows, out); break;
    case arrow::Type::INT32: copy_reals<arrow::Int32Array>(array, offset, rows, out); break;
    case arrow::Type::INT16: copy_reals<arrow::Int16Array>(array, offset, rows, out); break;
    case arrow::Type::INT8: copy_reals<arrow::Int8Array>(array, offset, rows, out); break;
    case arrow::Type::UINT64: copy_reals<arrow::UInt64Array>(array, offset, rows, out); break;
    case arrow::Type::UINT32: copy_reals<arrow::UInt32Array>(array, offset, rows, out); break;
    case arrow::Type::UINT16: copy_reals<arrow::UInt16Array>(array, offset, rows, out); break;
    case arrow::Type::UINT8: copy_reals<arrow::UInt8Array>(array, offset, rows, out); break;
    case arrow::Type::BOOL: {
      const auto& values = static_cast<const arrow::BooleanArray&>(array);
      for (std::int64_t i = 0; i < rows; ++i) out[i] = values.Value(offset + i) ? 1.0 : 0.0;
      break;
    }
    default: std::fill(out, out + rows, kMissing); return;   // only the null type gets here
  }
  if (array.null_count() > 0) {
    for (std::int64_t i = 0; i < rows; ++i) {
      if (array.IsNull(offset + i)) out[i] = kMissing;
    }
  }
}

// Walks the chunks of one column from the first row to the last.
class ColumnCursor {
 public:
  explicit ColumnCursor(std::shared_ptr<arrow::ChunkedArray> column) : column_(std::move(column)) {}

  void next(std::int64_t rows, double* out) {
    while (rows > 0) {
      const arrow::Array& array = *column_->chunk(chunk_);
      const std::int64_t take = std::min(rows, array.length() - offset_);
      read_chunk(array, offset_, take, out);
      out += take;
      rows -= take;
      offset_ += take;
      if (offset_ == array.length()) {
        ++chunk_;
        offset_ = 0;
      }
    }
  }

 private:
  std::shared_ptr<arrow::ChunkedArray> column_;
  int chunk_ = 0;
  std::int64_t offset_ = 0;
};

bool needs_cast(arrow::Type::type id) {
  switch (id) {
    case arrow::Type::HALF_FLOAT:
    case arrow::Type::DECIMAL32:
    case arrow::Type::DECIMAL64:
    case arrow::Type::DECIMAL128:
    case arrow::Type::DECIMAL256: return true;
    default: return false;
  }
}

Result<std::shared_ptr<arrow::ChunkedArray>> cast(const std::shared_ptr<arrow::ChunkedArray>& column,
                                                  const std::shared_ptr<arrow::DataType>& type, std::string_view name) {
  detail::initialize_compute();
  HEADRACE_ARROW(auto datum, arrow::compute::Cast(arrow::Datum(column), type), Code::kEdgeType, cat("converting column '", name, "'"));
  return datum.chunked_array();
}

Result<ColumnCursor> cursor(const Table& table, int index) {
  const Column& column = table.columns().at(static_cast<std::size_t>(index));
  if (!detail::is_numeric(column.type)) {
    const bool names = column.type == ColumnType::kText || column.type == ColumnType::kCategory;
    return Error(Code::kEdgeType, cat("column '", column.name, "' holds ", column_type_name(column.type), ", not numbers"),
                 names ? "put one_hot_encoder or ordinal_encoder before this node, or leave the column out with drop_columns"
                       : "convert it with cast, or leave it out with drop_columns");
  }
  auto chunks = table.arrow()->column(index);
  if (needs_cast(chunks->type()->id())) {
    HEADRACE_ASSIGN(chunks, cast(chunks, arrow::float64(), column.name));
  }
  return ColumnCursor(std::move(chunks));
}

// --- texts ---------------------------------------------------------------------------------------------------------------

template <class ArrayType, class Print>
void append_texts(const arrow::Array& array, std::vector<std::string>& out, std::vector<bool>* nulls, Print print) {
  const auto& values = static_cast<const ArrayType&>(array);
  for (std::int64_t i = 0; i < array.length(); ++i) {
    const bool null = array.IsNull(i);
    if (nulls) nulls->push_back(null);
    out.push_back(null ? std::string() : print(values.GetView(i)));
  }
}

Status append_chunk(const arrow::Array& array, std::string_view name, std::vector<std::string>& out, std::vector<bool>* nulls) {
  const auto as_text = [](std::string_view text) { return std::string(text); };
  const auto as_number = [](auto number) {
    if constexpr (std::is_floating_point_v<decltype(number)>) return number_text(static_cast<double>(number));
    else return std::to_string(number);
  };
  switch (array.type_id()) {
    case arrow::Type::STRING: append_texts<arrow::StringArray>(array, out, nulls, as_text); return {};
    case arrow::Type::LARGE_STRING: append_texts<arrow::LargeStringArray>(array, out, nulls, as_text); return {};
    case arrow::Type::STRING_VIEW: append_texts<arrow::StringViewArray>(array, out, nulls, as_text); return {};
    case arrow::Type::BOOL:
      append_texts<arrow::BooleanArray>(array, out, nulls, [](bool value) { return std::string(value ? "true" : "false"); });
      return {};
    case arrow::Type::DOUBLE: append_texts<arrow::DoubleArray>(array, out, nulls, as_number); return {};
    case arrow::Type::FLOAT: append_texts<arrow::FloatArray>(array, out, nulls, as_number); return {};
    case arrow::Type::INT64: append_texts<arrow::Int64Array>(array, out, nulls, as_number); return {};
    case arrow::Type::INT32: append_texts<arrow::Int32Array>(array, out, nulls, as_number); return {};
    case arrow::Type::INT16: append_texts<arrow::Int16Array>(array, out, nulls, as_number); return {};
    case arrow::Type::INT8: append_texts<arrow::Int8Array>(array, out, nulls, as_number); return {};
    case arrow::Type::UINT64: append_texts<arrow::UInt64Array>(array, out, nulls, as_number); return {};
    case arrow::Type::UINT32: append_texts<arrow::UInt32Array>(array, out, nulls, as_number); return {};
    case arrow::Type::UINT16: append_texts<arrow::UInt16Array>(array, out, nulls, as_number); return {};
    case arrow::Type::UINT8: append_texts<arrow::UInt8Array>(array, out, nulls, as_number); return {};
    case arrow::Type::DICTIONARY: {
      const auto& coded = static_cast<const arrow::DictionaryArray&>(array);
      std::vector<std::string> words;
      std::vector<bool> word_nulls;
      HEADRACE_TRY(append_chunk(*coded.dictionary(), name, words, &word_nulls));
      for (std::int64_t i = 0; i < coded.length(); ++i) {
        const std::int64_t word = coded.IsNull(i) ? -1 : coded.GetValueIndex(i);
        const bool null = word < 0 || word_nulls[static_cast<std::size_t>(word)];
        if (nulls) nulls->push_back(null);
        out.push_back(null ? std::string() : words[static_cast<std::size_t>(word)]);
      }
      return {};
    }
    default: {
      HEADRACE_ASSIGN(const auto texts, cast(std::make_shared<arrow::ChunkedArray>(arrow::MakeArray(array.data())), arrow::utf8(), name));
      for (const auto& chunk : texts->chunks()) append_texts<arrow::StringArray>(*chunk, out, nulls, as_text);
      return {};
    }
  }
}

// --- codes ---------------------------------------------------------------------------------------------------------------

Error missing_value(const Column& column, std::int64_t row) {
  return Error(Code::kNotFinite, cat("column '", column.name, "' has no value in row ", row + 1, ", where a class is needed"),
               "remove such rows with drop_missing, or fill them with impute");
}

// Sorts the distinct values and looks each row up. `key` must give a strict order.
template <class T, class Print>
Table::Codes codes_of(const std::vector<T>& values, bool numeric, Print print) {
  std::unordered_map<T, std::int64_t> place;
  std::vector<T> distinct;
  for (const T& value : values) {
    if (place.try_emplace(value, 0).second) distinct.push_back(value);
  }
  std::sort(distinct.begin(), distinct.end());
  Table::Codes out;
  out.numeric = numeric;
  for (std::size_t i = 0; i < distinct.size(); ++i) {
    place[distinct[i]] = static_cast<std::int64_t>(i);
    out.classes.push_back(print(distinct[i]));
  }
  out.codes.reserve(values.size());
  for (const T& value : values) out.codes.push_back(place.find(value)->second);
  return out;
}

// 64-bit integers do not all fit a double, so they are coded as they are.
template <class ArrayType>
Result<Table::Codes> integer_codes(const arrow::ChunkedArray& column, const Column& facts) {
  std::vector<typename ArrayType::value_type> values;
  values.reserve(static_cast<std::size_t>(column.length()));
  for (const auto& chunk : column.chunks()) {
    const auto& array = static_cast<const ArrayType&>(*chunk);
    for (std::int64_t i = 0; i < array.length(); ++i) {
      if (array.IsNull(i)) return missing_value(facts, static_cast<std::int64_t>(values.size()));
      values.push_back(array.Value(i));
    }
  }
  return codes_of(values, true, [](auto value) { return std::to_string(value); });
}

}  // namespace

Result<Tensor> Table::matrix(std::span<const int> columns) const {
  const std::int64_t count = static_cast<std::int64_t>(columns.size());
  std::vector<ColumnCursor> cursors;
  cursors.reserve(columns.size());
  for (const int column : columns) {
    HEADRACE_ASSIGN(auto one, cursor(*this, column));
    cursors.push_back(std::move(one));
  }
  const std::int64_t total = rows();
  Tensor out = detail::raw_tensor(DType::kF64, {total, count});
  double* to = out.mutable_span<double>().data();
  // Tiles of kRows x kColumns: eight columns are read into a buffer in the first-level cache and written as whole cache lines.
  constexpr std::int64_t kRows = 128;
  constexpr std::int64_t kColumns = 8;
  alignas(64) double tile[kColumns][kRows];
  for (std::int64_t row = 0; row < total; row += kRows) {
    const std::int64_t height = std::min(kRows, total - row);
    for (std::int64_t column = 0; column < count; column += kColumns) {
      const std::int64_t width = std::min(kColumns, count - column);
      for (std::int64_t c = 0; c < width; ++c) cursors[static_cast<std::size_t>(column + c)].next(height, tile[c]);
      double* corner = to + row * count + column;
      if (width == kColumns) {
        for (std::int64_t r = 0; r < height; ++r) {
          for (std::int64_t c = 0; c < kColumns; ++c) corner[r * count + c] = tile[c][r];
        }
      } else {
        for (std::int64_t r = 0; r < height; ++r) {
          for (std::int64_t c = 0; c < width; ++c) corner[r * count + c] = tile[c][r];
        }
      }
    }
  }
  return out;
}

Result<std::vector<double>> Table::reals(int column) const {
  HEADRACE_ASSIGN(auto one, cursor(*this, column));
  std::vector<double> out(static_cast<std::size_t>(rows()));
  one.next(rows(), out.data());
  return out;
}

Result<std::vector<std::string>> Table::texts(int column, std::vector<bool>* nulls) const {
  const Column& facts = columns().at(static_cast<std::size_t>(column));
  if (facts.type == ColumnType::kOther) {
    return Error(Code::kEdgeType, cat("column '", facts.name, "' is of type ", arrow()->column(column)->type()->ToString(),
                                      ", which has no text form"), "leave it out with drop_columns");
  }
  std::vector<std::string> out;
  out.reserve(static_cast<std::size_t>(rows()));
  if (nulls) nulls->clear();
  for (const auto& chunk : arrow()->column(column)->chunks()) HEADRACE_TRY(append_chunk(*chunk, facts.name, out, nulls));
  return out;
}

Result<Table::Codes> Table::codes(int column) const {
  const Column& facts = columns().at(static_cast<std::size_t>(column));
  const auto id = arrow()->column(column)->type()->id();
  if (id == arrow::Type::INT64) return integer_codes<arrow::Int64Array>(*arrow()->column(column), facts);
  if (id == arrow::Type::UINT64) return integer_codes<arrow::UInt64Array>(*arrow()->column(column), facts);
  if (facts.type == ColumnType::kInt || facts.type == ColumnType::kReal) {
    HEADRACE_ASSIGN(auto values, reals(column));
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (std::isnan(values[i])) return missing_value(facts, static_cast<std::int64_t>(i));
      values[i] += 0.0;   // -0.0 and 0.0 are one class
    }
    return codes_of(values, true, [](double value) { return number_text(value); });
  }
  std::vector<bool> nulls;
  HEADRACE_ASSIGN(auto values, texts(column, &nulls));
  const auto missing = std::find(nulls.begin(), nulls.end(), true);
  if (missing != nulls.end()) return missing_value(facts, missing - nulls.begin());
  return codes_of(values, false, [](const std::string& text) { return text; });
}

}  // namespace headrace::data
