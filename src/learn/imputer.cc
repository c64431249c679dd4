// SPDX-License-Identifier: Apache-2.0
// Imputer: fills missing values, of numbers by mean, median, the most frequent value or a constant, of texts by the last two.
#include <algorithm>
#include <cmath>

#include "headrace/base/text.h"
#include "learn/categorical.h"
#include "learn/column_statistics.h"

namespace headrace::learn {
namespace {

bool is_fillable(data::ColumnType type) {
  return is_numeric(type) || type == data::ColumnType::kText || type == data::ColumnType::kCategory;
}

// What one column's gaps are filled with.
struct Filling {
  std::string column;
  config::Value value;        // a real, or a text
  bool had_missing = false;   // in the fit: gets an indicator column when these are asked for
};

Error damaged(const data::Model& model) {
  return Error(Code::kDamaged, cat("a model of ", model.op, " lacks its values"), "fit the model again");
}

Result<std::vector<Filling>> fillings_of(const data::Model& model) {
  const config::Value* list = model.meta.find("fillings");
  if (list == nullptr || !list->is_list()) return damaged(model);
  std::vector<Filling> out;
  for (const config::Value& entry : list->list()) {
    const config::Value* column = entry.find("column");
    const config::Value* value = entry.find("value");
    const config::Value* missing = entry.find("missing");
    if (!column || !column->is_string() || !value || !missing || missing->kind() != config::Kind::kBool) return damaged(model);
    if (!value->is_number() && !value->is_string()) return damaged(model);
    out.push_back({column->string(), *value, missing->boolean()});
  }
  return out;
}

// The most frequent of ascending values; the smallest wins a tie.
double most_frequent(const std::vector<double>& sorted) {
  double best = 0;
  std::size_t best_count = 0;
  for (std::size_t begin = 0; begin < sorted.size();) {
    const std::size_t end = static_cast<std::size_t>(std::upper_bound(sorted.begin(), sorted.end(), sorted[begin]) - sorted.begin());
    if (end - begin > best_count) {
      best = sorted[begin];
      best_count = end - begin;
    }
    begin = end;
  }
  return best;
}

double number_filling(const std::string& strategy, const std::vector<double>& values) {
  std::vector<double> sorted;
  double sum = 0;
  for (const double value : values) {
    if (std::isnan(value)) continue;
    sorted.push_back(value);
    sum += value;
  }
  if (sorted.empty()) return 0;
  if (strategy == "mean") return sum / static_cast<double>(sorted.size());
  std::sort(sorted.begin(), sorted.end());
  return strategy == "median" ? detail::quantile(sorted, 0.5) : most_frequent(sorted);
}

std::string text_filling(const Categorical& column) {
  std::vector<std::int64_t> counts(column.classes.size(), 0);
  for (const std::int64_t code : column.codes) {
    if (code >= 0) ++counts[static_cast<std::size_t>(code)];
  }
  if (counts.empty()) return "missing";
  return column.classes[static_cast<std::size_t>(std::max_element(counts.begin(), counts.end()) - counts.begin())];
}

class Imputer final : public Estimator {
  Result<exec::Fitted> fit(const exec::Context& context, std::span<const data::Object> inputs, bool wants_output) override {
    return guarded(context, [&]() -> Result<exec::Fitted> {
      HEADRACE_ASSIGN(const TablePtr table, one_table(inputs));
      const std::string& strategy = context.string("strategy");
      const bool numbers_only = strategy == "mean" || strategy == "median";
      HEADRACE_ASSIGN(const std::vector<int> columns, chosen_columns(context, *table, numbers_only ? is_numeric : is_fillable));
      exec::Fitted fitted;
      config::List list;
      for (const int column : columns) {
        HEADRACE_ASSIGN(const Filling filling, learn_column(context, *table, column));
        config::Value entry{config::Map{}};
        entry.set("column", filling.column);
        entry.set("value", filling.value);
        entry.set("missing", filling.had_missing);
        list.push_back(std::move(entry));
      }
      fitted.model.op = row().name;
      fitted.model.version = row().version;
      fitted.model.meta.set("fillings", config::Value(std::move(list)));
      if (wants_output) {
        HEADRACE_ASSIGN(fitted.output, transform(context, &fitted.model, inputs));
      }
      return fitted;
    });
  }

  Result<data::Object> transform(const exec::Context& context, const data::Model* model, std::span<const data::Object> inputs) override {
    return guarded(context, [&]() -> Result<data::Object> {
      HEADRACE_ASSIGN(const std::vector<Filling> fillings, fillings_of(*model));
      HEADRACE_ASSIGN(TablePtr table, one_table(inputs));
      const bool indicates = context.boolean("indicator");
      std::vector<std::pair<std::string, std::vector<double>>> indicators;
      for (const Filling& filling : fillings) {
        HEADRACE_ASSIGN(const int column, table->column_index(filling.column));
        std::vector<double> missing(static_cast<std::size_t>(table->rows()), 0.0);
        HEADRACE_ASSIGN(table, filled(table, column, filling, missing));
        if (indicates && filling.had_missing) indicators.emplace_back(cat("missing:", filling.column), std::move(missing));
      }
      for (const auto& [name, missing] : indicators) {
        HEADRACE_ASSIGN(table, table->with_column(name, data::Role::kFeature, missing));
      }
      return data::Object(std::move(table));
    });
  }

  static Result<Filling> learn_column(const exec::Context& context, const data::Table& table, int column) {
    const data::Column& facts = table.columns()[static_cast<std::size_t>(column)];
    const std::string& strategy = context.string("strategy");
    const config::Value& constant = context.value("fill_value");
    Filling filling{facts.name, {}, facts.nulls > 0};
    if (is_numeric(facts.type)) {
      HEADRACE_ASSIGN(const std::vector<double> values, table.reals(column));
      filling.had_missing = std::any_of(values.begin(), values.end(), [](double value) { return std::isnan(value); });
      if (strategy != "constant") {
        filling.value = number_filling(strategy, values);
      } else if (constant.is_null() || constant.is_number()) {
        filling.value = constant.is_null() ? 0.0 : constant.real();
      } else {
        return Error(Code::kBadValue, cat("fill_value is no number, but a column of numbers is to be filled: ", facts.name),
                     "give a number, or name the text columns in `columns`", constant.where());
      }
      return filling;
    }
    if (strategy != "constant") {
      HEADRACE_ASSIGN(const Categorical values, categorical_of(table, column));
      filling.value = text_filling(values);
    } else if (constant.is_null() || constant.is_string()) {
      filling.value = constant.is_null() ? std::string("missing") : constant.string();
    } else {
      return Error(Code::kBadValue, cat("fill_value is no text, but a column of texts is to be filled: ", facts.name),
                   "give a text, or name the columns of numbers in `columns`", constant.where());
    }
    return filling;
  }

  // The table with the gaps of one column filled and marked in `missing`. The column becomes real or text even without a gap, so
  // that all shards and folds keep one schema.
  static Result<TablePtr> filled(const TablePtr& table, int column, const Filling& filling, std::vector<double>& missing) {
    const data::Column& facts = table->columns()[static_cast<std::size_t>(column)];
    if (is_numeric(facts.type) != filling.value.is_number()) {
      return Error(Code::kEdgeType, cat("a column's type differs from that of the fit: ", facts.name));
    }
    if (is_numeric(facts.type)) {
      HEADRACE_ASSIGN(std::vector<double> values, table->reals(column));
      for (std::size_t row = 0; row < values.size(); ++row) {
        if (!std::isnan(values[row])) continue;
        values[row] = filling.value.real();
        missing[row] = 1.0;
      }
      return replace_feature(*table, column, std::span<const double>(values));
    }
    std::vector<bool> nulls;
    HEADRACE_ASSIGN(std::vector<std::string> texts, table->texts(column, &nulls));
    for (std::size_t row = 0; row < texts.size(); ++row) {
      if (!nulls[row]) continue;
      texts[row] = filling.value.string();
      missing[row] = 1.0;
    }
    return replace_feature(*table, column, std::span<const std::string>(texts));
  }

  template <class T>
  static Result<TablePtr> replace_feature(const data::Table& table, int column, std::span<const T> values) {
    std::vector<int> others, order;
    const int count = static_cast<int>(table.columns().size());
    for (int i = 0; i < count; ++i) {
      order.push_back(i == column ? count - 1 : static_cast<int>(others.size()));
      if (i != column) others.push_back(i);
    }
    HEADRACE_ASSIGN(const TablePtr rest, table.select(others));
    HEADRACE_ASSIGN(const TablePtr wider,
                    rest->with_column(table.columns()[static_cast<std::size_t>(column)].name, data::Role::kFeature, values));
    return wider->select(order);
  }
};

HEADRACE_ESTIMATOR(Imputer,
                   {.name = "imputer",
                    .doc = "Fills missing values with what the fit saw; a column without any value is filled with 0 or 'missing'. "
                           "scikit-learn: SimpleImputer(keep_empty_features=True).",
                    .options = {config::choice("strategy", "mean", {"mean", "median", "most_frequent", "constant"},
                                               "mean and median fill numbers; the smallest of equally frequent values wins"),
                                [] {
                                  config::Option option =
                                      config::string("fill_value", config::Value(), "for constant; null: 0 or 'missing'");
                                  option.type = config::Type::kAny;
                                  return option.or_null();
                                }(),
                                config::boolean("indicator", false, "append a column of 0 and 1 for each column with gaps in the fit"),
                                columns_option("all the strategy can fill")},
                    .fits = true,
                    .refuses_missing = false,
                    .numeric_only = false});

}  // namespace
}  // namespace headrace::learn
