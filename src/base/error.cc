// SPDX-License-Identifier: Apache-2.0
#include "headrace/base/error.h"

#include <cstdio>
#include <cstdlib>

#include "headrace/base/check.h"
#include "headrace/base/text.h"

namespace headrace {
namespace {

struct Row {
  Code code;
  std::string_view name;
  int exit;
  bool retry;
  std::string_view text;
};

constexpr Row kRows[] = {
#define HEADRACE_ERROR(name, number, exit, retry, text) {Code::k##name, #name, exit, retry, text},
#include "headrace/base/errors.def"
#undef HEADRACE_ERROR
};

const Row* find(Code code) {
  for (const Row& row : kRows) {
    if (row.code == code) return &row;
  }
  return nullptr;
}

}  // namespace

std::string_view code_name(Code code) {
  const Row* row = find(code);
  return row ? row->name : "Ok";
}

std::string_view code_text(Code code) {
  const Row* row = find(code);
  return row ? row->text : "no error";
}

int code_exit(Code code) {
  const Row* row = find(code);
  return row ? row->exit : 0;
}

bool code_retryable(Code code) {
  const Row* row = find(code);
  return row != nullptr && row->retry;
}

std::string Position::text() const {
  std::string out = file;
  if (line > 0) {
    if (!out.empty()) out += ':';
    out += std::to_string(line);
    if (column > 0) out += cat(':', column);
  }
  return out;
}

Error Error::within(std::string_view context) && {
  message = cat(context, ": ", message);
  return std::move(*this);
}

Error Error::at(const Position& place) && {
  if (!where.known()) where = place;
  return std::move(*this);
}

std::string Error::text() const {
  std::string out;
  if (where.known()) out = where.text() + ": ";
  out += cat("error ", static_cast<int>(code), " (", code_name(code), "): ", message);
  if (!advice.empty()) out += cat("; ", advice);
  return out;
}

void detail_abort(std::string_view text) {
  std::fprintf(stderr, "headrace: bug: %.*s\nThis is a fault of ours: please report it with the command and its input.\n",
               static_cast<int>(text.size()), text.data());
  std::abort();
}

void detail_check_failed(const char* expression, const char* file, int line, std::string_view text) {
  detail_abort(cat(file, ":", line, ": ", text, " (", expression, ")"));
}

}  // namespace headrace
