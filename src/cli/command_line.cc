// SPDX-License-Identifier: Apache-2.0
#include "cli/command_line.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include "headrace/base/text.h"

namespace headrace::cli {
namespace {

using config::Type;
using config::Value;

std::string usage_hint(const Command& command) { return cat("see headrace help ", command.name); }

bool is_switch(const Flag& flag) { return flag.option.type == Type::kBool; }

const Flag* find_flag(const Command& command, std::string_view name) {
  for (const Flag& flag : command.flags) {
    if (!flag.positional && flag.option.name == name) return &flag;
  }
  return nullptr;
}

const Flag* find_letter(const Command& command, char letter) {
  for (const Flag& flag : command.flags) {
    if (!flag.positional && flag.letter == letter) return &flag;
  }
  return nullptr;
}

// The text of a number as a value; other text stays text, and config::check says what was expected.
Value scalar(Type type, const std::string& text) {
  const char* end = text.data() + text.size();
  if (type == Type::kInt || type == Type::kReal) {
    std::int64_t integer = 0;
    if (const auto read = std::from_chars(text.data(), end, integer); read.ec == std::errc() && read.ptr == end) return Value(integer);
    double real = 0;
    if (const auto read = std::from_chars(text.data(), end, real); read.ec == std::errc() && read.ptr == end) return Value(real);
  }
  if (type == Type::kBool && (text == "true" || text == "false")) return Value(text == "true");
  return Value(text);
}

class Parser {
 public:
  Parser(const Command& command, std::span<const std::string> words) : command_(command), words_(words) {}

  Result<Parsed> parse() {
    for (; next_ < words_.size(); ++next_) {
      const std::string& word = words_[next_];
      if (!flags_ended_ && (word == "--help" || word == "-h")) return Parsed{.arguments = {}, .help = true};
      if (!flags_ended_ && word == "--") {
        flags_ended_ = true;
      } else if (!flags_ended_ && word.starts_with("--")) {
        HEADRACE_TRY(read_flag(word.substr(2)));
      } else if (!flags_ended_ && word.size() > 1 && word.front() == '-') {
        HEADRACE_TRY(read_letter(word));
      } else {
        HEADRACE_TRY(read_positional(word));
      }
    }
    return bind();
  }

 private:
  Status read_flag(const std::string& text) {
    const std::size_t equals = text.find('=');
    const std::string name = text.substr(0, equals);
    const Flag* flag = find_flag(command_, name);
    if (flag == nullptr) return unknown(cat("--", name), name);
    return accept(*flag, equals == std::string::npos ? std::nullopt : std::optional(text.substr(equals + 1)));
  }

  Status read_letter(const std::string& word) {
    const Flag* flag = find_letter(command_, word[1]);
    if (flag == nullptr || (word.size() > 2 && word[2] != '=')) return unknown(word, word.substr(1));
    return accept(*flag, word.size() > 2 ? std::optional(word.substr(3)) : std::nullopt);
  }

  Error unknown(const std::string& shown, const std::string& name) const {
    std::vector<std::string> names;
    for (const Flag& flag : command_.flags) {
      if (!flag.positional) names.push_back(flag.option.name);
    }
    names.emplace_back("help");
    const std::string near = nearest(name, names);
    return Error(Code::kUnknownKey, cat("headrace ", command_.name, " has no flag ", shown),
                 near.empty() ? usage_hint(command_) : cat("did you mean --", near, "?"));
  }

  Status accept(const Flag& flag, std::optional<std::string> text) {
    const std::string& name = flag.option.name;
    if (!flag.repeat && given_.contains(name)) return Error(Code::kUsage, cat("flag --", name, " is given twice"), "give it once");
    if (is_switch(flag)) return store(flag, text.has_value() ? scalar(Type::kBool, *text) : Value(true));
    if (!text.has_value()) {
      if (next_ + 1 >= words_.size() || words_[next_ + 1].starts_with("--")) {
        return Error(Code::kUsage, cat("flag --", name, " needs a value"), cat("for example --", name, " ", example_of(flag)));
      }
      text = words_[++next_];
    }
    return store(flag, scalar(flag.option.type, *text));
  }

  static std::string example_of(const Flag& flag) {
    return flag.value.empty() ? config::example(flag.option) : flag.value;
  }

  Status store(const Flag& flag, Value value) {
    const std::string& name = flag.option.name;
    if (flag.repeat) {
      Value* before = values_.find(name);
      if (before == nullptr) before = &values_.set(name, Value(config::List{}));
      before->list().push_back(std::move(value));
    } else {
      HEADRACE_TRY(checked(flag, value));
      values_.set(name, std::move(value));
    }
    given_.insert(name);
    return {};
  }

  // Words of the command line in the message, not those of a file.
  Status checked(const Flag& flag, const Value& value) const {
    const auto result = config::check(flag.option, value);
    if (result.ok()) return {};
    const std::string name = flag.positional ? flag.option.name : cat("--", flag.option.name);
    std::string advice = usage_hint(command_);
    if (flag.option.type == Type::kChoice && value.is_string()) advice = nearest_advice(value.string(), flag.option.choices);
    const std::string shown = value.is_string() ? value.string() : to_json(value);
    return Error(Code::kBadValue, cat(name, " must be ", config::expects(flag.option), ", not '", shown, "'"), std::move(advice));
  }

  Status read_positional(const std::string& word) {
    std::size_t index = 0;
    for (const Flag& flag : command_.flags) {
      if (!flag.positional || index++ != positionals_) continue;
      ++positionals_;
      return store(flag, scalar(flag.option.type, word));
    }
    return Error(Code::kUsage, cat("headrace ", command_.name, " does not take another word: '", word, "'"), usage_hint(command_));
  }

  Result<Parsed> bind() const {
    std::vector<config::Option> options;
    for (const Flag& flag : command_.flags) {
      if (flag.option.required && !given_.contains(flag.option.name)) {
        return Error(Code::kUsage, cat("headrace ", command_.name, " needs ", flag.positional ? "" : "--", flag.option.name),
                     usage_hint(command_));
      }
      options.push_back(flag.option);
    }
    HEADRACE_ASSIGN(Value bound, config::bind(options, values_, cat("headrace ", command_.name)));
    return Parsed{.arguments = Arguments(std::move(bound), given_), .help = false};
  }

  const Command& command_;
  std::span<const std::string> words_;
  std::size_t next_ = 0;
  std::size_t positionals_ = 0;
  bool flags_ended_ = false;
  Value values_{config::Map{}};
  std::set<std::string, std::less<>> given_;
};

}  // namespace

const config::Value& Arguments::value(std::string_view name) const {
  const Value* found = bound_.find(name);
  HEADRACE_CHECK(found != nullptr, cat("no flag is called ", name));
  return *found;
}

bool Arguments::flag(std::string_view name) const { return value(name).boolean(); }
std::int64_t Arguments::integer(std::string_view name) const { return value(name).integer(); }
double Arguments::real(std::string_view name) const { return value(name).real(); }

std::string Arguments::text(std::string_view name) const {
  const Value& found = value(name);
  return found.is_null() ? std::string() : found.string();
}

std::vector<std::string> Arguments::texts(std::string_view name) const {
  std::vector<std::string> out;
  const Value& found = value(name);
  if (found.is_null()) return out;
  for (const Value& item : found.list()) out.push_back(item.string());
  return out;
}

Result<Parsed> parse_command_line(const Command& command, std::span<const std::string> words) { return Parser(command, words).parse(); }

Result<std::uint64_t> parse_size(std::string_view text, std::string_view flag) {
  const auto refuse = [&] {
    return Error(Code::kBadValue, cat(flag, " must be a size, not '", text, "'"), "write bytes, or a number with a unit: 512MB, 2GiB");
  };
  const std::string_view trimmed = trim(text);
  double number = 0;
  const auto read = std::from_chars(trimmed.data(), trimmed.data() + trimmed.size(), number);
  if (read.ec != std::errc() || !std::isfinite(number) || number < 0) return refuse();
  std::string unit(trim(trimmed.substr(static_cast<std::size_t>(read.ptr - trimmed.data()))));
  std::transform(unit.begin(), unit.end(), unit.begin(),
                 [](char letter) { return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter + 32) : letter; });
  if (!unit.empty() && unit.back() == 'b') unit.pop_back();
  const bool binary = unit.size() == 2 && unit[1] == 'i';
  if (unit.size() > 1 && !binary) return refuse();
  if (!unit.empty()) {
    const std::size_t power = std::string_view("kmgt").find(unit[0]);
    if (power == std::string_view::npos) return refuse();
    number *= std::pow(binary ? 1024.0 : 1000.0, static_cast<double>(power + 1));
  }
  constexpr double kBytesMax = 1e18;
  if (number > kBytesMax) return refuse();
  return static_cast<std::uint64_t>(number);
}

}  // namespace headrace::cli
