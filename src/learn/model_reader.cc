// SPDX-License-Identifier: Apache-2.0
#include "learn/model_reader.h"

#include <algorithm>
#include <string>
#include <utility>

#include "headrace/base/text.h"
#include "learn/frame.h"

namespace headrace::learn {
namespace {

Error damaged(const data::Model& model, std::string_view name, std::string_view fault) {
  return Error(Code::kDamaged, cat("a model of ", model.op, " holds a bad entry: ", name, ": ", fault), "fit the model again");
}

std::string shape_text(at::IntArrayRef shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (i > 0) text += ", ";
    text += shape[i] == kAnySize ? std::string("any") : cat(shape[i]);
  }
  return text + "]";
}

}  // namespace

Result<at::Tensor> tensor_of(const data::Model& model, std::string_view name, at::ScalarType type,
                             std::initializer_list<std::int64_t> shape) {
  HEADRACE_ASSIGN(at::Tensor tensor, tensor_of(model, name));
  if (tensor.scalar_type() != type) return damaged(model, name, "its dtype");
  const at::IntArrayRef wanted(shape.begin(), shape.size()), sizes = tensor.sizes();
  const bool fits = std::equal(wanted.begin(), wanted.end(), sizes.begin(), sizes.end(),
                               [](std::int64_t want, std::int64_t have) { return want == kAnySize || want == have; });
  if (!fits) return damaged(model, name, cat("shape ", shape_text(sizes), " where ", shape_text(wanted), " belongs"));
  return tensor.contiguous();
}

Result<at::Tensor> indices_of(const data::Model& model, std::string_view name, std::int64_t size, std::int64_t bound) {
  HEADRACE_ASSIGN(at::Tensor indices, tensor_of(model, name, at::kLong, {size}));
  const std::int64_t* begin = indices.const_data_ptr<std::int64_t>();
  const bool inside = std::all_of(begin, begin + indices.numel(), [bound](std::int64_t value) { return value >= 0 && value < bound; });
  if (!inside) return damaged(model, name, cat("an index is not below ", bound));
  return indices;
}

Result<std::int64_t> class_count_of(const data::Model& model) {
  HEADRACE_ASSIGN(const auto classes, texts_of(model, "classes"));
  if (classes.size() < 2) return damaged(model, "classes", "fewer than two");
  return static_cast<std::int64_t>(classes.size());
}

Result<std::int64_t> feature_count_of(const data::Model& model) {
  HEADRACE_ASSIGN(const double count, number_of(model, "features"));
  if (!(count >= 1.0 && count <= 1e9)) return damaged(model, "features", "out of range");
  return static_cast<std::int64_t>(count);
}

}  // namespace headrace::learn
