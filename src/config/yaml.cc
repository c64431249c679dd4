// SPDX-License-Identifier: Apache-2.0
// Reading YAML. yaml-cpp's event interface gives the exact place of every key and value; TreeBuilder turns events into a Value
// and keeps the bounds. What yaml-cpp 0.7 needs help with:
// - it queues all tokens of a flow collection before the first event: GuardedBuffer bounds what it may read without one;
// - it recurses per level: TreeBuilder stops it at 100, long before its own guard at 500;
// - it takes a key without a colon, an item between two commas and a quoted string that never ends: all are refused here;
// - it writes the escapes \N and \_ as the single bytes 0x85 and 0xA0: utf8_text makes them UTF-8.
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <fstream>
#include <istream>
#include <map>
#include <streambuf>
#include <unordered_set>

#include "config/locator.h"
#include "config/scalar.h"
#include "headrace/base/text.h"
#include "headrace/config/value.h"

namespace headrace::config {
namespace {

constexpr std::size_t kSilenceMax = std::size_t{4} << 20;   // bytes of one scalar or flow collection

// What to do about the terse messages of yaml-cpp that people meet most.
std::string advice_for(const std::string& message) {
  if (message.find("illegal map value") != std::string::npos)
    return "look for a missing colon or quote on the line before, or quote a value that holds ': '";
  if (message.find("end of map not found") != std::string::npos)
    return "check the indentation, and that every key has a colon and a space after it";
  if (message.find("block entry") != std::string::npos) return "a list item starts on a line of its own: - item";
  if (message.find("end of sequence flow") != std::string::npos) return "close the list with ]";
  if (message.find("end of map flow") != std::string::npos) return "close the map with }";
  if (message.find("unknown token") != std::string::npos) return "indent with spaces, and quote values that start with @, ` or %";
  return {};
}

// The text was UTF-8, so a byte that does not fit can only come from one of the two escapes.
std::string utf8_text(const std::string& text) {
  std::string_view rest = text;
  std::string out;
  for (std::size_t bad = 0; !is_utf8(rest, &bad); rest.remove_prefix(bad + 1)) {
    out.append(rest.substr(0, bad)).append(1, '\xC2').append(1, rest[bad]);
  }
  return out.append(rest);
}

// Leaves the parser from inside a callback.
struct Stop {
  Error error;
};

// Feeds the text in pieces and stops when too much was read since the last event.
class GuardedBuffer : public std::streambuf {
 public:
  explicit GuardedBuffer(std::string_view text) : text_(text) {}
  void heard() { silent_ = 0; }

 protected:
  int_type underflow() override {
    constexpr std::size_t kPiece = 4096;
    if (given_ == text_.size()) return traits_type::eof();
    if (silent_ > kSilenceMax) {
      throw Stop{Error(Code::kTooLarge, cat("one scalar or flow collection has more than ", bytes_text(kSilenceMax)),
                       "write large lists in block form, one item a line")};
    }
    const std::size_t size = std::min(kPiece, text_.size() - given_);
    char* start = const_cast<char*>(text_.data()) + given_;   // a streambuf wants char*; nothing writes through it
    setg(start, start, start + size);
    given_ += size;
    silent_ += size;
    return traits_type::to_int_type(*start);
  }

 private:
  std::string_view text_;
  std::size_t given_ = 0;
  std::size_t silent_ = 0;
};

// How much a value weighs, for the bounds on what aliases may repeat.
struct Weight {
  std::size_t nodes = 1;
  std::size_t bytes = 0;
  std::size_t height = 0;
};

struct Anchored {
  Value value;
  Weight weight;
};

// A list or map whose end has not come yet.
struct Open {
  Value value;
  YAML::anchor_t anchor = 0;
  Weight weight;
  bool key_next = false;
  std::string key;
  Position key_where;
  std::size_t key_start = 0;             // offset of the key in the text
  std::unordered_set<std::string> keys;
};

class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(std::string_view text, std::string_view file, GuardedBuffer& buffer) : text_(text), locator_(text, file), buffer_(buffer) {}

  Value root;

  Position at(const YAML::Mark& mark) { return locator_.at(offset(mark)); }

  /// What only the end can tell: the last string is closed, and there was a document if there was more than comments.
  void check_end() {
    std::size_t start = last_scalar_;
    const std::size_t end = end_of_quoted(start);
    if (end == std::string_view::npos) stop(Code::kSyntax, "a quoted string has no end", "close the quote", locator_.at(start));
    if (documents_ == 0 && text_.starts_with('%'))
      stop(Code::kSyntax, "there are directives, but no document", "write --- after them", locator_.at(0));
  }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (documents_++ > 0)
      stop(Code::kSyntax, "text follows the end of the document", "one file holds one document; check the indentation", at(mark));
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    buffer_.heard();
    if (wants_key()) stop(Code::kSyntax, "a key is empty or null", "quote it to make it a string", at(mark));
    refuse_missing(offset(mark));
    finish(Value(), anchor, Weight{}, place_of_null(mark));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    buffer_.heard();
    const Position where = at(mark);
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end())
      stop(Code::kSyntax, "an alias names a value that contains it", "a document is a tree: write the value out", where);
    const Anchored& target = found->second;
    if (wants_key()) {
      if (!target.value.is_string()) stop(Code::kSyntax, "an alias used as a key is no string", {}, where);
      charge(target.weight, where);
      return take_key(target.value.string(), where, offset(mark));
    }
    if (stack_.size() + target.weight.height > detail::kDepthMax) too_deep(where);
    charge(target.weight, where);
    Value copy = target.value;
    finish(std::move(copy), 0, target.weight, where);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, const std::string& raw) override {
    buffer_.heard();
    const std::string text = utf8_text(raw);
    const Position where = at(mark);
    last_scalar_ = offset(mark);
    count(text.size(), where);
    const Weight weight{1, text.size(), 0};
    if (wants_key()) {
      if (tag == "?" && text == "<<")
        stop(Code::kSyntax, "merge keys (<<) are not part of YAML 1.2", "repeat the keys, or alias a whole value", where);
      if (anchor != 0) remember(anchor, Value(text), weight, where);
      return take_key(text, where, offset(mark));
    }
    finish(scalar(tag, text, where), anchor, weight, where);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    open(Value(List{}), mark, tag, "tag:yaml.org,2002:seq", anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    open(Value(Map{}), mark, tag, "tag:yaml.org,2002:map", anchor);
    stack_.back().key_next = true;
  }
  void OnMapEnd() override { close(); }

 private:
  [[noreturn]] static void stop(Code code, std::string message, std::string advice, Position where) {
    throw Stop{Error(code, std::move(message), std::move(advice), std::move(where))};
  }
  [[noreturn]] static void too_deep(const Position& where) {
    stop(Code::kSyntax, cat("lists and maps are nested deeper than ", detail::kDepthMax), {}, where);
  }

  bool wants_key() const { return !stack_.empty() && stack_.back().key_next; }

  std::size_t offset(const YAML::Mark& mark) const {
    return mark.pos < 0 ? text_.size() : std::min(text_.size(), static_cast<std::size_t>(mark.pos));
  }

  // The end of the quoted scalar written at `start` (moved past tag and anchor), `start` when it is not quoted, npos without an end.
  std::size_t end_of_quoted(std::size_t& start) const {
    constexpr std::string_view kBlank = " \t\r\n";
    while (start < text_.size() && (text_[start] == '!' || text_[start] == '&')) {
      start = std::min(text_.find_first_of(kBlank, start), text_.size());
      start = std::min(text_.find_first_not_of(kBlank, start), text_.size());
    }
    if (start >= text_.size()) return start;
    const char quote = text_[start];
    if (quote != '"' && quote != '\'') return start;
    std::size_t at = start + 1;
    while (at < text_.size() && text_[at] != quote) at += quote == '"' && text_[at] == '\\' ? 2 : 1;
    // A doubled '' inside single quotes ends one run and starts the next.
    while (quote == '\'' && at + 1 < text_.size() && text_[at + 1] == quote) {
      at = text_.find(quote, at + 2);
      if (at == std::string_view::npos) return at;
    }
    return at < text_.size() ? at : std::string_view::npos;
  }

  // A null that nobody wrote: a key without a colon, an item between two commas.
  void refuse_missing(std::size_t where) {
    if (stack_.empty()) return;
    const Open& top = stack_.back();
    const char next = where < text_.size() ? text_[where] : '\n';
    if (top.value.is_list()) {
      if (next == ',') stop(Code::kSyntax, "an item is missing before a comma", "remove the comma or write null", locator_.at(where));
      return;
    }
    bool missing = where <= top.key_start;
    if (next == ',' || next == '}' || next == ']') {
      const std::size_t before = text_.substr(0, where).find_last_not_of(" \t\r\n");
      missing = before == std::string_view::npos || text_[before] != ':';
    }
    if (missing)
      stop(Code::kSyntax, cat("a key has no value: '", top.key, "'"), "write key: value, with a space after the colon", top.key_where);
  }

  void take_key(const std::string& key, const Position& where, std::size_t start) {
    Open& top = stack_.back();
    if (!top.keys.insert(key).second) stop(Code::kSyntax, cat("a key is written twice: '", key, "'"), "remove one of them", where);
    top.key = key;
    top.key_where = where;
    top.key_start = start;
    top.key_next = false;
  }

  static Value scalar(const std::string& tag, const std::string& text, const Position& where) {
    constexpr std::string_view kCore = "tag:yaml.org,2002:";
    if (tag == "!" || tag == "tag:yaml.org,2002:str") return Value(text);
    Result<Value> plain = detail::resolve_plain(text);
    if (!plain.ok()) throw Stop{std::move(plain).error().at(where)};
    Value value = std::move(plain).value();
    if (tag == "?" || tag.empty()) return value;
    const std::string_view name = std::string_view(tag).starts_with(kCore) ? std::string_view(tag).substr(kCore.size()) : "";
    if (name == "float" && value.is_number()) return Value(value.real());
    if ((name == "int" && value.kind() == Kind::kInt) || (name == "bool" && value.kind() == Kind::kBool) ||
        (name == "null" && value.is_null())) {
      return value;
    }
    stop(Code::kSyntax, cat("a tag is not known or does not fit its value: ", tag), "leave the tag out", where);
  }

  // yaml-cpp reports a missing value at whatever comes next; the key is the better place.
  Position place_of_null(const YAML::Mark& mark) {
    if (!stack_.empty() && stack_.back().value.is_map()) {
      const Open& top = stack_.back();
      Position where = at(mark);
      const std::string_view rest = text_.substr(offset(mark));
      const bool written =
          rest.starts_with('~') || rest.starts_with('n') || rest.starts_with('N') || rest.starts_with('&') || rest.starts_with('!');
      return written && where.line == top.key_where.line ? where : top.key_where;
    }
    return at(mark);
  }

  void count(std::size_t bytes, const Position& where) {
    if (++nodes_ > detail::kNodesMax) stop(Code::kTooLarge, cat("a document has more than ", detail::kNodesMax, " values"), {}, where);
    bytes_ += bytes;
  }

  // Pays for a copy of an anchored value.
  void charge(const Weight& weight, const Position& where) {
    nodes_ += weight.nodes;
    bytes_ += weight.bytes;
    if (nodes_ > detail::kNodesMax || bytes_ > detail::kBytesMax) {
      stop(Code::kSyntax, cat("aliases expand to more than ", detail::kNodesMax, " values or ", bytes_text(detail::kBytesMax)), {}, where);
    }
  }

  void remember(YAML::anchor_t anchor, const Value& value, const Weight& weight, const Position& where) {
    charge(weight, where);
    anchors_[anchor] = Anchored{value, weight};
  }

  void open(Value value, const YAML::Mark& mark, const std::string& tag, std::string_view known, YAML::anchor_t anchor) {
    buffer_.heard();
    const Position where = at(mark);
    if (wants_key())
      stop(Code::kSyntax, "a list or map is used as a key", "keys are strings; quote it if brackets were meant as text", where);
    if (!tag.empty() && tag != "?" && tag != "!" && tag != known)
      stop(Code::kSyntax, cat("a tag is not known: ", tag), "leave the tag out", where);
    if (stack_.size() == detail::kDepthMax) too_deep(where);
    count(0, where);
    value.set_where(where);
    stack_.push_back(Open{std::move(value), anchor, {}, false, {}, {}, 0, {}});
  }

  void close() {
    buffer_.heard();
    Open done = std::move(stack_.back());
    stack_.pop_back();
    const Position where = done.value.where();
    ++done.weight.height;
    finish(std::move(done.value), done.anchor, done.weight, where);
  }

  void finish(Value value, YAML::anchor_t anchor, const Weight& weight, const Position& where) {
    if (value.is_null()) count(0, where);
    value.set_where(where);
    if (anchor != 0) remember(anchor, value, weight, where);
    if (stack_.empty()) {
      root = std::move(value);
      return;
    }
    Open& top = stack_.back();
    top.weight.nodes += weight.nodes;
    top.weight.bytes += weight.bytes;
    top.weight.height = std::max(top.weight.height, weight.height);
    if (top.value.is_list()) {
      top.value.list().push_back(std::move(value));
    } else {
      top.weight.bytes += top.key.size();
      top.value.map().push_back(Entry{std::move(top.key), std::move(value), top.key_where});
      top.key_next = true;
    }
  }

  std::string_view text_;
  detail::Locator locator_;
  GuardedBuffer& buffer_;
  int documents_ = 0;
  std::size_t last_scalar_ = 0;
  std::size_t nodes_ = 0;
  std::size_t bytes_ = 0;
  std::vector<Open> stack_;
  std::map<YAML::anchor_t, Anchored> anchors_;
};

}  // namespace

Result<Value> parse_yaml(std::string_view text, std::string_view file) {
  HEADRACE_ASSIGN(text, detail::admit(text, file));
  const Position start{std::string(file), 1, 1};
  if (const std::size_t bad = text.find('\x7F'); bad != std::string_view::npos) {
    return Error(Code::kSyntax, "the text holds a control character: byte value 127", {}, detail::Locator(text, file).at(bad));
  }
  GuardedBuffer buffer(text);
  std::istream stream(&buffer);
  stream.exceptions(std::ios::badbit);   // lets a Stop out of the stream
  TreeBuilder builder(text, file, buffer);
  builder.root.set_where(start);
  try {
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
    builder.check_end();
    return std::move(builder.root);
  } catch (Stop& stopped) {
    return std::move(stopped.error).at(start);
  } catch (const YAML::Exception& problem) {
    return Error(Code::kSyntax, cat("the text is not YAML: ", problem.msg), advice_for(problem.msg),
                 problem.mark.is_null() ? start : builder.at(problem.mark));
  } catch (const std::exception& problem) {
    return Error(Code::kSyntax, cat("the text is not YAML: ", problem.what()), {}, start);
  }
}

Result<Value> read_yaml(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Error(Code::kNotFound, cat("a file cannot be opened: ", path), {}, Position{path, 0, 0});
  std::string text;
  char piece[1 << 16];
  while (file.read(piece, sizeof piece) || file.gcount() > 0) {
    text.append(piece, static_cast<std::size_t>(file.gcount()));
    if (text.size() > detail::kBytesMax) break;   // parse_yaml refuses it by size
  }
  if (file.bad()) return Error(Code::kIo, cat("a file cannot be read: ", path), {}, Position{path, 0, 0});
  return parse_yaml(text, path);
}

}  // namespace headrace::config
