// SPDX-License-Identifier: Apache-2.0
#include "graph/emitter.h"

#include <algorithm>

#include "headrace/base/text.h"

namespace headrace::graph {
namespace {

std::size_t at(int index) { return static_cast<std::size_t>(index); }

std::string side_facts(int fold, bool test, int piece) { return cat("fold=", fold, test ? " test" : " train", " piece=", piece); }

}  // namespace

Emitter::Emitter(Plan& plan, const Firings& firings, const std::vector<Recipe>& recipes, const IdHeads& heads, PruneGroups& prunes,
                 std::size_t tasks_max)
    : plan_(plan), firings_(firings), recipes_(recipes), heads_(heads), prunes_(prunes), tasks_max_(tasks_max) {
  const std::size_t count = firings.all.size();
  for (std::vector<Ref>* refs : {&train_, &test_, &model_, &whole_, &folds_}) refs->resize(count);
  path_of_sink_.resize(recipes.size());
  for (std::size_t p = plan.paths.size(); p-- > 0;) path_of_sink_[at(plan.paths[p].sink)] = p;
  tuple_asked_.resize(recipes.size());
  for (std::size_t node = 0; node < recipes.size(); ++node) {
    tuple_asked_[node] = tuple_asked_[node] || recipes[node].sink;
    for (int stack = firings.stacks_of[node].begin; stack < firings.stacks_of[node].end; ++stack) {
      for (const int piece : firings.inputs_of(stack)) tuple_asked_[at(firings.all[at(piece)].node)] = true;
    }
  }
  for (const std::string& metric : plan.metrics) score_facts_ += cat(metric, "\n");
}

Status Emitter::run() {
  // Rows that are not cut: once.
  HEADRACE_TRY(emit_nodes(-1));
  if (plan_.folds == 0) return {};
  emit_cuts();
  // Beyond this point only what descends from a cut is made, once per fold.
  for (int fold = 0; fold < plan_.folds; ++fold) {
    emit_takes(fold);
    HEADRACE_TRY(emit_nodes(fold));
    if (fold + 1 < plan_.folds) emit_prunes(fold);
  }
  return {};
}

Status Emitter::emit_nodes(int fold) {
  for (std::size_t node = 0; node < recipes_.size(); ++node) {
    if (recipes_[node].below != (fold >= 0)) continue;
    emit_node(static_cast<int>(node), fold);
    if (plan_.tasks.size() <= tasks_max_) continue;
    return Error(Code::kTooLarge, cat("the plan would have more than ", tasks_max_, " tasks"),
                 "give the grids fewer values, or use fewer folds", recipes_[node].node->where);
  }
  return {};
}

void Emitter::emit_node(int node, int fold) {
  const Recipe& recipe = recipes_[at(node)];
  if (node_at(node).origin != shards_origin_) {
    shards_.clear();   // alternatives of one node cut the same rows: once
    shards_origin_ = node_at(node).origin;
  }
  emit_stacks(node, fold);
  if (recipe.spec->family == Family::kSource) {
    emit_sources(node);
  } else {
    if (recipe.fits()) emit_models(node, fold);
    if (recipe.phase != Phase::kJoin || tuple_asked_[at(node)]) emit_outputs(node, fold);
  }
  if (recipe.sink) emit_results(node, fold);
  if (recipe.below) return;
  const Firings::Range range = firings_.of_node[at(node)];
  for (int firing = range.begin; firing < range.end; ++firing) (recipe.cut ? whole_ : test_)[at(firing)] = train_[at(firing)];
}

void Emitter::emit_stacks(int node, int fold) {
  const Recipe& recipe = recipes_[at(node)];
  const Firings::Range range = firings_.stacks_of[at(node)];
  for (int firing = range.begin; firing < range.end; ++firing) {
    for (const bool test : {false, true}) {
      if (!(test ? recipe.test_in : recipe.train_in)) continue;
      std::vector<Ref> pieces;   // whole objects: tuples are stacked part by part
      for (const int piece : firings_.inputs_of(firing)) pieces.push_back((test ? test_ : train_)[at(piece)]);
      (test ? test_ : train_)[at(firing)] = stack(node, firing, {fold, test}, std::move(pieces));
    }
  }
}

void Emitter::emit_sources(int node) {
  const Firings::Range range = firings_.of_node[at(node)];
  const bool pieces = range.end - range.begin > 1;
  for (int firing = range.begin; firing < range.end; ++firing) {
    Task task{.phase = Phase::kRead, .node = node, .firing = firing};
    if (pieces) task.piece = firing - range.begin;
    train_[at(firing)] = {add(std::move(task), heads_.node(node, firing - range.begin)), 0};
  }
}

void Emitter::emit_models(int node, int fold) {
  const bool chain = recipes_[at(node)].state == State::kSequential;
  const auto emit = [&](const std::vector<int>& group) { chain ? emit_update_chain(node, fold, group) : emit_fit(node, fold, group); };
  if (const auto groups = firings_.groups.find(node); groups != firings_.groups.end()) {
    for (const std::vector<int>& group : groups->second) emit(group);
    return;
  }
  const Firings::Range range = firings_.of_node[at(node)];
  for (int firing = range.begin; firing < range.end; ++firing) emit({firing});
}

// One model, updated by each piece (and each part of a piece) in order.
void Emitter::emit_update_chain(int node, int fold, const std::vector<int>& group) {
  const int parts = recipes_[at(node)].shard != nullptr ? recipes_[at(node)].shard->parts : 1;
  Ref model;
  int step = 0;
  for (const int firing : group) {
    const std::vector<Ref> inputs = inputs_of(firing, false);
    for (int part = 0; part < parts; ++part) {
      Task task{.phase = Phase::kUpdate,
                .node = node,
                .fold = static_cast<std::int16_t>(fold),
                .piece = step++,
                .model = model,
                .firing = firing};
      task.inputs = parts > 1 ? shard(node, firing, {fold, false}, inputs, part) : inputs;
      model = {add(std::move(task), heads_.node(node)), 0};
    }
  }
  for (const int firing : group) model_[at(firing)] = model;
}

void Emitter::emit_fit(int node, int fold, const std::vector<int>& group) {
  const Recipe& recipe = recipes_[at(node)];
  Task task{.phase = Phase::kFit, .node = node, .fold = static_cast<std::int16_t>(fold), .firing = group[0]};
  task.wants_output = recipe.train_out && recipe.out_of_fit() && group.size() == 1;
  task.inputs = inputs_of(std::vector<std::int32_t>(group.begin(), group.end()), {fold, false});
  const Ref model{add(std::move(task), heads_.node(node)), 0};
  for (const int firing : group) model_[at(firing)] = model;
}

void Emitter::emit_outputs(int node, int fold) {
  const Recipe& recipe = recipes_[at(node)];
  const Firings::Range range = firings_.of_node[at(node)];
  for (int firing = range.begin; firing < range.end && recipe.train_out; ++firing) {
    const Ref model = model_[at(firing)];
    const bool fitted = model.task >= 0 && plan_.tasks[at(model.task)].wants_output;
    train_[at(firing)] = fitted ? Ref{model.task, 1} : apply(node, firing, {fold, false}, recipe.phase);
  }
  for (int firing = range.begin; firing < range.end && recipe.test_out; ++firing) {
    test_[at(firing)] = apply(node, firing, {fold, true}, recipe.phase);
  }
}

void Emitter::emit_results(int node, int fold) {
  for (std::size_t p = path_of_sink_[at(node)]; p < plan_.paths.size() && plan_.paths[p].sink == node; ++p) {
    Path& path = plan_.paths[p];
    if (recipes_[at(node)].judged) {
      Task task{.phase = Phase::kScore,
                .node = node,
                .fold = static_cast<std::int16_t>(fold),
                .test_side = fold >= 0,
                .model = model_[at(path.firings[0])],
                .firing = path.firings[0]};
      task.inputs = inputs_of(path.firings, {fold, fold >= 0});
      path.scores.push_back(add(std::move(task), heads_.node(node), score_facts_));
    }
    const bool several =
        fold < 0 && path.firings.size() > 1 && !recipes_[at(node)].judged && (plan_.mode != Mode::kFit || !recipes_[at(node)].fits());
    if (!several) {
      path.outputs.push_back(result_of(node, fold, path));
      continue;
    }
    for (const std::int32_t firing : path.firings) {
      path.outputs.push_back(recipes_[at(node)].predicts ? apply(node, firing, {fold, false}, Phase::kPredict) : train_[at(firing)]);
    }
  }
}

// What one path gives on the rows at hand, as one object.
Ref Emitter::result_of(int node, int fold, const Path& path) {
  const Recipe& recipe = recipes_[at(node)];
  const Side side{fold, fold >= 0};
  if (recipe.predicts) {
    std::vector<Ref> parts;
    for (const std::int32_t firing : path.firings) parts.push_back(apply(node, firing, side, Phase::kPredict));
    return parts.size() > 1 ? stack(node, path.firings[0], side, std::move(parts)) : parts[0];
  }
  const bool data = recipe.below ? recipe.test_out : recipe.train_out;
  if (plan_.mode == Mode::kFit && recipe.fits() && (recipe.judged || !data)) return model_[at(path.firings[0])];
  if (recipe.judged) return {path.scores.back(), 0};
  std::vector<Ref> parts;
  for (const std::int32_t firing : path.firings) parts.push_back((side.test ? test_ : train_)[at(firing)]);
  return parts.size() > 1 ? stack(node, path.firings[0], side, std::move(parts)) : parts[0];
}

void Emitter::emit_cuts() {
  for (std::size_t node = 0; node < recipes_.size(); ++node) {
    if (!recipes_[node].cut || !(recipes_[node].take_train || recipes_[node].take_test)) continue;
    const Firings::Range range = firings_.of_node[node];
    for (int firing = range.begin; firing < range.end; ++firing) {
      Task task{.phase = Phase::kSplit, .node = static_cast<int>(node), .inputs = {whole_[at(firing)]}, .firing = firing};
      folds_[at(firing)] = {add(std::move(task), heads_.splitter()), 0};
    }
  }
}

void Emitter::emit_takes(int fold) {
  for (std::size_t node = 0; node < recipes_.size(); ++node) {
    if (!recipes_[node].cut) continue;
    const Firings::Range range = firings_.of_node[node];
    for (int firing = range.begin; firing < range.end; ++firing) {
      for (const bool test : {false, true}) {
        if (!(test ? recipes_[node].take_test : recipes_[node].take_train)) continue;
        Task task{.phase = Phase::kTake,
                  .node = static_cast<int>(node),
                  .fold = static_cast<std::int16_t>(fold),
                  .test_side = test,
                  .piece = fold,
                  .inputs = {whole_[at(firing)], folds_[at(firing)]},
                  .firing = firing};
        (test ? test_ : train_)[at(firing)] = {add(std::move(task), heads_.take(), side_facts(fold, test, fold)), 0};
      }
    }
  }
}

// Paths that compete are compared after each fold; their next fold waits for that.
void Emitter::emit_prunes(int fold) {
  for (Pruning& pruning : prunes_.groups) {
    const Path& first = plan_.paths[at(pruning.paths[0])];
    Task task{
        .phase = Phase::kPrune, .node = first.sink, .fold = static_cast<std::int16_t>(fold), .test_side = true, .firing = first.firings[0]};
    if (!pruning.tasks.empty()) task.model = {pruning.tasks.back(), 0};
    for (const std::int32_t path : pruning.paths) task.inputs.push_back({plan_.paths[at(path)].scores.back(), 0});
    pruning.tasks.push_back(add(std::move(task), heads_.prune(), cat(pruning.rule.metric, "\n", pruning.rule.keep)));
  }
}

std::vector<Ref> Emitter::inputs_of(int firing, bool test) const {
  const std::span<const int> from = firings_.inputs_of(firing);
  std::vector<Ref> out;
  out.reserve(from.size());
  for (const int input : from) append_input(input, test, out);
  return out;
}

void Emitter::append_input(int input, bool test, std::vector<Ref>& out) const {
  const Fired& from = firings_.all[at(input)];
  if (from.stack || recipes_[at(from.node)].phase != Phase::kJoin) {
    out.push_back((test ? test_ : train_)[at(input)]);
    return;
  }
  for (const int part : firings_.inputs_of(input)) append_input(part, test, out);
}

std::vector<Ref> Emitter::inputs_of(const std::vector<std::int32_t>& group, Side side) {
  std::vector<Ref> out = inputs_of(group[0], side.test);
  if (group.size() == 1) return out;
  std::vector<std::vector<Ref>> pieces(out.size());
  for (const std::int32_t firing : group) {
    const std::vector<Ref> inputs = inputs_of(firing, side.test);
    for (std::size_t i = 0; i < pieces.size(); ++i) pieces[i].push_back(inputs[i]);
  }
  const int node = firings_.all[at(group[0])].node;
  for (std::size_t i = 0; i < pieces.size(); ++i) out[i] = stack(node, group[0], side, std::move(pieces[i]));
  return out;
}

Ref Emitter::apply(int node, int firing, Side side, Phase phase) {
  const Recipe& recipe = recipes_[at(node)];
  const std::vector<Ref> inputs = inputs_of(firing, side.test);
  const auto run = [&](std::vector<Ref> rows, int part) {
    Task task{.phase = phase,
              .node = node,
              .fold = static_cast<std::int16_t>(side.fold),
              .test_side = side.test,
              .piece = part,
              .model = model_[at(firing)],
              .inputs = std::move(rows),
              .firing = firing};
    return Ref{add(std::move(task), heads_.node(node)), 0};
  };
  if (recipe.shard == nullptr || inputs.empty()) return run(inputs, -1);
  Task together{.phase = Phase::kStack,
                .node = node,
                .fold = static_cast<std::int16_t>(side.fold),
                .test_side = side.test,
                .piece = recipe.shard->parts,
                .firing = firing};
  for (int part = 0; part < recipe.shard->parts; ++part) together.inputs.push_back(run(shard(node, firing, side, inputs, part), part));
  const bool by_key = !recipe.shard->by.is_null();
  if (by_key && recipe.spec->keeps_rows) together.inputs.push_back(inputs[0]);
  return {add(std::move(together), heads_.stack(), by_key ? cat("shards by ", config::canonical(recipe.shard->by)) : "shards"), 0};
}

std::vector<Ref> Emitter::shard(int node, int firing, Side side, const std::vector<Ref>& inputs, int part) {
  const Shard& shard = *recipes_[at(node)].shard;
  std::vector<Ref> out;
  for (const Ref input : inputs) {
    const auto [place, fresh] = shards_.try_emplace({input.task, input.slot, part});
    if (fresh) {
      Task task{.phase = Phase::kTake,
                .node = node,
                .fold = static_cast<std::int16_t>(side.fold),
                .test_side = side.test,
                .piece = part,
                .inputs = {input},
                .firing = firing};
      place->second = {add(std::move(task), heads_.take(),
                           cat("part ", part, " of ", shard.parts, shard.by.is_null() ? "" : cat(" by ", config::canonical(shard.by)))),
                       0};
    }
    out.push_back(place->second);
  }
  return out;
}

Ref Emitter::stack(int node, int firing, Side side, std::vector<Ref> inputs) {
  Task task{.phase = Phase::kStack,
            .node = node,
            .fold = static_cast<std::int16_t>(side.fold),
            .test_side = side.test,
            .inputs = std::move(inputs),
            .firing = firing};
  return {add(std::move(task), heads_.stack()), 0};
}

std::int32_t Emitter::add(Task task, const Digest& head, std::string_view facts) {
  const auto index = static_cast<std::int32_t>(plan_.tasks.size());
  input_ids_.clear();
  input_ids_.reserve(task.inputs.size() * sizeof(ObjectId::bytes));
  for (const Ref input : task.inputs) {
    HEADRACE_CHECK(input.task >= 0 && input.task < index, "a task reads what is made before it");
    const ObjectId& id = id_of(input);
    input_ids_.append(reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size());
  }
  task.id = task_id(head, task.phase, facts, task.model.task >= 0 ? &id_of(task.model) : nullptr, input_ids_, buffer_);
  fitted_ids_.push_back(task.wants_output ? task.output(1) : ObjectId{});
  if (task.fold > 0 && recipes_[at(task.node)].below && !prunes_.exclusive.empty() && task.phase != Phase::kPrune) {
    for (const std::int32_t group : prunes_.exclusive[at(task.firing)]) task.after.push_back(prunes_.groups[at(group)].tasks.back());
  }
  plan_.tasks.push_back(std::move(task));
  return index;
}

const ObjectId& Emitter::id_of(Ref ref) const { return ref.slot == 0 ? plan_.tasks[at(ref.task)].id : fitted_ids_[at(ref.task)]; }

}  // namespace headrace::graph
