// SPDX-License-Identifier: Apache-2.0
#include "learn/categorical.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "headrace/base/text.h"

namespace headrace::learn {
namespace {

bool is_categorical(data::ColumnType type) { return type == data::ColumnType::kText || type == data::ColumnType::kCategory; }
bool is_any(data::ColumnType type) { return type != data::ColumnType::kOther; }

config::Value to_value(const std::string& column, const FittedCategories& categories) {
  config::Value value{config::Map{}};
  value.set("column", column);
  value.set("names", text_list(categories.names));
  value.set("missing", categories.missing);
  return value;
}

struct FittedColumn {
  std::string name;
  FittedCategories categories;
};

Result<std::vector<FittedColumn>> fitted_columns(const data::Model& model) {
  const Error damaged(Code::kDamaged, cat("a model of ", model.op, " lacks its categories"), "fit the model again");
  const config::Value* list = model.meta.find("categories");
  if (list == nullptr || !list->is_list()) return damaged;
  std::vector<FittedColumn> out;
  for (const config::Value& entry : list->list()) {
    const config::Value* column = entry.find("column");
    const config::Value* names = entry.find("names");
    const config::Value* missing = entry.find("missing");
    if (!column || !column->is_string() || !names || !names->is_list() || !missing || missing->kind() != config::Kind::kBool)
      return damaged;
    FittedColumn fitted{column->string(), {}};
    for (const config::Value& name : names->list()) {
      if (!name.is_string()) return damaged;
      fitted.categories.names.push_back(name.string());
    }
    fitted.categories.missing = missing->boolean();
    fitted.categories.index();
    out.push_back(std::move(fitted));
  }
  return out;
}

// Codes of the rows among fitted categories; -1 for values that were not seen.
std::vector<std::int64_t> recode(const Categorical& column, const FittedCategories& known) {
  std::vector<std::int64_t> place, out;
  for (const std::string& name : column.classes) place.push_back(known.code(name));
  out.reserve(column.codes.size());
  for (const std::int64_t code : column.codes) out.push_back(code < 0 ? known.missing_code() : place[static_cast<std::size_t>(code)]);
  return out;
}

Error unknown_value(const std::string& column, const Categorical& values, std::size_t row) {
  const std::int64_t code = values.codes[row];
  return Error(Code::kBadData, cat("a value was not seen in the fit: column '", column, "', row ", row + 1, ", value ",
                                   code < 0 ? std::string("(missing)") : values.classes[static_cast<std::size_t>(code)]),
               "set handle_unknown to something else than error, or fit on data with all categories");
}

}  // namespace

bool class_less(const std::string& a, const std::string& b) {
  const auto number = [](const std::string& text, double& value) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size();
  };
  double left = 0, right = 0;
  if (number(a, left) && number(b, right) && left != right) return left < right;
  return a < b;
}

Result<Categorical> categorical_of(const data::Table& table, int column) {
  const data::Column& facts = table.columns()[static_cast<std::size_t>(column)];
  Categorical out;
  if (facts.nulls == 0 && facts.type != data::ColumnType::kReal) {
    HEADRACE_ASSIGN(auto codes, table.codes(column));
    out.codes = std::move(codes.codes);
    out.classes = std::move(codes.classes);
    return out;
  }
  std::vector<bool> nulls;
  HEADRACE_ASSIGN(std::vector<std::string> texts, table.texts(column, &nulls));
  std::set<std::string> distinct;
  for (std::size_t row = 0; row < texts.size(); ++row) {
    // A NaN among reals is as missing as a null.
    if (facts.type == data::ColumnType::kReal && texts[row] == "nan") nulls[row] = true;
    if (!nulls[row]) distinct.insert(texts[row]);
  }
  out.classes.assign(distinct.begin(), distinct.end());
  if (is_numeric(facts.type)) std::sort(out.classes.begin(), out.classes.end(), class_less);
  std::unordered_map<std::string, std::int64_t> place;
  for (std::size_t k = 0; k < out.classes.size(); ++k) place[out.classes[k]] = static_cast<std::int64_t>(k);
  for (std::size_t row = 0; row < texts.size(); ++row) {
    out.codes.push_back(nulls[row] ? -1 : place[texts[row]]);
    out.has_missing = out.has_missing || nulls[row];
  }
  return out;
}

std::int64_t FittedCategories::code(const std::string& name) const {
  const auto found = codes_.find(name);
  return found == codes_.end() ? -1 : found->second;
}

void FittedCategories::index() {
  for (std::size_t k = 0; k < names.size(); ++k) codes_[names[k]] = static_cast<std::int64_t>(k);
}

Result<exec::Fitted> CategoryEncoder::fit(const exec::Context& context, std::span<const data::Object> inputs, bool wants_output) {
  return guarded(context, [&]() -> Result<exec::Fitted> {
    HEADRACE_ASSIGN(const TablePtr table, one_table(inputs));
    const bool chosen = !context.value("columns").is_null();
    HEADRACE_ASSIGN(const std::vector<int> columns, chosen_columns(context, *table, chosen ? is_any : is_categorical));
    exec::Fitted fitted;
    config::List categories;
    for (const int column : columns) {
      HEADRACE_ASSIGN(Categorical found, categorical_of(*table, column));
      FittedCategories known;
      known.names = std::move(found.classes);
      known.missing = found.has_missing;
      categories.push_back(to_value(table->columns()[static_cast<std::size_t>(column)].name, known));
    }
    fitted.model.op = row().name;
    fitted.model.version = row().version;
    fitted.model.meta.set("categories", config::Value(std::move(categories)));
    if (wants_output) {
      HEADRACE_ASSIGN(fitted.output, transform(context, &fitted.model, inputs));
    }
    return fitted;
  });
}

Result<data::Object> CategoryEncoder::transform(const exec::Context& context, const data::Model* model,
                                                std::span<const data::Object> inputs) {
  return guarded(context, [&]() -> Result<data::Object> {
    HEADRACE_ASSIGN(const TablePtr table, one_table(inputs));
    HEADRACE_ASSIGN(const std::vector<FittedColumn> fitted, fitted_columns(*model));
    if (fitted.empty()) return data::Object(table);
    const auto rows = static_cast<std::size_t>(table->rows());
    std::vector<int> replaced, sources;
    std::vector<std::string> names;
    std::vector<std::vector<double>> blocks;
    for (const FittedColumn& column : fitted) {
      HEADRACE_ASSIGN(const int index, table->column_index(column.name));
      HEADRACE_ASSIGN(const Categorical values, categorical_of(*table, index));
      const std::vector<std::int64_t> codes = recode(values, column.categories);
      const auto unknown = std::find(codes.begin(), codes.end(), -1);
      if (unknown != codes.end() && !allows_unknown(context)) {
        return unknown_value(column.name, values, static_cast<std::size_t>(unknown - codes.begin()));
      }
      HEADRACE_ASSIGN(Block block, encode(context, column.name, column.categories, codes));
      replaced.push_back(index);
      sources.insert(sources.end(), block.names.size(), index);
      std::move(block.columns.begin(), block.columns.end(), std::back_inserter(blocks));
      std::move(block.names.begin(), block.names.end(), std::back_inserter(names));
    }

    // Beyond this point the width of the output is known.
    data::Tensor matrix(data::DType::kF64, {table->rows(), static_cast<std::int64_t>(blocks.size())});
    const std::span<double> out = matrix.mutable_span<double>();
    for (std::size_t column = 0; column < blocks.size(); ++column) {
      for (std::size_t row = 0; row < rows; ++row) out[row * blocks.size() + column] = blocks[column][row];
    }
    HEADRACE_ASSIGN(TablePtr result, replace_features(*table, replaced, to_aten(matrix), names, sources));
    return data::Object(std::move(result));
  });
}

}  // namespace headrace::learn
