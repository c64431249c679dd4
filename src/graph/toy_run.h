// SPDX-License-Identifier: Apache-2.0
#pragma once
// Runs plans of the toy catalogue, one task after the other, on rows of text. Every operator hashes what it is given, so that two
// results are equal only when they were made in the same way from the same rows.

#include <map>
#include <string>
#include <vector>

#include "headrace/graph/plan.h"

namespace headrace::graph::toy {

using Rows = std::vector<std::string>;
/// A tuple of tables; a table is a tuple of one.
using Tables = std::vector<Rows>;

/// What the operators of the toy catalogue do. Shared by the runner and the oracle; how they are put together is not.
struct Ops {
  static constexpr int kRows = 6;   ///< rows of a source
  static Rows read(const std::string& op, const config::Value& params, std::uint64_t seed);
  static std::string fit(const std::string& op, const config::Value& params, std::uint64_t seed, const Tables& inputs);
  static std::string update(const std::string& op, const config::Value& params, std::uint64_t seed, const std::string& model,
                            const Tables& inputs);
  /// Row by row. `verb` is transform or predict.
  static Rows apply(const std::string& verb, const std::string& op, const config::Value& params, std::uint64_t seed,
                    const std::string& model, const Tables& inputs);
  static Rows own_output(const std::string& model, const Tables& inputs);
  static std::string score(const std::string& op, const std::string& model, const Tables& inputs);
  static Rows fold_rows(const Rows& rows, int folds, int fold, bool test);
  static Rows shard_rows(const Rows& rows, int parts, int part, bool by_key);
  static Tables stack(const std::vector<Tables>& pieces);
};

/// An object of a run: tables, or the text of a model, score or decision.
struct Thing {
  Tables tables;
  std::string text;
  bool operator==(const Thing&) const = default;
  std::string show() const;
};

struct Run {
  std::vector<Thing> slot0, slot1;
  const Thing& at(Ref ref) const {
    return ref.slot == 0 ? slot0[static_cast<std::size_t>(ref.task)] : slot1[static_cast<std::size_t>(ref.task)];
  }
};
/// Also checks that equal ids have equal results, within the plan and with what `known` holds of other plans.
Run run(const Plan& plan, std::map<ObjectId, Thing>* known = nullptr);

}  // namespace headrace::graph::toy
