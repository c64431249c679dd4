// SPDX-License-Identifier: Apache-2.0
// Stacking: a final predictor learns from what the members say about rows they have not seen. Members are cross-validated for
// that, then fitted again on all rows. Source: Wolpert, "Stacked generalization", 1992; folds as scikit-learn's StackingClassifier
// and StackingRegressor.
#include <ATen/ops/cat.h>
#include <ATen/ops/zeros.h>

#include "headrace/base/text.h"
#include "learn/ensemble.h"

namespace headrace::learn {
namespace {

// Rows held out of each fold, with the rows that train for them.
struct Fold {
  std::span<const std::int64_t> train;
  std::span<const std::int64_t> test;
};

// Numbers of a decision that the final predictor reads: probabilities, else decision values, else the prediction itself. Of two
// classes one column says all. Columns follow `classes`, whatever the member saw.
Result<at::Tensor> says(const Decision& decision, const std::vector<std::string>& classes) {
  if (!decision.classifies()) return decision.values.view({-1, 1});
  if (!decision.probabilities.defined() && !decision.decisions.defined()) return decision.codes.to(at::kDouble).view({-1, 1});
  if (!decision.probabilities.defined() && decision.decisions.dim() == 1) return decision.decisions.view({-1, 1});
  const at::Tensor& given = decision.probabilities.defined() ? decision.probabilities : decision.decisions;
  HEADRACE_ASSIGN(const auto places, class_places(decision, classes));
  at::Tensor spread = at::zeros({given.size(0), static_cast<std::int64_t>(classes.size())}, given.options());
  for (std::size_t k = 0; k < places.size(); ++k) spread.select(1, places[k]).copy_(given.select(1, static_cast<std::int64_t>(k)));
  return classes.size() == 2 ? spread.narrow(1, 1, 1).contiguous() : spread;
}

class Stacking final : public Predictor {
 public:
  Result<exec::Fitted> fit(const exec::Context& context, std::span<const data::Object> inputs, bool wants_output) override {
    return guarded(context, [&]() -> Result<exec::Fitted> {
      HEADRACE_ASSIGN(const TablePtr table, one_table(inputs));
      HEADRACE_ASSIGN(const auto members, members_of(context, row().family));
      HEADRACE_ASSIGN(const Nested final_member, final_of(context));
      exec::Fitted fitted;
      fitted.model.op = row().name;
      fitted.model.version = row().version;
      std::vector<std::string> classes;
      if (row().family == graph::Family::kClassifier) {
        HEADRACE_ASSIGN(const Labels labels, labels_of(*table));
        classes = labels.classes;
        fitted.model.meta.set("classes", text_list(classes));
      }

      // Members on folds, then on all rows; beyond this point `level` holds what they say about rows they did not see.
      HEADRACE_ASSIGN(const data::TensorSet folds, folds_of(context, *table));
      std::vector<at::Tensor> said;
      for (const Nested& member : members) {
        HEADRACE_ASSIGN(auto column, out_of_fold(context, member, *table, folds, classes));
        said.push_back(std::move(column));
        HEADRACE_ASSIGN(auto part, fit_member(member, context, std::vector<data::Object>{data::Object(table)}));
        fitted.model.parts.push_back(std::move(part));
        if (context.progress) context.progress(static_cast<double>(said.size()) / static_cast<double>(members.size() + 1));
      }
      HEADRACE_ASSIGN(const TablePtr level, level_table(context, *table, members, said, classes));
      const std::vector<data::Object> level_input = {data::Object(level)};
      HEADRACE_ASSIGN(auto last, fit_member(final_member, context, level_input));
      if (wants_output) {
        HEADRACE_ASSIGN(const Decision decision, judge_member(final_member, context, *last, level_input));
        HEADRACE_ASSIGN(TablePtr output, prediction_table(*table, decision, true));
        fitted.output = data::Object(std::move(output));
      }
      fitted.model.parts.push_back(std::move(last));
      return fitted;
    });
  }

  Result<Decision> judge(const exec::Context& context, const data::Model& model, std::span<const data::Object> inputs) const override {
    HEADRACE_ASSIGN(const TablePtr table, one_table(inputs));
    HEADRACE_ASSIGN(const auto members, members_of(context, row().family));
    HEADRACE_ASSIGN(const Nested final_member, final_of(context));
    std::vector<std::string> classes;
    if (row().family == graph::Family::kClassifier) {
      HEADRACE_ASSIGN(classes, texts_of(model, "classes"));
    }
    const std::vector<data::Object> input = {data::Object(table)};
    std::vector<at::Tensor> said;
    for (std::size_t i = 0; i < members.size(); ++i) {
      HEADRACE_ASSIGN(const auto part, part_of(model, i));
      HEADRACE_ASSIGN(const Decision decision, judge_member(members[i], context, *part, input));
      HEADRACE_ASSIGN(auto columns, says(decision, classes));
      said.push_back(std::move(columns));
    }
    HEADRACE_ASSIGN(const TablePtr level, level_table(context, *table, members, said, classes));
    HEADRACE_ASSIGN(const auto last, part_of(model, members.size()));
    return judge_member(final_member, context, *last, std::vector<data::Object>{data::Object(level)});
  }

 private:
  Result<Nested> final_of(const exec::Context& context) const {
    const bool classes = row().family == graph::Family::kClassifier;
    HEADRACE_ASSIGN(Nested member, member_of(context, "final", classes ? "logistic_regression" : "ridge", row().family));
    member.label = "final";
    return member;
  }

  // Folds in the order of rows, stratified for classes.
  Result<data::TensorSet> folds_of(const exec::Context& context, const data::Table& table) const {
    const std::string_view name = row().family == graph::Family::kClassifier ? "stratified_k_fold" : "k_fold";
    exec::Context inner = context;
    inner.params = config::Value(config::Map{});
    inner.params.set("n", context.integer("cv"));
    inner.params.set("shuffle", false);
    for (const exec::Registration& registration : headrace_pack_rows().operators()) {
      if (registration.spec.name == name) return registration.make()->split(inner, table);
    }
    return Error(Code::kBug, cat("this pack has no splitter: ", name));
  }

  Result<at::Tensor> out_of_fold(const exec::Context& context, const Nested& member, const data::Table& table, const data::TensorSet& folds,
                                 const std::vector<std::string>& classes) const {
    at::Tensor out;
    for (std::size_t i = 0; i < folds.entries().size(); i += 2) {
      const Fold fold{folds.entries()[i].second.span<std::int64_t>(), folds.entries()[i + 1].second.span<std::int64_t>()};
      HEADRACE_ASSIGN(TablePtr train, table.take(fold.train));
      HEADRACE_ASSIGN(TablePtr test, table.take(fold.test));
      const std::vector<data::Object> train_input = {data::Object(std::move(train))}, test_input = {data::Object(std::move(test))};
      HEADRACE_ASSIGN(const auto model, fit_member(member, context, train_input));
      HEADRACE_ASSIGN(const Decision decision, judge_member(member, context, *model, test_input));
      HEADRACE_ASSIGN(const at::Tensor columns, says(decision, classes));
      if (!out.defined()) out = at::zeros({table.rows(), columns.size(1)}, columns.options());
      if (columns.size(1) != out.size(1)) {
        return Error(Code::kBadData, cat("a fold's training rows lack classes, so member ", member.label, " answers in another shape"),
                     "lower cv");
      }
      out.index_copy_(0, to_aten(data::Tensor::of<std::int64_t>({static_cast<std::int64_t>(fold.test.size())}, fold.test)), columns);
    }
    return out;
  }

  Result<TablePtr> level_table(const exec::Context& context, const data::Table& table, const std::vector<Nested>& members,
                               const std::vector<at::Tensor>& said, const std::vector<std::string>& classes) const {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < members.size(); ++i) {
      const std::int64_t width = said[i].size(1);
      for (std::int64_t k = 0; k < width; ++k) {
        const bool by_class = width == static_cast<std::int64_t>(classes.size());
        names.push_back(by_class ? cat(members[i].label, ":", classes[static_cast<std::size_t>(k)]) : members[i].label);
      }
    }
    const at::Tensor matrix = at::cat(said, 1);
    if (!context.boolean("passthrough")) return features_table(table, matrix, names);
    HEADRACE_ASSIGN(const TablePtr fresh, data::Table::from_matrix(to_data(matrix), names));
    return data::Table::beside(table, *fresh, true);
  }
};

std::vector<config::Option> stacking_options(std::string_view final_name) {
  config::Option final_option = config::nested("final", cat("predictor that reads what the members say; null: ", final_name));
  return {estimators_option("members").must(), final_option.or_null(),
          config::integer("cv", 5, "folds for the members' out-of-fold answers").at_least(2),
          config::boolean("passthrough", false, "give the final predictor the features too")};
}

HEADRACE_ESTIMATOR(Stacking, {.name = "stacking",
                              .family = graph::Family::kClassifier,
                              .doc = "A final classifier learns from out-of-fold answers of others. scikit-learn: StackingClassifier.",
                              .options = stacking_options("logistic_regression"),
                              .fits = true,
                              .own_fit_output = true,
                              .random = true,
                              .needs_target = true,
                              .refuses_missing = false,
                              .numeric_only = false});
HEADRACE_ESTIMATOR(Stacking,
                   {.name = "stacking_regressor",
                    .family = graph::Family::kRegressor,
                    .doc = "A final regressor learns from out-of-fold answers of others. scikit-learn: StackingRegressor (final ridge).",
                    .options = stacking_options("ridge"),
                    .fits = true,
                    .own_fit_output = true,
                    .random = true,
                    .needs_target = true,
                    .refuses_missing = false,
                    .numeric_only = false});

}  // namespace
}  // namespace headrace::learn
