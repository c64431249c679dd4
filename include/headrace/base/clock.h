// SPDX-License-Identifier: Apache-2.0
#pragma once
// Time behind an interface, so that schedulers and time-outs can be tested under a clock that a test moves.

#include <cstdint>
#include <string>

namespace headrace {

class Clock {
 public:
  virtual ~Clock() = default;
  /// Microseconds since an arbitrary start; never goes back.
  virtual std::int64_t monotonic_us() const = 0;
  /// Microseconds since 1970-01-01 UTC.
  virtual std::int64_t wall_us() const = 0;
};

/// The clock of this machine; lives for ever.
const Clock& system_clock();
/// "2026-11-24T05:31:12Z".
std::string iso_time(std::int64_t wall_us);

}  // namespace headrace
