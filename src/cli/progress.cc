// SPDX-License-Identifier: Apache-2.0
#include "cli/progress.h"

#include <algorithm>
#include <array>

namespace headrace::cli {
namespace {

using exec::TaskStatus;

constexpr std::size_t kPhases = 11;              // of graph::Phase
constexpr std::size_t kNodesApartMax = 20'000;   // past it alternatives are measured together: a snapshot stays under 1 ms

double seconds_of(std::int64_t us) { return static_cast<double>(us) * 1e-6; }

bool ran(TaskStatus status) { return status == TaskStatus::kDone || status == TaskStatus::kFailed; }

}  // namespace

void Progress::on_start(const graph::Plan& plan, const std::vector<TaskStatus>& initial) {
  const std::lock_guard lock(mutex_);
  const auto& expanded = plan.expanded.nodes;
  const bool apart = expanded.size() <= kNodesApartMax;
  for (const graph::Node& node : plan.expanded.graph.nodes) {
    origins_.emplace_back().shown.name = node.name;
    if (!apart) names_.push_back(node.name);
    if (!apart) origin_of_.push_back(static_cast<std::int32_t>(origin_of_.size()));
  }
  for (std::size_t i = 0; apart && i < expanded.size(); ++i) {
    names_.push_back(expanded[i].name);
    origin_of_.push_back(std::max(expanded[i].origin, 0));
  }
  cells_.resize(names_.size() * kPhases);
  places_.resize(plan.tasks.size());
  for (std::size_t i = 0; i < plan.tasks.size(); ++i) {
    const graph::Task& task = plan.tasks[i];
    const std::int32_t node = task.node < 0 ? 0 : apart ? task.node : std::max(expanded[static_cast<std::size_t>(task.node)].origin, 0);
    places_[i] = {static_cast<std::int32_t>(static_cast<std::size_t>(node) * kPhases + static_cast<std::size_t>(task.phase)), task.fold};
    remembered_ += initial[i] == TaskStatus::kRemembered;
    if (initial[i] != TaskStatus::kWaiting) continue;
    ++total_;
    ++cells_[static_cast<std::size_t>(places_[i].cell)].left;
    ++origins_[static_cast<std::size_t>(origin_of_[static_cast<std::size_t>(node)])].shown.total;
  }
  start_us_ = clock_.monotonic_us();
  started_ = true;
}

void Progress::on_task(const exec::TaskEvent& event) {
  const std::lock_guard lock(mutex_);
  if (event.task < 0 || static_cast<std::size_t>(event.task) >= places_.size()) return;
  if (event.status == TaskStatus::kRunning) {
    start_task(event);
  } else if (event.status != TaskStatus::kRemembered && event.status != TaskStatus::kWaiting) {
    end_task(event);
  }
}

void Progress::start_task(const exec::TaskEvent& event) {
  const std::size_t worker = static_cast<std::size_t>(std::max(event.worker, 0));
  if (worker >= busy_.size()) busy_.resize(worker + 1);
  const std::int64_t now = clock_.monotonic_us();
  busy_now_ += busy_[worker].task < 0;
  busy_most_ = std::max(busy_most_, busy_now_);
  busy_[worker] = {event.task, now, -1};
  const auto cell = static_cast<std::size_t>(places_[static_cast<std::size_t>(event.task)].cell);
  Origin& origin = origins_[static_cast<std::size_t>(origin_of_[cell / kPhases])];
  ++origin.shown.running;
  places_[static_cast<std::size_t>(event.task)].running = true;
  if (origin.first_us == 0) origin.first_us = now;
}

void Progress::end_task(const exec::TaskEvent& event) {
  const auto index = static_cast<std::size_t>(places_[static_cast<std::size_t>(event.task)].cell);
  Cell& cell = cells_[index];
  Origin& origin = origins_[static_cast<std::size_t>(origin_of_[index / kPhases])];
  if (cell.left > 0) --cell.left;
  ++ended_;
  ++origin.shown.ended;
  failed_ += event.status == TaskStatus::kFailed;
  origin.shown.failed += event.status == TaskStatus::kFailed;
  const std::size_t worker = static_cast<std::size_t>(std::max(event.worker, 0));
  // Workers of other processes may tell of the next task before this one's end has arrived here.
  if (std::exchange(places_[static_cast<std::size_t>(event.task)].running, false)) --origin.shown.running;
  if (worker < busy_.size() && busy_[worker].task == event.task) {
    busy_[worker].task = -1;
    --busy_now_;
  }
  if (!ran(event.status)) return;
  ++cell.ended;
  cell.seconds += seconds_of(event.end_us - event.start_us);
}

void Progress::on_progress(std::int32_t task, double share) {
  const std::lock_guard lock(mutex_);
  for (Busy& busy : busy_) {
    if (busy.task == task) busy.share = std::clamp(share, 0.0, 1.0);
  }
}

double Progress::left_locked(std::int64_t now_us) const {
  std::vector<std::array<Cell, kPhases>> by_origin(origins_.size());
  Cell all;
  for (std::size_t i = 0; i < cells_.size(); ++i) {
    Cell& sum = by_origin[static_cast<std::size_t>(origin_of_[i / kPhases])][i % kPhases];
    sum.ended += cells_[i].ended;
    sum.seconds += cells_[i].seconds;
    all.ended += cells_[i].ended;
    all.seconds += cells_[i].seconds;
  }
  if (all.ended == 0) return -1;
  const auto origin_of = [&](std::size_t i) -> const Cell& {
    return by_origin[static_cast<std::size_t>(origin_of_[i / kPhases])][i % kPhases];
  };
  const auto mean = [&](std::size_t i) {
    if (cells_[i].ended > 0) return cells_[i].seconds / static_cast<double>(cells_[i].ended);
    const Cell& origin = origin_of(i);
    return origin.ended > 0 ? origin.seconds / static_cast<double>(origin.ended) : all.seconds / static_cast<double>(all.ended);
  };
  double work = 0;
  std::int64_t left = 0, unknown = 0;
  for (std::size_t i = 0; i < cells_.size(); ++i) {
    if (cells_[i].left <= 0) continue;
    work += static_cast<double>(cells_[i].left) * mean(i);
    left += cells_[i].left;
    unknown += origin_of(i).ended == 0 ? cells_[i].left : 0;
  }
  // Reading takes a millisecond, fitting may take minutes: before most of what is left was measured, any number is a lie.
  if (unknown * 4 > left) return -1;
  for (const Busy& busy : busy_) {
    if (busy.task < 0) continue;
    const double whole = mean(static_cast<std::size_t>(places_[static_cast<std::size_t>(busy.task)].cell));
    work -= busy.share >= 0 ? busy.share * whole : std::min(seconds_of(now_us - busy.start_us), whole);
  }
  return std::max(work, 0.0) / static_cast<double>(std::max<std::size_t>(busy_most_, 1));
}

ProgressSnapshot Progress::snapshot() const {
  const std::lock_guard lock(mutex_);
  ProgressSnapshot out;
  if (!started_) return out;
  const std::int64_t now = clock_.monotonic_us();
  out.started = true;
  out.seconds = seconds_of(now - start_us_);
  out.total = total_;
  out.ended = ended_;
  out.failed = failed_;
  out.remembered = remembered_;
  out.rate = out.seconds > 0 ? static_cast<double>(ended_) / out.seconds : 0;
  out.left_s = left_locked(now);
  for (const Origin& origin : origins_) {
    if (origin.shown.total == 0) continue;
    NodeProgress& node = out.nodes.emplace_back(origin.shown);
    const double seconds = seconds_of(now - origin.first_us);
    if (origin.first_us > 0 && seconds > 0) node.rate = static_cast<double>(node.ended) / seconds;
  }
  for (std::size_t worker = 0; worker < busy_.size(); ++worker) {
    const Busy& busy = busy_[worker];
    if (busy.task < 0) continue;
    const Place& place = places_[static_cast<std::size_t>(busy.task)];
    const auto cell = static_cast<std::size_t>(place.cell);
    out.workers.push_back({static_cast<int>(worker), names_[cell / kPhases],
                           std::string(graph::phase_name(static_cast<graph::Phase>(cell % kPhases))), place.fold,
                           seconds_of(now - busy.start_us), busy.share});
  }
  return out;
}

}  // namespace headrace::cli
