// SPDX-License-Identifier: Apache-2.0
#include "headrace/data/tensor.h"

#include <array>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "data/raw_tensor.h"
#include "headrace/base/text.h"

namespace headrace::data {
namespace {

struct DTypeRow {
  DType type;
  std::string_view name;
  std::size_t size;
};
constexpr std::array<DTypeRow, 13> kRows = {{{DType::kF32, "f32", 4}, {DType::kF64, "f64", 8}, {DType::kI32, "i32", 4},
                                             {DType::kI64, "i64", 8}, {DType::kU8, "u8", 1},   {DType::kI8, "i8", 1},
                                             {DType::kI16, "i16", 2}, {DType::kU16, "u16", 2}, {DType::kU32, "u32", 4},
                                             {DType::kU64, "u64", 8}, {DType::kF16, "f16", 2}, {DType::kBF16, "bf16", 2},
                                             {DType::kBool, "bool", 1}}};

const DTypeRow& row_of(DType type) {
  const auto index = static_cast<std::size_t>(type);
  HEADRACE_CHECK(index < kRows.size() && kRows[index].type == type, "a dtype outside the table");
  return kRows[index];
}

}  // namespace

std::string_view dtype_name(DType type) { return row_of(type).name; }

std::size_t dtype_size(DType type) { return row_of(type).size; }

Result<DType> dtype_from_name(std::string_view name) {
  std::vector<std::string> known;
  for (const DTypeRow& row : kRows) {
    if (row.name == name) return row.type;
    known.emplace_back(row.name);
  }
  return Error(Code::kBadValue, cat("no element type is called '", name, "'"), nearest_advice(name, known));
}

namespace detail {

std::optional<std::int64_t> element_count(std::span<const std::int64_t> shape, DType type) {
  std::int64_t count = 1;
  for (const std::int64_t entry : shape) {
    if (entry < 0 || __builtin_mul_overflow(count, entry, &count)) return std::nullopt;
  }
  // A zero anywhere makes the count zero, but the other entries must still make sense together with the element size.
  std::int64_t bytes = 0;
  if (__builtin_mul_overflow(count, static_cast<std::int64_t>(dtype_size(type)), &bytes)) return std::nullopt;
  if (bytes > std::numeric_limits<std::int64_t>::max() - 64) return std::nullopt;
  return count;
}

std::shared_ptr<void> aligned_memory(std::size_t bytes) {
  void* memory = nullptr;
  const std::size_t rounded = (bytes + 63) / 64 * 64;
  HEADRACE_CHECK(::posix_memalign(&memory, 64, rounded > 0 ? rounded : 64) == 0, cat("out of memory for ", bytes_text(bytes)));
  return std::shared_ptr<void>(memory, [](void* pointer) { std::free(pointer); });
}

Tensor raw_tensor(DType type, std::vector<std::int64_t> shape) {
  const std::optional<std::int64_t> count = element_count(shape, type);
  HEADRACE_CHECK(count.has_value(), "a tensor shape with a negative entry, or too large for memory");
  std::shared_ptr<void> memory = aligned_memory(static_cast<std::size_t>(*count) * dtype_size(type));
  const void* bytes = memory.get();
  return Tensor(type, std::move(shape), bytes, std::move(memory));
}

}  // namespace detail

Tensor::Tensor(DType type, std::vector<std::int64_t> shape) : Tensor(detail::raw_tensor(type, std::move(shape))) {
  std::memset(const_cast<void*>(bytes_), 0, size_bytes());
}

Tensor::Tensor(DType type, std::vector<std::int64_t> shape, const void* bytes, std::shared_ptr<const void> owner)
    : type_(type), shape_(std::move(shape)), bytes_(bytes), owner_(std::move(owner)) {
  const std::optional<std::int64_t> count = detail::element_count(shape_, type_);
  HEADRACE_CHECK(count.has_value(), "a tensor shape with a negative entry, or too large for memory");
  count_ = *count;
}

TensorSet& TensorSet::set(std::string name, Tensor tensor) {
  for (auto& [key, value] : entries_) {
    if (key == name) {
      value = std::move(tensor);
      return *this;
    }
  }
  entries_.emplace_back(std::move(name), std::move(tensor));
  return *this;
}

const Tensor* TensorSet::find(std::string_view name) const {
  for (const auto& [key, value] : entries_) {
    if (key == name) return &value;
  }
  return nullptr;
}

}  // namespace headrace::data
