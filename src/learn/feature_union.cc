// SPDX-License-Identifier: Apache-2.0
#include "headrace/base/text.h"
#include "learn/estimator.h"

namespace headrace::learn {
namespace {

// Features of several nodes side by side; without weights no value is touched or copied.
class FeatureUnion final : public Estimator {
  Result<data::Object> transform(const exec::Context& context, const data::Model*, std::span<const data::Object> inputs) override {
    return guarded(context, [&]() -> Result<data::Object> {
      HEADRACE_ASSIGN(std::vector<TablePtr> tables, tables_of(inputs));
      const config::Value& weights = context.value("weights");
      if (!weights.is_null() && weights.list().size() != tables.size()) {
        return Error(Code::kBadValue, cat("weights and inputs differ in number: ", weights.list().size(), " and ", tables.size()),
                     "give one weight an input", weights.where());
      }
      for (std::size_t i = 0; !weights.is_null() && i < tables.size(); ++i) {
        HEADRACE_ASSIGN(tables[i], weighted(tables[i], weights.list()[i].real()));
      }
      TablePtr table = tables[0];
      for (std::size_t i = 1; i < tables.size(); ++i) {
        HEADRACE_ASSIGN(table, data::Table::beside(*table, *tables[i], true));
      }
      return data::Object(std::move(table));
    });
  }

  static Result<TablePtr> weighted(const TablePtr& table, double weight) {
    if (weight == 1) return table;
    HEADRACE_ASSIGN(Frame frame, frame_of(table, table->features(), {.refuses_missing = false}));
    return features_table(*table, frame.x.mul_(weight), frame.names);
  }
};

HEADRACE_ESTIMATOR(
    FeatureUnion,
    {.name = "feature_union",
     .doc = "Sets the features of its inputs side by side; the target comes from the first. scikit-learn: FeatureUnion.",
     .options = {config::list("weights", config::Type::kRealList, config::Value(), "factor of each input's features; null: 1").or_null()},
     .refuses_missing = false,
     .numeric_only = false});

}  // namespace
}  // namespace headrace::learn
