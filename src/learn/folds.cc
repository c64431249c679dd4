// SPDX-License-Identifier: Apache-2.0
#include "learn/folds.h"

#include <algorithm>
#include <cmath>

#include "headrace/base/text.h"

namespace headrace::learn {
namespace {

data::Tensor tensor_of_rows(Rows& rows) {
  std::sort(rows.begin(), rows.end());
  return data::Tensor::of<std::int64_t>({static_cast<std::int64_t>(rows.size())}, rows);
}

}  // namespace

Result<Folds> Folds::sized(std::int64_t folds, std::int64_t rows) {
  constexpr std::int64_t kRowNumbersMax = std::int64_t{1} << 31;
  if (rows == 0) return Error(Code::kShape, "a table without rows cannot be cut into folds");
  if (folds > kRowNumbersMax / rows) {
    return Error(Code::kTooLarge, cat("folds times rows exceed ", kRowNumbersMax, ": ", folds, " folds of ", rows, " rows"),
                 "use fewer folds");
  }
  return Folds(rows);
}

void Folds::add(Rows train, Rows test) {
  set_.set(cat("train", count_), tensor_of_rows(train));
  set_.set(cat("test", count_), tensor_of_rows(test));
  ++count_;
}

void Folds::add_complement(Rows test) {
  std::vector<bool> held(static_cast<std::size_t>(rows_), false);
  for (const std::int64_t row : test) held[static_cast<std::size_t>(row)] = true;
  Rows train;
  train.reserve(static_cast<std::size_t>(rows_) - test.size());
  for (std::int64_t row = 0; row < rows_; ++row) {
    if (!held[static_cast<std::size_t>(row)]) train.push_back(row);
  }
  add(std::move(train), std::move(test));
}

void Folds::add_partition(std::span<const std::int64_t> fold_of_row, std::int64_t folds) {
  std::vector<Rows> tests(static_cast<std::size_t>(folds));
  for (std::size_t row = 0; row < fold_of_row.size(); ++row) {
    tests[static_cast<std::size_t>(fold_of_row[row])].push_back(static_cast<std::int64_t>(row));
  }
  for (Rows& test : tests) add_complement(std::move(test));
}

Result<data::Table::Codes> codes_with_role(const data::Table& table, data::Role role, std::string_view why) {
  const auto column = table.with_role(role);
  if (!column) {
    return Error(Code::kMissingColumn, cat("no column has the role: ", data::role_name(role)),
                 cat(why, "; set `", data::role_name(role), ":` on the source that reads the data"));
  }
  return table.codes(*column);
}

std::vector<Rows> rows_by_code(const data::Table::Codes& codes) {
  std::vector<Rows> rows(codes.classes.size());
  for (std::size_t row = 0; row < codes.codes.size(); ++row) {
    rows[static_cast<std::size_t>(codes.codes[row])].push_back(static_cast<std::int64_t>(row));
  }
  return rows;
}

Result<ShareSizes> share_sizes(const exec::Context& context, std::int64_t rows) {
  const double count = static_cast<double>(rows);
  ShareSizes sizes;
  sizes.test = static_cast<std::int64_t>(std::ceil(context.real("test_share") * count));
  const config::Value& train = context.value("train_share");
  sizes.train = train.is_null() ? rows - sizes.test : static_cast<std::int64_t>(std::floor(train.real() * count));
  if (sizes.test < 1 || sizes.train < 1 || sizes.train + sizes.test > rows) {
    return Error(Code::kShape, cat("shares do not fit the rows: ", sizes.train, " train and ", sizes.test, " test of ", rows),
                 "choose test_share and train_share so that both sides hold rows and together at most all of them");
  }
  return sizes;
}

std::vector<config::Option> share_options(std::int64_t folds, double test_share) {
  return {config::integer("n", folds, "number of folds").at_least(1),
          config::real("test_share", test_share, "share of the rows held out, rounded up to a row").above(0).at_most(1),
          config::real("train_share", config::Value(), "share of the rows to train on, rounded down; null: all that are not held out")
              .above(0).at_most(1).or_null()};
}

Error too_many_folds(std::int64_t folds, std::int64_t have, std::string_view of_what) {
  return Error(Code::kShape, cat("more folds than ", of_what, ": ", folds, " of ", have), "lower `n`");
}

graph::OperatorSpec splitter_row(std::string name, std::string doc, std::vector<config::Option> options, bool random, bool needs_target) {
  return {.name = std::move(name), .family = graph::Family::kSplitter, .doc = std::move(doc), .gives = data::Kind::kTensors,
          .inputs_max = 1, .options = std::move(options), .random = random, .needs_target = needs_target, .refuses_missing = false,
          .numeric_only = false, .keeps_rows = false};
}

}  // namespace headrace::learn
