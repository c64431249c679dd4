// SPDX-License-Identifier: Apache-2.0
#include "data/csv_rows.h"

#include <algorithm>
#include <charconv>

namespace headrace::data::detail {
namespace {

bool is_line_end(char character) { return character == '\n' || character == '\r'; }

bool is_blank(char character, char delimiter) { return (character == ' ' || character == '\t') && character != delimiter; }

}  // namespace

std::optional<CsvRows::Row> CsvRows::next() { return scan(nullptr); }

std::optional<CsvRows::Row> CsvRows::next(std::vector<std::string>& fields) { return scan(&fields); }

std::optional<CsvRows::Row> CsvRows::scan(std::vector<std::string>* fields) {
  const auto count_line_end = [&](std::size_t& at) {
    const bool pair = bytes_[at] == '\r' && at + 1 < bytes_.size() && bytes_[at + 1] == '\n';
    at += pair ? 2 : 1;
    ++line_;
  };
  while (at_ < bytes_.size() && is_line_end(bytes_[at_])) count_line_end(at_);
  if (at_ == bytes_.size()) return std::nullopt;
  if (fields) fields->assign(1, {});
  Row row{line_, 1, at_, at_};
  const char delimiter = options_->delimiter;
  bool field_start = true, quoted = false;
  std::int64_t quote_line = 0;
  while (at_ < bytes_.size()) {
    const char character = bytes_[at_];
    if (options_->escape && character == *options_->escape && at_ + 1 < bytes_.size()) {
      if (fields) fields->back().push_back(bytes_[at_ + 1]);
      if (is_line_end(bytes_[at_ + 1])) newline_in_quotes_ = true;
      if (bytes_[at_ + 1] == '\n') ++line_;
      at_ += 2;
      field_start = false;
      continue;
    }
    if (quoted) {
      if (character == *options_->quote) {
        if (at_ + 1 < bytes_.size() && bytes_[at_ + 1] == character) {
          if (fields) fields->back().push_back(character);
          at_ += 2;
          continue;
        }
        quoted = false;
        ++at_;
        continue;
      }
      if (is_line_end(character)) {
        newline_in_quotes_ = true;
        const std::size_t from = at_;
        count_line_end(at_);
        if (fields) fields->back().append(bytes_.substr(from, at_ - from));
        continue;
      }
      if (fields) fields->back().push_back(character);
      ++at_;
      continue;
    }
    if (field_start && options_->quote && character == *options_->quote) {
      quoted = true;
      quote_line = line_;
      field_start = false;
      ++at_;
      continue;
    }
    if (character == delimiter) {
      ++row.fields;
      if (fields) fields->emplace_back();
      field_start = true;
      ++at_;
      continue;
    }
    if (is_line_end(character)) {
      count_line_end(at_);
      row.end = at_;
      return row;
    }
    field_start = false;
    if (fields) fields->back().push_back(character);
    ++at_;
  }
  if (quoted) open_quote_line_ = quote_line;
  row.end = at_;
  return row;
}

std::size_t skip_lines(std::string_view bytes, int lines) {
  std::size_t at = 0;
  for (int i = 0; i < lines && at < bytes.size(); ++i) {
    while (at < bytes.size() && !is_line_end(bytes[at])) ++at;
    if (at + 1 < bytes.size() && bytes[at] == '\r' && bytes[at + 1] == '\n') ++at;
    if (at < bytes.size()) ++at;
  }
  return at;
}

std::int64_t line_of(std::string_view bytes, std::size_t offset) {
  return 1 + std::count(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(std::min(offset, bytes.size())), '\n');
}

bool has_outer_spaces(std::string_view bytes, char delimiter) {
  const auto ends_field = [&](char character) { return character == delimiter || is_line_end(character); };
  for (const char blank : {' ', '\t'}) {
    if (blank == delimiter) continue;
    for (std::size_t at = bytes.find(blank); at != std::string_view::npos; at = bytes.find(blank, at + 1)) {
      if (at == 0 || ends_field(bytes[at - 1]) || at + 1 == bytes.size() || ends_field(bytes[at + 1])) return true;
    }
  }
  return false;
}

std::string without_outer_spaces(std::string_view bytes, const CsvOptions& options) {
  std::string out;
  out.reserve(bytes.size());
  std::size_t at = 0;
  const std::size_t size = bytes.size();
  while (at < size) {
    while (at < size && is_blank(bytes[at], options.delimiter)) ++at;
    std::size_t keep = out.size();   // trailing spaces are cut back to here at most
    if (at < size && options.quote && bytes[at] == *options.quote) {
      out.push_back(bytes[at++]);
      while (at < size) {
        const char character = bytes[at];
        out.push_back(character);
        ++at;
        if (options.escape && character == *options.escape && at < size) {
          out.push_back(bytes[at++]);
        } else if (character == *options.quote) {
          if (at < size && bytes[at] == *options.quote) out.push_back(bytes[at++]);
          else break;
        }
      }
      keep = out.size();
    }
    while (at < size && bytes[at] != options.delimiter && !is_line_end(bytes[at])) {
      if (options.escape && bytes[at] == *options.escape && at + 1 < size) {
        out.push_back(bytes[at++]);
        out.push_back(bytes[at++]);
        keep = out.size();
        continue;
      }
      out.push_back(bytes[at++]);
    }
    while (out.size() > keep && is_blank(out.back(), options.delimiter)) out.pop_back();
    if (at < size) out.push_back(bytes[at++]);
  }
  return out;
}

bool is_number_text(std::string_view text, char decimal) {
  if (!text.empty() && text.front() == '+') text.remove_prefix(1);
  if (text.empty()) return false;
  std::string copy;
  if (decimal != '.') {
    if (text.find('.') != std::string_view::npos) return false;
    copy.assign(text);
    std::replace(copy.begin(), copy.end(), decimal, '.');
    text = copy;
  }
  double value = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), value);
  return end.ec != std::errc::invalid_argument && end.ptr == text.data() + text.size();
}

}  // namespace headrace::data::detail
