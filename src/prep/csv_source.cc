// SPDX-License-Identifier: Apache-2.0
#include "headrace/data/formats.h"
#include "prep/dialect.h"
#include "prep/roles.h"

namespace headrace::prep {
namespace {

class CsvSource final : public TableSource {
  Result<TablePointer> load(const exec::Context& context) const override {
    data::CsvOptions options;
    HEADRACE_ASSIGN(options.delimiter, character_of(context.value("delimiter"), "delimiter"));
    options.quote.reset();
    if (!context.value("quote").is_null()) {
      HEADRACE_ASSIGN(options.quote, character_of(context.value("quote"), "quote"));
    }
    if (!context.value("escape").is_null()) {
      HEADRACE_ASSIGN(options.escape, character_of(context.value("escape"), "escape"));
    }
    if (!context.value("header").is_null()) options.header = context.boolean("header");
    options.skip_rows = static_cast<int>(context.integer("skip_rows"));
    options.names = strings_of(context.value("names"));
    options.nulls = strings_of(context.value("nulls"));
    options.categories = strings_of(context.value("categories"));
    options.trim = context.boolean("trim");
    options.decimal = context.string("decimal")[0];
    if (!context.value("rows_max").is_null()) options.rows_max = context.integer("rows_max");
    HEADRACE_ASSIGN(const auto table, data::read_csv(path_of(context, "path"), options));
    return with_roles(context, table);
  }
};

config::Option header_option() {
  config::Option option =
      config::boolean("header", false, "whether the first row holds names; unset: found out from the first rows").or_null();
  option.fallback = config::Value();
  return option;
}

config::Value default_nulls() {
  config::List list;
  for (const std::string& word : data::CsvOptions().nulls) list.push_back(word);
  return config::Value(std::move(list));
}

HEADRACE_OPERATOR(
    CsvSource,
    source_row(
        "csv", "Reads a table from a text file of fields with a delimiter (CSV, TSV), packed with gzip or not.",
        {config::path("path", "the file").must(),
         config::string("delimiter", ",", "what stands between fields: one character, or tab, comma, semicolon, space, pipe"),
         config::string("quote", "\"", "what protects fields that hold delimiters; null where quotes are ordinary characters").or_null(),
         config::string("escape", {}, "a character that takes the meaning from the next one").or_null(), header_option(),
         config::list("names", config::Type::kStringList, config::List{}, "names of the columns, where the file has none or others"),
         config::integer("skip_rows", 0, "lines to leave out at the beginning").at_least(0).at_most(1'000'000'000).in("rows"),
         config::integer("rows_max", {}, "stop after this many rows").or_null().at_least(0).in("rows"),
         config::list("nulls", config::Type::kStringList, default_nulls(), "what stands for a missing value"),
         config::list("categories", config::Type::kStringList, config::List{}, "columns to read as categories"),
         config::boolean("trim", true, "strip spaces around fields"), config::choice("decimal", ".", {".", ","}, "the decimal sign")}));

}  // namespace
}  // namespace headrace::prep
