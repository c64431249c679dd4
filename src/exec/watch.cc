// SPDX-License-Identifier: Apache-2.0
#include "exec/watch.h"

#include <chrono>

#include "headrace/base/clock.h"

namespace headrace::exec::detail {

Watch::Watch(std::stop_token run_stop) : run_stop_(run_stop), on_run_stop_(run_stop, [this] { stop_all(); }) {}

Watch::~Watch() = default;

void Watch::stop_all() {
  const std::lock_guard lock(mutex_);
  for (Attempt* attempt : running_) attempt->source_.request_stop();
}

void Watch::loop(const std::stop_token& own_stop) {
  std::unique_lock lock(mutex_);
  while (!own_stop.stop_requested()) {
    if (deadlines_.empty()) {
      changed_.wait(lock, own_stop, [this] { return !deadlines_.empty(); });
      continue;
    }
    const std::int64_t now = system_clock().monotonic_us();
    const auto first = deadlines_.begin();
    if (first->first > now) {
      changed_.wait_for(lock, own_stop, std::chrono::microseconds(first->first - now), [] { return false; });
      continue;
    }
    first->second->timed_out_ = true;
    first->second->source_.request_stop();
    deadlines_.erase(first);
  }
}

Watch::Attempt::Attempt(Watch& watch, double timeout_s) : watch_(watch) {
  const std::lock_guard lock(watch_.mutex_);
  watch_.running_.insert(this);
  if (watch_.run_stop_.stop_requested()) source_.request_stop();
  if (timeout_s <= 0) return;
  deadline_us_ = system_clock().monotonic_us() + static_cast<std::int64_t>(timeout_s * 1e6);
  watch_.deadlines_.emplace(deadline_us_, this);
  if (!watch_.thread_.has_value()) watch_.thread_.emplace([&watch](const std::stop_token& stop) { watch.loop(stop); });
  watch_.changed_.notify_all();
}

Watch::Attempt::~Attempt() {
  const std::lock_guard lock(watch_.mutex_);
  watch_.running_.erase(this);
  if (deadline_us_ == 0) return;
  const auto [first, last] = watch_.deadlines_.equal_range(deadline_us_);
  for (auto entry = first; entry != last; ++entry) {
    if (entry->second == this) {
      watch_.deadlines_.erase(entry);
      break;
    }
  }
}

bool Watch::Attempt::timed_out() const {
  const std::lock_guard lock(watch_.mutex_);
  return timed_out_;
}

}  // namespace headrace::exec::detail
