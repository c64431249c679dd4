// SPDX-License-Identifier: Apache-2.0
// Polynomial count sketch: random features whose products approximate (gamma <x, y> + coef0)^degree. Each power hashes the columns
// into `components` buckets with random signs; the sketch of a product of powers is the circular convolution of their sketches, so
// one product of Fourier transforms. Source: Pham and Pagh, "Fast and scalable polynomial kernels via explicit feature maps", 2013.
#include <cmath>

#include <ATen/ops/fft_irfft.h>
#include <ATen/ops/fft_rfft.h>
#include <ATen/ops/zeros.h>

#include "headrace/base/text.h"
#include "learn/estimator.h"
#include "learn/model_reader.h"

namespace headrace::learn {
namespace {

class CountSketch final : public Transformer {
  Result<data::Model> learn(const exec::Context& context, const Training& training) const override {
    const std::int64_t degree = context.integer("degree"), components = context.integer("components");
    const std::int64_t inputs = training.frame.width() + (context.real("coef0") != 0 ? 1 : 0);
    Random random = context.random();
    data::Tensor buckets(data::DType::kI64, {degree * inputs}), signs(data::DType::kF64, {degree * inputs});
    for (std::int64_t& bucket : buckets.mutable_span<std::int64_t>())
      bucket = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(components)));
    for (double& sign : signs.mutable_span<double>()) sign = random.below(2) == 0 ? -1.0 : 1.0;
    data::Model model;
    model.tensors.set("buckets", std::move(buckets)).set("signs", std::move(signs));
    return model;
  }

  Result<Features> map(const exec::Context& context, const data::Model* model, const Frame& frame) const override {
    const std::int64_t degree = context.integer("degree"), components = context.integer("components");
    const double scale = std::sqrt(context.real("gamma")), constant = std::sqrt(context.real("coef0"));
    const std::int64_t width = frame.width(), inputs = width + (constant != 0 ? 1 : 0);
    HEADRACE_ASSIGN(const at::Tensor buckets, indices_of(*model, "buckets", degree * inputs, components));
    HEADRACE_ASSIGN(const at::Tensor signs, tensor_of(*model, "signs", at::kDouble, {degree * inputs}));
    const std::int64_t* bucket = buckets.const_data_ptr<std::int64_t>();
    const double* sign = signs.const_data_ptr<double>();

    at::Tensor product;
    for (std::int64_t power = 0; power < degree; ++power, bucket += inputs, sign += inputs) {
      at::Tensor sketch = at::zeros({frame.rows(), components}, frame.x.options());
      double* out = sketch.mutable_data_ptr<double>();
      const double* x = frame.x.const_data_ptr<double>();
      for (std::int64_t row = 0; row < frame.rows(); ++row, out += components, x += width) {
        for (std::int64_t column = 0; column < width; ++column) out[bucket[column]] += sign[column] * (scale * x[column]);
        if (inputs > width) out[bucket[width]] += sign[width] * constant;
      }
      const at::Tensor transformed = at::fft_rfft(sketch);
      product = product.defined() ? product.mul(transformed) : transformed;
    }
    return Features{at::fft_irfft(product, components), numbered("sketch", components)};
  }
};

HEADRACE_ESTIMATOR(CountSketch,
                   {.name = "count_sketch",
                    .doc = "Random features for the polynomial kernel (gamma <x, y> + coef0)^degree. scikit-learn: PolynomialCountSketch.",
                    .options = {config::integer("components", 100, "features to make").at_least(1).at_most(1'000'000),
                                config::integer("degree", 2, "degree of the polynomial").at_least(1).at_most(100),
                                config::real("gamma", 1.0, "factor of the inner product").at_least(0),
                                config::real("coef0", 0.0, "constant added to it").at_least(0)},
                    .fits = true,
                    .random = true});

}  // namespace
}  // namespace headrace::learn
