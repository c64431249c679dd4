// SPDX-License-Identifier: Apache-2.0
#pragma once
// Hub: what the threads that use a fleet share with its loop: a queue of things to do there, object numbers, and the budget of
// shared memory. It outlives the loop, since handles may.

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "cluster/held.h"
#include "headrace/io/loop.h"

namespace headrace::cluster {

/// A call on its way to the loop.
struct Job {
  exec::CallId id = 0;
  exec::Call call;
  std::vector<std::shared_ptr<FleetHeld>> inputs;
  std::shared_ptr<FleetHeld> model;
  ObjectNumber first_output = 0;
};

class Hub : public HeldOwner, public std::enable_shared_from_this<Hub> {
 public:
  static constexpr int kOutputsMax = 2;   // of one call: see graph::Task

  Hub(io::Loop& loop, std::uint64_t inline_bytes, std::uint64_t object_bytes, std::string spill_folder)
      : loop_(&loop), inline_bytes_(inline_bytes), budget_(object_bytes), spill_folder_(std::move(spill_folder)) {}

  /// What the loop does with what comes in.
  struct Inbox {
    std::vector<std::unique_ptr<Job>> jobs;
    std::vector<exec::CallId> stopped;
    std::vector<ObjectNumber> forgotten;
  };
  void on_inbox(std::function<void(Inbox)> function) { on_inbox_ = std::move(function); }
  void on_fetch(std::function<void(ObjectNumber, std::function<void(Result<exec::Encoded>)>)> function) { on_fetch_ = std::move(function); }
  /// After this nothing reaches the loop any more; fetches fail.
  void close();

  void submit(std::unique_ptr<Job> job);
  void stop(exec::CallId call);
  ObjectNumber numbers(int count) { return next_object_.fetch_add(static_cast<ObjectNumber>(count)); }
  exec::CallId next_call() { return next_call_.fetch_add(1); }
  std::shared_ptr<FleetHeld> hold(data::Object object);
  std::shared_ptr<FleetHeld> hold(exec::Encoded encoded, data::Kind kind);

  void forget(ObjectNumber number, std::uint64_t memory_bytes, std::uint64_t spilled_bytes) override;
  Result<exec::Encoded> fetch(ObjectNumber number) override;
  Result<std::shared_ptr<const Blob>> share(std::uint64_t size, const Blob::Fill& fill) override;
  std::uint64_t inline_bytes() const override { return inline_bytes_; }

  /// Counts a blob that a worker made.
  void adopted(const Blob& blob);
  /// Whether new objects should go to disk.
  bool pressure() const { return memory_bytes_.load(std::memory_order_relaxed) >= budget_; }
  const std::string& spill_folder() const { return spill_folder_; }
  std::uint64_t memory_bytes() const { return memory_bytes_; }
  std::uint64_t memory_bytes_max() const { return memory_bytes_max_; }
  std::uint64_t spilled_bytes() const { return spilled_bytes_; }

 private:
  void post_locked();
  void drain();
  void count_memory(std::uint64_t bytes);

  std::mutex mutex_;                    // guards the next three
  io::Loop* loop_;                      // null once closed
  Inbox inbox_;
  bool posted_ = false;
  std::function<void(Inbox)> on_inbox_;
  std::function<void(ObjectNumber, std::function<void(Result<exec::Encoded>)>)> on_fetch_;
  const std::uint64_t inline_bytes_;
  const std::uint64_t budget_;
  const std::string spill_folder_;
  std::atomic<ObjectNumber> next_object_{1};
  std::atomic<exec::CallId> next_call_{1};
  std::atomic<std::uint64_t> memory_bytes_{0}, memory_bytes_max_{0}, spilled_bytes_{0};
};

}  // namespace headrace::cluster
