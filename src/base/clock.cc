// SPDX-License-Identifier: Apache-2.0
#include "headrace/base/clock.h"

#include <chrono>
#include <ctime>

namespace headrace {
namespace {

template <class Source>
std::int64_t microseconds() {
  return std::chrono::duration_cast<std::chrono::microseconds>(Source::now().time_since_epoch()).count();
}

class SystemClock : public Clock {
 public:
  std::int64_t monotonic_us() const override { return microseconds<std::chrono::steady_clock>(); }
  std::int64_t wall_us() const override { return microseconds<std::chrono::system_clock>(); }
};

}  // namespace

const Clock& system_clock() {
  static const SystemClock clock;
  return clock;
}

std::string iso_time(std::int64_t wall_us) {
  const std::time_t seconds = static_cast<std::time_t>(wall_us / 1'000'000);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char buffer[32];
  std::strftime(buffer, sizeof buffer, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return buffer;
}

}  // namespace headrace
