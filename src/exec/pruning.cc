// SPDX-License-Identifier: Apache-2.0
#include "exec/pruning.h"

#include <algorithm>
#include <cmath>

#include "headrace/base/text.h"

namespace headrace::exec::detail {
namespace {

struct Rung {
  const graph::Pruning* group = nullptr;
  std::size_t fold = 0;
};

Rung rung_of(const graph::Plan& plan, std::int32_t task) {
  for (const graph::Pruning& group : plan.prunings) {
    const auto found = std::find(group.tasks.begin(), group.tasks.end(), task);
    if (found != group.tasks.end()) return {&group, static_cast<std::size_t>(found - group.tasks.begin())};
  }
  return {};
}

}  // namespace

Pruning::Pruning(const graph::Plan& plan) : plan_(plan) {
  if (plan.prunings.empty()) return;
  paths_of_.resize(plan.tasks.size());
  dropped_.assign(plan.paths.size(), false);
  totals_.assign(plan.paths.size(), {0.0, 0});
  for (std::size_t path = 0; path < plan.paths.size(); ++path) {
    for (const std::int32_t task : graph::tasks_of(plan, path)) {
      paths_of_[static_cast<std::size_t>(task)].push_back(static_cast<std::int32_t>(path));
    }
  }
}

bool Pruning::dropped(std::int32_t task) const {
  if (paths_of_.empty()) return false;
  const auto& paths = paths_of_[static_cast<std::size_t>(task)];
  if (paths.empty()) return false;
  const std::lock_guard lock(mutex_);
  return std::all_of(paths.begin(), paths.end(), [&](std::int32_t path) { return dropped_[static_cast<std::size_t>(path)]; });
}

Status Pruning::decide(std::int32_t index, const std::function<std::optional<data::Metrics>(std::int32_t)>& score_of,
                       const graph::Catalogue& catalogue) {
  const Rung rung = rung_of(plan_, index);
  if (rung.group == nullptr) return Error(Code::kBug, "a prune task belongs to no group");
  const graph::Prune& rule = rung.group->rule;
  const graph::MetricSpec* spec = catalogue.find_metric(rule.metric);
  const double sign = spec != nullptr && !spec->higher_is_better ? -1.0 : 1.0;
  std::vector<std::pair<double, std::size_t>> ranked;   // badness first: the smallest is best, ties go by the order of paths
  const std::lock_guard lock(mutex_);
  for (const std::int32_t of : rung.group->paths) {
    const auto path = static_cast<std::size_t>(of);
    if (dropped_[path]) continue;
    const std::optional<data::Metrics> metrics = score_of(plan_.paths[path].scores[rung.fold]);
    const double* value = metrics.has_value() ? metrics->find(rule.metric) : nullptr;
    if (value == nullptr || std::isnan(*value)) {
      dropped_[path] = true;
      continue;
    }
    totals_[path].first += sign * *value;
    totals_[path].second += 1;
    ranked.emplace_back(-totals_[path].first / totals_[path].second, path);
  }
  std::sort(ranked.begin(), ranked.end());
  const auto kept = static_cast<std::size_t>(std::max(1.0, std::ceil(rule.keep * static_cast<double>(ranked.size()) - 1e-9)));
  for (std::size_t i = kept; i < ranked.size(); ++i) dropped_[ranked[i].second] = true;
  return {};
}

}  // namespace headrace::exec::detail
