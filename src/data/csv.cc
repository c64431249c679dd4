// SPDX-License-Identifier: Apache-2.0
// CSV in. The steps: check that the bytes are text; leave out the byte-order mark, skipped lines and outer spaces; settle header
// and names; let Arrow parse and convert; explain what it refuses, by line and field counts.
#include <algorithm>
#include <cstring>

#include <arrow/api.h>
#include <arrow/array/array_dict.h>
#include <arrow/csv/api.h>
#include <arrow/io/memory.h>

#include "data/arrow_bridge.h"
#include "data/csv_rows.h"
#include "data/file_bytes.h"
#include "data/table_checks.h"
#include "data/table_impl.h"
#include "headrace/base/text.h"

namespace headrace::data {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::int64_t kCsvColumnsMax = 100'000;
constexpr std::int64_t kBlockBytes = std::int64_t{64} << 20;   // one block a file up to here; also the longest record beyond
constexpr int kSampleRows = 100;                               // looked at to tell a header from a first row

Status check_options(const CsvOptions& options, std::string_view name) {
  const auto bad = [&](std::string message, std::string advice = {}) {
    return Error(Code::kBadValue, cat("reading '", name, "': ", message), std::move(advice));
  };
  const auto line_end = [](char character) { return character == '\n' || character == '\r'; };
  if (line_end(options.delimiter)) return bad("a line end cannot be the delimiter");
  if (options.quote && (*options.quote == options.delimiter || line_end(*options.quote)))
    return bad("the quote must differ from the delimiter and from line ends");
  if (options.escape && (*options.escape == options.delimiter || line_end(*options.escape)))
    return bad("the escape must differ from the delimiter and from line ends");
  if (options.escape && options.quote && *options.escape == *options.quote)
    return bad("the escape must differ from the quote", "doubled quotes need no escape");
  if (options.decimal != '.' && options.decimal != ',') return bad("the decimal sign is '.' or ','");
  if (options.decimal == options.delimiter)
    return bad(cat("'", options.decimal, "' cannot be both decimal sign and delimiter"), "such files use delimiter: \";\"");
  if (options.encoding != "utf-8" && options.encoding != "UTF-8" && options.encoding != "utf8") {
    return bad(cat("the encoding '", options.encoding, "' is not read"), cat("convert it first: iconv -f ", options.encoding, " -t utf-8"));
  }
  if (options.skip_rows < 0) return bad("skip_rows is negative");
  return {};
}

Status check_text(std::string_view bytes, std::string_view name) {
  std::size_t bad = 0;
  if (is_utf8(bytes, &bad)) return {};
  const bool utf16 = bytes.starts_with("\xff\xfe") || bytes.starts_with("\xfe\xff");
  const std::int64_t line = detail::line_of(bytes, bad);
  return Error(Code::kBadData, cat("the bytes are not UTF-8: the first bad one is at offset ", bad),
               utf16 ? "this looks like UTF-16: convert it with iconv -f utf-16 -t utf-8"
                     : "convert the file first, for example with iconv -f latin1 -t utf-8",
               Position{std::string(name), static_cast<int>(std::min<std::int64_t>(line, INT32_MAX)), 0});
}

bool is_null_text(const std::string& field, const CsvOptions& options) {
  return field.empty() || std::find(options.nulls.begin(), options.nulls.end(), field) != options.nulls.end();
}

// A first row without a number above rows with some is a header; so is a lone row of words.
bool looks_like_header(std::string_view bytes, const CsvOptions& options) {
  detail::CsvRows rows(bytes, options);
  std::vector<std::string> fields;
  if (!rows.next(fields)) return false;
  const auto any_number = [&] {
    return std::any_of(fields.begin(), fields.end(),
                       [&](const std::string& field) { return detail::is_number_text(trim(field), options.decimal); });
  };
  if (any_number()) return false;
  const bool all_words = std::none_of(fields.begin(), fields.end(), [&](const std::string& field) { return is_null_text(field, options); });
  int seen = 0;
  while (seen < kSampleRows && rows.next(fields)) {
    if (any_number()) return true;
    ++seen;
  }
  return seen == 0 && all_words;
}

// What is settled before Arrow reads: names, and the text of the data rows alone.
struct Layout {
  std::vector<std::string> names;
  std::string_view data;
  std::int64_t first_line = 1;   ///< of `data` in the file
  bool newlines_in_values = false;
};

Result<Layout> lay_out(std::string_view bytes, std::int64_t first_line, const CsvOptions& options, std::string_view name) {
  const auto bad = [&](std::string message, std::string advice, std::int64_t line) {
    return Error(Code::kBadData, std::move(message), std::move(advice),
                 Position{std::string(name), static_cast<int>(std::min<std::int64_t>(line, INT32_MAX)), 0});
  };
  Layout layout;
  detail::CsvRows rows(bytes, options, first_line);
  std::vector<std::string> first;
  const auto row = rows.next(first);
  if (!row) return bad("the file has no rows", options.skip_rows > 0 ? "skip_rows leaves nothing to read" : "it is empty", first_line);
  const std::int64_t count = row->fields;
  if (count > kCsvColumnsMax)
    return Error(Code::kTooLarge, cat("'", name, "' has ", count, " columns; the most is ", kCsvColumnsMax), "is the delimiter right?");
  const bool header = options.header.has_value() ? *options.header
                      : !options.names.empty()   ? first == options.names
                                                 : looks_like_header(bytes, options);
  if (!options.names.empty() && static_cast<std::int64_t>(options.names.size()) != count) {
    return bad(cat(options.names.size(), " names are given, but the first row has ", count, " fields"), "give one name a column",
               row->line);
  }
  std::unordered_set<std::string> taken;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto at = static_cast<std::size_t>(i);
    std::string column = !options.names.empty() ? options.names[at] : header ? std::string(trim(first[at])) : std::string();
    if (column.empty()) column = cat("x", i);
    layout.names.push_back(detail::free_name(std::move(column), taken));
  }
  layout.data = bytes.substr(header ? row->end : row->begin);
  layout.first_line =
      header ? first_line + std::count(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(row->end), '\n') : row->line;
  return layout;
}

// Cuts after rows_max records, and finds out about quotes: only one full walk, and only when there is a reason for it.
Status walk_rows(Layout& layout, const CsvOptions& options, std::string_view name) {
  const bool quotes = options.quote && layout.data.find(*options.quote) != std::string_view::npos;
  if (!quotes && options.rows_max < 0 && !options.escape) return {};
  detail::CsvRows rows(layout.data, options, layout.first_line);
  std::size_t end = 0;
  for (std::int64_t count = 0; options.rows_max < 0 || count < options.rows_max; ++count) {
    const auto row = rows.next();
    if (!row) break;
    end = row->end;
  }
  if (options.rows_max >= 0) layout.data = layout.data.substr(0, end);
  if (rows.open_quote_line() > 0) {
    return Error(Code::kBadData, cat("a quote (", *options.quote, ") is opened and never closed"),
                 "if quotes are ordinary characters in this file, set quote: null",
                 Position{std::string(name), static_cast<int>(std::min<std::int64_t>(rows.open_quote_line(), INT32_MAX)), 0});
  }
  layout.newlines_in_values = rows.saw_newline_in_quotes();
  return {};
}

// Names the first record whose number of fields is wrong. Arrow's own numbers stand in when the two disagree.
Error ragged_row(const Layout& layout, const CsvOptions& options, std::string_view name, std::int64_t number, int actual) {
  const auto expected = static_cast<std::int64_t>(layout.names.size());
  std::int64_t line = 0, found = actual, at = number;
  detail::CsvRows rows(layout.data, options, layout.first_line);
  std::int64_t count = 0;
  while (const auto row = rows.next()) {
    ++count;
    if (row->fields == expected) continue;
    line = row->line;
    found = row->fields;
    at = count;
    break;
  }
  return Error(Code::kBadData, cat("row ", at, " has ", found, found == 1 ? " field" : " fields", " where ", expected, " are expected"),
               "mend the row, or check delimiter and quote",
               Position{std::string(name), static_cast<int>(std::min<std::int64_t>(line, INT32_MAX)), 0});
}

Result<std::shared_ptr<arrow::Table>> empty_table(const Layout& layout, const CsvOptions& options) {
  arrow::FieldVector fields;
  for (const std::string& column : layout.names) {
    const bool category = std::find(options.categories.begin(), options.categories.end(), column) != options.categories.end();
    fields.push_back(arrow::field(column, category ? arrow::dictionary(arrow::int32(), arrow::utf8()) : arrow::float64()));
  }
  HEADRACE_ARROW(auto table, arrow::Table::MakeEmpty(arrow::schema(std::move(fields))), Code::kTooLarge, "making an empty table");
  return table;
}

Result<std::shared_ptr<arrow::Table>> run_arrow(const Layout& layout, const CsvOptions& options, std::string_view name) {
  auto read = arrow::csv::ReadOptions::Defaults();
  read.use_threads = false;
  read.column_names = layout.names;
  read.block_size = static_cast<std::int32_t>(std::min<std::int64_t>(static_cast<std::int64_t>(layout.data.size()) + 1, kBlockBytes));
  auto parse = arrow::csv::ParseOptions::Defaults();
  parse.delimiter = options.delimiter;
  parse.quoting = options.quote.has_value();
  if (options.quote) parse.quote_char = *options.quote;
  parse.escaping = options.escape.has_value();
  if (options.escape) parse.escape_char = *options.escape;
  parse.newlines_in_values = layout.newlines_in_values;
  std::int64_t bad_row = 0;
  int bad_fields = 0;
  parse.invalid_row_handler = [&](const arrow::csv::InvalidRow& row) {
    bad_row = row.number;
    bad_fields = row.actual_columns;
    return arrow::csv::InvalidRowResult::Error;
  };
  auto convert = arrow::csv::ConvertOptions::Defaults();
  convert.check_utf8 = false;   // checked for the whole file, with the offset
  convert.null_values = options.nulls;
  convert.strings_can_be_null = true;
  convert.decimal_point = options.decimal;
  for (const std::string& column : options.categories) {
    if (std::find(layout.names.begin(), layout.names.end(), column) == layout.names.end()) {
      return Error(Code::kMissingColumn, cat("'", name, "' has no column '", column, "' to read as a category"),
                   nearest_advice(column, layout.names));
    }
    convert.column_types[column] = arrow::dictionary(arrow::int32(), arrow::utf8());
  }
  const detail::ReadBudget budget(detail::read_budget(static_cast<std::int64_t>(layout.data.size())));
  auto source = std::make_shared<arrow::io::BufferReader>(std::make_shared<arrow::Buffer>(
      reinterpret_cast<const std::uint8_t*>(layout.data.data()), static_cast<std::int64_t>(layout.data.size())));
  const arrow::io::IOContext context(detail::bounded_pool());
  HEADRACE_ARROW(auto reader, arrow::csv::TableReader::Make(context, source, read, parse, convert), Code::kBadData,
                 cat("reading '", name, "'"));
  auto table = reader->Read();
  if (bad_row != 0) return ragged_row(layout, options, name, bad_row, bad_fields);
  if (!table.ok() && table.status().message().find("straddl") != std::string::npos) {
    return Error(Code::kTooLarge, cat("'", name, "' has a row longer than ", bytes_text(kBlockBytes)), "check delimiter and quote");
  }
  HEADRACE_ARROW(auto out, std::move(table), Code::kBadData, cat("reading '", name, "'"));
  return out;
}

// One chunk and one dictionary a column where that is possible; columns of nothing but nulls become reals.
Result<std::shared_ptr<arrow::Table>> tidy(std::shared_ptr<arrow::Table> table) {
  HEADRACE_ARROW(table, arrow::DictionaryUnifier::UnifyTable(*table, arrow::default_memory_pool()), Code::kTooLarge,
                 "putting categories together");
  for (int i = 0; i < table->num_columns(); ++i) {
    if (table->column(i)->type()->id() != arrow::Type::NA) continue;
    HEADRACE_ARROW(auto nulls, arrow::MakeArrayOfNull(arrow::float64(), table->num_rows()), Code::kTooLarge, "making a column of nulls");
    HEADRACE_ARROW(
        table, table->SetColumn(i, arrow::field(table->field(i)->name(), arrow::float64()), std::make_shared<arrow::ChunkedArray>(nulls)),
        Code::kBug, "making a column of nulls");
  }
  auto combined = table->CombineChunks();   // fails only where a column of text exceeds 2 GB, which then stays in chunks
  return combined.ok() ? std::move(combined).ValueUnsafe() : table;
}

}  // namespace

Result<std::shared_ptr<const Table>> parse_csv(std::string_view bytes, const CsvOptions& options, std::string_view name) {
  HEADRACE_TRY(check_options(options, name));
  std::shared_ptr<arrow::Buffer> unpacked;
  if (detail::is_gzip(bytes)) {
    HEADRACE_ASSIGN(unpacked, detail::gunzip(bytes, name, detail::kUnpackedBytesMax));
    bytes = std::string_view(*unpacked);
  }
  HEADRACE_TRY(check_text(bytes, name));
  if (bytes.starts_with(kByteOrderMark)) bytes.remove_prefix(3);
  if (bytes.empty()) return Error(Code::kBadData, cat("'", name, "' is empty"), "a table needs at least a header");
  const std::size_t skipped = detail::skip_lines(bytes, options.skip_rows);
  const std::int64_t first_line = detail::line_of(bytes, skipped);
  bytes.remove_prefix(skipped);
  std::string trimmed;
  if (options.trim && detail::has_outer_spaces(bytes, options.delimiter)) {
    trimmed = detail::without_outer_spaces(bytes, options);
    bytes = trimmed;
  }
  HEADRACE_ASSIGN(Layout layout, lay_out(bytes, first_line, options, name));
  HEADRACE_TRY(walk_rows(layout, options, name));
  std::string marked;
  if (layout.data.starts_with(kByteOrderMark)) {   // Arrow drops one at its start, and here it is data
    marked = cat(kByteOrderMark, layout.data);
    layout.data = marked;
  }
  const bool no_rows = layout.data.find_first_not_of("\r\n") == std::string_view::npos;
  HEADRACE_ASSIGN(auto table, no_rows ? empty_table(layout, options) : run_arrow(layout, options, name));
  HEADRACE_ASSIGN(table, tidy(std::move(table)));
  return Table::from_arrow(std::move(table));
}

Result<std::shared_ptr<const Table>> read_csv(const std::string& path, const CsvOptions& options) {
  HEADRACE_ASSIGN(const auto buffer, detail::read_unpacked(path));
  return parse_csv(std::string_view(*buffer), options, path);
}

}  // namespace headrace::data
