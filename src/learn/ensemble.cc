// SPDX-License-Identifier: Apache-2.0
#include "learn/ensemble.h"

#include <algorithm>

#include "headrace/base/text.h"

namespace headrace::learn {
namespace {

Status check_member(const Nested& member, graph::Family family) {
  const bool predicts = dynamic_cast<const Predictor*>(member.estimator.get()) != nullptr;
  if (predicts && member.estimator->row().family == family) return {};
  return Error(Code::kUnsupported, cat("a member of this ensemble must be a ", graph::family_name(family), ", this operator is none: ",
                                       member.estimator->row().name));
}

}  // namespace

config::Option estimators_option(std::string doc) {
  return config::list("estimators", config::Type::kOperatorList, config::Value(), std::move(doc));
}

Result<std::vector<Nested>> members_of(const exec::Context& context, graph::Family family) {
  HEADRACE_ASSIGN(auto members, make_estimators(context.value("estimators")));
  for (const Nested& member : members) HEADRACE_TRY(check_member(member, family));
  return members;
}

Result<Nested> member_of(const exec::Context& context, std::string_view option, std::string_view fallback, graph::Family family) {
  const config::Value& given = context.value(option);
  config::List one = {given.is_null() ? config::Value(std::string(fallback)) : given};
  HEADRACE_ASSIGN(auto members, make_estimators(config::Value(std::move(one))));
  HEADRACE_TRY(check_member(members[0], family));
  return std::move(members[0]);
}

Result<std::shared_ptr<const data::Model>> fit_member(const Nested& member, const exec::Context& outer,
                                                      std::span<const data::Object> inputs) {
  HEADRACE_TRY(outer.check_stop());
  auto fitted = member.estimator->fit(member.context(outer, member.label), inputs, false);
  if (!fitted.ok()) return std::move(fitted).error().within(cat("fitting member ", member.label));
  return std::make_shared<const data::Model>(std::move(fitted->model));
}

Result<Decision> judge_member(const Nested& member, const exec::Context& outer, const data::Model& model,
                              std::span<const data::Object> inputs) {
  const auto& predictor = dynamic_cast<const Predictor&>(*member.estimator);
  auto decision = predictor.judge(member.context(outer, member.label), model, inputs);
  if (!decision.ok()) return std::move(decision).error().within(cat("asking member ", member.label));
  return decision;
}

Result<std::shared_ptr<const data::Model>> part_of(const data::Model& model, std::size_t index) {
  if (index < model.parts.size() && model.parts[index] != nullptr) return model.parts[index];
  return Error(Code::kDamaged, cat("a model of ", model.op, " lacks part ", index), "fit the model again");
}

Result<std::vector<std::int64_t>> class_places(const Decision& decision, const std::vector<std::string>& classes) {
  std::vector<std::int64_t> places;
  for (const std::string& name : decision.classes) {
    const auto found = std::find(classes.begin(), classes.end(), name);
    if (found == classes.end()) return Error(Code::kBadData, cat("a member names a class that the target does not have: ", name));
    places.push_back(found - classes.begin());
  }
  return places;
}

}  // namespace headrace::learn
