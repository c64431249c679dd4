// SPDX-License-Identifier: Apache-2.0
// Python operators: rows only. What they do runs in Python workers (python/headrace/worker), which the executor's place starts when a
// pipeline has such a node. One row a kind, because a kind decides what a node may be asked for.
#include "headrace/base/text.h"
#include "prep/columns.h"

namespace headrace::prep {
namespace {

// Met only where nobody gave the run Python workers.
class InPython final : public exec::Operator {
 public:
  Result<std::vector<data::Object>> read(const exec::Context& context) override { return refused(context); }
  Result<exec::Fitted> fit(const exec::Context& context, std::span<const data::Object>, bool) override { return refused(context); }
  Result<data::Object> transform(const exec::Context& context, const data::Model*, std::span<const data::Object>) override {
    return refused(context);
  }
  Result<data::Object> predict(const exec::Context& context, const data::Model*, std::span<const data::Object>) override {
    return refused(context);
  }
  Result<data::Metrics> score(const exec::Context& context, const data::Model*, std::span<const data::Object>) override {
    return refused(context);
  }

 private:
  static Error refused(const exec::Context& context) {
    return Error(Code::kEnvironment, cat("node ", context.node, " runs in Python, and no Python worker was started"),
                 "use headrace run, or the Python client");
  }
};

graph::OperatorSpec row(std::string name, graph::Family family, std::string doc) {
  graph::OperatorSpec spec;
  spec.name = std::move(name);
  spec.family = family;
  spec.doc = std::move(doc);
  spec.options = {config::string("call", {}, "what to call: \"module:name\", found on Python's path and beside the pipeline file").must(),
                  config::string("code", "", "digest of its source, written by the Python client: changed code is other work"),
                  config::string("source", "", "source text, where the callable is in no module (a notebook)")};
  spec.open_params = true;
  spec.language = "python";
  spec.fits = family == graph::Family::kClassifier || family == graph::Family::kRegressor;
  spec.needs_target = spec.fits;
  spec.random = true;
  spec.refuses_missing = spec.numeric_only = spec.keeps_rows = false;
  spec.inputs_min = family == graph::Family::kSource ? 0 : 1;
  if (family == graph::Family::kSource) spec.takes.clear();
  return spec;
}

graph::OperatorSpec transformer() {
  graph::OperatorSpec spec =
      row("python_transformer", graph::Family::kTransformer, "A Python class with fit and transform, or an estimator of scikit-learn.");
  spec.fits = spec.updates = true;
  return spec;
}

HEADRACE_OPERATOR(InPython, row("python_source", graph::Family::kSource, "A Python function that gives a table."));
HEADRACE_OPERATOR(InPython, row("python_function", graph::Family::kTransformer, "A Python function from tables to a table."));
HEADRACE_OPERATOR(InPython, transformer());
HEADRACE_OPERATOR(InPython, row("python_classifier", graph::Family::kClassifier,
                                "A Python class with fit and predict (and predict_proba) that tells classes."));
HEADRACE_OPERATOR(InPython, row("python_regressor", graph::Family::kRegressor, "A Python class with fit and predict that tells numbers."));

}  // namespace
}  // namespace headrace::prep
