// SPDX-License-Identifier: Apache-2.0
#include "graph/toy_run.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "graph/toy.h"
#include "headrace/base/text.h"

namespace headrace::graph::toy {
namespace {

std::string hashed(const std::string& text) { return sha256(text).brief(); }

std::string all(const Tables& tables) {
  std::string out;
  for (const Rows& rows : tables) out += cat("[", join(rows, ","), "]");
  return out;
}

class Runner {
 public:
  Runner(const Plan& plan, const Catalogue& catalogue) : plan_(plan), catalogue_(catalogue) {}

  Run run() {
    for (const Task& task : plan_.tasks) {
      run_.slot0.emplace_back();
      run_.slot1.emplace_back();
      step(task);
    }
    return std::move(run_);
  }

 private:
  void step(const Task& task) {
    const ExpandedNode& node = plan_.expanded.nodes[static_cast<std::size_t>(task.node)];
    const Node& origin = plan_.expanded.graph.nodes[static_cast<std::size_t>(node.origin)];
    const OperatorSpec& spec = *catalogue_.find(origin.op);
    const std::uint64_t seed = spec.random ? node.seed : 0;
    Tables inputs;
    std::vector<Tables> apart;
    for (const Ref ref : task.inputs) {
      const Thing& thing = run_.at(ref);
      apart.push_back(thing.tables);
      inputs.insert(inputs.end(), thing.tables.begin(), thing.tables.end());
    }
    const std::string model = task.model.task >= 0 ? run_.at(task.model).text : "";
    Thing& out = run_.slot0.back();
    switch (task.phase) {
      case Phase::kRead: out.tables = {Ops::read(spec.name, params_of(plan_, task), seed)}; break;
      case Phase::kSplit: out.text = "folds"; break;
      case Phase::kTake: take(task, origin, out); break;
      case Phase::kFit:
        out.text = Ops::fit(spec.name, node.params, seed, inputs);
        if (task.wants_output) {
          const char* verb = "transform";   // slot 1 is read by other nodes: a predictor hands its predictions on as features
          run_.slot1.back().tables = {spec.own_fit_output ? Ops::own_output(out.text, inputs)
                                                          : Ops::apply(verb, spec.name, node.params, seed, out.text, inputs)};
        }
        break;
      case Phase::kUpdate: out.text = Ops::update(spec.name, node.params, seed, model, inputs); break;
      case Phase::kTransform: out.tables = {Ops::apply("transform", spec.name, node.params, seed, model, inputs)}; break;
      case Phase::kPredict: out.tables = {Ops::apply("predict", spec.name, node.params, seed, model, inputs)}; break;
      case Phase::kScore: out.text = Ops::score(spec.name, model, inputs); break;
      case Phase::kJoin: out.tables = inputs; break;
      case Phase::kStack: stack(task, origin, apart, out); break;
      case Phase::kPrune: out.text = "decision"; break;
    }
  }

  void take(const Task& task, const Node& origin, Thing& out) {
    for (const Rows& rows : run_.at(task.inputs[0]).tables) {
      const bool fold = task.inputs.size() == 2;
      out.tables.push_back(
          fold ? Ops::fold_rows(rows, plan_.folds, task.piece, task.test_side)
               : Ops::shard_rows(rows, origin.annotations.shard->parts, task.piece, !origin.annotations.shard->by.is_null()));
    }
  }

  // Shards by key are put back into the order of the rows they were cut from.
  void stack(const Task& task, const Node& origin, std::vector<Tables> apart, Thing& out) {
    if (task.piece < 0 || apart.size() == static_cast<std::size_t>(task.piece)) {
      out.tables = Ops::stack(apart);
      return;
    }
    const Rows from = apart.back()[0];
    out.tables = {Rows(from.size())};
    std::vector<std::size_t> next(static_cast<std::size_t>(task.piece), 0);
    for (int part = 0; part < task.piece; ++part) {
      const Rows mine = Ops::shard_rows(from, origin.annotations.shard->parts, part, true);
      std::size_t at = 0;
      for (std::size_t row = 0; row < from.size() && at < mine.size(); ++row) {
        if (from[row] == mine[at]) out.tables[0][row] = apart[static_cast<std::size_t>(part)][0][at++];
      }
    }
  }

  const Plan& plan_;
  const Catalogue& catalogue_;
  Run run_;
};

}  // namespace

Rows Ops::read(const std::string& op, const config::Value& params, std::uint64_t seed) {
  Rows out;
  for (int row = 0; row < kRows; ++row) out.push_back(hashed(cat(op, config::canonical(params), seed, ":", row)));
  return out;
}

std::string Ops::fit(const std::string& op, const config::Value& params, std::uint64_t seed, const Tables& inputs) {
  return hashed(cat("fit ", op, config::canonical(params), seed, all(inputs)));
}

std::string Ops::update(const std::string& op, const config::Value& params, std::uint64_t seed, const std::string& model,
                        const Tables& inputs) {
  return hashed(cat("update ", op, config::canonical(params), seed, model, all(inputs)));
}

Rows Ops::apply(const std::string& verb, const std::string& op, const config::Value& params, std::uint64_t seed, const std::string& model,
                const Tables& inputs) {
  Rows out;
  for (std::size_t row = 0; row < inputs[0].size(); ++row) {
    std::string text = cat(verb, " ", op, config::canonical(params), seed, model);
    for (const Rows& rows : inputs) text += cat(",", rows.empty() ? "" : rows[row % rows.size()]);
    out.push_back(hashed(text));
  }
  return out;
}

Rows Ops::own_output(const std::string& model, const Tables& inputs) {
  Rows out;
  for (const std::string& row : inputs[0]) out.push_back(hashed(cat("own ", model, row)));
  return out;
}

std::string Ops::score(const std::string& op, const std::string& model, const Tables& inputs) {
  return hashed(cat("score ", op, model, all(inputs)));
}

Rows Ops::fold_rows(const Rows& rows, int folds, int fold, bool test) {
  Rows out;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    if ((static_cast<int>(row) % std::max(folds, 2) == fold) == test) out.push_back(rows[row]);
  }
  return out;
}

Rows Ops::shard_rows(const Rows& rows, int parts, int part, bool by_key) {
  Rows out;
  const std::size_t count = rows.size(), p = static_cast<std::size_t>(part), n = static_cast<std::size_t>(parts);
  for (std::size_t row = 0; row < count; ++row) {
    const bool mine = by_key ? static_cast<std::size_t>(rows[row][0]) % n == p : row >= count * p / n && row < count * (p + 1) / n;
    if (mine) out.push_back(rows[row]);
  }
  return out;
}

Tables Ops::stack(const std::vector<Tables>& pieces) {
  Tables out(pieces[0].size());
  for (const Tables& piece : pieces) {
    for (std::size_t i = 0; i < out.size(); ++i) out[i].insert(out[i].end(), piece[i].begin(), piece[i].end());
  }
  return out;
}

std::string Thing::show() const { return text.empty() ? all(tables) : text; }

Run run(const Plan& plan, std::map<ObjectId, Thing>* known) {
  Run out = Runner(plan, catalogue()).run();
  std::map<ObjectId, Thing> own;
  std::map<ObjectId, Thing>& index = known != nullptr ? *known : own;
  const auto check = [&](const ObjectId& id, const Thing& thing, std::size_t task) {
    const auto [place, fresh] = index.try_emplace(id, thing);
    EXPECT_TRUE(fresh || place->second == thing) << "one id, two results: " << task_text(plan, static_cast<std::int32_t>(task));
  };
  for (std::size_t i = 0; i < plan.tasks.size(); ++i) {
    if (plan.tasks[i].phase == Phase::kPrune) continue;
    check(plan.tasks[i].id, out.slot0[i], i);
    if (plan.tasks[i].wants_output) check(plan.tasks[i].output(1), out.slot1[i], i);
  }
  return out;
}

}  // namespace headrace::graph::toy
