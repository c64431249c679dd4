// SPDX-License-Identifier: Apache-2.0
#include "config/scalar.h"

#include <charconv>
#include <cmath>
#include <limits>

#include "headrace/base/text.h"

namespace headrace::config::detail {
namespace {

std::size_t digits(std::string_view text, std::size_t from) {
  std::size_t end = from;
  while (end < text.size() && text[end] >= '0' && text[end] <= '9') ++end;
  return end - from;
}

enum class Form { kInteger, kReal, kOther };

// [-+]? ( "." [0-9]+ | [0-9]+ ( "." [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?
Form number_form(std::string_view text) {
  std::size_t at = 0;
  if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
  const std::size_t whole = digits(text, at);
  at += whole;
  if (whole > 0 && at == text.size()) return Form::kInteger;
  if (at < text.size() && text[at] == '.') {
    const std::size_t fraction = digits(text, at + 1);
    if (whole == 0 && fraction == 0) return Form::kOther;
    at += 1 + fraction;
  } else if (whole == 0) {
    return Form::kOther;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
    const std::size_t exponent = digits(text, at);
    if (exponent == 0) return Form::kOther;
    at += exponent;
  }
  return at == text.size() ? Form::kReal : Form::kOther;
}

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> words) {
  for (const std::string_view word : words) {
    if (text == word) return true;
  }
  return false;
}

std::string shorten(std::string_view text) {
  return text.size() <= 40 ? std::string(text) : cat(text.substr(0, 37), "...");
}

Result<Value> read_integer(std::string_view text) {
  const std::string_view body = text.front() == '+' ? text.substr(1) : text;
  std::int64_t value = 0;
  const auto [end, failure] = std::from_chars(body.data(), body.data() + body.size(), value);
  if (failure == std::errc{} && end == body.data() + body.size()) return Value(value);
  return Error(Code::kSyntax, cat("an integer needs more than 64 bits: ", shorten(text)), "quote it to make it a string");
}

Result<Value> read_real(std::string_view text) {
  const std::string_view body = text.front() == '+' ? text.substr(1) : text;
  double value = 0;
  const auto [end, failure] = std::from_chars(body.data(), body.data() + body.size(), value);
  if (failure == std::errc{} && end == body.data() + body.size()) return Value(value);
  return Error(Code::kSyntax, cat("a number is too large or too small for a double: ", shorten(text)), "quote it to make it a string");
}

}  // namespace

Result<Value> resolve_plain(std::string_view text) {
  if (text.empty() || is_one_of(text, {"null", "Null", "NULL", "~"})) return Value();
  if (is_one_of(text, {"true", "True", "TRUE"})) return Value(true);
  if (is_one_of(text, {"false", "False", "FALSE"})) return Value(false);
  switch (number_form(text)) {
    case Form::kInteger: return read_integer(text);
    case Form::kReal: return read_real(text);
    case Form::kOther: break;
  }
  const bool negative = text.front() == '-';
  const std::string_view unsigned_text = negative || text.front() == '+' ? text.substr(1) : text;
  if (is_one_of(unsigned_text, {".inf", ".Inf", ".INF"})) {
    const double infinity = std::numeric_limits<double>::infinity();
    return Value(negative ? -infinity : infinity);
  }
  if (is_one_of(text, {".nan", ".NaN", ".NAN"})) return Value(std::numeric_limits<double>::quiet_NaN());
  return Value(std::string(text));
}

std::string real_text(double value) {
  std::string text = number_text(value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

}  // namespace headrace::config::detail
