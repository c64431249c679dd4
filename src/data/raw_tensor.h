// SPDX-License-Identifier: Apache-2.0
#pragma once
// Tensors that their maker fills completely, so zeroing them first would only cost time.

#include <cstddef>
#include <memory>
#include <optional>
#include <span>

#include "headrace/data/tensor.h"

namespace headrace::data::detail {

/// The product of `shape`, or nothing when an entry is negative or the bytes would not fit in 63 bits.
std::optional<std::int64_t> element_count(std::span<const std::int64_t> shape, DType type);

/// Uninitialised memory on a 64-byte boundary, its size rounded up to whole cache lines.
std::shared_ptr<void> aligned_memory(std::size_t bytes);

/// A tensor whose elements are not yet set.
Tensor raw_tensor(DType type, std::vector<std::int64_t> shape);

}  // namespace headrace::data::detail
