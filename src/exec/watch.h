// SPDX-License-Identifier: Apache-2.0
#pragma once
// Watch: asks running attempts to stop, when their time is up or when the whole run is stopped. Attempts are asked, never torn
// down: an operator looks at its stop token.

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <thread>

namespace headrace::exec::detail {

class Watch {
 public:
  explicit Watch(std::stop_token run_stop);
  ~Watch();

  /// Registers an attempt; `timeout_s` 0 means no limit. The token is stopped when the limit passes or the run is stopped.
  class Attempt {
   public:
    Attempt(Watch& watch, double timeout_s);
    ~Attempt();
    Attempt(const Attempt&) = delete;
    Attempt& operator=(const Attempt&) = delete;
    std::stop_token token() const { return source_.get_token(); }
    bool timed_out() const;

   private:
    friend class Watch;
    Watch& watch_;
    std::stop_source source_;
    std::int64_t deadline_us_ = 0;   // 0: none
    bool timed_out_ = false;         // guarded by the watch's mutex
  };

 private:
  void loop(const std::stop_token& own_stop);
  void stop_all();

  std::stop_token run_stop_;
  mutable std::mutex mutex_;                      // guards from here ...
  std::condition_variable_any changed_;
  std::multimap<std::int64_t, Attempt*> deadlines_;
  std::set<Attempt*> running_;                     // ... to here
  std::optional<std::jthread> thread_;            // started by the first attempt that has a limit
  std::stop_callback<std::function<void()>> on_run_stop_;
};

}  // namespace headrace::exec::detail
