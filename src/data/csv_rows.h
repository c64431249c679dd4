// SPDX-License-Identifier: Apache-2.0
#pragma once
// The shape of CSV text, without its types: where records end, how many fields they have, what spaces surround them. Arrow's
// reader does the rest; this is what is needed before it (header, trimming, a first part of a file) and to explain its errors.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/data/formats.h"

namespace headrace::data::detail {

/// Walks over records. A record ends at LF, CR or CRLF outside quotes; records without any character are passed over.
class CsvRows {
 public:
  CsvRows(std::string_view bytes, const CsvOptions& options, std::int64_t first_line = 1)
      : bytes_(bytes), options_(&options), line_(first_line) {}

  struct Row {
    std::int64_t line = 0;     ///< line where the record starts, from 1
    std::int64_t fields = 0;
    std::size_t begin = 0;
    std::size_t end = 0;       ///< behind its line end
  };
  /// The next record, or nothing at the end.
  std::optional<Row> next();
  /// The next record and its fields, quotes and escapes resolved.
  std::optional<Row> next(std::vector<std::string>& fields);

  bool saw_newline_in_quotes() const { return newline_in_quotes_; }
  /// Line where a quote was opened that the text never closes; 0 when there is none.
  std::int64_t open_quote_line() const { return open_quote_line_; }

 private:
  std::optional<Row> scan(std::vector<std::string>* fields);

  std::string_view bytes_;
  const CsvOptions* options_;
  std::size_t at_ = 0;
  std::int64_t line_;
  bool newline_in_quotes_ = false;
  std::int64_t open_quote_line_ = 0;
};

/// Offset behind `lines` physical lines.
std::size_t skip_lines(std::string_view bytes, int lines);

/// Number of the line that holds `offset`, from 1.
std::int64_t line_of(std::string_view bytes, std::size_t offset);

/// True when some field has spaces or tabs around it (a quick look that may say yes too often).
bool has_outer_spaces(std::string_view bytes, char delimiter);

/// Copies the text without the spaces and tabs around fields; what is inside quotes stays.
std::string without_outer_spaces(std::string_view bytes, const CsvOptions& options);

/// True when the text is a number with this decimal sign ("3", "-1.5e-3", "inf").
bool is_number_text(std::string_view text, char decimal);

}  // namespace headrace::data::detail
