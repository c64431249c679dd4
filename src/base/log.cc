// SPDX-License-Identifier: Apache-2.0
#include "headrace/base/log.h"

#include <atomic>
#include <cstdio>
#include <mutex>

namespace headrace {
namespace {

std::atomic<LogLevel> level{LogLevel::kInfo};
std::mutex sink_mutex;   // guards sink and keeps lines whole
std::function<void(LogLevel, std::string_view)>& sink() {
  static std::function<void(LogLevel, std::string_view)> function;
  return function;
}

const char* prefix(LogLevel of) {
  switch (of) {
    case LogLevel::kError: return "error: ";
    case LogLevel::kWarning: return "warning: ";
    case LogLevel::kInfo: return "";
    case LogLevel::kDebug: return "debug: ";
  }
  return "";
}

}  // namespace

void set_log_level(LogLevel to) { level = to; }
LogLevel log_level() { return level; }

void set_log_sink(std::function<void(LogLevel, std::string_view)> to) {
  const std::lock_guard lock(sink_mutex);
  sink() = std::move(to);
}

void log(LogLevel of, std::string_view text) {
  if (of > level.load(std::memory_order_relaxed)) return;
  const std::lock_guard lock(sink_mutex);
  if (sink()) {
    sink()(of, text);
  } else {
    std::fprintf(stderr, "%s%.*s\n", prefix(of), static_cast<int>(text.size()), text.data());
  }
}

}  // namespace headrace
