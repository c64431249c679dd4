// SPDX-License-Identifier: Apache-2.0
// Select k best: the columns that separate the classes best by the F value of a one-way analysis of variance.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include <ATen/ops/index_select.h>

#include "learn/column_statistics.h"
#include "learn/estimator.h"
#include "learn/model_reader.h"

namespace headrace::learn {
namespace {

// F of each column: variance between class means over variance within classes. NaN for constant columns. Two passes, so columns
// with a large offset keep their digits.
std::vector<double> f_values(const at::Tensor& x, const Labels& labels) {
  const auto width = static_cast<std::size_t>(x.size(1)), classes = labels.classes.size();
  const std::int64_t rows = x.size(0);
  const std::int64_t* codes = labels.codes.const_data_ptr<std::int64_t>();
  std::vector<double> counts(classes, 0), means(classes * width, 0), within(width, 0), between(width, 0);
  const double* row_values = x.const_data_ptr<double>();
  for (std::int64_t row = 0; row < rows; ++row, row_values += width) {
    const auto k = static_cast<std::size_t>(codes[row]);
    counts[k] += 1;
    for (std::size_t column = 0; column < width; ++column) means[k * width + column] += row_values[column];
  }
  for (std::size_t k = 0; k < classes; ++k) {
    for (std::size_t column = 0; column < width; ++column) means[k * width + column] /= counts[k];
  }
  row_values = x.const_data_ptr<double>();
  for (std::int64_t row = 0; row < rows; ++row, row_values += width) {
    const double* mean = &means[static_cast<std::size_t>(codes[row]) * width];
    for (std::size_t column = 0; column < width; ++column)
      within[column] += (row_values[column] - mean[column]) * (row_values[column] - mean[column]);
  }
  const detail::ColumnStatistics statistics = detail::column_statistics(x);
  std::vector<double> values(width);
  for (std::size_t column = 0; column < width; ++column) {
    for (std::size_t k = 0; k < classes; ++k)
      between[column] += counts[k] * std::pow(means[k * width + column] - statistics.mean[column], 2);
    const double mean_between = between[column] / static_cast<double>(classes - 1);
    const double mean_within = within[column] / (static_cast<double>(rows) - static_cast<double>(classes));
    const bool constant = statistics.min[column] == statistics.max[column];
    values[column] = constant ? std::numeric_limits<double>::quiet_NaN() : mean_between / mean_within;
  }
  return values;
}

// The k columns with the largest values, ascending; of equal ones the later column, NaN last, as scikit-learn.
std::vector<std::int64_t> best(const std::vector<double>& values, std::int64_t k) {
  const auto worth = [&](std::int64_t column) {
    const double value = values[static_cast<std::size_t>(column)];
    return std::isnan(value) ? std::numeric_limits<double>::lowest() : value;
  };
  std::vector<std::int64_t> order(values.size());
  std::iota(order.begin(), order.end(), std::int64_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) { return worth(a) < worth(b); });
  if (k < static_cast<std::int64_t>(order.size())) order.erase(order.begin(), order.end() - k);
  std::sort(order.begin(), order.end());
  return order;
}

class SelectKBest final : public Transformer {
  Result<data::Model> learn(const exec::Context& context, const Training& training) const override {
    const std::vector<double> values = f_values(training.frame.x, training.labels);
    const config::Value& k = context.value("k");
    const std::vector<std::int64_t> chosen = best(values, k.is_string() ? training.frame.width() : k.integer());
    data::Model model;
    model.tensors.set("f", to_data(detail::row_tensor(values)));
    model.tensors.set("chosen", data::Tensor::of<std::int64_t>({static_cast<std::int64_t>(chosen.size())}, chosen));
    return model;
  }

  Result<Features> map(const exec::Context&, const data::Model* model, const Frame& frame) const override {
    HEADRACE_ASSIGN(const at::Tensor chosen, indices_of(*model, "chosen", kAnySize, frame.width()));
    Features features;
    features.matrix = frame.x.index_select(1, chosen);
    for (std::int64_t i = 0; i < chosen.numel(); ++i) {
      features.names.push_back(frame.names[static_cast<std::size_t>(chosen.const_data_ptr<std::int64_t>()[i])]);
    }
    return features;
  }
};

HEADRACE_ESTIMATOR(
    SelectKBest,
    {.name = "select_k_best",
     .doc = "Keeps the k columns with the largest ANOVA F value between classes. scikit-learn: SelectKBest(f_classif).",
     .options = {config::integer("k", 10, "columns to keep; more than there are, or all, keeps every one").at_least(1).or_word("all")},
     .fits = true,
     .needs_target = true});

}  // namespace
}  // namespace headrace::learn
