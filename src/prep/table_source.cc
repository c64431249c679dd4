// SPDX-License-Identifier: Apache-2.0
// A table written out in the pipeline file itself: for examples and tests.
#include <arrow/api.h>

#include "headrace/base/text.h"
#include "prep/dialect.h"
#include "prep/roles.h"

namespace headrace::prep {
namespace {

using config::Kind;

template <class Builder, class Read>
Result<std::shared_ptr<arrow::Array>> build(const config::List& cells, Builder builder, const Read& read) {
  for (const config::Value& cell : cells) {
    const arrow::Status status = cell.is_null() ? builder.AppendNull() : builder.Append(read(cell));
    if (!status.ok()) return Error(Code::kTooLarge, status.message());
  }
  auto array = builder.Finish();
  if (!array.ok()) return Error(Code::kTooLarge, array.status().message());
  return *array;
}

// One type for a column: the one its cells share, integers beside reals becoming reals.
Result<Kind> common_kind(const std::string& name, const config::List& cells) {
  Kind kind = Kind::kNull;
  for (const config::Value& cell : cells) {
    const Kind one = cell.kind();
    if (one == Kind::kList || one == Kind::kMap) {
      return Error(Code::kBadValue, cat("column '", name, "' holds a ", config::kind_name(one)),
                   "cells are numbers, texts, true, false or null", cell.where());
    }
    if (one == Kind::kNull || one == kind) continue;
    const bool numbers = (kind == Kind::kInt && one == Kind::kReal) || (kind == Kind::kReal && one == Kind::kInt);
    if (kind != Kind::kNull && !numbers) {
      return Error(Code::kBadValue, cat("column '", name, "' holds ", config::kind_name(kind), " and ", config::kind_name(one)),
                   "put quotes around the numbers that are text", cell.where());
    }
    kind = numbers ? Kind::kReal : one;
  }
  return kind;
}

Result<std::shared_ptr<arrow::Array>> column(const std::string& name, const config::List& cells, bool category) {
  HEADRACE_ASSIGN(const Kind kind, common_kind(name, cells));
  const auto text = [](const config::Value& cell) -> const std::string& { return cell.string(); };
  if (category && kind != Kind::kString)
    return Error(Code::kBadValue, cat("column '", name, "' holds ", config::kind_name(kind), ", so its values are no categories"),
                 "put quotes around them");
  if (category) return build(cells, arrow::StringDictionary32Builder(), text);
  switch (kind) {
    case Kind::kBool: return build(cells, arrow::BooleanBuilder(), [](const config::Value& cell) { return cell.boolean(); });
    case Kind::kInt: return build(cells, arrow::Int64Builder(), [](const config::Value& cell) { return cell.integer(); });
    case Kind::kString: return build(cells, arrow::StringBuilder(), text);
    default: return build(cells, arrow::DoubleBuilder(), [](const config::Value& cell) { return cell.real(); });
  }
}

class TableLiteral final : public TableSource {
  Result<TablePointer> load(const exec::Context& context) const override {
    const std::vector<std::string> categories = strings_of(context.value("categories"));
    arrow::FieldVector fields;
    arrow::ArrayVector arrays;
    std::vector<std::string> names;
    for (const config::Entry& entry : context.value("columns").map()) {
      if (!entry.value.is_list())
        return Error(Code::kBadValue, cat("column '", entry.key, "' is no list"), "write its values in [ ]", entry.value.where());
      const config::List& cells = entry.value.list();
      if (!arrays.empty() && static_cast<std::int64_t>(cells.size()) != arrays.front()->length()) {
        return Error(
            Code::kShape,
            cat("column '", entry.key, "' has ", cells.size(), " values, '", fields.front()->name(), "' has ", arrays.front()->length()),
            {}, entry.value.where());
      }
      const bool category = std::find(categories.begin(), categories.end(), entry.key) != categories.end();
      HEADRACE_ASSIGN(auto array, column(entry.key, cells, category));
      fields.push_back(arrow::field(entry.key, array->type()));
      arrays.push_back(std::move(array));
      names.push_back(entry.key);
    }
    if (arrays.empty())
      return Error(Code::kBadValue, "a table without columns", "write columns: {name: [value, ...]}", context.value("columns").where());
    for (const std::string& category : categories) {
      if (std::find(names.begin(), names.end(), category) == names.end()) {
        return Error(Code::kMissingColumn, cat("there is no column '", category, "' to read as a category"),
                     nearest_advice(category, names), context.value("categories").where());
      }
    }
    const std::int64_t rows = arrays.front()->length();
    return with_roles(context, data::Table::from_arrow(arrow::Table::Make(arrow::schema(std::move(fields)), std::move(arrays), rows)));
  }
};

HEADRACE_OPERATOR(TableLiteral,
                  source_row("table", "Holds a small table in the pipeline file itself: a list of values for each column.",
                             {config::map("columns", "the columns: name to list of values (null where one is missing)").must(),
                              config::list("categories", config::Type::kStringList, config::List{}, "columns to hold as categories")}));

}  // namespace
}  // namespace headrace::prep
