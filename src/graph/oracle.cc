// SPDX-License-Identifier: Apache-2.0
#include "graph/oracle.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "graph/grid.h"
#include "graph/term_body.h"
#include "graph/toy.h"
#include "headrace/base/random.h"
#include "headrace/base/text.h"

namespace headrace::graph::toy {
namespace {

using Lineage = std::map<std::string, int>;

/// An object on both sides of a fold; without folds both sides are all rows.
struct Ob {
  Lineage lineage;
  Tables train, test;
  std::string model;
};

struct Point {
  config::Value params;
  std::uint64_t seed = 0;
};

bool is_piece(const std::string& choice) { return choice.starts_with("piece:"); }

Lineage without_pieces(Lineage lineage) {
  std::erase_if(lineage, [](const auto& entry) { return is_piece(entry.first); });
  return lineage;
}

bool agree(const Lineage& a, const Lineage& b) {
  return std::all_of(a.begin(), a.end(), [&](const auto& entry) { return !b.contains(entry.first) || b.at(entry.first) == entry.second; });
}

// Replicas outermost, then grids in the order of the options, last fastest.
std::vector<Point> points_of(const Graph& graph, const Node& node) {
  std::vector<Point> out;
  for (int copy = 1; copy <= node.annotations.replicas; ++copy) {
    std::vector<config::Value> points = {node.params};
    for (const config::Entry& entry : node.params.map()) {
      if (!is_grid(entry.value)) continue;
      std::vector<config::Value> finer;
      for (const config::Value& point : points) {
        for (const config::Value& value : entry.value.map()[0].value.list()) {
          config::Value next = point;
          next.set(entry.key, value);
          finer.push_back(std::move(next));
        }
      }
      points = std::move(finer);
    }
    const std::string name = (node.seed_name.empty() ? node.name : node.seed_name) + (copy > 1 ? cat("#", copy) : "");
    for (config::Value& point : points) out.push_back({std::move(point), derive_seed(graph.seed, name)});
  }
  return out;
}

class Oracle {
 public:
  Oracle(const Graph& graph, const Catalogue& catalogue, Mode mode, int files, std::size_t limit)
      : graph_(graph), catalogue_(catalogue), mode_(mode), files_(files), limit_(limit) {
    for (std::size_t i = 0; i < graph.nodes.size(); ++i) index_[graph.nodes[i].name] = i;
    if (graph.evaluate)
      folds_ = graph.evaluate->splitter_params.find("n") ? static_cast<int>(graph.evaluate->splitter_params.find("n")->integer()) : 1;
    mark();
  }

  std::optional<Meaning> run() {
    for (int fold = 0; fold < std::max(folds_, 1); ++fold) {
      fold_ = folds_ > 0 ? fold : -1;
      objects_.clear();
      std::size_t path = 0;
      for (const std::size_t node : order_) {
        if (!evaluate(node)) return std::nullopt;
        if (objects_[node].size() > limit_) return std::nullopt;
      }
      for (const std::size_t node : order_) {
        if (read_.contains(node)) continue;
        results(node, path);
      }
    }
    meaning_.fits = fits_;
    return std::move(meaning_);
  }

 private:
  const OperatorSpec& spec(std::size_t node) const { return *catalogue_.find(graph_.nodes[node].op); }

  // Which nodes come before which (in the order of the file where it allows), what is read, cut and below the cut.
  void mark() {
    std::set<std::size_t> done;
    const std::function<void(std::size_t)> visit = [&](std::size_t node) {
      if (!done.insert(node).second) return;
      for (const Input& input : graph_.nodes[node].inputs) {
        for (const std::string& name : input.from) {
          read_.insert(index_.at(name));
          visit(index_.at(name));
        }
      }
      order_.push_back(node);
    };
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) visit(i);
    if (folds_ == 0) return;
    for (const std::size_t node : order_) {
      const std::vector<std::string>& at = graph_.evaluate->at;
      if (at.empty() ? spec(node).family == Family::kSource : std::count(at.begin(), at.end(), graph_.nodes[node].name) > 0)
        cut_.insert(node);
      for (const Input& input : graph_.nodes[node].inputs) {
        for (const std::string& name : input.from) {
          if (cut_.contains(index_.at(name)) || below_.contains(index_.at(name))) below_.insert(node);
        }
      }
    }
  }

  // What arrives at one input: all objects of its nodes in order, each with a note of its node when there are several.
  std::vector<Ob> united(const std::vector<std::string>& from, bool reader_below) {
    std::set<std::size_t> nodes;
    for (const std::string& name : from) nodes.insert(index_.at(name));
    std::string choice = "united:";
    for (const std::size_t node : nodes) choice += cat(graph_.nodes[node].name, ",");
    std::vector<Ob> out;
    for (const std::string& name : from) {
      const std::size_t node = index_.at(name);
      for (Ob ob : objects_.at(node)) {
        if (nodes.size() > 1) ob.lineage[choice] = static_cast<int>(std::distance(nodes.begin(), nodes.find(node)));
        if (reader_below && cut_.contains(node)) {
          for (Rows& rows : ob.test) rows = Ops::fold_rows(rows, folds_, fold_, true);
          for (Rows& rows : ob.train) rows = Ops::fold_rows(rows, folds_, fold_, false);
        }
        out.push_back(std::move(ob));
      }
    }
    return out;
  }

  // Every combination, last input fastest.
  std::vector<std::vector<const Ob*>> combinations(const std::vector<std::vector<Ob>>& inputs) {
    std::vector<std::vector<const Ob*>> out = {{}};
    for (const std::vector<Ob>& input : inputs) {
      std::vector<std::vector<const Ob*>> longer;
      for (const std::vector<const Ob*>& tuple : out) {
        for (const Ob& ob : input) {
          longer.push_back(tuple);
          longer.back().push_back(&ob);
        }
        if (longer.size() > 4000) return {};
      }
      out = std::move(longer);
    }
    return out;
  }

  // Tuples of objects that meet at a node, with the lineage of each.
  std::vector<std::pair<Lineage, std::vector<Ob>>> meet(std::size_t node) {
    const Node& at = graph_.nodes[node];
    std::vector<std::vector<std::string>> names;
    for (const Input& input : at.inputs) {
      if (at.annotations.combine == Combine::kUnion && !names.empty()) {
        names[0].insert(names[0].end(), input.from.begin(), input.from.end());
      } else {
        names.push_back(input.from);
      }
    }
    std::vector<std::vector<Ob>> inputs;
    for (const std::vector<std::string>& from : names) inputs.push_back(united(from, below_.contains(node)));
    if (at.annotations.firing == Firing::kAll) return {{Lineage{}, gathered(inputs)}};
    std::vector<std::pair<Lineage, std::vector<Ob>>> out;
    const std::vector<std::vector<const Ob*>> all = combinations(inputs);
    for (std::size_t t = 0; t < all.size(); ++t) {
      Lineage merged;
      bool fits = true;
      if (at.annotations.combine == Combine::kProduct) {
        for (const Ob* ob : all[t]) {
          for (const auto& [choice, number] : ob->lineage) {
            const bool everywhere = std::all_of(all[t].begin(), all[t].end(), [&, c = choice, n = number](const Ob* other) {
              return !other->lineage.contains(c) || other->lineage.at(c) == n;
            });
            if (everywhere) merged[choice] = number;
          }
        }
        if (inputs.size() > 1 && all.size() > 1) merged[cat("tuple:", at.name)] = static_cast<int>(t);
      } else {
        for (std::size_t i = 0; i < all[t].size() && fits; ++i) {
          for (std::size_t k = 0; k < i; ++k) fits = fits && agree(all[t][i]->lineage, all[t][k]->lineage);
        }
        for (const Ob* ob : all[t]) merged.insert(ob->lineage.begin(), ob->lineage.end());
      }
      if (!fits) continue;
      out.emplace_back(std::move(merged), std::vector<Ob>{});
      for (const Ob* ob : all[t]) out.back().second.push_back(*ob);
      if (out.size() > limit_) return {};
    }
    return out;
  }

  // Pieces of one alternative become one object; alternatives stay apart, side by side.
  std::vector<Ob> gathered(const std::vector<std::vector<Ob>>& inputs) {
    std::vector<Ob> out;
    for (const std::vector<Ob>& input : inputs) {
      std::vector<std::pair<Lineage, std::vector<Ob>>> groups = grouped(input);
      for (auto& [lineage, pieces] : groups) {
        std::vector<Tables> train, test;
        for (const Ob& piece : pieces) {
          train.push_back(piece.train);
          test.push_back(piece.test);
        }
        out.push_back({lineage, Ops::stack(train), Ops::stack(test), {}});
      }
    }
    return out;
  }

  static std::vector<std::pair<Lineage, std::vector<Ob>>> grouped(const std::vector<Ob>& obs) {
    std::vector<std::pair<Lineage, std::vector<Ob>>> out;
    for (const Ob& ob : obs) {
      const Lineage key = without_pieces(ob.lineage);
      auto found = std::find_if(out.begin(), out.end(), [&](const auto& group) { return group.first == key; });
      if (found == out.end()) found = out.insert(out.end(), {key, {}});
      found->second.push_back(ob);
    }
    return out;
  }

  bool evaluate(std::size_t node) {
    const Node& at = graph_.nodes[node];
    const std::vector<Point> points = points_of(graph_, at);
    std::vector<Ob>& out = objects_[node];
    std::vector<std::pair<Lineage, std::vector<Ob>>> tuples;
    if (at.inputs.empty()) {
      for (std::size_t p = 0; p < points.size(); ++p) read(at, points, p, spec(node).random ? points[p].seed : 0, out);
      return true;
    }
    tuples = meet(node);
    if (tuples.empty()) return false;
    if (spec(node).inputs_max >= 0 && tuples[0].second.size() > static_cast<std::size_t>(spec(node).inputs_max)) return false;
    for (std::size_t p = 0; p < points.size(); ++p) {
      std::vector<Ob> own;
      for (const auto& [lineage, parts] : tuples) {
        Ob& ob = own.emplace_back();
        ob.lineage = lineage;
        for (const Ob& part : parts) {
          ob.train.insert(ob.train.end(), part.train.begin(), part.train.end());
          ob.test.insert(ob.test.end(), part.test.begin(), part.test.end());
        }
        if (points.size() > 1) ob.lineage[cat("alternative:", at.name)] = static_cast<int>(p);
      }
      Point point = points[p];
      if (!spec(node).random) point.seed = 0;
      learn(node, point, own);
      if (p == 0) kept_inputs_[node].clear();
      kept_inputs_[node].insert(kept_inputs_[node].end(), own.begin(), own.end());
      for (Ob& ob : own) out.push_back(passed_on(node, point, ob));
    }
    return true;
  }

  void read(const Node& at, const std::vector<Point>& points, std::size_t p, std::uint64_t seed, std::vector<Ob>& out) {
    const config::Value* path = points[p].params.find("path");
    const int pieces = path != nullptr && path->string().find('*') != std::string::npos ? files_ : 1;
    for (int piece = 0; piece < pieces; ++piece) {
      Ob& ob = out.emplace_back();
      config::Value params = points[p].params;
      if (path != nullptr && path->string().find('*') != std::string::npos) params.set("path", file_name(path->string(), piece));
      if (pieces > 1) ob.lineage[cat("piece:", at.name)] = piece;
      if (points.size() > 1) ob.lineage[cat("alternative:", at.name)] = static_cast<int>(p);
      ob.train = ob.test = {Ops::read(at.op, params, seed)};
    }
  }

 public:
  static std::string file_name(std::string pattern, int piece) { return pattern.replace(pattern.find('*'), 1, std::to_string(piece)); }

 private:
  State state(std::size_t node) const {
    return graph_.nodes[node].annotations.state.value_or(spec(node).fits ? State::kOnce : State::kNone);
  }
  int parts(std::size_t node) const { return graph_.nodes[node].annotations.shard ? graph_.nodes[node].annotations.shard->parts : 1; }
  bool by_key(std::size_t node) const {
    return graph_.nodes[node].annotations.shard && !graph_.nodes[node].annotations.shard->by.is_null();
  }

  // Gives each firing its model.
  void learn(std::size_t node, const Point& point, std::vector<Ob>& obs) {
    const std::string& op = graph_.nodes[node].op;
    const State is = state(node);
    if (is == State::kNone) return;
    const bool counts = below_.contains(node) || fold_ <= 0;
    if (is == State::kOnce) {
      for (Ob& ob : obs) ob.model = Ops::fit(op, point.params, point.seed, ob.train);
      fits_ += counts ? static_cast<int>(obs.size()) : 0;
      return;
    }
    for (auto& [key, group] : grouped(obs)) {
      std::string model;
      if (is == State::kAggregate) {
        std::vector<Tables> pieces;
        for (const Ob& ob : group) pieces.push_back(ob.train);
        model = Ops::fit(op, point.params, point.seed, Ops::stack(pieces));
        fits_ += counts;
      } else {
        for (const Ob& ob : group) {
          for (int part = 0; part < parts(node); ++part) {
            Tables rows = ob.train;
            if (parts(node) > 1) {
              for (Rows& table : rows) table = Ops::shard_rows(table, parts(node), part, by_key(node));
            }
            model = Ops::update(op, point.params, point.seed, model, rows);
          }
        }
      }
      for (Ob& ob : obs) {
        if (without_pieces(ob.lineage) == key) ob.model = model;
      }
    }
  }

  // Shards are invisible in what a row-by-row operator gives, but where inputs have unequal rows.
  Tables applied(std::size_t node, const Point& point, const std::string& verb, const std::string& model, const Tables& in) {
    const std::string& op = graph_.nodes[node].op;
    if (op == "join") return in;
    if (parts(node) <= 1) return {Ops::apply(verb, op, point.params, point.seed, model, in)};
    std::vector<std::pair<std::string, std::string>> pairs;
    std::vector<Tables> pieces;
    for (int part = 0; part < parts(node); ++part) {
      Tables rows = in;
      for (Rows& table : rows) table = Ops::shard_rows(table, parts(node), part, by_key(node));
      pieces.push_back({Ops::apply(verb, op, point.params, point.seed, model, rows)});
      for (std::size_t row = 0; row < rows[0].size(); ++row) pairs.emplace_back(rows[0][row], pieces.back()[0][row]);
    }
    if (!by_key(node) || !spec(node).keeps_rows) return Ops::stack(pieces);
    Tables out = {{}};
    for (const std::string& row : in[0]) {   // the first unused result made from this row
      const auto found = std::find_if(pairs.begin(), pairs.end(), [&](const auto& pair) { return pair.first == row; });
      out[0].push_back(found->second);
      pairs.erase(found);
    }
    return out;
  }

  bool is_read(std::size_t node) const {
    return std::any_of(graph_.nodes.begin(), graph_.nodes.end(), [&](const Node& reader) {
      return std::any_of(reader.inputs.begin(), reader.inputs.end(), [&](const Input& input) {
        return std::find(input.from.begin(), input.from.end(), graph_.nodes[node].name) != input.from.end();
      });
    });
  }

  Ob passed_on(std::size_t node, const Point& point, const Ob& ob) {
    const std::string verb = is_predictor(spec(node).family) && !is_read(node) ? "predict" : "transform";
    Ob out{ob.lineage, {}, {}, ob.model};
    out.test = applied(node, point, verb, ob.model, ob.test);
    out.train = spec(node).own_fit_output ? Tables{Ops::own_output(ob.model, ob.train)}
                : below_.contains(node)   ? applied(node, point, verb, ob.model, ob.train)
                                          : out.test;
    // Without folds there is one side; what a fit passes on is what comes after.
    if (!below_.contains(node)) out.test = out.train;
    return out;
  }

  // What the paths that end in a node give.
  void results(std::size_t node, std::size_t& path) {
    const Node& at = graph_.nodes[node];
    if (fold_ > 0 && !below_.contains(node)) {
      path += paths_of_[node];
      return;
    }
    const std::vector<Ob>& in = kept_inputs_[node];
    const std::vector<Ob>& out = objects_.at(node);
    std::vector<std::vector<std::size_t>> ends;
    const bool together = state(node) == State::kSequential || state(node) == State::kAggregate;
    std::map<Lineage, std::size_t> known;
    for (std::size_t i = 0; i < out.size(); ++i) {
      const Lineage key = together ? without_pieces(out[i].lineage) : out[i].lineage;
      const auto [place, fresh] = known.try_emplace(key, ends.size());
      if (fresh || !together) {
        if (!fresh) place->second = ends.size();
        ends.emplace_back();
      }
      ends[place->second].push_back(i);
    }
    paths_of_[node] = ends.size();
    const std::size_t per_point = out.size() / points_of(graph_, at).size();
    for (const std::vector<std::size_t>& end : ends) {
      Point point = points_of(graph_, at)[end[0] / per_point];
      if (!spec(node).random) point.seed = 0;
      if (meaning_.paths.size() <= path) meaning_.paths.resize(path + 1);
      result(node, point, end, in, out, meaning_.paths[path++]);
    }
    meaning_.firings += static_cast<int>(out.size());
  }

  void result(std::size_t node, const Point& point, const std::vector<std::size_t>& end, const std::vector<Ob>& in,
              const std::vector<Ob>& out, Expected& expected) {
    const bool below = below_.contains(node), predictor = is_predictor(spec(node).family), fits = state(node) != State::kNone;
    const bool judged = predictor && (below || (mode_ == Mode::kScore && folds_ == 0));
    const bool clusters = spec(node).family == Family::kClusterer;
    const bool predicts = (predictor && (mode_ == Mode::kTransform || mode_ == Mode::kPredict)) || (clusters && mode_ == Mode::kPredict);
    const auto rows = [&](std::size_t i) -> const Tables& { return below ? in[i].test : in[i].train; };
    if (judged) {
      std::vector<Tables> pieces;
      for (const std::size_t i : end) pieces.push_back(rows(i));
      expected.scores.push_back(Ops::score(graph_.nodes[node].op, in[end[0]].model, Ops::stack(pieces)));
      ++meaning_.scores;
    }
    std::vector<Thing> things;
    if (mode_ == Mode::kFit && fits && (judged || !below)) {
      things = {{{}, in[end[0]].model}};
    } else if (predicts) {
      for (const std::size_t i : end) things.push_back({applied(node, point, "predict", in[i].model, rows(i)), {}});
    } else if (judged) {
      things = {{{}, expected.scores.back()}};
    } else {
      for (const std::size_t i : end) things.push_back({below ? out[i].test : out[i].train, {}});
    }
    if (below && things.size() > 1) {
      std::vector<Tables> pieces;
      for (const Thing& thing : things) pieces.push_back(thing.tables);
      things = {{Ops::stack(pieces), {}}};
    }
    expected.outputs.insert(expected.outputs.end(), things.begin(), things.end());
  }

  const Graph& graph_;
  const Catalogue& catalogue_;
  Mode mode_;
  int files_;
  std::size_t limit_;
  int folds_ = 0, fold_ = -1, fits_ = 0;
  std::map<std::string, std::size_t> index_;
  std::vector<std::size_t> order_;
  std::set<std::size_t> read_, cut_, below_;
  std::map<std::size_t, std::vector<Ob>> objects_;       // what a node gives
  std::map<std::size_t, std::vector<Ob>> kept_inputs_;   // what its firings were given, with their models
  std::map<std::size_t, std::size_t> paths_of_;
  Meaning meaning_;
};

/// The value of a term, from the inside out. What a part gives is a join of unions; a union lists, per leaf, its objects.
class TermOracle {
 public:
  TermOracle(const Catalogue& catalogue, std::size_t limit) : catalogue_(catalogue), limit_(limit) {}

  std::optional<std::vector<Tables>> run(const Term& term) {
    std::vector<Tables> out;
    for (const auto& [leaf, obs] : closed(value(term, {}))) {
      for (const Ob& ob : obs) out.push_back(ob.train);
    }
    if (too_large_) return std::nullopt;
    return out;
  }

 private:
  using Union = std::vector<std::pair<int, std::vector<Ob>>>;
  using Gives = std::vector<Union>;

  Gives value(const Term& term, const Gives& in) {
    const std::vector<Term>& parts = term.body().parts;
    switch (term.kind()) {
      case Term::Kind::kNode: return {{{next_++, fired(term.body().node, 1, in)}}};
      case Term::Kind::kSequence: return value(parts[1], value(parts[0], in));
      case Term::Kind::kJoin: {
        Gives out = value(parts[0], in);
        for (Union& more : value(parts[1], in)) out.push_back(std::move(more));
        return out;
      }
      case Term::Kind::kAlternatives: {
        Union out = closed(value(parts[0], in));
        for (auto& more : closed(value(parts[1], in))) out.push_back(std::move(more));
        return {out};
      }
      case Term::Kind::kReplicate: return replicated(term, in);
      case Term::Kind::kPick: break;
    }
    return {};
  }

  // One node is replicated into alternatives of it; a larger term is written several times.
  Gives replicated(const Term& term, const Gives& in) {
    int times = term.body().times;
    const Term* part = &term.body().parts[0];
    for (; part->kind() == Term::Kind::kReplicate; part = &part->body().parts[0]) times *= part->body().times;
    if (part->kind() == Term::Kind::kNode) return {{{next_++, fired(part->body().node, times, in)}}};
    Union out;
    for (int copy = 0; copy < times; ++copy) {
      for (auto& more : closed(value(*part, in))) out.push_back(std::move(more));
    }
    return {out};
  }

  Union closed(Gives gives) {
    if (gives.size() == 1) return std::move(gives[0]);
    std::vector<Ob> out;
    for (const Ob& tuple : met(gives)) out.push_back(tuple);
    return {{next_++, std::move(out)}};
  }

  // All tuples whose lineages agree, as one object each.
  std::vector<Ob> met(const Gives& in) {
    std::vector<Ob> out = {{}};
    for (const Union& input : in) {
      std::string choice = "united:";
      std::set<int> leaves;
      for (const auto& [leaf, obs] : input) leaves.insert(leaf);
      for (const int leaf : leaves) choice += cat(leaf, ",");
      std::vector<Ob> longer;
      for (const Ob& tuple : out) {
        for (const auto& [leaf, obs] : input) {
          for (Ob ob : obs) {
            if (leaves.size() > 1) ob.lineage[choice] = leaf;
            if (!agree(tuple.lineage, ob.lineage)) continue;
            Ob joined = tuple;
            joined.lineage.insert(ob.lineage.begin(), ob.lineage.end());
            joined.train.insert(joined.train.end(), ob.train.begin(), ob.train.end());
            longer.push_back(std::move(joined));
          }
        }
        too_large_ = too_large_ || longer.size() > limit_;
        if (too_large_) return {};
      }
      out = std::move(longer);
    }
    return out;
  }

  std::vector<Ob> fired(const Node& node, int times, const Gives& in) {
    const OperatorSpec& spec = *catalogue_.find(node.op);
    const std::vector<config::Value> points = points_by_option(node, spec, times * node.annotations.replicas);
    const int leaf = next_++;
    std::vector<Ob> out;
    for (std::size_t p = 0; p < points.size(); ++p) {
      const Result<config::Value> bound = config::bind(spec.options, points[p], node.op);
      for (Ob ob : in.empty() ? std::vector<Ob>{{}} : met(in)) {
        if (points.size() > 1) ob.lineage[cat("alternative:", leaf)] = static_cast<int>(p);
        if (in.empty()) {
          ob.train = {Ops::read(node.op, *bound, 0)};
        } else {
          if (spec.fits) ob.model = Ops::fit(node.op, *bound, 0, ob.train);
          ob.train = {Ops::apply("transform", node.op, *bound, 0, ob.model, ob.train)};
        }
        ob.model.clear();
        out.push_back(std::move(ob));
      }
    }
    return out;
  }

  static std::vector<config::Value> points_by_option(const Node& node, const OperatorSpec& spec, int replicas) {
    std::vector<config::Value> out;
    for (int copy = 0; copy < replicas; ++copy) {
      std::vector<config::Value> points = {node.params};
      for (const config::Option& option : spec.options) {
        const config::Value* value = node.params.find(option.name);
        if (value == nullptr || !is_grid(*value)) continue;
        std::vector<config::Value> finer;
        for (const config::Value& point : points) {
          for (const config::Value& one : value->map()[0].value.list()) {
            finer.push_back(point);
            finer.back().set(option.name, one);
          }
        }
        points = std::move(finer);
      }
      out.insert(out.end(), points.begin(), points.end());
    }
    return out;
  }

  const Catalogue& catalogue_;
  std::size_t limit_;
  bool too_large_ = false;
  int next_ = 0;
};

}  // namespace

std::optional<Meaning> meaning_of(const Graph& graph, Mode mode, int files, std::size_t limit) {
  return Oracle(graph, catalogue(), mode, files, limit).run();
}

std::optional<std::vector<Tables>> value_of(const Term& term, std::size_t limit) {
  return TermOracle(catalogue(), limit).run(term);
}

}  // namespace headrace::graph::toy
