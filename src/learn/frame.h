// SPDX-License-Identifier: Apache-2.0
#pragma once
// Frame: what an estimator needs from the tables of one firing - a float64 matrix, the target, weights - and the way back
// into tables. Everything here returns errors with a column, a row and advice; nothing here learns. Threads: any.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "headrace/base/result.h"
#include "headrace/config/value.h"
#include "headrace/data/object.h"
#include "headrace/data/table.h"
#include "headrace/exec/operator.h"

namespace headrace::learn {

using TablePtr = std::shared_ptr<const data::Table>;

/// Views a data::Tensor as an at::Tensor and back without copying; each keeps the other's memory alive. `to_data` copies only
/// what is not contiguous or not on the CPU. Never write through `to_aten` of a tensor that others hold.
at::Tensor to_aten(const data::Tensor& tensor);
data::Tensor to_data(const at::Tensor& tensor);

/// The features of a firing. `x` [n, d] f64 is row-major, 64-byte aligned and this frame's own: an estimator may write into it.
/// The same values give the same bytes at the same alignment, so the same bits come out however the table was stored.
struct Frame {
  at::Tensor x;
  std::vector<std::string> names;   ///< d unique column names
  TablePtr table;                   ///< the first input: target, group, weight and ignored columns

  std::int64_t rows() const { return x.size(0); }
  std::int64_t width() const { return x.size(1); }
};

/// Which values a frame refuses; take them from the operator's row.
struct FrameOptions {
  bool refuses_missing = true;      ///< NaN and null are errors; infinity always is one
};

/// All tables of a firing, tuples flattened. Errors: kEdgeType for another kind, kShape when row counts differ or are zero.
Result<std::vector<TablePtr>> tables_of(std::span<const data::Object> inputs);
/// Sets the features of all tables side by side. Errors: kEdgeType names a text column and the encoders; kNotFinite names the
/// column and the first row; kShape when there is no feature or rows differ. Cost: one copy of the features.
Result<Frame> frame_of(std::span<const data::Object> inputs, const FrameOptions& options);
/// The same from chosen columns of one table.
Result<Frame> frame_of(const TablePtr& table, std::span<const int> columns, const FrameOptions& options);

/// Class codes [n] i64 of the target of the first input and the sorted class names they index.
struct Labels {
  at::Tensor codes;
  std::vector<std::string> classes;
  bool numeric = false;             ///< the class names are numbers
};
/// Errors: kMissingColumn with the advice to name a target; kNotFinite for a missing target.
Result<Labels> labels_of(const data::Table& table);
/// The target as reals [n] f64. Errors: as labels_of; kEdgeType for a target that is not a number.
Result<at::Tensor> targets_of(const data::Table& table);
/// Sample weights [n] f64, or an undefined tensor when no column has the role. Errors: kBadData for negative or missing weights.
Result<at::Tensor> weights_of(const data::Table& table);
/// Group codes [n] i64. Errors: kMissingColumn when no column has the role.
Result<at::Tensor> groups_of(const data::Table& table);

/// A table with `matrix` [n, k] as its features and the target, group, weight and ignored columns of `input`.
Result<TablePtr> features_table(const data::Table& input, const at::Tensor& matrix, std::span<const std::string> names);
/// Puts new feature columns where old ones were. Column i of `matrix` takes the place of feature column `sources[i]` of `input`
/// (several may share one place, in order); `replaced` lists the features that go away. Other columns stay as they are.
Result<TablePtr> replace_features(const data::Table& input, std::span<const int> replaced, const at::Tensor& matrix,
                                  std::span<const std::string> names, std::span<const int> sources);
/// "prefix0", "prefix1", ...
std::vector<std::string> numbered(std::string_view prefix, std::int64_t count);

/// What a predictor says about n rows. A classifier fills `codes` (indices into `classes`) and what it has of the other two;
/// a regressor fills `values`; a clusterer fills `codes` with the classes "0", "1", ...
struct Decision {
  at::Tensor codes;                   ///< [n] i64
  at::Tensor probabilities;           ///< [n, K] f64, or undefined
  at::Tensor decisions;               ///< [n] f64 for two classes (above 0: the second), else [n, K]; or undefined
  std::vector<std::string> classes;   ///< K
  at::Tensor values;                  ///< [n] f64

  bool classifies() const { return codes.defined(); }
};
/// Codes as the column of the largest entry; the first one wins a tie.
at::Tensor largest(const at::Tensor& scores);

/// Columns "prediction", "probability:CLASS", "decision" or "decision:CLASS" behind the target, group, weight and ignored columns
/// of `input`. `as_features` gives the numbers the role of features (what a predictor in the middle of a graph hands on; the
/// class name stays a prediction); else all are predictions.
Result<TablePtr> prediction_table(const data::Table& input, const Decision& decision, bool as_features);
/// Reads such a table back. Errors: kMissingColumn when it holds no prediction.
Result<Decision> decision_of(const data::Table& table);

/// Lists of names inside a model's meta.
config::Value text_list(std::span<const std::string> texts);
std::vector<std::string> texts_of(const config::Value& list);
/// Reads what `learn` put into a model. Errors: kDamaged naming the operator and the entry, for models from outside.
Result<at::Tensor> tensor_of(const data::Model& model, std::string_view name);
Result<std::vector<std::string>> texts_of(const data::Model& model, std::string_view key);
Result<double> number_of(const data::Model& model, std::string_view key);

}  // namespace headrace::learn
