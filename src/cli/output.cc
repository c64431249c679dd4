// SPDX-License-Identifier: Apache-2.0
#include "cli/output.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "headrace/base/log.h"
#include "headrace/base/text.h"

namespace headrace::cli {
namespace {

constexpr std::size_t kExcerptMax = 160;           // of a line that an error points at
constexpr std::size_t kExcerptFileMax = 4 << 20;   // how far into a file the excerpt is looked for

// Line `number` of a file, or "" when it cannot be shown.
std::string line_of(const std::string& path, int number) {
  std::ifstream file(path, std::ios::binary);
  std::string line;
  std::size_t read = 0;
  for (int at = 0; at < number; ++at) {
    if (!std::getline(file, line)) return {};
    read += line.size();
    if (read > kExcerptFileMax) return {};
  }
  return line;
}

bool is_continuation(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

std::string excerpt(const Position& where) {
  if (where.line <= 0 || where.file.empty()) return {};
  std::string line = line_of(where.file, where.line);
  if (trim(line).empty() || !is_utf8(line)) return {};
  std::replace(line.begin(), line.end(), '\t', ' ');
  line = printable(line);
  if (line.size() > kExcerptMax) {
    std::size_t cut = kExcerptMax;
    while (cut > 0 && is_continuation(line[cut])) --cut;
    line.resize(cut);
  }
  const std::string number = std::to_string(where.line);
  std::string out = cat("  ", number, " | ", line, "\n");
  if (where.column > 0 && static_cast<std::size_t>(where.column) <= line.size() + 1) {
    const std::size_t before = text_width(std::string_view(line).substr(0, static_cast<std::size_t>(where.column - 1)));
    out += cat("  ", std::string(number.size(), ' '), " | ", std::string(before, ' '), "^\n");
  }
  return out;
}

}  // namespace

void Output::print(std::string_view text) {
  while (!text.empty() && !reader_gone_ && status_.ok()) {
    const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EPIPE) {
      reader_gone_ = true;
    } else if (errno != EINTR) {
      status_ = Error(Code::kIo, cat("writing to stdout failed: ", std::strerror(errno)));
    }
  }
}

void Output::print_json(const config::Value& document) { print(to_json(document, 2) + "\n"); }

void Output::say(std::string_view text) {
  if (!quiet_) log(LogLevel::kInfo, printable(text));
}

int Output::fail(const std::vector<Error>& errors) {
  HEADRACE_CHECK(!errors.empty(), "fail() without an error");
  if (json_) {
    config::Value document{config::Map{}};
    document.set("error", error_to_value(errors.front()));
    if (errors.size() > 1) {
      config::List all;
      for (const Error& error : errors) all.push_back(error_to_value(error));
      document.set("errors", std::move(all));
    }
    print_json(document);
  } else {
    std::string text;
    for (const Error& error : errors) text += error_to_text(error);
    std::fwrite(text.data(), 1, text.size(), stderr);
  }
  return code_exit(errors.front().code);
}

config::Value error_to_value(const Error& error) {
  config::Value out{config::Map{}};
  out.set("code", static_cast<int>(error.code));
  out.set("name", std::string(code_name(error.code)));
  out.set("message", error.message);
  if (!error.advice.empty()) out.set("advice", error.advice);
  if (!error.where.file.empty()) out.set("file", error.where.file);
  if (error.where.line > 0) out.set("line", error.where.line);
  if (error.where.column > 0) out.set("column", error.where.column);
  return out;
}

std::string error_to_text(const Error& error) {
  std::string out;
  if (error.where.known()) out = error.where.text() + ": ";
  out += cat("error ", static_cast<int>(error.code), " (", code_name(error.code), "): ", error.message);
  out = printable(out) + "\n" + excerpt(error.where);
  if (!error.advice.empty()) out += cat("  ", printable(error.advice), "\n");
  return out;
}

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool c1 = byte == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0;
    if (c1) ++i;
    const bool control = c1 || (byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7F;
    out += control ? '?' : static_cast<char>(byte);
  }
  return out;
}

bool is_terminal(int descriptor) {
  const char* term = std::getenv("TERM");
  return ::isatty(descriptor) == 1 && term != nullptr && *term != '\0' && std::string_view(term) != "dumb";
}

bool wants_color(int descriptor) {
  const char* none = std::getenv("NO_COLOR");
  return is_terminal(descriptor) && (none == nullptr || *none == '\0');
}

std::size_t text_width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char byte) { return !is_continuation(byte); }));
}

std::string columns(const std::vector<std::vector<std::string>>& rows, const std::vector<std::size_t>& right) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], text_width(row[i]));
  }
  std::string out;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string space(widths[i] - text_width(row[i]), ' ');
      const bool to_the_right = std::find(right.begin(), right.end(), i) != right.end();
      if (i > 0) line += "  ";
      line += to_the_right ? space + row[i] : row[i] + space;
    }
    out += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return out;
}

}  // namespace headrace::cli
