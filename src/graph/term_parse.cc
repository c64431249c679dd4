// SPDX-License-Identifier: Apache-2.0
// The written form of a term. Grammar, loosest binding first:
//   sequence     = alternatives { ">>" alternatives }
//   alternatives = join { "|" join }
//   join         = factor { "&" factor }
//   factor       = number "*" factor | primary { "{" parameters "}" }
//   primary      = name | "pick" "(" name ")" | "(" sequence ")"
#include <algorithm>
#include <charconv>

#include "graph/grid.h"
#include "graph/keys.h"
#include "graph/term_body.h"
#include "headrace/base/text.h"

namespace headrace::graph {
namespace {

constexpr std::size_t kTextMax = 16u << 20;
constexpr int kDepthMax = 100;

bool is_name_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_name_part(char c) { return is_name_start(c) || (c >= '0' && c <= '9') || c == '-' || c == '#'; }
bool is_metric_part(char c) { return is_name_part(c) || c == '.' || c == '@'; }

class Parser {
 public:
  Parser(std::string_view text, const std::vector<Node>& nodes, const Position& where) : text_(text), nodes_(nodes), where_(where) {}

  Result<Term> run() {
    if (text_.size() > kTextMax) return Error(Code::kTooLarge, "a term is longer than 16 MiB", {}, where_);
    HEADRACE_ASSIGN(Term term, sequence());
    skip_space();
    if (at_ < text_.size() && text_[at_] == ';')
      return error("a term has one part", "a graph printed with ';' is no single term: wire it with 'from'");
    if (at_ < text_.size()) return error("an operator is expected here", "join parts with >>, | or &");
    return term;
  }

 private:
  Error error(std::string message, std::string advice = {}) const {
    const std::string_view rest = text_.substr(std::min(at_, text_.size()));
    const std::string seen = rest.empty() ? "its end" : cat("'", rest.substr(0, 20), "'");
    return Error(Code::kBadTerm, cat("the term does not parse at character ", at_ + 1, ", ", seen, ": ", message), std::move(advice),
                 where_);
  }

  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) ++at_;
  }

  bool accept(std::string_view sign) {
    skip_space();
    if (!text_.substr(at_).starts_with(sign)) return false;
    at_ += sign.size();
    return true;
  }

  Result<Term> sequence() {
    if (++depth_ > kDepthMax) return error(cat("brackets are nested more than ", kDepthMax, " deep"));
    HEADRACE_ASSIGN(Term out, alternatives());
    while (accept(">>")) {
      HEADRACE_ASSIGN(const Term next, alternatives());
      out = out >> next;
    }
    --depth_;
    return out;
  }

  Result<Term> alternatives() {
    HEADRACE_ASSIGN(Term out, joined());
    while (accept("|")) {
      HEADRACE_ASSIGN(const Term next, joined());
      out = out | next;
    }
    return out;
  }

  Result<Term> joined() {
    HEADRACE_ASSIGN(Term out, factor());
    while (accept("&")) {
      HEADRACE_ASSIGN(const Term next, factor());
      out = out & next;
    }
    return out;
  }

  Result<Term> factor() {
    std::vector<int> times;   // 2 * 3 * a
    skip_space();
    while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') {
      int number = 0;
      const auto [end, failed] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), number);
      if (failed != std::errc()) return error("this number is too large");
      at_ = static_cast<std::size_t>(end - text_.data());
      if (!accept("*")) return error("'*' is expected after a number", "write 3 * name");
      times.push_back(number);
      skip_space();
    }
    HEADRACE_ASSIGN(Term out, primary());
    while (accept("{")) {
      HEADRACE_ASSIGN(out, with_parameters(out));
    }
    if (!times.empty() && out.kind() == Term::Kind::kNode) {
      Node node = out.body().node;
      node.annotations.replicas = 1;   // the number written here is the number meant, whatever the node says itself
      out = leaf(std::move(node));
    }
    for (auto number = times.rbegin(); number != times.rend(); ++number) out = *number * out;
    return out;
  }

  Result<Term> primary() {
    if (accept("(")) {
      HEADRACE_ASSIGN(Term out, sequence());
      if (!accept(")")) return error("')' is expected");
      return out;
    }
    skip_space();
    if (at_ >= text_.size() || !is_name_start(text_[at_])) return error("a name, a number or '(' is expected");
    const std::string name = take(is_name_part);
    if (name == "pick" && accept("(")) {
      skip_space();
      std::string metric = take(is_metric_part);
      if (metric.empty()) return error("the name of a metric is expected", "write pick(accuracy)");
      if (!accept(")")) return error("')' is expected");
      return pick(std::move(metric));
    }
    return leaf(named(name));
  }

  template <class Is>
  std::string take(Is is) {
    const std::size_t start = at_;
    while (at_ < text_.size() && is(text_[at_])) ++at_;
    return std::string(text_.substr(start, at_ - start));
  }

  // A node of the file, else an operator by its own name.
  Node named(const std::string& name) const {
    const auto found = std::find_if(nodes_.begin(), nodes_.end(), [&](const Node& node) { return node.name == name; });
    Node out;
    if (found != nodes_.end()) {
      out = *found;
      out.inputs.clear();
    } else {
      out.name = out.op = name;
      out.params = config::Value(config::Map{});
      out.where = where_;
    }
    return out;
  }

  // {param: [..]} makes a grid, {param: value} sets it; on a term of several nodes the key is node.param.
  Result<Term> with_parameters(const Term& term) {
    const std::size_t start = at_ - 1;
    if (!skip_braces()) return error("'}' is expected");
    Result<config::Value> map = config::parse_yaml(text_.substr(start, at_ - start), where_.file);
    if (!map.ok() || !map->is_map()) {
      at_ = start;
      return error(map.ok() ? "parameters must be key: value pairs" : map.error().message, "for example pca{components: [5, 15]}");
    }
    Term out = term;
    for (const config::Entry& entry : map->map()) {
      if (entry.value.is_list()) {
        out = out.grid(entry.key, entry.value.list());
      } else if (is_grid(entry.value) && entry.value.map()[0].value.is_list()) {
        out = out.grid(entry.key, entry.value.map()[0].value.list());
      } else if (out.kind() == Term::Kind::kNode) {
        Node node = out.body().node;
        node.params.set(entry.key, entry.value);
        out = leaf(std::move(node));
      } else {
        at_ = start;
        return error("only a grid can be given to several nodes at once", "set the parameter at the node itself");
      }
      if (out.body().wrong) {
        at_ = start;
        return error(out.body().wrong->message, out.body().wrong->advice);
      }
    }
    return out;
  }

  // Moves behind the brace that closes the one just read; quotes may hold braces.
  bool skip_braces() {
    int open = 1;
    char quote = 0;
    for (; at_ < text_.size() && open > 0; ++at_) {
      const char c = text_[at_];
      if (quote != 0) {
        if (c == '\\' && quote == '"') ++at_;
        if (c == quote) quote = 0;
      } else if (c == '"' || c == '\'') {
        quote = c;
      } else if (c == '{') {
        ++open;
      } else if (c == '}') {
        --open;
      }
    }
    at_ = std::min(at_, text_.size());
    return open == 0;
  }

  std::string_view text_;
  const std::vector<Node>& nodes_;
  Position where_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

Result<Term> parse_term(std::string_view text, const std::vector<Node>& nodes, const Position& where) {
  return Parser(text, nodes, where).run();
}

}  // namespace headrace::graph
