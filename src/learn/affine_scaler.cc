// SPDX-License-Identifier: Apache-2.0
#include "learn/affine_scaler.h"

#include "learn/model_reader.h"

namespace headrace::learn {

data::Model AffineScaler::affine_model(const std::vector<double>& center, const std::vector<double>& scale) {
  data::Model model;
  if (!center.empty()) model.tensors.set("center", to_data(detail::row_tensor(center)));
  if (!scale.empty()) model.tensors.set("scale", to_data(detail::row_tensor(scale)));
  return model;
}

Result<Features> AffineScaler::map(const exec::Context&, const data::Model* model, const Frame& frame) const {
  at::Tensor x = frame.x;
  if (model->tensors.find("center") != nullptr) {
    HEADRACE_ASSIGN(const at::Tensor center, tensor_of(*model, "center", at::kDouble, {frame.width()}));
    x.sub_(center);
  }
  if (model->tensors.find("scale") != nullptr) {
    HEADRACE_ASSIGN(const at::Tensor scale, tensor_of(*model, "scale", at::kDouble, {frame.width()}));
    x.div_(scale);
  }
  return Features{x, frame.names};
}

graph::OperatorSpec scaler_row(std::string name, std::string doc, std::vector<config::Option> options) {
  options.push_back(columns_option("all numeric columns"));
  return {.name = std::move(name), .doc = std::move(doc), .options = std::move(options), .fits = true, .refuses_missing = false,
          .numeric_only = false};
}

}  // namespace headrace::learn
