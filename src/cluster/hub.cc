// SPDX-License-Identifier: Apache-2.0
#include "cluster/hub.h"

#include <future>

#include "headrace/base/check.h"
#include "headrace/base/text.h"

namespace headrace::cluster {

void Hub::close() {
  Inbox left;
  {
    const std::lock_guard lock(mutex_);
    loop_ = nullptr;
    left = std::move(inbox_);
    inbox_ = {};
  }
  for (const auto& job : left.jobs) job->call.done({.outputs = Error(Code::kClosed, "the fleet was shut down"), .lost = {}});
}

void Hub::post_locked() {
  if (posted_) return;
  posted_ = true;
  loop_->post([self = shared_from_this()] { self->drain(); });
}

void Hub::drain() {
  Inbox inbox;
  {
    const std::lock_guard lock(mutex_);
    posted_ = false;
    std::swap(inbox, inbox_);
  }
  on_inbox_(std::move(inbox));
}

void Hub::submit(std::unique_ptr<Job> job) {
  {
    const std::lock_guard lock(mutex_);
    if (loop_ != nullptr) {
      inbox_.jobs.push_back(std::move(job));
      return post_locked();
    }
  }
  job->call.done({.outputs = Error(Code::kClosed, "the fleet was shut down"), .lost = {}});
}

void Hub::stop(exec::CallId call) {
  const std::lock_guard lock(mutex_);
  if (loop_ == nullptr) return;
  inbox_.stopped.push_back(call);
  post_locked();
}

void Hub::forget(ObjectNumber number, std::uint64_t memory_bytes, std::uint64_t spilled_bytes) {
  memory_bytes_.fetch_sub(memory_bytes, std::memory_order_relaxed);
  spilled_bytes_.fetch_sub(spilled_bytes, std::memory_order_relaxed);
  const std::lock_guard lock(mutex_);
  if (loop_ == nullptr) return;
  inbox_.forgotten.push_back(number);
  post_locked();
}

Result<exec::Encoded> Hub::fetch(ObjectNumber number) {
  auto promise = std::make_shared<std::promise<Result<exec::Encoded>>>();
  auto fetched = promise->get_future();
  {
    const std::lock_guard lock(mutex_);
    if (loop_ == nullptr) return Error(Code::kObjectLost, cat("object ", number, " is gone with the fleet"));
    HEADRACE_CHECK(!loop_->inside(), "the loop would wait for itself");
    loop_->post([self = shared_from_this(), number, promise] {
      self->on_fetch_(number, [promise](Result<exec::Encoded> encoded) { promise->set_value(std::move(encoded)); });
    });
  }
  return fetched.get();
}

void Hub::count_memory(std::uint64_t bytes) {
  const std::uint64_t now = memory_bytes_.fetch_add(bytes, std::memory_order_relaxed) + bytes;
  std::uint64_t most = memory_bytes_max_.load(std::memory_order_relaxed);
  while (now > most && !memory_bytes_max_.compare_exchange_weak(most, now, std::memory_order_relaxed)) {
  }
}

void Hub::adopted(const Blob& blob) {
  if (blob.in_memory()) {
    count_memory(blob.size());
  } else {
    spilled_bytes_.fetch_add(blob.size(), std::memory_order_relaxed);
  }
}

Result<std::shared_ptr<const Blob>> Hub::share(std::uint64_t size, const Blob::Fill& fill) {
  const bool spills = memory_bytes_.load(std::memory_order_relaxed) + size > budget_;
  HEADRACE_ASSIGN(auto blob, Blob::make(size, spills ? spill_folder_ : std::string(), fill));
  adopted(*blob);
  return blob;
}

std::shared_ptr<FleetHeld> Hub::hold(data::Object object) {
  return std::make_shared<FleetHeld>(shared_from_this(), numbers(1), std::move(object));
}

std::shared_ptr<FleetHeld> Hub::hold(exec::Encoded encoded, data::Kind kind) {
  return std::make_shared<FleetHeld>(shared_from_this(), numbers(1), kind, std::move(encoded), nullptr, true);
}

}  // namespace headrace::cluster
