// SPDX-License-Identifier: Apache-2.0
#pragma once
// Estimator: the base of this room's operators. It turns the tables of a firing into frames, sets torch up for the attempt, keeps
// foreign exceptions in, and answers fit, transform, predict and score from the one or two functions an estimator writes:
//
//   class Centre final : public Transformer {
//     Result<data::Model> learn(const exec::Context&, const Training& training) const override {
//       data::Model model;
//       model.tensors.set("mean", to_data(training.frame.x.mean(0)));
//       return model;                                              // op, version, "features" and "classes" are filled in
//     }
//     Result<Features> map(const exec::Context&, const data::Model* model, const Frame& frame) const override {
//       HEADRACE_ASSIGN(auto mean, tensor_of(*model, "mean"));
//       return Features{frame.x.sub(mean), frame.names};
//     }
//   };
//   HEADRACE_ESTIMATOR(Centre, {.name = "centre", .family = graph::Family::kTransformer, .doc = "...", .options = {...}, .fits = true});
//
// Threads: instances are stateless after registration and serve any number of threads.

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "headrace/exec/operator.h"
#include "learn/frame.h"

namespace headrace::learn {

/// What there is to learn from. `labels` is filled for classifiers and for transformers that need a target; `targets` for
/// regressors. `weights` is undefined when no column has the role.
struct Training {
  Frame frame;
  Labels labels;
  at::Tensor targets;
  at::Tensor weights;
};

/// The outcome of a transform: a matrix [n, k] f64 and its k column names.
struct Features {
  at::Tensor matrix;
  std::vector<std::string> names;
};

/// Torch for the length of one attempt: this thread's pool has `threads` threads, algorithms are deterministic, and no graph for
/// gradients is kept. With `autograd` gradients are recorded (for estimators that differentiate).
class TorchScope {
 public:
  TorchScope(int threads, bool autograd);
  ~TorchScope();
  TorchScope(const TorchScope&) = delete;
  TorchScope& operator=(const TorchScope&) = delete;

 private:
  struct Guards;
  std::unique_ptr<Guards> guards_;
};

/// The error of the exception now being handled: c10's without its backtrace, memory, and the rest.
Error caught();

class Estimator : public exec::Operator {
 public:
  /// The row it was registered under.
  const graph::OperatorSpec& row() const { return *row_; }
  void set_row(std::shared_ptr<const graph::OperatorSpec> row) { row_ = std::move(row); }

  /// Fits, and gives transform(model, inputs) when the output is wanted.
  Result<exec::Fitted> fit(const exec::Context& context, std::span<const data::Object> inputs, bool wants_output) override;

 protected:
  virtual Result<data::Model> learn(const exec::Context& context, const Training& training) const;
  /// Recording gradients costs a little on every call: say so only when needed.
  virtual bool uses_autograd() const { return false; }

  /// Everything `learn` reads, from the inputs. Errors: those of frame.h; kBadData for a target of one class when `labels` is
  /// for a classifier.
  Result<Training> training_of(std::span<const data::Object> inputs) const;
  /// Features of the inputs; their number must be what the model was fitted on (kShape).
  Result<Frame> frame_for(const data::Model* model, std::span<const data::Object> inputs) const;
  /// Fills in what every model carries: operator, version, "features" and, for labels, "classes".
  void sign(data::Model& model, const Training& training) const;

  /// Runs `work` inside a TorchScope and turns exceptions into errors.
  template <class Work>
  auto guarded(const exec::Context& context, Work&& work) const -> decltype(work()) {
    try {
      const TorchScope scope(context.threads, uses_autograd());
      return work();
    } catch (...) {
      return caught();
    }
  }

 private:
  std::shared_ptr<const graph::OperatorSpec> row_;
};

/// Maps features to features. `model` is null for rows that do not fit.
class Transformer : public Estimator {
 public:
  Result<data::Object> transform(const exec::Context& context, const data::Model* model, std::span<const data::Object> inputs) override;

 protected:
  virtual Result<Features> map(const exec::Context& context, const data::Model* model, const Frame& frame) const = 0;
};

/// A transformer that acts on the columns it can handle and hands the others on, in place. Its row has the options of
/// `columns_option()` and `.numeric_only = false`. `learn` and `map` see only the chosen columns; `map` keeps their number.
class NumericTransformer : public Transformer {
 public:
  Result<exec::Fitted> fit(const exec::Context& context, std::span<const data::Object> inputs, bool wants_output) override;
  Result<data::Object> transform(const exec::Context& context, const data::Model* model, std::span<const data::Object> inputs) override;
};
/// "columns": the columns to act on; null, the default, means `what` ("all numeric columns").
config::Option columns_option(std::string_view what);
/// The feature columns named by option `columns`, or, when it is null, those whose type `fits`.
Result<std::vector<int>> chosen_columns(const exec::Context& context, const data::Table& table, bool (*fits)(data::ColumnType));
bool is_numeric(data::ColumnType type);
/// Several tables side by side as one; a single one is returned as it is.
Result<TablePtr> one_table(std::span<const data::Object> inputs);

/// Predicts classes or values. `transform`, for a predictor in the middle of a graph, gives what `predict` says as features.
class Predictor : public Estimator {
 public:
  Result<data::Object> transform(const exec::Context& context, const data::Model* model, std::span<const data::Object> inputs) override;
  Result<data::Object> predict(const exec::Context& context, const data::Model* model, std::span<const data::Object> inputs) override;
  Result<data::Metrics> score(const exec::Context& context, const data::Model* model, std::span<const data::Object> inputs) override;

  /// What the model says about the rows of the inputs: `decide` on their frame. Ensembles override it.
  virtual Result<Decision> judge(const exec::Context& context, const data::Model& model, std::span<const data::Object> inputs) const;

 protected:
  /// Fill `codes` or `values`, and what else there is; `classes` is filled in from the model when left empty.
  virtual Result<Decision> decide(const exec::Context& context, const data::Model& model, const Frame& frame) const;
};

/// An estimator of this pack as a part of another one: operator, row and bound parameters.
struct Nested {
  std::string label;                        ///< "logistic_regression", made unique among its siblings
  std::shared_ptr<Estimator> estimator;
  config::Value params;

  /// The outer attempt's context with these parameters and a seed of its own, derived from `name`.
  exec::Context context(const exec::Context& outer, std::string_view name) const;
};
/// Looks `op` up among the rows of this pack and binds `params` to its options. Errors: kUnknownOperator with the nearest name,
/// kUnsupported for one that is not an Estimator, those of config::bind.
Result<Nested> make_estimator(std::string_view op, const config::Value& params);
/// The same from a list of `{op: NAME, PARAM: VALUE, ...}` maps (or plain names).
Result<std::vector<Nested>> make_estimators(const config::Value& list);

template <class Type>
int register_estimator(graph::OperatorSpec spec) {
  auto row = std::make_shared<const graph::OperatorSpec>(spec);
  return headrace_pack_rows().add(std::move(spec), [row] {
    auto estimator = std::make_unique<Type>();
    estimator->set_row(row);
    return std::unique_ptr<exec::Operator>(std::move(estimator));
  });
}
/// Registers class `Type` of this room under the row given after it. At namespace scope of the estimator's source.
#define HEADRACE_ESTIMATOR(Type, ...) \
  static const int HEADRACE_OPERATOR_CONCAT(headrace_estimator_, __COUNTER__) = ::headrace::learn::register_estimator<Type>(__VA_ARGS__)

}  // namespace headrace::learn
