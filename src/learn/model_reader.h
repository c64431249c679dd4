// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reading a model that may come from outside: every tensor is checked for dtype and shape before an estimator indexes into it.

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>

#include <ATen/core/Tensor.h>

#include "headrace/base/result.h"
#include "headrace/data/object.h"

namespace headrace::learn {

/// A size that may be anything.
inline constexpr std::int64_t kAnySize = -1;

/// The tensor `name`, contiguous, of this dtype and shape. Errors: kDamaged naming operator, tensor and what differs.
Result<at::Tensor> tensor_of(const data::Model& model, std::string_view name, at::ScalarType type,
                             std::initializer_list<std::int64_t> shape);
/// An i64 vector [size] whose entries lie in [0, bound). Errors: kDamaged.
Result<at::Tensor> indices_of(const data::Model& model, std::string_view name, std::int64_t size, std::int64_t bound);
/// Number of classes in the model's meta. Errors: kDamaged when there are fewer than two.
Result<std::int64_t> class_count_of(const data::Model& model);
/// Number of features the model was fitted on. Errors: kDamaged.
Result<std::int64_t> feature_count_of(const data::Model& model);

}  // namespace headrace::learn
