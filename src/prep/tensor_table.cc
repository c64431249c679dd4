// SPDX-License-Identifier: Apache-2.0
#include "prep/tensor_table.h"

#include <bit>
#include <cmath>
#include <cstring>

#include "headrace/base/text.h"

namespace headrace::prep {
namespace {

float from_half(std::uint16_t half) {
  const std::uint32_t sign = static_cast<std::uint32_t>(half >> 15) << 31;
  const std::uint32_t exponent = (half >> 10) & 31, fraction = half & 1023;
  if (exponent == 0) return std::copysign(std::ldexp(static_cast<float>(fraction), -24), sign ? -1.0f : 1.0f);
  const std::uint32_t wide = exponent == 31 ? 255 : exponent + 112;
  return std::bit_cast<float>(sign | wide << 23 | fraction << 13);
}

// Types that table columns do not have, as ones they do; others as they are.
data::Tensor widened(const data::Tensor& tensor) {
  if (tensor.dtype() == data::DType::kBool) return data::Tensor(data::DType::kU8, tensor.shape(), tensor.bytes(), tensor.owner());
  if (tensor.dtype() != data::DType::kF16 && tensor.dtype() != data::DType::kBF16) return tensor;
  data::Tensor out(data::DType::kF32, tensor.shape());
  const auto to = out.mutable_span<float>();
  for (std::size_t i = 0; i < to.size(); ++i) {
    std::uint16_t half = 0;
    std::memcpy(&half, static_cast<const char*>(tensor.bytes()) + 2 * i, sizeof half);
    to[i] = tensor.dtype() == data::DType::kF16 ? from_half(half) : std::bit_cast<float>(static_cast<std::uint32_t>(half) << 16);
  }
  return out;
}

}  // namespace

Result<TablePointer> table_of(const data::Tensor& tensor, const std::vector<std::string>& names) {
  if (tensor.shape().empty()) return Error(Code::kShape, "an array without axes is no table", "save an array of rows and columns");
  const std::int64_t rows = tensor.dim(0);
  std::int64_t columns = 1;
  for (std::size_t axis = 1; axis < tensor.shape().size(); ++axis) columns *= tensor.dim(axis);
  constexpr std::int64_t kColumnsMax = 1'000'000;
  if (columns > kColumnsMax) return Error(Code::kTooLarge, cat("an array with ", columns, " columns; the most is ", kColumnsMax));
  const data::Tensor wide = widened(tensor);
  return data::Table::from_matrix(data::Tensor(wide.dtype(), {rows, columns}, wide.bytes(), wide.owner()), names);
}

Result<TablePointer> with_target(const TablePointer& table, const data::Tensor& target) {
  if (target.shape().empty() || target.dim(0) != table->rows() || target.count() != table->rows()) {
    return Error(Code::kShape, cat("the target needs one value for each of ", table->rows(), " rows, and has ", target.count()));
  }
  HEADRACE_ASSIGN(const auto column, table_of(target, {"target"}));
  const std::pair<int, data::Role> roles[] = {{0, data::Role::kTarget}};
  HEADRACE_ASSIGN(const auto marked, column->with_roles(roles));
  return data::Table::beside(*table, *marked, /*features_only=*/false);
}

}  // namespace headrace::prep
