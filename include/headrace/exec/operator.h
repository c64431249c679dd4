// SPDX-License-Identifier: Apache-2.0
#pragma once
// Operator: the code behind an operator row. One file of a pack holds the row and the class, and registers both.
//
//   struct MinMax : Operator { Result<Fitted> fit(...) override; Result<data::Object> transform(...) override; };
//   HEADRACE_OPERATOR(MinMax, graph::OperatorSpec{.name = "min_max_scaler", ...});

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/base/random.h"
#include "headrace/base/result.h"
#include "headrace/config/value.h"
#include "headrace/data/object.h"
#include "headrace/graph/catalogue.h"

namespace headrace::exec {

/// What an attempt knows. Lives for the call. Threads: the one that runs the attempt.
class Context {
 public:
  config::Value params;                 ///< bound: every option of the row is there
  std::string node;                     ///< expanded node name, for messages
  std::uint64_t seed = 0;               ///< of this node; fixed for all folds
  std::vector<std::string> metrics;     ///< for score
  int threads = 1;                      ///< cores this attempt may use
  std::string folder;                   ///< where relative paths start
  std::stop_token stop;                 ///< long loops look at it and return kCancelled
  std::function<void(double share)> progress;   ///< 0..1, cheap, may be empty

  // Reads a bound option; a wrong name or type is a bug.
  bool boolean(std::string_view option) const;
  std::int64_t integer(std::string_view option) const;
  double real(std::string_view option) const;
  const std::string& string(std::string_view option) const;
  const config::Value& value(std::string_view option) const;

  Random random(std::uint64_t stream = 0) const { return Random(seed, stream); }
  /// An error (kCancelled) once a stop was asked for.
  Status check_stop() const;
};

struct Fitted {
  data::Model model;
  data::Object output;                  ///< only when asked for and the row says own_fit_output; else the executor transforms
};

/// One stateless instance serves all attempts, from any thread: everything an attempt needs is in its arguments.
/// Inputs are the objects of one firing, in the order of the node's inputs. Never change an input.
class Operator {
 public:
  virtual ~Operator() = default;
  virtual Result<std::vector<data::Object>> read(const Context& context);                       ///< sources
  virtual Result<Fitted> fit(const Context& context, std::span<const data::Object> inputs, bool wants_output);
  virtual Result<data::Model> update(const Context& context, const data::Model* model, std::span<const data::Object> inputs);
  /// What the nodes that read this one get. `model` is null for operators that do not fit. A predictor gives its predictions as
  /// feature columns (stacking).
  virtual Result<data::Object> transform(const Context& context, const data::Model* model, std::span<const data::Object> inputs);
  /// Table with role kPrediction columns: "prediction" (class name or value), and for classifiers with probabilities one
  /// "probability:CLASS" a class; target and group columns ride along.
  virtual Result<data::Object> predict(const Context& context, const data::Model* model, std::span<const data::Object> inputs);
  virtual Result<data::Metrics> score(const Context& context, const data::Model* model, std::span<const data::Object> inputs);
  /// Splitters: folds as a tensor set "train0", "test0", ... of i64 row numbers.
  virtual Result<data::TensorSet> split(const Context& context, const data::Table& table);
};

/// What a pack registers; the manifest and the running program read the same rows.
struct Registration {
  graph::OperatorSpec spec;
  std::function<std::unique_ptr<Operator>()> make;
};
struct MetricRegistration {
  graph::MetricSpec spec;
};
class PackRows {
 public:
  int add(graph::OperatorSpec spec, std::function<std::unique_ptr<Operator>()> make);
  int add_metric(graph::MetricSpec spec);
  const std::vector<Registration>& operators() const { return operators_; }
  const std::vector<MetricRegistration>& metrics() const { return metrics_; }

 private:
  std::vector<Registration> operators_;
  std::vector<MetricRegistration> metrics_;
};

#define HEADRACE_OPERATOR_CONCAT_(a, b) a##b
#define HEADRACE_OPERATOR_CONCAT(a, b) HEADRACE_OPERATOR_CONCAT_(a, b)
/// Registers class `Type` under the row given after it. At namespace scope of a pack's source.
#define HEADRACE_OPERATOR(Type, ...)                                                                                 \
  static const int HEADRACE_OPERATOR_CONCAT(headrace_operator_, __COUNTER__) = ::headrace_pack_rows().add(            \
      __VA_ARGS__, [] { return std::unique_ptr<::headrace::exec::Operator>(std::make_unique<Type>()); })
#define HEADRACE_METRIC(...) \
  static const int HEADRACE_OPERATOR_CONCAT(headrace_metric_, __COUNTER__) = ::headrace_pack_rows().add_metric(__VA_ARGS__)

}  // namespace headrace::exec

/// Each pack has one of its own (hidden visibility); defined by HEADRACE_PACK in the pack's pack.cc.
__attribute__((visibility("hidden"))) headrace::exec::PackRows& headrace_pack_rows();

/// In one source of a pack: defines its rows and the entry point that the loader looks up.
#define HEADRACE_PACK(name_text)                                                                          \
  headrace::exec::PackRows& headrace_pack_rows() {                                                        \
    static headrace::exec::PackRows rows;                                                                 \
    return rows;                                                                                          \
  }                                                                                                       \
  extern "C" __attribute__((visibility("default"))) const char* headrace_pack_name() { return name_text; } \
  extern "C" __attribute__((visibility("default"))) int headrace_pack_abi() { return HEADRACE_PACK_ABI; }  \
  extern "C" __attribute__((visibility("default"))) headrace::exec::PackRows* headrace_pack() { return &headrace_pack_rows(); }
/// Raised when Operator, Object or Model change shape: a pack of another number is refused by name.
#define HEADRACE_PACK_ABI 1
