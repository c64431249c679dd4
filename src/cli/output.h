// SPDX-License-Identifier: Apache-2.0
#pragma once
// Output: results on stdout, talk on stderr. A reader that goes away (`headrace runs | head -1`) ends the printing quietly; a full
// disk is an error. Threads: one at a time, except `say`.

#include <string>
#include <string_view>
#include <vector>

#include "headrace/base/error.h"
#include "headrace/base/result.h"
#include "headrace/config/value.h"

namespace headrace::cli {

class Output {
 public:
  explicit Output(bool json = false) : json_(json) {}

  bool json() const { return json_; }
  void set_quiet(bool quiet) { quiet_ = quiet; }
  bool quiet() const { return quiet_; }

  /// Writes to stdout. Text that came from files must have passed `printable`.
  void print(std::string_view text);
  /// Writes one JSON document and a newline to stdout.
  void print_json(const config::Value& document);
  /// A line on stderr, through the log (so that it goes above progress bars). Nothing when quiet.
  void say(std::string_view text);

  /// Prints errors where the reader looks for them: as JSON on stdout with --json, else on stderr with the line they point at.
  /// Returns the exit code of the first.
  int fail(const std::vector<Error>& errors);
  int fail(const Error& error) { return fail(std::vector<Error>{error}); }

  /// Whether everything printed has arrived. Errors: kIo (a full disk; a reader that went away is no error).
  Status finish() const { return status_; }

 private:
  bool json_;
  bool quiet_ = false;
  bool reader_gone_ = false;
  Status status_;
};

/// {"code": 2001, "name": "UnknownOperator", "message": ..., "advice": ..., "file": ..., "line": ..., "column": ...}.
config::Value error_to_value(const Error& error);
/// The error with the line it points at and a mark below the place, when the file can still be read.
std::string error_to_text(const Error& error);
/// The text without control characters (but newline and tab): what hostile input must not send to a terminal.
std::string printable(std::string_view text);
/// Whether a stream is a terminal that understands escape codes (TERM is neither unset nor "dumb").
bool is_terminal(int descriptor);
/// Whether colours are wanted there: a terminal, and NO_COLOR unset (no-color.org).
bool wants_color(int descriptor);

/// Left-aligned columns with two spaces between them; `right` names those aligned right. Rows may be ragged.
std::string columns(const std::vector<std::vector<std::string>>& rows, const std::vector<std::size_t>& right = {});
/// Columns a UTF-8 text takes on a terminal, counting each code point as one.
std::size_t text_width(std::string_view text);

}  // namespace headrace::cli
