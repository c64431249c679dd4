// SPDX-License-Identifier: Apache-2.0
#include "learn/discriminant.h"

#include <cmath>
#include <tuple>

#include <ATen/ops/empty.h>
#include <ATen/ops/linalg_svd.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

namespace headrace::learn::detail {
namespace {

std::int64_t rank_of(const at::Tensor& singular, double limit) { return singular.gt(limit).sum().item<std::int64_t>(); }

}  // namespace

Discriminants find_discriminants(const at::Tensor& rows, const at::Tensor& codes, std::int64_t class_count, double rank_tolerance) {
  const std::int64_t count = rows.size(0), width = rows.size(1);
  Discriminants found;
  found.means = at::zeros({class_count, width}, at::kDouble).index_add_(0, codes, rows);
  const at::Tensor sizes = codes.bincount({}, class_count).to(at::kDouble);
  found.means.div_(sizes.unsqueeze(1));
  found.priors = sizes.div(static_cast<double>(count));
  found.centre = found.priors.matmul(found.means);

  // Whiten within the classes ...
  const at::Tensor within = rows.sub(found.means.index_select(0, codes));
  at::Tensor deviation = within.var(at::IntArrayRef{0}, /*unbiased=*/false).sqrt_();
  deviation = at::where(deviation.eq(0.0), deviation.add(1.0), deviation);
  const double share = std::sqrt(1.0 / static_cast<double>(count));
  const auto [left, singular, right] = at::linalg_svd(within.div(deviation).mul_(share), /*full_matrices=*/false);
  const std::int64_t rank = rank_of(singular, rank_tolerance);
  const at::Tensor whitening = right.slice(0, 0, rank).div(deviation).t().div(singular.slice(0, 0, rank));

  // ... then turn to where the class means differ most.
  const at::Tensor factors = sizes.div(static_cast<double>(std::max<std::int64_t>(1, class_count - 1))).sqrt_().unsqueeze(1);
  const at::Tensor between = found.means.sub(found.centre).mul_(factors).mm(whitening);
  if (rank == 0) {
    found.scalings = at::empty({width, 0}, at::kDouble);
    return found;
  }
  const auto [left_between, singular_between, right_between] = at::linalg_svd(between, /*full_matrices=*/false);
  const std::int64_t kept = rank_of(singular_between, rank_tolerance * singular_between.max().item<double>());
  found.scalings = whitening.mm(right_between.slice(0, 0, kept).t());
  return found;
}

}  // namespace headrace::learn::detail
