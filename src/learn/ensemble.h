// SPDX-License-Identifier: Apache-2.0
#pragma once
// What voting and stacking share: members given as `estimators: [{op: NAME, PARAM: VALUE}, ...]`, their models as parts.

#include <memory>
#include <string>
#include <vector>

#include "learn/estimator.h"

namespace headrace::learn {

/// The members of option `estimators`; all must be predictors of `family`. Errors: kUnsupported, those of make_estimators.
Result<std::vector<Nested>> members_of(const exec::Context& context, graph::Family family);
/// One member from option `option`; null there means `fallback` with its defaults.
Result<Nested> member_of(const exec::Context& context, std::string_view option, std::string_view fallback, graph::Family family);

/// Fits a member with a seed and a name of its own.
Result<std::shared_ptr<const data::Model>> fit_member(const Nested& member, const exec::Context& outer,
                                                      std::span<const data::Object> inputs);
/// What a fitted member says.
Result<Decision> judge_member(const Nested& member, const exec::Context& outer, const data::Model& model,
                              std::span<const data::Object> inputs);
/// Part `index` of a model. Errors: kDamaged.
Result<std::shared_ptr<const data::Model>> part_of(const data::Model& model, std::size_t index);

/// For each class of `decision` its place among `classes`. Errors: kBadData for one that is not there.
Result<std::vector<std::int64_t>> class_places(const Decision& decision, const std::vector<std::string>& classes);

config::Option estimators_option(std::string doc);

}  // namespace headrace::learn
