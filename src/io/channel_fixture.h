// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the tests of channels share: a loop in its own thread, and an end of a channel that remembers what came.

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "headrace/base/text.h"
#include "headrace/io/channel.h"
#include "headrace/io/loop.h"

namespace headrace::io::testing {

inline constexpr std::chrono::seconds kPatience(60);   // a bound for what must happen, not a measure of it

class LoopThread {
 public:
  LoopThread() : loop_(Loop::create().value()), thread_([this] { loop_->run(); }) {}
  ~LoopThread() {
    loop_->stop();
    thread_.join();
  }
  Loop& loop() { return *loop_; }
  /// Runs `function` in the loop and returns what it returns.
  template <class Function>
  auto call(Function function) {
    std::packaged_task<decltype(function())()> task(std::move(function));
    auto result = task.get_future();
    loop_->post([&task] { task(); });
    return result.get();
  }

 private:
  std::unique_ptr<Loop> loop_;
  std::thread thread_;
};

/// One end of a channel. Threads: any.
class End {
 public:
  struct Message {
    std::uint16_t kind = 0;
    std::string payload;
    std::vector<Descriptor> descriptors;
  };

  /// In the loop.
  void take(std::shared_ptr<Channel> channel) {
    channel->start([this](Frame& frame) { return on_frame(frame); }, [this](Status status) { on_closed(std::move(status)); });
    const std::lock_guard lock(mutex_);
    channel_ = std::move(channel);
    changed_.notify_all();
  }
  void fail(Error error) {
    const std::lock_guard lock(mutex_);
    refused_ = std::move(error);
    changed_.notify_all();
  }
  /// What the end does with a frame besides remembering it; set before `take`.
  std::function<Status(End&, Frame&)> reaction;

  Channel& channel() {
    EXPECT_TRUE(wait([this] { return channel_ != nullptr; })) << "no channel";
    return *channel_;
  }
  Error refused() {
    EXPECT_TRUE(wait([this] { return refused_.has_value(); })) << "nothing failed";
    return refused_.value_or(Error());
  }
  std::vector<Message> messages(std::size_t count) {
    EXPECT_TRUE(wait([this, count] { return messages_.size() >= count; })) << "fewer than " << count << " frames came";
    const std::lock_guard lock(mutex_);
    return std::exchange(messages_, {});
  }
  std::size_t count() {
    const std::lock_guard lock(mutex_);
    return messages_.size();
  }
  Status closed() {
    EXPECT_TRUE(wait([this] { return closed_.has_value(); })) << "the channel did not close";
    const std::lock_guard lock(mutex_);
    return closed_.value_or(Status(Error(Code::kBug, "still open")));
  }
  bool is_closed() {
    const std::lock_guard lock(mutex_);
    return closed_.has_value();
  }
  int closed_calls = 0;

 private:
  Status on_frame(Frame& frame) {
    Message message{frame.kind, std::string(frame.payload), {}};
    Status status = reaction ? reaction(*this, frame) : Status();
    for (Descriptor& descriptor : frame.descriptors) message.descriptors.push_back(std::move(descriptor));
    const std::lock_guard lock(mutex_);
    messages_.push_back(std::move(message));
    changed_.notify_all();
    return status;
  }
  void on_closed(Status status) {
    const std::lock_guard lock(mutex_);
    closed_ = std::move(status);
    ++closed_calls;
    changed_.notify_all();
  }
  template <class Condition>
  bool wait(Condition condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, condition);
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<Channel> channel_;
  std::optional<Error> refused_;
  std::vector<Message> messages_;
  std::optional<Status> closed_;
};

inline std::pair<Descriptor, Descriptor> socket_pair() {
  int ends[2];
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  return {Descriptor(ends[0]), Descriptor(ends[1])};
}

inline void adopt(LoopThread& loop, End& end, Descriptor socket, const ChannelOptions& options = {}) {
  loop.call([&] { end.take(Channel::adopt(loop.loop(), std::move(socket), options).value()); });
}

inline void connect(LoopThread& loop, End& end, const Address& address, std::chrono::milliseconds timeout = kPatience) {
  Channel::connect(loop.loop(), address, {}, timeout, [&end](Result<std::shared_ptr<Channel>> channel) {
    channel.ok() ? end.take(std::move(*channel)) : end.fail(std::move(channel).error());
  });
}

inline std::size_t open_descriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

/// Whether `condition` comes true within the bound of patience.
template <class Condition>
bool eventually(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

}  // namespace headrace::io::testing
