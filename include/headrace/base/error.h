// SPDX-License-Identifier: Apache-2.0
#pragma once
// What went wrong, for people and for programs. An Error is a value; it never owns more than its text.

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace headrace {

/// Names the error catalogue of `errors.def`; the numbers are stable and part of the interface.
enum class Code : int {
  kOk = 0,
#define HEADRACE_ERROR(name, number, exit, retry, text) k##name = number,
#include "headrace/base/errors.def"
#undef HEADRACE_ERROR
};

/// Returns the catalogue name ("BadGrid"), the one-line text, the process exit code, whether a retry can help.
std::string_view code_name(Code code);
std::string_view code_text(Code code);
int code_exit(Code code);
bool code_retryable(Code code);

/// A place in an input file. `line` and `column` count from 1; 0 means unknown.
struct Position {
  std::string file;
  int line = 0;
  int column = 0;

  bool known() const { return line > 0 || !file.empty(); }
  /// "file:line:column", leaving out what is unknown.
  std::string text() const;
};

/// One error: a code, a message (fixed text first, values last), where, and what to do next.
struct Error {
  Code code = Code::kBug;
  std::string message;
  std::string advice;
  Position where;

  Error() = default;
  Error(Code code, std::string message, std::string advice = {}, Position where = {})
      : code(code), message(std::move(message)), advice(std::move(advice)), where(std::move(where)) {}

  /// Adds context in front of the message ("placing node pca: ...") and returns the error.
  Error within(std::string_view context) &&;
  /// Sets the place unless one is known already.
  Error at(const Position& place) &&;
  /// "file:line:column: error 2001 (UnknownOperator): message; advice".
  std::string text() const;
};

}  // namespace headrace
