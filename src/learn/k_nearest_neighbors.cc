// SPDX-License-Identifier: Apache-2.0
// k nearest neighbours, for classes and for values. The model is the training set itself.
#include <algorithm>
#include <utility>

#include <ATen/ops/zeros.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/reciprocal.h>
#include <ATen/ops/where.h>

#include "headrace/base/text.h"
#include "learn/estimator.h"
#include "learn/model_reader.h"
#include "learn/neighbor_search.h"

namespace headrace::learn {
namespace {

std::vector<config::Option> neighbor_options() {
  return {config::integer("n_neighbors", 5, "neighbours that vote").at_least(1),
          config::choice("weights", "uniform", {"uniform", "distance"},
                         "uniform: one vote each; distance: votes weigh 1 / distance, and neighbours at distance 0 outvote all others"),
          config::choice("metric", "minkowski", {"minkowski", "euclidean", "manhattan", "chebyshev"}, "what distance means"),
          config::real("p", 2.0, "the power of metric minkowski: 1 is manhattan, 2 euclidean").above(0)};
}

// Votes [m, k] of the neighbours found.
at::Tensor votes_of(const detail::Neighbors& neighbors, const std::string& weights) {
  if (weights == "uniform") return at::ones_like(neighbors.distances);
  const at::Tensor zero = neighbors.distances.eq(0.0);
  const at::Tensor exact = zero.any(1, /*keepdim=*/true);
  return at::where(exact, zero.to(at::kDouble), at::reciprocal(neighbors.distances));
}

class NeighborPredictor : public Predictor {
 protected:
  Result<data::Model> keep(const exec::Context& context, const Training& training, data::Tensor targets) const {
    const std::int64_t k = context.integer("n_neighbors");
    if (k > training.frame.rows()) {
      return Error(Code::kBadValue, cat("n_neighbors exceeds the training rows: ", k, " of ", training.frame.rows()),
                   "lower n_neighbors, or give more rows");
    }
    data::Model model;
    model.tensors.set("points", to_data(training.frame.x)).set("targets", std::move(targets));
    return model;
  }

  Result<detail::Neighbors> nearest(const exec::Context& context, const data::Model& model, const Frame& frame) const {
    HEADRACE_ASSIGN(const at::Tensor points, tensor_of(model, "points", at::kDouble, {kAnySize, frame.width()}));
    const double p = context.real("p");
    const std::int64_t k = context.integer("n_neighbors");
    if (k > points.size(0)) return Error(Code::kDamaged, cat("a model of ", model.op, " has fewer rows than neighbours"));
    return detail::nearest_neighbors(points, frame.x, k, detail::metric_from(context.string("metric"), p), p, context.stop);
  }
};

class KNearestNeighbors final : public NeighborPredictor {
  Result<data::Model> learn(const exec::Context& context, const Training& training) const override {
    return keep(context, training, to_data(training.labels.codes));
  }

  Result<Decision> decide(const exec::Context& context, const data::Model& model, const Frame& frame) const override {
    HEADRACE_ASSIGN(const std::int64_t class_count, class_count_of(model));
    HEADRACE_ASSIGN(const at::Tensor codes, indices_of(model, "targets", kAnySize, class_count));
    HEADRACE_ASSIGN(const detail::Neighbors neighbors, nearest(context, model, frame));
    const at::Tensor votes = votes_of(neighbors, context.string("weights")).contiguous();
    Decision decision;
    decision.probabilities = at::zeros({frame.rows(), class_count}, at::kDouble);
    double* shares = decision.probabilities.mutable_data_ptr<double>();
    const std::int64_t* rows = neighbors.rows.const_data_ptr<std::int64_t>();
    const std::int64_t* code = codes.const_data_ptr<std::int64_t>();
    const std::int64_t k = votes.size(1);
    for (std::int64_t query = 0; query < frame.rows(); ++query, shares += class_count) {
      double sum = 0.0;
      for (std::int64_t j = query * k; j < (query + 1) * k; ++j) {
        if (rows[j] >= codes.numel()) return Error(Code::kDamaged, cat("a model of ", model.op, " has fewer targets than points"));
        shares[code[rows[j]]] += votes.const_data_ptr<double>()[j];
      }
      for (std::int64_t c = 0; c < class_count; ++c) sum += shares[c];
      for (std::int64_t c = 0; c < class_count; ++c) shares[c] /= sum;
    }
    decision.codes = largest(decision.probabilities);
    return decision;
  }
};

class KNearestNeighborsRegressor final : public NeighborPredictor {
  Result<data::Model> learn(const exec::Context& context, const Training& training) const override {
    return keep(context, training, to_data(training.targets));
  }

  Result<Decision> decide(const exec::Context& context, const data::Model& model, const Frame& frame) const override {
    HEADRACE_ASSIGN(const at::Tensor points, tensor_of(model, "points", at::kDouble, {kAnySize, frame.width()}));
    HEADRACE_ASSIGN(const at::Tensor targets, tensor_of(model, "targets", at::kDouble, {points.size(0)}));
    HEADRACE_ASSIGN(const detail::Neighbors neighbors, nearest(context, model, frame));
    const at::Tensor votes = votes_of(neighbors, context.string("weights"));
    const at::Tensor values = targets.index_select(0, neighbors.rows.flatten()).view(neighbors.rows.sizes());
    Decision decision;
    decision.values = values.mul(votes).sum(1).div(votes.sum(1));
    return decision;
  }
};

HEADRACE_ESTIMATOR(KNearestNeighbors, {.name = "k_nearest_neighbors",
                                       .family = graph::Family::kClassifier,
                                       .doc = "Votes of the nearest training rows, found exactly; equal distances go by row number. "
                                              "scikit-learn: KNeighborsClassifier(algorithm='brute').",
                                       .options = neighbor_options(),
                                       .fits = true,
                                       .needs_target = true});
HEADRACE_ESTIMATOR(KNearestNeighborsRegressor, {.name = "k_nearest_neighbors_regressor",
                                                .family = graph::Family::kRegressor,
                                                .doc = "Mean target of the nearest training rows, found exactly; equal distances go by row "
                                                       "number. scikit-learn: KNeighborsRegressor(algorithm='brute').",
                                                .options = neighbor_options(),
                                                .fits = true,
                                                .needs_target = true});

}  // namespace
}  // namespace headrace::learn
