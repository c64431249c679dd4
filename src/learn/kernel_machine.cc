// SPDX-License-Identifier: Apache-2.0
#include "learn/kernel_machine.h"

#include <libsvm/svm.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <set>
#include <utility>

#include <ATen/ops/addmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include "headrace/base/text.h"

namespace headrace::learn::detail {
namespace {

constexpr std::int64_t kBlockEntries = 4 << 20;

// libsvm reports progress every thousand steps through a function without an argument; it is also the only place to stop from.
struct Stopped {};
thread_local const std::stop_token* stop_of_this_thread = nullptr;
void on_progress(const char*) {
  if (stop_of_this_thread != nullptr && stop_of_this_thread->stop_requested()) throw Stopped{};
}

class StopScope {
 public:
  explicit StopScope(const std::stop_token& stop) {
    static std::once_flag once;
    std::call_once(once, [] { svm_set_print_string_function(on_progress); });
    stop_of_this_thread = &stop;
  }
  ~StopScope() { stop_of_this_thread = nullptr; }
  StopScope(const StopScope&) = delete;
  StopScope& operator=(const StopScope&) = delete;
};

// Rows as libsvm reads them: (index, value) pairs without zeros, ended by index -1. Owns the memory that `problem` points into.
class Nodes {
 public:
  Nodes(const at::Tensor& x, const std::vector<std::int64_t>& rows) {
    const double* values = x.const_data_ptr<double>();
    const std::int64_t width = x.size(1);
    std::vector<std::size_t> starts;
    for (const std::int64_t row : rows) {
      starts.push_back(nodes_.size());
      for (std::int64_t j = 0; j < width; ++j) {
        if (values[row * width + j] != 0.0) nodes_.push_back({static_cast<int>(j + 1), values[row * width + j]});
      }
      nodes_.push_back({-1, 0.0});
    }
    for (const std::size_t start : starts) pointers_.push_back(nodes_.data() + start);
    problem_.l = static_cast<int>(rows.size());
    problem_.x = pointers_.data();
  }
  svm_problem& problem() { return problem_; }

 private:
  std::vector<svm_node> nodes_;
  std::vector<svm_node*> pointers_;
  svm_problem problem_{};
};

svm_parameter parameters_for(const MachineOptions& options) {
  svm_parameter parameters{};
  const std::string& name = options.kernel.name;
  parameters.kernel_type = name == "linear" ? LINEAR : name == "poly" ? POLY : name == "rbf" ? RBF : SIGMOID;
  parameters.gamma = options.kernel.gamma;
  parameters.coef0 = options.kernel.coef0;
  parameters.degree = static_cast<int>(options.kernel.degree);
  parameters.cache_size = options.cache_mb;
  parameters.eps = options.tolerance;
  parameters.shrinking = options.shrinking ? 1 : 0;
  return parameters;
}

// `rows` maps the problem's rows to those of x.
Result<Machine> solve(svm_problem& problem, const svm_parameter& parameters, const std::vector<std::int64_t>& rows,
                      const std::stop_token& stop) {
  if (const char* fault = svm_check_parameter(&problem, &parameters))
    return Error(Code::kBadValue, cat("libsvm refuses the problem: ", fault));
  const StopScope scope(stop);
  svm_model* trained = nullptr;
  try {
    trained = svm_train(&problem, &parameters);
  } catch (const Stopped&) {
    return Error(Code::kCancelled, "the search for support vectors was stopped");
  }
  const std::unique_ptr<svm_model, void (*)(svm_model*)> model(trained, [](svm_model* owned) { svm_free_and_destroy_model(&owned); });
  std::vector<std::pair<std::int64_t, double>> found;
  for (int i = 0; i < model->l; ++i) found.emplace_back(rows[static_cast<std::size_t>(model->sv_indices[i] - 1)], model->sv_coef[0][i]);
  std::sort(found.begin(), found.end());
  Machine machine;
  for (const auto& [row, coefficient] : found) {
    machine.rows.push_back(row);
    machine.coefficients.push_back(coefficient);
  }
  machine.offset = model->rho[0];
  return machine;
}

at::Tensor kernel_matrix(const Kernel& kernel, const at::Tensor& a, const at::Tensor& b) {
  if (kernel.name == "rbf") {
    const at::Tensor squares_a = a.mul(a).sum(1, /*keepdim=*/true), squares_b = b.mul(b).sum(1);
    return at::addmm(squares_b, a, b.t(), 1.0, -2.0).add_(squares_a).clamp_min_(0.0).mul_(-kernel.gamma).exp_();
  }
  at::Tensor products = a.mm(b.t());
  if (kernel.name == "linear") return products;
  products.mul_(kernel.gamma).add_(kernel.coef0);
  return kernel.name == "poly" ? products.pow_(kernel.degree) : products.tanh_();
}

}  // namespace

Result<Machine> separate(const at::Tensor& x, const std::vector<std::int64_t>& first, const std::vector<std::int64_t>& second,
                         double cost_first, double cost_second, const MachineOptions& options) {
  std::vector<std::int64_t> rows = first;
  rows.insert(rows.end(), second.begin(), second.end());
  Nodes nodes(x, rows);
  std::vector<double> labels(rows.size(), -1.0);
  std::fill_n(labels.begin(), first.size(), 1.0);
  nodes.problem().y = labels.data();
  svm_parameter parameters = parameters_for(options);
  parameters.svm_type = C_SVC;
  parameters.C = 1.0;
  int names[] = {1, -1};
  double costs[] = {cost_first, cost_second};
  parameters.nr_weight = 2;
  parameters.weight_label = names;
  parameters.weight = costs;
  return solve(nodes.problem(), parameters, rows, options.stop);
}

Result<Machine> fit_values(const at::Tensor& x, const at::Tensor& values, double cost, double epsilon, const MachineOptions& options) {
  std::vector<std::int64_t> rows(static_cast<std::size_t>(x.size(0)));
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<std::int64_t>(i);
  Nodes nodes(x, rows);
  const double* given = values.const_data_ptr<double>();
  std::vector<double> targets(given, given + rows.size());
  nodes.problem().y = targets.data();
  svm_parameter parameters = parameters_for(options);
  parameters.svm_type = EPSILON_SVR;
  parameters.C = cost;
  parameters.p = epsilon;
  return solve(nodes.problem(), parameters, rows, options.stop);
}

MachineSet unite(const at::Tensor& x, const std::vector<Machine>& machines) {
  std::set<std::int64_t> all;
  for (const Machine& machine : machines) all.insert(machine.rows.begin(), machine.rows.end());
  const std::vector<std::int64_t> rows(all.begin(), all.end());
  at::Tensor index = at::empty({static_cast<std::int64_t>(rows.size())}, at::kLong);
  std::copy(rows.begin(), rows.end(), index.mutable_data_ptr<std::int64_t>());

  MachineSet set;
  set.support = x.index_select(0, index);
  set.coefficients = at::zeros({static_cast<std::int64_t>(machines.size()), index.numel()}, at::kDouble);
  set.offsets = at::empty({static_cast<std::int64_t>(machines.size())}, at::kDouble);
  for (std::size_t m = 0; m < machines.size(); ++m) {
    set.offsets.mutable_data_ptr<double>()[m] = machines[m].offset;
    double* coefficients = set.coefficients.mutable_data_ptr<double>() + static_cast<std::int64_t>(m) * index.numel();
    for (std::size_t i = 0; i < machines[m].rows.size(); ++i) {
      const auto place = std::lower_bound(rows.begin(), rows.end(), machines[m].rows[i]) - rows.begin();
      coefficients[place] = machines[m].coefficients[i];
    }
  }
  return set;
}

Result<at::Tensor> evaluate(const MachineSet& machines, const Kernel& kernel, const at::Tensor& x, const std::stop_token& stop) {
  at::Tensor values = at::empty({x.size(0), machines.offsets.size(0)}, at::kDouble);
  const std::int64_t block = std::max<std::int64_t>(1, kBlockEntries / std::max<std::int64_t>(1, machines.support.size(0)));
  for (std::int64_t begin = 0; begin < x.size(0); begin += block) {
    if (stop.stop_requested()) return Error(Code::kCancelled, "a prediction was stopped");
    const at::Tensor rows = x.slice(0, begin, std::min(begin + block, x.size(0)));
    const at::Tensor part = kernel_matrix(kernel, rows, machines.support).mm(machines.coefficients.t()).sub_(machines.offsets);
    values.slice(0, begin, begin + rows.size(0)).copy_(part);
  }
  return values;
}

}  // namespace headrace::learn::detail
