// SPDX-License-Identifier: Apache-2.0
// Neighbourhood components analysis: the linear map under which nearest neighbours tend to share a class.
#include <algorithm>
#include <utility>
#include <vector>

#include <ATen/ops/empty.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/linalg_svd.h>
#include <ATen/ops/zeros.h>

#include "headrace/base/random.h"
#include "headrace/base/text.h"
#include "learn/discriminant.h"
#include "learn/estimator.h"
#include "learn/lbfgs.h"
#include "learn/model_reader.h"
#include "learn/neighborhood_objective.h"

namespace headrace::learn {
namespace {

class Nca final : public Transformer {
  Result<data::Model> learn(const exec::Context& context, const Training& training) const override {
    const at::Tensor& x = training.frame.x;
    HEADRACE_ASSIGN(const at::Tensor start, starting_map(context, training));
    const at::Tensor map = start.contiguous().clone();
    const std::span<double> point(map.mutable_data_ptr<double>(), static_cast<std::size_t>(map.numel()));

    const detail::NeighborhoodObjective objective(x, training.labels.codes);
    detail::LbfgsOptions options;
    options.iteration_max = context.integer("max_iter");
    options.gradient_tolerance = options.value_tolerance = context.real("tol");
    options.stop = context.stop;
    options.on_step = [&](std::int64_t step) {
      if (context.progress) context.progress(static_cast<double>(step) / static_cast<double>(options.iteration_max));
    };
    const auto result = detail::minimize_lbfgs(
        [&](std::span<const double> at, std::span<double> gradient) { return objective.evaluate(at, gradient); }, point, options);
    HEADRACE_TRY(context.check_stop());
    data::Model model;
    model.tensors.set("components", to_data(map));
    model.meta.set("expected_right", -result.value);
    model.meta.set("iterations", result.iterations);
    model.meta.set("converged", result.converged());
    return model;
  }

  Result<Features> map(const exec::Context&, const data::Model* model, const Frame& frame) const override {
    HEADRACE_ASSIGN(const at::Tensor components, tensor_of(*model, "components", at::kDouble, {kAnySize, frame.width()}));
    return Features{frame.x.mm(components.t()), numbered("nca", components.size(0))};
  }

  static Result<at::Tensor> starting_map(const exec::Context& context, const Training& training) {
    const at::Tensor& x = training.frame.x;
    const std::int64_t rows = x.size(0), width = x.size(1), class_count = static_cast<std::int64_t>(training.labels.classes.size());
    const config::Value& asked = context.value("components");
    const std::int64_t components = asked.is_null() ? width : asked.integer();
    if (components > width) {
      return Error(Code::kBadValue, cat("components exceeds the features: ", components, " of ", width), "lower components");
    }
    std::string init = context.string("init");
    if (init == "auto")
      init = components <= std::min(width, class_count - 1) ? "lda" : components < std::min(width, rows) ? "pca" : "identity";
    if (init == "identity") return at::eye(components, width, at::kDouble);
    if (init == "random") {
      const at::Tensor map = at::empty({components, width}, at::kDouble);
      context.random(0).fill_normal({map.mutable_data_ptr<double>(), static_cast<std::size_t>(map.numel())});
      return map;
    }
    if (init == "pca") {
      if (components > std::min(rows, width)) {
        return Error(Code::kBadValue,
                     cat("init pca has no more components than rows or features: ", components, " of ", std::min(rows, width)));
      }
      const auto [left, singular, right] = at::linalg_svd(x.sub(x.mean(0)), /*full_matrices=*/false);
      return right.slice(0, 0, components);
    }
    const auto found = detail::find_discriminants(x, training.labels.codes, class_count, 1e-4);
    if (found.scalings.size(1) == 0)
      return Error(Code::kBadData, "init lda finds no direction that separates the classes", "try init: pca");
    return found.scalings.t().slice(0, 0, components);
  }
};

HEADRACE_ESTIMATOR(
    Nca,
    {.name = "nca",
     .family = graph::Family::kTransformer,
     .doc = "Neighbourhood components analysis: the linear map under which nearest neighbours share a class. scikit-learn: "
            "NeighborhoodComponentsAnalysis.",
     .options = {config::integer("components", config::Value(), "dimensions of the map; null: as many as features").at_least(1).or_null(),
                 config::choice("init", "auto", {"auto", "pca", "lda", "identity", "random"},
                                "where the map starts; auto: lda below the number of classes, else pca, else identity"),
                 config::integer("max_iter", 50, "L-BFGS steps").at_least(1),
                 config::real("tol", 1e-5, "stop when a step gains less, relatively, or the gradient is smaller").at_least(0)},
     .fits = true,
     .random = true,
     .needs_target = true});

}  // namespace
}  // namespace headrace::learn
