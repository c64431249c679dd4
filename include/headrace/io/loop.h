// SPDX-License-Identifier: Apache-2.0
#pragma once
// Loop: one thread that waits for descriptors, timers and messages from other threads (epoll, timerfd-free: the wait has the
// deadline of the next timer). Callbacks run on the thread in `run`, one at a time; they must not block.
//
// A batch is: what was posted, what is ready, the timers that are due; then the functions of `at_end_of_batch`, then those of `defer`.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

#include "headrace/base/result.h"

namespace headrace::io {

class Loop {
 public:
  using TimerId = std::uint64_t;       ///< never 0
  struct Ready {
    bool readable = false;
    bool writable = false;
    bool broken = false;               ///< error or hang-up; reading tells which
  };
  using OnReady = std::function<void(Ready)>;

  static Result<std::unique_ptr<Loop>> create();
  /// Drops callbacks that never ran, and with them what they own.
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// Runs callbacks until `stop`. Posted functions that are there when it stops are run before it returns, and those that they post
  /// in turn (at most 100 rounds). May be called again.
  void run();
  /// Threads: any; also a signal-free way to end `run` before it began.
  void stop();
  /// Queues `function` to run in the loop. Threads: any. Cost: one lock, and one write when the loop sleeps.
  void post(std::function<void()> function);
  /// Whether the caller is the thread in `run`.
  bool inside() const;

  // The rest: only inside the loop, or before `run`.

  /// Calls `function` once, after `delay`. Timers of one moment run in the order they were made.
  TimerId after(std::chrono::microseconds delay, std::function<void()> function);
  /// Does nothing for a timer that ran.
  void cancel(TimerId timer);
  /// Watches a descriptor, level-triggered. `on_ready` may unwatch it, also from within. Errors: kIo.
  Status watch(int descriptor, bool read, bool write, OnReady on_ready);
  /// With neither, nothing at all is told about it, not even a hang-up.
  Status change(int descriptor, bool read, bool write);
  /// To be called before the descriptor is closed.
  void unwatch(int descriptor);
  /// Called after every batch of callbacks, before the loop waits again: the place to write what callbacks queued.
  void at_end_of_batch(std::function<void()> function);
  /// Calls `function` once, at the end of this batch.
  void defer(std::function<void()> function);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  explicit Loop(std::unique_ptr<Impl> impl);
};

}  // namespace headrace::io
