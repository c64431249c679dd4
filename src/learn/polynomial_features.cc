// SPDX-License-Identifier: Apache-2.0
// Polynomial features: all products of columns up to a degree. Each product of degree k is one of degree k - 1 times a column, so a
// plan of (parent, column) pairs, in scikit-learn's order, is all there is to know.
#include <ATen/ops/empty.h>

#include "headrace/base/text.h"
#include "learn/estimator.h"

namespace headrace::learn {
namespace {

constexpr std::int64_t kColumnsMax = 1'000'000;

struct Product {
  std::int64_t parent;    // index of the product to multiply; -1 for the constant 1
  std::int64_t column;
  std::vector<std::int64_t> columns;   // all factors, ascending
};

// Products by degree, each degree in lexicographic order of its factors. Stops early when there are too many.
std::vector<Product> products(std::int64_t width, std::int64_t degree, bool interaction_only) {
  std::vector<Product> all = {{-1, -1, {}}};
  std::size_t begin = 0, end = 1;
  for (std::int64_t k = 1; k <= degree; ++k) {
    for (std::size_t parent = begin; parent < end; ++parent) {
      const std::vector<std::int64_t> factors = all[parent].columns;
      const std::int64_t first = factors.empty() ? 0 : factors.back() + (interaction_only ? 1 : 0);
      for (std::int64_t column = first; column < width; ++column) {
        std::vector<std::int64_t> more = factors;
        more.push_back(column);
        all.push_back({static_cast<std::int64_t>(parent), column, std::move(more)});
        if (static_cast<std::int64_t>(all.size()) > kColumnsMax) return all;
      }
    }
    begin = end;
    end = all.size();
  }
  return all;
}

// "1", "x0", "x0^2 x3".
std::string product_name(const Product& product, const std::vector<std::string>& names) {
  std::string name;
  for (std::size_t i = 0; i < product.columns.size();) {
    std::size_t power = i;
    while (power < product.columns.size() && product.columns[power] == product.columns[i]) ++power;
    if (!name.empty()) name += ' ';
    name += names[static_cast<std::size_t>(product.columns[i])];
    if (power - i > 1) name += cat("^", power - i);
    i = power;
  }
  return name.empty() ? "1" : name;
}

class PolynomialFeatures final : public Transformer {
  Result<Features> map(const exec::Context& context, const data::Model*, const Frame& frame) const override {
    const std::int64_t degree = context.integer("degree"), degree_min = context.integer("degree_min");
    if (degree_min > degree) return Error(Code::kBadValue, cat("degree_min exceeds degree: ", degree_min, " and ", degree));
    const std::vector<Product> all = products(frame.width(), degree, context.boolean("interaction_only"));
    if (static_cast<std::int64_t>(all.size()) > kColumnsMax) {
      return Error(Code::kTooLarge, cat("more than ", kColumnsMax, " products of ", frame.width(), " columns up to degree ", degree),
                   "lower the degree, or select columns first");
    }
    std::vector<std::size_t> kept;
    Features features;
    for (std::size_t i = 0; i < all.size(); ++i) {
      const auto size = static_cast<std::int64_t>(all[i].columns.size());
      if (size == 0 ? !context.boolean("include_bias") : size < degree_min) continue;
      kept.push_back(i);
      features.names.push_back(product_name(all[i], frame.names));
    }
    if (kept.empty()) return Error(Code::kBadValue, "the options leave no column", "lower degree_min or set include_bias");
    features.matrix = at::empty({frame.rows(), static_cast<std::int64_t>(kept.size())}, frame.x.options());
    const double* x = frame.x.const_data_ptr<double>();
    double* out = features.matrix.mutable_data_ptr<double>();
    std::vector<double> values(all.size());
    values[0] = 1.0;
    for (std::int64_t row = 0; row < frame.rows(); ++row, x += frame.width()) {
      for (std::size_t i = 1; i < all.size(); ++i) values[i] = values[static_cast<std::size_t>(all[i].parent)] * x[all[i].column];
      for (const std::size_t i : kept) *out++ = values[i];
    }
    return features;
  }
};

HEADRACE_ESTIMATOR(PolynomialFeatures,
                   {.name = "polynomial_features",
                    .doc = "All products of columns up to a degree. scikit-learn: PolynomialFeatures.",
                    .options = {config::integer("degree", 2, "highest degree").at_least(0).at_most(20),
                                config::integer("degree_min", 0, "lowest degree, the constant apart").at_least(0),
                                config::boolean("interaction_only", false, "each column at most once in a product"),
                                config::boolean("include_bias", true, "a column of ones first")}});

}  // namespace
}  // namespace headrace::learn
