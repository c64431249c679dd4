// SPDX-License-Identifier: Apache-2.0
#pragma once
// Transfer: objects between hosts, in chunks, so that nothing else on the connection waits for a large one. The receiver asks (Fetch), the
// holder answers with chunks or with Missing. Frames carry checksums.

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string_view>
#include <unordered_map>

#include "cluster/blob.h"
#include "headrace/exec/place.h"
#include "headrace/io/channel.h"

namespace headrace::cluster {

/// Sends chunks while the connection's queue is short. Loop only.
class Outgoing {
 public:
  explicit Outgoing(io::Loop& loop) : loop_(loop) {}
  void send(std::shared_ptr<io::Channel> channel, exec::ObjectNumber number, exec::Encoded encoded);
  void missing(io::Channel& channel, exec::ObjectNumber number);
  /// Forgets what was on its way to a connection that is closed.
  void drop(const io::Channel* channel);
  std::uint64_t bytes() const { return bytes_; }

 private:
  struct One {
    std::shared_ptr<io::Channel> channel;
    exec::ObjectNumber number = 0;
    exec::Encoded encoded;
    std::uint64_t offset = 0;
  };
  void pump();
  bool push(One& one);

  io::Loop& loop_;
  std::deque<One> queue_;
  bool timed_ = false;
  std::uint64_t bytes_ = 0;
};

/// Puts chunks together. Loop only.
class Incoming {
 public:
  using Done = std::function<void(Result<exec::Encoded>)>;
  /// Several may wait for one object; true for the first, who asks for it.
  bool want(exec::ObjectNumber number, Done done);
  /// Errors: kProtocol (a chunk that was not asked for, or does not fit).
  Status on_chunk(std::string_view payload);
  /// Ends the wait with an error.
  void fail(exec::ObjectNumber number, const Error& error);
  std::uint64_t bytes() const { return bytes_; }

 private:
  struct One {
    std::vector<Done> waiters;
    std::shared_ptr<char[]> bytes;       // null until its first chunk
    std::uint64_t size = 0, arrived = 0;
  };
  std::unordered_map<exec::ObjectNumber, One> wanted_;
  std::uint64_t bytes_ = 0;
};

}  // namespace headrace::cluster
