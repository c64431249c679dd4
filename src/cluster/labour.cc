// SPDX-License-Identifier: Apache-2.0
#include "cluster/labour.h"

#include <algorithm>

#include "headrace/base/clock.h"
#include "headrace/base/log.h"
#include "headrace/base/text.h"

namespace headrace::cluster {

Labour::Labour(exec::Packs& packs, ObjectTable& objects, std::shared_ptr<io::Channel> channel, LabourOptions options)
    : packs_(packs), objects_(objects), channel_(std::move(channel)), options_(std::move(options)) {
  thread_ = std::jthread([this](const std::stop_token& stop) { loop(stop); });
}

Labour::~Labour() {
  thread_.request_stop();
  const std::lock_guard lock(mutex_);
  stop_running_.request_stop();
}

void Labour::add(Task task) {
  const std::lock_guard lock(mutex_);
  queue_.push_back(std::move(task));
  ready_.notify_one();
}

Labour::Removal Labour::remove(exec::CallId call) {
  const std::lock_guard lock(mutex_);
  if (running_ == call) return Removal::kRunning;
  const auto found = std::find_if(queue_.begin(), queue_.end(), [&](const Task& task) { return task.call == call; });
  if (found == queue_.end()) return Removal::kUnknown;
  queue_.erase(found);
  return Removal::kRemoved;
}

void Labour::stop_running(exec::CallId call) {
  const std::lock_guard lock(mutex_);
  if (running_ == call) stop_running_.request_stop();
}

std::optional<exec::CallId> Labour::running_since(std::int64_t longer_than_us) {
  const std::lock_guard lock(mutex_);
  if (running_ == 0 || told_) return std::nullopt;
  if (!timed_ && system_clock().monotonic_us() - running_since_us_ < longer_than_us) return std::nullopt;
  told_ = true;
  return running_;
}

bool Labour::runs(exec::CallId call) const {
  const std::lock_guard lock(mutex_);
  return running_ == call;
}

bool Labour::busy() const {
  const std::lock_guard lock(mutex_);
  return running_ != 0 || !queue_.empty();
}

void Labour::loop(const std::stop_token& stop) {
  while (true) {
    Task task;
    bool more = false;
    {
      std::unique_lock lock(mutex_);
      running_ = 0;
      if (!ready_.wait(lock, stop, [this] { return !queue_.empty(); })) return;
      if (stop.stop_requested()) return;
      task = std::move(queue_.front());
      queue_.pop_front();
      more = !queue_.empty();
      running_ = task.call;
      running_since_us_ = system_clock().monotonic_us();
      told_ = false;
      timed_ = task.timed;
      stop_running_ = std::stop_source();
    }
    run(task, more);
  }
}

Result<std::vector<data::Object>> Labour::attempt(Task& task, std::uint64_t* lost) {
  std::vector<data::Object> inputs;
  inputs.reserve(task.inputs.size());
  const auto take = [&](exec::ObjectNumber number) -> Result<data::Object> {
    auto object = objects_.object(number);
    if (!object.ok() && object.error().code == Code::kObjectLost) *lost = number;
    return object;
  };
  for (const exec::ObjectNumber number : task.inputs) {
    HEADRACE_ASSIGN(data::Object object, take(number));
    inputs.push_back(std::move(object));
  }
  data::Object model;
  if (task.model.has_value()) {
    HEADRACE_ASSIGN(model, take(*task.model));
  }
  std::int64_t told_us = 0;
  exec::WorkControl control{.stop = stop_running_.get_token(), .progress = [&](double share) {
    // Ten a second are enough for people.
    const std::int64_t now = system_clock().monotonic_us();
    if (now - told_us < 100'000) return;
    told_us = now;
    wire::Progress message;
    message.set_call(task.call);
    message.set_share(share);
    (void)send(*channel_, wire::PROGRESS, message, {}, true);   // without the driver this process ends anyway
  }};
  return exec::perform(task.work, packs_, inputs, model, control);
}

// Small results travel in the message; large ones become blobs, and are read in place here too.
Status Labour::add_output(exec::ObjectNumber number, data::Object object) {
  wire::Output& output = *done_.add_outputs();
  output.set_object(number);
  output.set_kind(static_cast<std::uint32_t>(object.kind()));
  HEADRACE_ASSIGN(const data::Encoding encoding, data::Encoding::of(object));
  if (encoding.size() <= options_.inline_bytes) {
    HEADRACE_ASSIGN(std::string bytes, data::encode(object));
    auto owner = std::make_shared<const std::string>(std::move(bytes));
    output.set_size(owner->size());
    output.set_inline_(*owner);
    objects_.put(number, std::move(object), {*owner, owner}, nullptr);
    return {};
  }
  HEADRACE_ASSIGN(const auto blob, Blob::make(encoding.size(), pressure_ ? options_.spill_folder : std::string(),
                                              [&](const auto& write) { return encoding.write(write); }));
  output.set_size(blob->size());
  objects_.put(number, exec::Encoded{blob->bytes(), blob}, blob);
  if (!options_.shares) return {};
  sent_.push_back(blob);
  output.set_descriptor(static_cast<std::int32_t>(sent_.size()));
  return {};
}

void Labour::run(Task& task, bool more) {
  done_.Clear();
  sent_.clear();
  done_.set_call(task.call);
  done_.set_start_us(system_clock().wall_us());
  std::uint64_t lost = 0;
  auto made = attempt(task, &lost);
  Status status = made.ok() ? Status() : Status(made.error());
  for (std::size_t slot = 0; status.ok() && slot < made->size(); ++slot) {
    data::Object& object = (*made)[slot];
    if (!object || slot >= task.outputs.size()) continue;
    // A model that came in as an input goes out under its own number already.
    if (slot == 0 && task.work.output_only) continue;
    status = add_output(task.outputs[slot], std::move(object));
  }
  if (!status.ok()) {
    done_.clear_outputs();
    sent_.clear();
    done_.set_lost_object(lost);
    to_wire(status.error(), *done_.mutable_error());
  }
  done_.set_end_us(system_clock().wall_us());
  report(!more);
}

void Labour::report(bool now) {
  std::vector<int> descriptors;
  for (const auto& blob : sent_) descriptors.push_back(blob->descriptor());
  const Status sent = send(*channel_, wire::DONE, done_, descriptors, now);
  if (now) channel_->flush();
  if (!sent.ok()) log(LogLevel::kError, cat("a result cannot be sent: ", sent.error().text()));
  sent_.clear();
}

}  // namespace headrace::cluster
