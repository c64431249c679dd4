// SPDX-License-Identifier: Apache-2.0
#include "parity_run.h"

#include <cmath>

#include "headrace/base/text.h"
#include "headrace/data/formats.h"
#include "headrace/data/table.h"
#include "parity_compare.h"

namespace headrace::parity {
namespace {

using Inputs = std::vector<data::Object>;

Result<data::Object> read_side(const std::string& folder, const std::string& name, std::string_view side) {
  HEADRACE_ASSIGN(auto table, data::read_csv(cat(folder, "/", name, ".", side, ".csv"), {.header = true}));
  std::vector<std::pair<int, data::Role>> roles;
  for (const auto& [column, role] : {std::pair("target", data::Role::kTarget), std::pair("group", data::Role::kGroup)}) {
    if (const auto index = table->column_index(column); index.ok()) roles.emplace_back(*index, role);
  }
  HEADRACE_ASSIGN(table, table->with_roles(roles));
  return data::Object(std::move(table));
}

Result<Inputs> read_inputs(const std::string& folder, const Case& one, std::string_view side) {
  Inputs inputs;
  for (const std::string& name : one.on) {
    HEADRACE_ASSIGN(auto object, read_side(folder, name, side));
    inputs.push_back(std::move(object));
  }
  return inputs;
}

Result<data::Tensor> reference_of(const std::string& folder, const Case& one) {
  return data::read_npy(cat(folder, "/", one.answer.find("reference")->string()));
}

// The features, or the columns that start with `prefix`, as one matrix; a single column with a flat reference becomes flat.
Result<double> compare_columns(const data::Table& table, std::span<const int> columns, const data::Tensor& reference, bool up_to_sign) {
  HEADRACE_ASSIGN(const data::Tensor matrix, table.matrix(columns));
  if (reference.shape().size() == 1 && columns.size() == 1) {
    return matrix_difference(data::Tensor(data::DType::kF64, {matrix.dim(0)}, matrix.bytes(), matrix.owner()), reference, up_to_sign);
  }
  return matrix_difference(matrix, reference, up_to_sign);
}

std::vector<int> columns_named(const data::Table& table, std::string_view word) {
  std::vector<int> columns;
  for (int i = 0; i < static_cast<int>(table.columns().size()); ++i) {
    const std::string& name = table.columns()[static_cast<std::size_t>(i)].name;
    if (name == word || name.starts_with(cat(word, ":"))) columns.push_back(i);
  }
  return columns;
}

Result<double> compare_folds(const data::TensorSet& folds, const config::Value& reference, bool sizes_only) {
  const config::List& list = reference.list();
  if (folds.entries().size() != 2 * list.size())
    return Error(Code::kShape, cat(folds.entries().size() / 2, " folds against ", list.size()));
  double different = 0;
  for (std::size_t fold = 0; fold < list.size(); ++fold) {
    for (std::size_t side = 0; side < 2; ++side) {
      const auto rows = folds.find(cat(side == 0 ? "train" : "test", fold))->span<std::int64_t>();
      const config::List& theirs = list[fold].list()[side].list();
      if (rows.size() != theirs.size())
        return Error(Code::kShape, cat("fold ", fold, " has ", rows.size(), " rows against ", theirs.size()));
      for (std::size_t i = 0; !sizes_only && i < rows.size(); ++i) different += rows[i] != theirs[i].integer() ? 1 : 0;
    }
  }
  return different;
}

class Runner {
 public:
  Runner(const exec::Registration& registration, const std::string& folder, const Case& one) : folder_(folder), one_(one) {
    op_ = registration.make();
    fits_ = registration.spec.fits;
    context_.node = one.op;
    context_.seed = one.seed;
  }

  Result<double> run(const std::vector<config::Option>& options) {
    HEADRACE_ASSIGN(context_.params, config::bind(options, one_.params, cat("operator ", one_.op)));
    if (one_.compare.starts_with("split")) return split();
    HEADRACE_ASSIGN(const Inputs train, read_inputs(folder_, one_, "train"));
    HEADRACE_ASSIGN(const Inputs test, read_inputs(folder_, one_, "test"));
    exec::Fitted fitted;
    if (fits_) {
      HEADRACE_ASSIGN(fitted, op_->fit(context_, train, one_.compare == "fit_transform"));
      HEADRACE_TRY(give(fitted.model));
    }
    const data::Model* model = fits_ ? &fitted.model : nullptr;
    if (one_.compare.starts_with("model:")) return model_tensor(fitted.model);
    if (one_.compare.starts_with("score:")) return score(model, test);
    if (one_.compare == "fit_transform") return features(fitted.output.table());
    if (one_.compare == "transform") {
      HEADRACE_ASSIGN(const data::Object output, op_->transform(context_, model, test));
      return features(output.table());
    }
    HEADRACE_ASSIGN(const data::Object output, op_->predict(context_, model, test));
    return predictions(output.table());
  }

 private:
  Result<double> split() {
    HEADRACE_ASSIGN(const Inputs all, read_inputs(folder_, one_, "all"));
    HEADRACE_ASSIGN(const data::TensorSet folds, op_->split(context_, all[0].table()));
    return compare_folds(folds, *one_.answer.find("folds"), one_.compare == "split_sizes");
  }

  Status give(data::Model& model) const {
    for (const auto& [name, file] : one_.give) {
      HEADRACE_ASSIGN(data::Tensor tensor, data::read_npy(cat(folder_, "/", file)));
      const data::Tensor* own = model.tensors.find(name);
      if (own == nullptr || own->shape() != tensor.shape())
        return Error(Code::kShape, cat("the model has no such tensor of this shape: ", name));
      model.tensors.set(name, std::move(tensor));
    }
    return {};
  }

  Result<double> model_tensor(const data::Model& model) const {
    const std::string name = one_.compare.substr(std::string_view("model:").size());
    const data::Tensor* tensor = model.tensors.find(name);
    if (tensor == nullptr) return Error(Code::kShape, cat("the model has no tensor: ", name));
    HEADRACE_ASSIGN(const data::Tensor reference, reference_of(folder_, one_));
    return matrix_difference(*tensor, reference, one_.up_to == "sign");
  }

  Result<double> score(const data::Model* model, const Inputs& test) {
    const std::string metric = one_.compare.substr(std::string_view("score:").size());
    context_.metrics = {metric};
    HEADRACE_ASSIGN(const data::Metrics metrics, op_->score(context_, model, test));
    const double difference = std::abs(*metrics.find(metric) - one_.answer.find("score")->real());
    if (std::isnan(difference)) return Error(Code::kBadData, "a score is not a number");
    return difference;
  }

  Result<double> features(const data::Table& table) const {
    HEADRACE_ASSIGN(const data::Tensor reference, reference_of(folder_, one_));
    return compare_columns(table, table.features(), reference, one_.up_to == "sign");
  }

  Result<double> predictions(const data::Table& table) const {
    if (one_.compare == "predict") {
      std::vector<std::string> reference;
      for (const config::Value& name : one_.answer.find("classes")->list()) reference.push_back(name.string());
      HEADRACE_ASSIGN(const int column, table.column_index("prediction"));
      HEADRACE_ASSIGN(const auto names, table.texts(column));
      return name_difference(names, reference, one_.up_to == "names");
    }
    HEADRACE_ASSIGN(const data::Tensor reference, reference_of(folder_, one_));
    return compare_columns(table, columns_named(table, one_.compare == "value" ? "prediction" : one_.compare), reference, false);
  }

  const std::string& folder_;
  const Case& one_;
  std::unique_ptr<exec::Operator> op_;
  exec::Context context_;
  bool fits_ = false;
};

}  // namespace

Result<double> measure(const exec::PackRows& pack, const std::string& folder, const Case& one) {
  for (const exec::Registration& registration : pack.operators()) {
    if (registration.spec.name == one.op) return Runner(registration, folder, one).run(registration.spec.options);
  }
  return Error(Code::kUnknownOperator, cat("the pack has no operator ", one.op));
}

}  // namespace headrace::parity
