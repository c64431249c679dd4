// SPDX-License-Identifier: Apache-2.0
// Voting: several predictors judge, and the majority, the mean probability or the mean value decides. The members are fitted here
// (option `estimators`), or are nodes of the graph whose predictions arrive as inputs.
#include <ATen/ops/zeros.h>

#include "headrace/base/text.h"
#include "learn/ensemble.h"

namespace headrace::learn {
namespace {

class VotingBase : public Predictor {
 public:
  Result<exec::Fitted> fit(const exec::Context& context, std::span<const data::Object> inputs, bool wants_output) override {
    return guarded(context, [&]() -> Result<exec::Fitted> {
      HEADRACE_ASSIGN(const auto tables, tables_of(inputs));
      exec::Fitted fitted;
      fitted.model.op = row().name;
      fitted.model.version = row().version;
      if (row().family == graph::Family::kClassifier) {
        HEADRACE_ASSIGN(const Labels labels, labels_of(*tables[0]));
        fitted.model.meta.set("classes", text_list(labels.classes));
      }
      if (!context.value("estimators").is_null()) {
        HEADRACE_ASSIGN(const auto members, members_of(context, row().family));
        for (const Nested& member : members) {
          HEADRACE_ASSIGN(auto part, fit_member(member, context, inputs));
          fitted.model.parts.push_back(std::move(part));
        }
      }
      if (wants_output) {
        HEADRACE_ASSIGN(fitted.output, transform(context, &fitted.model, inputs));
      }
      return fitted;
    });
  }

 protected:
  // What each member says, and its weight.
  struct Votes {
    std::vector<Decision> decisions;
    std::vector<double> weights;
    double weight_sum = 0;
  };
  Result<Votes> votes(const exec::Context& context, const data::Model& model, std::span<const data::Object> inputs) const {
    Votes votes;
    if (context.value("estimators").is_null()) {
      HEADRACE_ASSIGN(const auto tables, tables_of(inputs));
      for (const TablePtr& table : tables) {
        HEADRACE_ASSIGN(auto decision, decision_of(*table));
        votes.decisions.push_back(std::move(decision));
      }
    } else {
      HEADRACE_ASSIGN(const auto members, members_of(context, row().family));
      for (std::size_t i = 0; i < members.size(); ++i) {
        HEADRACE_ASSIGN(const auto part, part_of(model, i));
        HEADRACE_ASSIGN(auto decision, judge_member(members[i], context, *part, inputs));
        votes.decisions.push_back(std::move(decision));
      }
    }
    const config::Value& weights = context.value("weights");
    if (!weights.is_null() && weights.list().size() != votes.decisions.size()) {
      return Error(Code::kBadValue, cat("weights and members differ in number: ", weights.list().size(), " and ", votes.decisions.size()),
                   "give one weight a member", weights.where());
    }
    for (std::size_t i = 0; i < votes.decisions.size(); ++i) {
      if (votes.decisions[i].classifies() != (row().family == graph::Family::kClassifier)) {
        return Error(Code::kEdgeType, cat("input ", i + 1, " of ", row().name, " does not come from a ", graph::family_name(row().family)));
      }
      votes.weights.push_back(weights.is_null() ? 1.0 : weights.list()[i].real());
      votes.weight_sum += votes.weights.back();
    }
    if (!(votes.weight_sum > 0)) return Error(Code::kBadValue, "the weights do not sum to more than zero", {}, weights.where());
    return votes;
  }
};

class Voting final : public VotingBase {
  Result<Decision> judge(const exec::Context& context, const data::Model& model, std::span<const data::Object> inputs) const override {
    HEADRACE_ASSIGN(const Votes all, votes(context, model, inputs));
    Decision decision;
    HEADRACE_ASSIGN(decision.classes, texts_of(model, "classes"));
    const bool soft = context.string("voting") == "soft";
    const auto classes = static_cast<std::int64_t>(decision.classes.size());
    const std::int64_t rows = all.decisions[0].codes.numel();
    at::Tensor tally = at::zeros({rows, classes}, at::TensorOptions().dtype(at::kDouble));
    double* out = tally.mutable_data_ptr<double>();
    for (std::size_t i = 0; i < all.decisions.size(); ++i) {
      const Decision& member = all.decisions[i];
      HEADRACE_ASSIGN(const auto places, class_places(member, decision.classes));
      if (soft && !member.probabilities.defined()) {
        return Error(Code::kUnsupported, cat("soft voting needs probabilities, member ", i + 1, " has none"), "use voting: hard");
      }
      const auto known = static_cast<std::int64_t>(places.size());
      const at::Tensor shares = soft ? member.probabilities.contiguous() : at::Tensor();
      const at::Tensor codes = member.codes.contiguous();
      for (std::int64_t row = 0; row < rows; ++row) {
        double* counts = out + row * classes;
        if (!soft) counts[places[static_cast<std::size_t>(codes.const_data_ptr<std::int64_t>()[row])]] += all.weights[i];
        for (std::int64_t k = 0; soft && k < known; ++k) {
          counts[places[static_cast<std::size_t>(k)]] += all.weights[i] * shares.const_data_ptr<double>()[row * known + k];
        }
      }
    }
    decision.codes = largest(tally);
    if (soft) decision.probabilities = tally.div_(all.weight_sum);
    return decision;
  }
};

class VotingRegressor final : public VotingBase {
  Result<Decision> judge(const exec::Context& context, const data::Model& model, std::span<const data::Object> inputs) const override {
    HEADRACE_ASSIGN(const Votes all, votes(context, model, inputs));
    Decision decision;
    decision.values = at::zeros({all.decisions[0].values.numel()}, at::TensorOptions().dtype(at::kDouble));
    for (std::size_t i = 0; i < all.decisions.size(); ++i) decision.values.add_(all.decisions[i].values, all.weights[i]);
    decision.values.div_(all.weight_sum);
    return decision;
  }
};

std::vector<config::Option> voting_options(bool classes) {
  std::vector<config::Option> options = {
      estimators_option("members to fit; null: the inputs are predictions of other nodes").or_null(),
      config::list("weights", config::Type::kRealList, config::Value(), "weight of each member; null: 1").or_null()};
  if (classes) {
    options.push_back(
        config::choice("voting", "hard", {"hard", "soft"}, "most votes, the first class wins a tie; or highest mean probability"));
  }
  return options;
}

HEADRACE_ESTIMATOR(Voting, {.name = "voting",
                            .family = graph::Family::kClassifier,
                            .doc = "Lets several classifiers vote. scikit-learn: VotingClassifier.",
                            .options = voting_options(true),
                            .fits = true,
                            .random = true,
                            .needs_target = true,
                            .refuses_missing = false,
                            .numeric_only = false});
HEADRACE_ESTIMATOR(VotingRegressor, {.name = "voting_regressor",
                                     .family = graph::Family::kRegressor,
                                     .doc = "Takes the mean of several regressors. scikit-learn: VotingRegressor.",
                                     .options = voting_options(false),
                                     .fits = true,
                                     .random = true,
                                     .needs_target = true,
                                     .refuses_missing = false,
                                     .numeric_only = false});

}  // namespace
}  // namespace headrace::learn
