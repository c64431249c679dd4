// SPDX-License-Identifier: Apache-2.0
// k-means: Lloyd's iterations from one or more starts. It predicts cluster numbers; as a transformer it gives distances to the centres.
#include <limits>
#include <optional>
#include <utility>

#include <ATen/ops/full.h>

#include "headrace/base/random.h"
#include "headrace/base/text.h"
#include "learn/estimator.h"
#include "learn/lloyd.h"
#include "learn/model_reader.h"

namespace headrace::learn {
namespace {

class KMeans final : public Predictor {
 public:
  Result<data::Object> transform(const exec::Context& context, const data::Model* model, std::span<const data::Object> inputs) override {
    return guarded(context, [&]() -> Result<data::Object> {
      HEADRACE_ASSIGN(const Frame frame, frame_for(model, inputs));
      HEADRACE_ASSIGN(const at::Tensor centers, centers_of(*model, frame));
      HEADRACE_ASSIGN(TablePtr table, features_table(*frame.table, detail::squared_distances(frame.x, centers).sqrt_(),
                                                     numbered("distance", centers.size(0))));
      return data::Object(std::move(table));
    });
  }

  Result<data::Metrics> score(const exec::Context& context, const data::Model* model, std::span<const data::Object> inputs) override {
    return guarded(context, [&]() -> Result<data::Metrics> {
      for (const std::string& metric : context.metrics) {
        if (metric != "inertia") return Error(Code::kUnsupported, cat("k_means has no such score: ", metric), "its score is inertia");
      }
      HEADRACE_ASSIGN(const Frame frame, frame_for(model, inputs));
      HEADRACE_ASSIGN(const at::Tensor centers, centers_of(*model, frame));
      HEADRACE_ASSIGN(const at::Tensor weights, weights_for(frame));
      HEADRACE_ASSIGN(const auto result, detail::lloyd(frame.x, weights, centers, 0.0, 0, context.stop));
      data::Metrics metrics;
      metrics.values.emplace_back("inertia", result.inertia);
      metrics.rows = frame.rows();
      return metrics;
    });
  }

 private:
  static Result<at::Tensor> weights_for(const Frame& frame) {
    HEADRACE_ASSIGN(const at::Tensor weights, weights_of(*frame.table));
    return weights.defined() ? weights.contiguous() : at::full({frame.rows()}, 1.0, at::kDouble);
  }

  static Result<at::Tensor> centers_of(const data::Model& model, const Frame& frame) {
    return tensor_of(model, "centers", at::kDouble, {kAnySize, frame.width()});
  }

  Result<data::Model> learn(const exec::Context& context, const Training& training) const override {
    const std::int64_t k = context.integer("n_clusters");
    if (k > training.frame.rows()) {
      return Error(Code::kBadValue, cat("n_clusters exceeds the training rows: ", k, " of ", training.frame.rows()), "lower n_clusters");
    }
    HEADRACE_ASSIGN(const at::Tensor weights, weights_for(training.frame));
    // Centred data lose fewer digits in |c|^2 - 2 x.c.
    const at::Tensor mean = training.frame.x.mean(0);
    const at::Tensor rows = training.frame.x.sub(mean);
    const double tolerance = context.real("tol") * rows.var(at::IntArrayRef{0}, /*unbiased=*/false).mean().item<double>();

    const bool plus_plus = context.string("init") == "k-means++";
    const config::Value& given = context.value("n_init");
    const std::int64_t starts = given.is_string() ? (plus_plus ? 1 : 10) : given.integer();
    std::optional<detail::LloydResult> best;
    for (std::int64_t start = 0; start < starts; ++start) {
      HEADRACE_TRY(context.check_stop());
      Random random = context.random(static_cast<std::uint64_t>(start));
      at::Tensor centers =
          plus_plus ? detail::plus_plus_centers(rows, weights, k, random) : detail::random_centers(rows, weights, k, random);
      HEADRACE_ASSIGN(auto result, detail::lloyd(rows, weights, std::move(centers), tolerance, context.integer("max_iter"), context.stop));
      if (!best || result.inertia < best->inertia) best = std::move(result);
      if (context.progress) context.progress(static_cast<double>(start + 1) / static_cast<double>(starts));
    }
    data::Model model;
    model.tensors.set("centers", to_data(best->centers.add(mean)));
    model.meta.set("inertia", best->inertia);
    model.meta.set("iterations", best->iterations);
    return model;
  }

  Result<Decision> decide(const exec::Context&, const data::Model& model, const Frame& frame) const override {
    HEADRACE_ASSIGN(const at::Tensor centers, centers_of(model, frame));
    Decision decision;
    decision.codes = largest(detail::squared_distances(frame.x, centers).neg_());
    decision.classes = numbered("", centers.size(0));
    return decision;
  }
};

HEADRACE_ESTIMATOR(KMeans,
                   {.name = "k_means",
                    .family = graph::Family::kClusterer,
                    .doc = "k-means by Lloyd's iterations; predicts cluster numbers, transforms to distances from the centres. "
                           "scikit-learn: KMeans(algorithm='lloyd'), with other random numbers.",
                    .options = {config::integer("n_clusters", 8, "clusters").at_least(1),
                                config::choice("init", "k-means++", {"k-means++", "random"}, "how the first centres are drawn"),
                                config::integer("n_init", "auto", "starts, of which the best is kept; auto: 1 for k-means++, 10 for random")
                                    .at_least(1)
                                    .or_word("auto"),
                                config::integer("max_iter", 300, "iterations of a start").at_least(1),
                                config::real("tol", 1e-4, "stop when the centres move less, relative to the mean variance").at_least(0)},
                    .fits = true,
                    .random = true});
HEADRACE_METRIC({.name = "inertia",
                 .doc = "sum of squared distances to the nearest centre",
                 .higher_is_better = false,
                 .family = graph::Family::kClusterer});

}  // namespace
}  // namespace headrace::learn
