// SPDX-License-Identifier: Apache-2.0
// Cast: another type for columns, value by value, refusing what does not convert instead of losing it.
#include <charconv>
#include <cmath>
#include <functional>

#include <arrow/api.h>

#include "headrace/base/text.h"
#include "prep/columns.h"

namespace headrace::prep {
namespace {

using Texts = std::vector<std::string>;
using ArrayPointer = std::shared_ptr<arrow::Array>;

template <class T>
bool parse(std::string_view text, T& out) {
  text = trim(text);
  if (!text.empty() && text.front() == '+') text.remove_prefix(1);
  const auto end = std::from_chars(text.data(), text.data() + text.size(), out);
  return !text.empty() && end.ec == std::errc() && end.ptr == text.data() + text.size();
}

// "3", and also "3.0" and "3e2": what a column of reals with whole values prints.
bool parse_integer(std::string_view text, std::int64_t& out) {
  if (parse(text, out)) return true;
  double real = 0;
  if (!parse(text, real) || real != std::trunc(real) || std::abs(real) >= 9.2e18) return false;
  out = static_cast<std::int64_t>(real);
  return true;
}

bool parse_truth(std::string_view text, bool& out) {
  text = trim(text);
  for (const std::string_view yes : {"true", "True", "TRUE", "yes", "1"}) {
    if (text == yes) return out = true;
  }
  for (const std::string_view no : {"false", "False", "FALSE", "no", "0"}) {
    if (text == no) return !(out = false);
  }
  return false;
}

class Cast final : public TableTransform {
  Result<TablePointer> apply(const exec::Context& context, const TablePointer& table) const override {
    HEADRACE_ASSIGN(const auto columns, columns_of(*table, context.value("columns")));
    std::shared_ptr<arrow::Table> out = table->arrow();
    for (const int column : columns) {
      HEADRACE_ASSIGN(const auto array, converted(*table, column, context.string("to"), context.string("on_failure") == "missing"));
      auto changed = out->SetColumn(column, out->field(column)->WithType(array->type()), std::make_shared<arrow::ChunkedArray>(array));
      if (!changed.ok()) return Error(Code::kBug, changed.status().message());
      out = *changed;
    }
    return data::Table::from_arrow(std::move(out));
  }

  static Result<ArrayPointer> converted(const data::Table& table, int column, const std::string& to, bool lenient) {
    Texts texts;
    std::vector<bool> missing;
    HEADRACE_TRY(texts_of(table, column, texts, missing));
    const std::string& name = table.columns()[static_cast<std::size_t>(column)].name;
    // `append` says whether the text converts; what does not becomes a null or an error.
    const auto build = [&](auto& builder, auto&& append) -> Result<ArrayPointer> {
      for (std::size_t row = 0; row < texts.size(); ++row) {
        bool converts = true;
        arrow::Status status = missing[row] ? builder.AppendNull() : append(texts[row], converts);
        if (!converts) {
          if (!lenient) {
            return Error(Code::kBadData, cat("column '", name, "', row ", row + 1, ": '", texts[row], "' is no ", to),
                         "set on_failure: missing to make such values missing");
          }
          status = builder.AppendNull();
        }
        if (!status.ok()) return Error(Code::kTooLarge, status.message());
      }
      auto array = builder.Finish();
      if (!array.ok()) return Error(Code::kTooLarge, array.status().message());
      return *array;
    };
    const auto parsed = [](auto& builder, auto parse_one, auto value) {
      return [&builder, parse_one, value](const std::string& text, bool& converts) mutable {
        converts = parse_one(text, value);
        return converts ? builder.Append(value) : arrow::Status::OK();
      };
    };
    if (to == "int") {
      arrow::Int64Builder builder;
      return build(builder, parsed(builder, parse_integer, std::int64_t{0}));
    }
    if (to == "real") {
      arrow::DoubleBuilder builder;
      const auto parse_real = [](std::string_view text, double& out) {
        bool truth = false;
        if (parse(text, out)) return true;
        if (text != "true" && text != "false") return false;
        parse_truth(text, truth);
        out = truth ? 1 : 0;
        return true;
      };
      return build(builder, parsed(builder, parse_real, 0.0));
    }
    if (to == "bool") {
      arrow::BooleanBuilder builder;
      return build(builder, parsed(builder, parse_truth, false));
    }
    const auto as_is = [](auto& builder) { return [&builder](const std::string& text, bool&) { return builder.Append(text); }; };
    if (to == "text") {
      arrow::StringBuilder builder;
      return build(builder, as_is(builder));
    }
    arrow::StringDictionary32Builder builder;
    return build(builder, as_is(builder));
  }
};

HEADRACE_OPERATOR(Cast, transform_row("cast", "Changes the type of columns: to int, real, bool, text or category.",
                                      {config::list("columns", config::Type::kColumnList, {}, "the columns to change").must(),
                                       config::choice("to", "real", {"int", "real", "bool", "text", "category"}, "the type to change to"),
                                       config::choice("on_failure", "stop", {"stop", "missing"},
                                                      "a value that does not convert stops the node, or becomes missing")}));

}  // namespace
}  // namespace headrace::prep
