// SPDX-License-Identifier: Apache-2.0
#pragma once
// Folds: what every splitter builds, and the sizes and errors they share. No torch here. Threads: one at a time.

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "headrace/base/random.h"
#include "headrace/base/result.h"
#include "headrace/config/options.h"
#include "headrace/data/table.h"
#include "headrace/data/tensor.h"
#include "headrace/exec/operator.h"

namespace headrace::learn {

using Rows = std::vector<std::int64_t>;

/// Collects folds and gives them as "train0", "test0", "train1", ... Rows of both sides are put in ascending order.
class Folds {
 public:
  /// Bounds the memory: `folds` over `rows` rows must stay below 2^31 row numbers (kTooLarge).
  static Result<Folds> sized(std::int64_t folds, std::int64_t rows);

  /// Adds a fold from two lists of rows.
  void add(Rows train, Rows test);
  /// Adds a fold whose test rows are those in `test`; all others train.
  void add_complement(Rows test);
  /// Adds one fold for each value 0 .. folds - 1 of `fold_of_row`.
  void add_partition(std::span<const std::int64_t> fold_of_row, std::int64_t folds);

  data::TensorSet take() && { return std::move(set_); }

 private:
  explicit Folds(std::int64_t rows) : rows_(rows) {}
  std::int64_t rows_ = 0;
  std::int64_t count_ = 0;
  data::TensorSet set_;
};

/// Class or group codes of the column with this role. Errors: kMissingColumn with advice.
Result<data::Table::Codes> codes_with_role(const data::Table& table, data::Role role, std::string_view why);
/// Rows by code, each list ascending.
std::vector<Rows> rows_by_code(const data::Table::Codes& codes);

/// Numbers of training and test rows for a held-out share: test rounded up, as scikit-learn; an unset training share means the rest.
struct ShareSizes {
  std::int64_t train = 0;
  std::int64_t test = 0;
};
/// Reads options "test_share" and "train_share". Errors: kShape when a side would be empty or both exceed the rows.
Result<ShareSizes> share_sizes(const exec::Context& context, std::int64_t rows);
std::vector<config::Option> share_options(std::int64_t folds, double test_share);

/// kShape for more folds than there are things to put into them.
Error too_many_folds(std::int64_t folds, std::int64_t have, std::string_view of_what);

/// The row of a splitter: everything but name, doc and options is the same for all.
graph::OperatorSpec splitter_row(std::string name, std::string doc, std::vector<config::Option> options, bool random, bool needs_target);

}  // namespace headrace::learn
