// SPDX-License-Identifier: Apache-2.0
// JSON in both directions. Reading goes through nlohmann's event interface, which does not recurse; the events carry no place,
// so JsonReader walks the raw text beside them, token by token.
#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "config/locator.h"
#include "config/scalar.h"
#include "headrace/base/text.h"
#include "headrace/config/value.h"

namespace headrace::config {
namespace detail {

Result<std::string_view> admit(std::string_view text, std::string_view file) {
  if (text.size() > kBytesMax) {
    return Error(Code::kTooLarge, cat("a document has ", bytes_text(text.size()), ", the bound is ", bytes_text(kBytesMax)), {},
                 Position{std::string(file), 0, 0});
  }
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  std::size_t bad = 0;
  if (!is_utf8(text, &bad)) {
    return Error(Code::kSyntax, cat("the text is not UTF-8: byte ", bad), "save the file as UTF-8", Locator(text, file).at(bad));
  }
  const auto control = std::find_if(text.begin(), text.end(), [](char byte) {
    return static_cast<unsigned char>(byte) < 0x20 && byte != '\t' && byte != '\n' && byte != '\r';
  });
  if (control != text.end()) {
    return Error(Code::kSyntax, cat("the text holds a control character: byte value ", static_cast<int>(*control)),
                 "is this a text file? write control characters as \\u escapes in double quotes",
                 Locator(text, file).at(static_cast<std::size_t>(control - text.begin())));
  }
  return text;
}

}  // namespace detail

namespace {

using nlohmann::json;

// --- writing ---

enum class Dialect { kJson, kCanonical };

std::string valid_utf8(std::string_view text) {
  std::string out;
  std::size_t bad = 0;
  while (!is_utf8(text, &bad)) {
    out.append(text.substr(0, bad)).append("\xEF\xBF\xBD");
    text.remove_prefix(bad + 1);
  }
  return out.append(text);
}

class JsonWriter {
 public:
  JsonWriter(Dialect dialect, int indent) : dialect_(dialect), indent_(indent) {}

  void write(const Value& value, int depth) {
    switch (value.kind()) {
      case Kind::kNull: out_ += "null"; break;
      case Kind::kBool: out_ += value.boolean() ? "true" : "false"; break;
      case Kind::kInt: out_ += number_text(value.integer()); break;
      case Kind::kReal: write_real(value.real()); break;
      case Kind::kString: write_string(value.string()); break;
      case Kind::kList: write_list(value.list(), depth); break;
      case Kind::kMap: write_map(value.map(), depth); break;
    }
  }
  std::string take() { return std::move(out_); }

 private:
  void write_real(double value) {
    if (std::isfinite(value)) {
      out_ += detail::real_text(value);
    } else if (dialect_ == Dialect::kJson) {
      out_ += "null";
    } else {
      // Ids must tell these from null, so the canonical form leaves strict JSON here.
      out_ += std::isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
    }
  }

  void write_string(const std::string& text) {
    out_ += '"';
    out_ += json_escape(dialect_ == Dialect::kCanonical || is_utf8(text) ? text : valid_utf8(text));
    out_ += '"';
  }

  void write_list(const List& list, int depth) {
    out_ += '[';
    for (std::size_t i = 0; i < list.size(); ++i) {
      separate(i, depth + 1);
      write(list[i], depth + 1);
    }
    if (!list.empty()) new_line(depth);
    out_ += ']';
  }

  void write_map(const Map& map, int depth) {
    std::vector<const Entry*> entries;
    entries.reserve(map.size());
    for (const Entry& entry : map) entries.push_back(&entry);
    if (dialect_ == Dialect::kCanonical) {
      std::stable_sort(entries.begin(), entries.end(), [](const Entry* a, const Entry* b) { return a->key < b->key; });
    }
    out_ += '{';
    for (std::size_t i = 0; i < entries.size(); ++i) {
      separate(i, depth + 1);
      write_string(entries[i]->key);
      out_ += dialect_ == Dialect::kCanonical ? ":" : ": ";
      write(entries[i]->value, depth + 1);
    }
    if (!entries.empty()) new_line(depth);
    out_ += '}';
  }

  void separate(std::size_t index, int depth) {
    if (index > 0) out_ += indent_ >= 0 || dialect_ == Dialect::kCanonical ? "," : ", ";
    new_line(depth);
  }

  void new_line(int depth) {
    if (indent_ < 0) return;
    out_ += '\n';
    out_.append(static_cast<std::size_t>(indent_ * depth), ' ');
  }

  Dialect dialect_;
  int indent_;
  std::string out_;
};

// --- reading ---

struct Open {
  Value value;
  std::string key;                       // of a map: the key whose value comes next
  Position key_where;
  std::unordered_set<std::string> keys;
};

class JsonReader : public nlohmann::json_sax<json> {
 public:
  JsonReader(std::string_view text, std::string_view file) : text_(text), locator_(text, file) {}

  Error failure;
  Value root;

  bool null() override { return add(Value(), word()); }
  bool boolean(bool value) override { return add(Value(value), word()); }
  bool number_integer(std::int64_t value) override { return add(Value(value), word()); }
  bool number_unsigned(std::uint64_t value) override {
    const Position where = word();
    if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return refuse_integer(where);
    return add(Value(static_cast<std::int64_t>(value)), where);
  }
  bool number_float(double value, const std::string& text) override {
    const Position where = word();
    if (text.find_first_of(".eE") == std::string::npos) return refuse_integer(where);
    return add(Value(value), where);
  }
  bool string(std::string& value) override { return add(Value(std::move(value)), quoted()); }
  bool binary(json::binary_t&) override { return false; }

  bool start_object(std::size_t) override { return open(Value(Map{})); }
  bool start_array(std::size_t) override { return open(Value(List{})); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(std::string& key) override {
    const Position where = quoted();
    Open& top = stack_.back();
    if (!top.keys.insert(key).second) return fail(Code::kSyntax, cat("a key is written twice: '", key, "'"), "remove one of them", where);
    top.key = std::move(key);
    top.key_where = where;
    return true;
  }

  bool parse_error(std::size_t byte, const std::string&, const json::exception& problem) override {
    std::string what = problem.what();
    if (const std::size_t colon = what.find(": "); colon != std::string::npos) what.erase(0, colon + 2);
    const bool overflow = problem.id == 406;
    return fail(Code::kSyntax, overflow ? "a number is too large for a double" : cat("the text is not JSON: ", what), {},
                locator_.at(byte > 0 ? byte - 1 : 0));
  }

 private:
  // The start of the next token; separators between tokens are skipped.
  Position next() {
    while (cursor_ < text_.size() && std::string_view(" \t\r\n,:").find(text_[cursor_]) != std::string_view::npos) ++cursor_;
    return locator_.at(cursor_);
  }
  Position word() {
    const Position where = next();
    while (cursor_ < text_.size() && std::string_view(" \t\r\n,:]}").find(text_[cursor_]) == std::string_view::npos) ++cursor_;
    return where;
  }
  Position quoted() {
    const Position where = next();
    for (++cursor_; cursor_ < text_.size() && text_[cursor_] != '"'; ++cursor_) {
      if (text_[cursor_] == '\\') ++cursor_;
    }
    ++cursor_;
    return where;
  }

  bool fail(Code code, std::string message, std::string advice, Position where) {
    failure = Error(code, std::move(message), std::move(advice), std::move(where));
    return false;
  }
  bool refuse_integer(const Position& where) {
    return fail(Code::kSyntax, "an integer needs more than 64 bits", "quote it to make it a string", where);
  }

  bool add(Value value, const Position& where) {
    if (++nodes_ > detail::kNodesMax)
      return fail(Code::kTooLarge, cat("a document has more than ", detail::kNodesMax, " values"), {}, where);
    value.set_where(where);
    place(std::move(value));
    return true;
  }

  void place(Value value) {
    if (stack_.empty()) {
      root = std::move(value);
    } else if (Open& top = stack_.back(); top.value.is_list()) {
      top.value.list().push_back(std::move(value));
    } else {
      top.value.map().push_back(Entry{std::move(top.key), std::move(value), top.key_where});
    }
  }

  bool open(Value value) {
    const Position where = next();
    ++cursor_;
    if (stack_.size() == detail::kDepthMax) {
      return fail(Code::kSyntax, cat("lists and maps are nested deeper than ", detail::kDepthMax), {}, where);
    }
    if (++nodes_ > detail::kNodesMax)
      return fail(Code::kTooLarge, cat("a document has more than ", detail::kNodesMax, " values"), {}, where);
    value.set_where(where);
    stack_.push_back(Open{std::move(value), {}, {}, {}});
    return true;
  }

  bool close() {
    next();
    ++cursor_;
    Value done = std::move(stack_.back().value);
    stack_.pop_back();
    place(std::move(done));
    return true;
  }

  std::string_view text_;
  detail::Locator locator_;
  std::size_t cursor_ = 0;
  std::size_t nodes_ = 0;
  std::vector<Open> stack_;
};

}  // namespace

std::string to_json(const Value& value, int indent) {
  JsonWriter writer(Dialect::kJson, indent);
  writer.write(value, 0);
  return writer.take();
}

std::string canonical(const Value& value) {
  JsonWriter writer(Dialect::kCanonical, -1);
  writer.write(value, 0);
  return writer.take();
}

Result<Value> parse_json(std::string_view text, std::string_view file) {
  HEADRACE_ASSIGN(text, detail::admit(text, file));
  JsonReader reader(text, file);
  try {
    if (json::sax_parse(text.begin(), text.end(), &reader)) return std::move(reader.root);
  } catch (const std::exception& problem) {
    return Error(Code::kSyntax, cat("the text is not JSON: ", problem.what()), {}, Position{std::string(file), 0, 0});
  }
  return std::move(reader.failure);
}

}  // namespace headrace::config
