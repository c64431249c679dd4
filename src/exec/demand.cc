// SPDX-License-Identifier: Apache-2.0
#include "exec/demand.h"

namespace headrace::exec::detail {
namespace {

using graph::Phase;
using graph::Ref;
using graph::Task;

class Walk {
 public:
  explicit Walk(const Wanted& wanted) : wanted_(wanted), needs_(wanted.plan.tasks.size()) {}

  std::vector<Need> run() {
    for (const graph::Path& path : wanted_.plan.paths) {
      bool scored = false;
      for (const std::int32_t task : path.scores) {
        if (task < 0) continue;
        want({task, 0});
        scored = true;
      }
      if (scored) continue;
      for (const Ref& ref : path.outputs) {
        if (ref.task >= 0) want(ref);
      }
    }
    while (!stack_.empty()) {
      const Ref ref = stack_.back();
      stack_.pop_back();
      visit(ref);
    }
    return std::move(needs_);
  }

 private:
  void want(const Ref& ref) {
    Need& need = needs_[static_cast<std::size_t>(ref.task)];
    bool& slot = need.slots[static_cast<std::size_t>(ref.slot)];
    if (slot) return;
    slot = true;
    stack_.push_back(ref);
  }

  void visit(const Ref& ref) {
    Need& need = needs_[static_cast<std::size_t>(ref.task)];
    const Task& task = wanted_.plan.tasks[static_cast<std::size_t>(ref.task)];
    if (need.status == TaskStatus::kWaiting && !need.output_only) return;   // it runs, and makes every slot
    if (given(task, ref.slot) || remembered(task, ref.slot, need)) return;
    if (ref.slot == 1 && can_redo_output(task, need)) {
      need.status = TaskStatus::kWaiting;
      need.output_only = true;
      for (const Ref& input : task.inputs) want(input);
      return;
    }
    need.status = TaskStatus::kWaiting;
    need.output_only = false;
    if (task.model.task >= 0) want(task.model);
    for (const Ref& input : task.inputs) want(input);
    for (const std::int32_t before : task.after) want({before, 0});
  }

  bool given(const Task& task, int slot) const {
    return slot == 0 && (task.phase == Phase::kFit || task.phase == Phase::kUpdate) && wanted_.fitted != nullptr &&
           wanted_.fitted->contains(task.node);
  }

  bool remembered(const Task& task, int slot, Need& need) const {
    if (!wanted_.recall || wanted_.memory == nullptr) return false;
    if (written_node(wanted_.plan, task).annotations.cache == graph::Cache::kNever || is_open(task)) return false;
    auto& kept = need.kept[static_cast<std::size_t>(slot)];
    kept = wanted_.memory->find(task.output(slot));
    if (kept.has_value() && kept->length == 0) kept.reset();
    return kept.has_value();
  }

  // Code that no digest stands for may have changed since.
  bool is_open(const Task& task) const {
    const graph::OperatorSpec* spec = wanted_.catalogue.find(written_node(wanted_.plan, task).op);
    if (spec == nullptr || spec->language != "python") return false;
    const config::Value* code = wanted_.plan.expanded.nodes[static_cast<std::size_t>(task.node)].params.find("code");
    return code == nullptr || !code->is_string() || code->string().empty();
  }

  // The model is there and only the transformed training rows are missing (a reader was added since): transform, do not refit.
  bool can_redo_output(const Task& task, Need& need) const {
    if (task.phase != Phase::kFit) return false;
    const graph::OperatorSpec* spec = wanted_.catalogue.find(written_node(wanted_.plan, task).op);
    if (spec == nullptr || spec->own_fit_output) return false;
    return given(task, 0) || remembered(task, 0, need);
  }

  const Wanted& wanted_;
  std::vector<Need> needs_;
  std::vector<Ref> stack_;
};

}  // namespace

const graph::Node& written_node(const graph::Plan& plan, const graph::Task& task) {
  const graph::ExpandedNode& node = plan.expanded.nodes[static_cast<std::size_t>(task.node)];
  return plan.expanded.graph.nodes[static_cast<std::size_t>(node.origin)];
}

std::vector<Need> demand(const Wanted& wanted) { return Walk(wanted).run(); }

}  // namespace headrace::exec::detail
