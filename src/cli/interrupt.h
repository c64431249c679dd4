// SPDX-License-Identifier: Apache-2.0
#pragma once
// Interrupt: Ctrl-C as a polite question. The first SIGINT, SIGTERM or SIGHUP asks the work to stop; the second ends the process
// at once with exit code 4 (the journal makes that safe). Make it before any other thread starts, so that all inherit its mask.

#include <atomic>
#include <csignal>
#include <functional>
#include <stop_token>
#include <thread>

namespace headrace::cli {

class Interrupt {
 public:
  enum class Cause { kNone, kSignal, kTimeout };

  /// `on_first` is called once, from a thread of its own, when the stop is asked for; by a signal, or after `timeout_s` (0: never).
  explicit Interrupt(std::function<void(Cause)> on_first, double timeout_s = 0);
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  std::stop_token token() const { return source_.get_token(); }
  Cause cause() const { return cause_.load(); }

 private:
  void watch(double timeout_s);
  void ask(Cause cause);

  std::function<void(Cause)> on_first_;
  std::stop_source source_;
  std::atomic<Cause> cause_{Cause::kNone};
  sigset_t mask_{};      // the signals it takes
  sigset_t before_{};
  int signals_ = -1;     // signalfd
  int finished_ = -1;    // eventfd: ends the thread
  std::thread watcher_;
};

}  // namespace headrace::cli
