// SPDX-License-Identifier: Apache-2.0
#pragma once
// Tensor and TensorSet: named dense arrays, row-major, immutable once shared, 64-byte aligned. No maths here.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "headrace/base/result.h"

namespace headrace::data {

enum class DType : std::uint8_t { kF32, kF64, kI32, kI64, kU8, kI8, kI16, kU16, kU32, kU64, kF16, kBF16, kBool };
std::string_view dtype_name(DType type);          ///< "f64", "i64", ... (safetensors spelling in lower case)
std::size_t dtype_size(DType type);
Result<DType> dtype_from_name(std::string_view name);

template <class T> struct DTypeOf;
template <> struct DTypeOf<float> { static constexpr DType value = DType::kF32; };
template <> struct DTypeOf<double> { static constexpr DType value = DType::kF64; };
template <> struct DTypeOf<std::int32_t> { static constexpr DType value = DType::kI32; };
template <> struct DTypeOf<std::int64_t> { static constexpr DType value = DType::kI64; };
template <> struct DTypeOf<std::uint8_t> { static constexpr DType value = DType::kU8; };

class Tensor {
 public:
  Tensor() = default;
  /// Allocates zeroed memory, 64-byte aligned. Shape entries >= 0; the product is checked for overflow (a bug when it does).
  Tensor(DType type, std::vector<std::int64_t> shape);
  /// Views memory owned by `owner`. The bytes must stay unchanged while any copy lives.
  Tensor(DType type, std::vector<std::int64_t> shape, const void* bytes, std::shared_ptr<const void> owner);

  template <class T>
  static Tensor of(std::vector<std::int64_t> shape, std::span<const T> values) {
    Tensor tensor(DTypeOf<T>::value, std::move(shape));
    HEADRACE_CHECK(tensor.count() == static_cast<std::int64_t>(values.size()), "values do not fill the shape");
    std::copy(values.begin(), values.end(), tensor.mutable_span<T>().begin());
    return tensor;
  }

  DType dtype() const { return type_; }
  const std::vector<std::int64_t>& shape() const { return shape_; }
  std::int64_t dim(std::size_t axis) const { return shape_.at(axis); }
  std::int64_t count() const { return count_; }
  std::size_t size_bytes() const { return static_cast<std::size_t>(count_) * dtype_size(type_); }
  const void* bytes() const { return bytes_; }
  const std::shared_ptr<const void>& owner() const { return owner_; }

  template <class T>
  std::span<const T> span() const {
    HEADRACE_CHECK(DTypeOf<T>::value == type_, "tensor read as another dtype");
    return {static_cast<const T*>(bytes_), static_cast<std::size_t>(count_)};
  }
  /// For the maker only, before the tensor is shared.
  template <class T>
  std::span<T> mutable_span() {
    HEADRACE_CHECK(DTypeOf<T>::value == type_, "tensor written as another dtype");
    return {static_cast<T*>(const_cast<void*>(bytes_)), static_cast<std::size_t>(count_)};
  }

 private:
  DType type_ = DType::kF64;
  std::vector<std::int64_t> shape_;
  std::int64_t count_ = 0;
  const void* bytes_ = nullptr;
  std::shared_ptr<const void> owner_;
};

/// Tensors by name, in the order set.
class TensorSet {
 public:
  TensorSet& set(std::string name, Tensor tensor);
  const Tensor* find(std::string_view name) const;
  const std::vector<std::pair<std::string, Tensor>>& entries() const { return entries_; }
  bool empty() const { return entries_.empty(); }

 private:
  std::vector<std::pair<std::string, Tensor>> entries_;
};

}  // namespace headrace::data
