// SPDX-License-Identifier: Apache-2.0
#include "exec/toy_operators.h"

#include <chrono>
#include <cmath>
#include <numeric>
#include <thread>

#include "headrace/base/text.h"
#include "headrace/data/table.h"

namespace headrace::exec::toys {
namespace {

using data::Object;
using TablePtr = std::shared_ptr<const data::Table>;

Result<TablePtr> with_target(const std::vector<double>& x, const std::vector<double>& y) {
  const data::Tensor matrix = data::Tensor::of<double>({static_cast<std::int64_t>(x.size()), 1}, x);
  const std::vector<std::string> names = {"x"};
  HEADRACE_ASSIGN(TablePtr table, data::Table::from_matrix(matrix, names));
  return table->with_column("y", data::Role::kTarget, y);
}

Result<std::vector<double>> column(const Object& table, const char* name) {
  HEADRACE_ASSIGN(const int index, table.table().column_index(name));
  return table.table().reals(index);
}

double mean_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

class Toy : public Operator {
 public:
  explicit Toy(std::string name) : name_(std::move(name)) {}

 protected:
  Status enter(const char* phase, const Context& context) const {
    World& w = world();
    w.note(phase, name_);
    if (const int us = w.sleep_us.load(); us > 0) std::this_thread::sleep_for(std::chrono::microseconds(us));
    const std::lock_guard lock(w.mutex);
    const auto found = w.failures.find(context.node);
    if (found == w.failures.end() || found->second == 0) return {};
    --found->second;
    return Error(Code::kTaskFailed, "failing on purpose", "set failures to 0");
  }
  std::string name_;
};

struct Rows : Toy {
  using Toy::Toy;
  Result<std::vector<Object>> read(const Context& context) override {
    HEADRACE_TRY(enter("read", context));
    std::vector<double> x(static_cast<std::size_t>(context.integer("n"))), y(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
      x[i] = static_cast<double>(i);
      y[i] = static_cast<double>(i % 7);
    }
    if (context.integer("missing") >= 0) x[static_cast<std::size_t>(context.integer("missing"))] = std::nan("");
    HEADRACE_ASSIGN(TablePtr table, with_target(x, y));
    return std::vector<Object>{table};
  }
};

struct Add : Toy {
  using Toy::Toy;
  Result<Object> transform(const Context& context, const data::Model*, std::span<const Object> inputs) override {
    HEADRACE_TRY(enter("transform", context));
    HEADRACE_ASSIGN(std::vector<double> x, column(inputs[0], "x"));
    for (double& value : x) value += context.real("amount");
    const data::Tensor matrix = data::Tensor::of<double>({static_cast<std::int64_t>(x.size()), 1}, x);
    const std::vector<std::string> names = {"x"};
    HEADRACE_ASSIGN(TablePtr table, inputs[0].table().with_features(matrix, names));
    return Object(table);
  }
};

struct Fails : Toy {
  using Toy::Toy;
  Result<Object> transform(const Context& context, const data::Model*, std::span<const Object> inputs) override {
    HEADRACE_TRY(enter("transform", context));
    HEADRACE_ASSIGN(const std::vector<double> x, column(inputs[0], "x"));
    const int from = world().fail_rows_from;
    if (from >= 0 && x.front() >= from) throw std::runtime_error(cat("row ", x.front(), " is refused"));
    return inputs[0];
  }
};

struct Slow : Toy {
  using Toy::Toy;
  Result<Object> transform(const Context& context, const data::Model*, std::span<const Object> inputs) override {
    HEADRACE_TRY(enter("transform", context));
    const auto until = std::chrono::steady_clock::now() + std::chrono::duration<double>(context.real("seconds"));
    while (std::chrono::steady_clock::now() < until) {
      HEADRACE_TRY(context.check_stop());
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return inputs[0];
  }
};

struct Sum : Toy {
  using Toy::Toy;
  Result<Object> transform(const Context& context, const data::Model*, std::span<const Object> inputs) override {
    HEADRACE_TRY(enter("transform", context));
    std::vector<double> total;
    for (const Object& input : inputs) {
      HEADRACE_ASSIGN(const std::vector<double> x, column(input, "x"));
      total.resize(std::max(total.size(), x.size()), 0.0);
      for (std::size_t i = 0; i < x.size(); ++i) total[i] += x[i];
    }
    const data::Tensor matrix = data::Tensor::of<double>({static_cast<std::int64_t>(total.size()), 1}, total);
    const std::vector<std::string> names = {"x"};
    HEADRACE_ASSIGN(TablePtr table, inputs[0].table().with_features(matrix, names));
    return Object(table);
  }
};

struct Mean : Toy {
  using Toy::Toy;
  Result<Fitted> fit(const Context& context, std::span<const Object> inputs, bool) override {
    HEADRACE_TRY(enter("fit", context));
    HEADRACE_ASSIGN(const std::vector<double> y, column(inputs[0], "y"));
    Fitted fitted;
    fitted.model.op = name_;
    const std::vector<double> prediction = {mean_of(y) + context.real("shift")};
    fitted.model.tensors.set("prediction", data::Tensor::of<double>({1}, prediction));
    return fitted;
  }
  Result<Object> predict(const Context& context, const data::Model* model, std::span<const Object> inputs) override {
    HEADRACE_TRY(enter("predict", context));
    const double value = model->tensors.find("prediction")->span<double>()[0];
    const std::vector<double> predictions(static_cast<std::size_t>(inputs[0].table().rows()), value);
    HEADRACE_ASSIGN(TablePtr table, inputs[0].table().with_column("prediction", data::Role::kPrediction, predictions));
    return Object(table);
  }
  Result<Object> transform(const Context& context, const data::Model* model, std::span<const Object> inputs) override {
    HEADRACE_TRY(enter("transform", context));
    const double value = model->tensors.find("prediction")->span<double>()[0];
    const std::vector<double> predictions(static_cast<std::size_t>(inputs[0].table().rows()), value);
    const data::Tensor matrix = data::Tensor::of<double>({inputs[0].table().rows(), 1}, predictions);
    const std::vector<std::string> names = {"x"};
    HEADRACE_ASSIGN(TablePtr table, inputs[0].table().with_features(matrix, names));
    return Object(table);
  }
  Result<data::Metrics> score(const Context& context, const data::Model* model, std::span<const Object> inputs) override {
    HEADRACE_TRY(enter("score", context));
    HEADRACE_ASSIGN(const std::vector<double> y, column(inputs[0], "y"));
    data::Metrics metrics;
    metrics.rows = static_cast<std::int64_t>(y.size());
    metrics.values.emplace_back("closeness", -std::abs(mean_of(y) - model->tensors.find("prediction")->span<double>()[0]));
    return metrics;
  }
};

// Its model is what it has seen so far, as a list of sums; it can be fitted at once or piece by piece.
struct Counter : Toy {
  using Toy::Toy;
  Result<data::Model> update(const Context& context, const data::Model* model, std::span<const Object> inputs) override {
    HEADRACE_TRY(enter("update", context));
    std::vector<double> sums;
    if (model != nullptr) {
      const auto seen = model->tensors.find("sums")->span<double>();
      sums.assign(seen.begin(), seen.end());
    }
    HEADRACE_ASSIGN(const std::vector<double> x, column(inputs[0], "x"));
    sums.push_back(std::accumulate(x.begin(), x.end(), 0.0));
    data::Model next;
    next.op = name_;
    next.tensors.set("sums", data::Tensor::of<double>({static_cast<std::int64_t>(sums.size())}, sums));
    return next;
  }
  Result<Fitted> fit(const Context& context, std::span<const Object> inputs, bool) override {
    HEADRACE_TRY(enter("fit", context));
    HEADRACE_ASSIGN(data::Model model, update(context, nullptr, inputs));
    return Fitted{std::move(model), {}};
  }
  // x becomes the sum of all pieces plus the number of pieces.
  Result<Object> transform(const Context& context, const data::Model* model, std::span<const Object> inputs) override {
    HEADRACE_TRY(enter("transform", context));
    const auto sums = model->tensors.find("sums")->span<double>();
    const double value = std::accumulate(sums.begin(), sums.end(), 0.0) + static_cast<double>(sums.size());
    const std::vector<double> values(static_cast<std::size_t>(inputs[0].table().rows()), value);
    const data::Tensor matrix = data::Tensor::of<double>({inputs[0].table().rows(), 1}, values);
    const std::vector<std::string> names = {"x"};
    HEADRACE_ASSIGN(TablePtr table, inputs[0].table().with_features(matrix, names));
    return Object(table);
  }
};

struct Cut : Toy {
  using Toy::Toy;
  Result<data::TensorSet> split(const Context& context, const data::Table& table) override {
    HEADRACE_TRY(enter("split", context));
    const std::int64_t n = context.integer("n");
    data::TensorSet folds;
    for (std::int64_t fold = 0; fold < n; ++fold) {
      std::vector<std::int64_t> train, test;
      for (std::int64_t row = 0; row < table.rows(); ++row) {
        (row * n / table.rows() == fold ? test : train).push_back(row);
      }
      folds.set(cat("train", fold), data::Tensor::of<std::int64_t>({static_cast<std::int64_t>(train.size())}, train));
      folds.set(cat("test", fold), data::Tensor::of<std::int64_t>({static_cast<std::int64_t>(test.size())}, test));
    }
    return folds;
  }
};

graph::OperatorSpec spec(std::string name, graph::Family family, std::vector<config::Option> options = {}) {
  graph::OperatorSpec row;
  row.name = std::move(name);
  row.family = family;
  row.doc = "A toy.";
  row.options = std::move(options);
  return row;
}

}  // namespace

World& world() {
  static World the_world;
  return the_world;
}

void World::note(const std::string& phase, const std::string& op) {
  const std::lock_guard lock(mutex);
  ++calls[phase + " " + op];
}

int World::count(const std::string& call) {
  const std::lock_guard lock(mutex);
  const auto found = calls.find(call);
  return found == calls.end() ? 0 : found->second;
}

void World::reset() {
  const std::lock_guard lock(mutex);
  calls.clear();
  failures.clear();
  fail_rows_from = -1;
  sleep_us = 0;
}

graph::Catalogue catalogue() {
  graph::Catalogue rows;
  const auto add = [&](graph::OperatorSpec row) { HEADRACE_CHECK(rows.add(std::move(row)).ok(), "two toys of one name"); };
  auto source = spec("rows", graph::Family::kSource, {config::integer("n", 70, "rows"), config::integer("missing", -1, "row without x")});
  source.takes.clear();
  source.inputs_min = source.inputs_max = 0;
  add(source);
  add(spec("add", graph::Family::kTransformer, {config::real("amount", 1.0, "added to x")}));
  add(spec("fails", graph::Family::kTransformer));
  add(spec("slow", graph::Family::kTransformer, {config::real("seconds", 10.0, "how long")}));
  add(spec("sum", graph::Family::kTransformer));
  auto mean = spec("mean", graph::Family::kRegressor, {config::real("shift", 0.0, "added to the mean")});
  mean.fits = true;
  mean.needs_target = true;
  add(mean);
  auto counter = spec("counter", graph::Family::kTransformer);
  counter.fits = counter.updates = true;
  add(counter);
  add(spec("cut", graph::Family::kSplitter, {config::integer("n", 5, "folds").at_least(2)}));
  for (graph::OperatorSpec& row : graph::intrinsic_operators()) add(row);
  graph::MetricSpec metric{.name = "closeness", .doc = "A toy.", .higher_is_better = true, .family = graph::Family::kRegressor, .pack = {}};
  HEADRACE_CHECK(rows.add(metric).ok(), "two metrics of one name");
  return rows;
}

void add_operators(Packs& packs) {
  packs.add("rows", std::make_unique<Rows>("rows"));
  packs.add("add", std::make_unique<Add>("add"));
  packs.add("fails", std::make_unique<Fails>("fails"));
  packs.add("slow", std::make_unique<Slow>("slow"));
  packs.add("sum", std::make_unique<Sum>("sum"));
  packs.add("mean", std::make_unique<Mean>("mean"));
  packs.add("counter", std::make_unique<Counter>("counter"));
  packs.add("cut", std::make_unique<Cut>("cut"));
}

}  // namespace headrace::exec::toys
