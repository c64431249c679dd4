// SPDX-License-Identifier: Apache-2.0
// Writing YAML: block form with two spaces a level, short lists of scalars on one line, quotes only where they are needed.
#include <cmath>
#include <cstdio>

#include "config/scalar.h"
#include "headrace/base/text.h"
#include "headrace/config/value.h"

namespace headrace::config {
namespace {

constexpr std::size_t kLineMax = 100;          // longer lists of scalars go one item a line
constexpr std::size_t kSimpleKeyMax = 1000;    // YAML allows 1024 characters before the colon of a simple key

bool is_scalar(const Value& value) { return !value.is_list() && !value.is_map(); }

// Plain is safe in block and flow form when the text has only harmless characters and does not mean another kind.
bool plain_is_safe(const std::string& text) {
  if (text.empty() || text.size() > 200 || text.starts_with("..") || text.back() == ' ') return false;
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  if (!letter(text.front()) && text.front() != '/' && text.front() != '.') return false;
  for (const char c : text) {
    if (!letter(c) && !(c >= '0' && c <= '9') && std::string_view("./+- ").find(c) == std::string_view::npos) return false;
  }
  const Result<Value> meaning = detail::resolve_plain(text);
  return meaning.ok() && meaning->is_string();
}

void append_escape(std::string& out, unsigned code) {
  char buffer[8];
  std::snprintf(buffer, sizeof buffer, "\\u%04x", code);
  out += buffer;
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const std::string_view rest = text.substr(i);
    if (byte == '"' || byte == '\\') {
      out += '\\';
      out += text[i];
    } else if (byte == '\n') {
      out += "\\n";
    } else if (byte < 0x20 || byte == 0x7F) {
      append_escape(out, byte);
    } else if (rest.starts_with("\xC2\x85")) {            // next line
      append_escape(out, 0x85);
      i += 1;
    } else if (rest.starts_with("\xE2\x80\xA8") || rest.starts_with("\xE2\x80\xA9")) {   // line and paragraph separator
      append_escape(out, rest[2] == '\xA8' ? 0x2028 : 0x2029);
      i += 2;
    } else if (rest.starts_with("\xEF\xBB\xBF")) {        // byte order mark
      append_escape(out, 0xFEFF);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out += '"';
}

std::string string_text(const std::string& text) { return plain_is_safe(text) ? text : quoted(text); }

std::string scalar_text(const Value& value) {
  switch (value.kind()) {
    case Kind::kBool: return value.boolean() ? "true" : "false";
    case Kind::kInt: return number_text(value.integer());
    case Kind::kReal:
      if (std::isnan(value.real())) return ".nan";
      if (std::isinf(value.real())) return value.real() > 0 ? ".inf" : "-.inf";
      return detail::real_text(value.real());
    case Kind::kString: return string_text(value.string());
    default: return "null";
  }
}

// The value in one line, or "" when it needs block form.
std::string inline_text(const Value& value) {
  if (is_scalar(value)) return scalar_text(value);
  if (value.is_map()) return value.map().empty() ? "{}" : "";
  std::string out = "[";
  for (const Value& item : value.list()) {
    if (!is_scalar(item)) return "";
    if (out.size() > 1) out += ", ";
    out += scalar_text(item);
    if (out.size() > kLineMax) return "";
  }
  return out += ']';
}

class YamlWriter {
 public:
  std::string out;

  // Writes a list or map whose first line is indented already.
  void block(const Value& value, std::size_t indent) {
    bool first = true;
    const auto start_line = [&] {
      if (!first) out.append(indent, ' ');
      first = false;
    };
    if (value.is_map()) {
      for (const Entry& entry : value.map()) {
        start_line();
        write_entry(entry, indent);
      }
      return;
    }
    for (const Value& item : value.list()) {
      start_line();
      out += "- ";
      if (const std::string text = inline_text(item); !text.empty()) {
        out += text;
        out += '\n';
      } else {
        block(item, indent + 2);
      }
    }
  }

 private:
  void write_entry(const Entry& entry, std::size_t indent) {
    const std::string key = string_text(entry.key);
    if (key.size() > kSimpleKeyMax) {
      out += "? ";
      out += key;
      out += '\n';
      out.append(indent, ' ');
    } else {
      out += key;
    }
    out += ':';
    if (const std::string text = inline_text(entry.value); !text.empty()) {
      out += ' ';
      out += text;
      out += '\n';
    } else {
      out += '\n';
      out.append(indent + 2, ' ');
      block(entry.value, indent + 2);
    }
  }
};

}  // namespace

std::string to_yaml(const Value& value) {
  if (const std::string text = inline_text(value); !text.empty()) return text + "\n";
  YamlWriter writer;
  writer.block(value, 0);
  return std::move(writer.out);
}

}  // namespace headrace::config
