// SPDX-License-Identifier: Apache-2.0
#include "cluster/transfer.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "cluster/wire.h"
#include "headrace/base/text.h"

namespace headrace::cluster {
namespace {

constexpr std::size_t kChunkBytes = std::size_t{1} << 20;
constexpr std::size_t kQueuedMax = std::size_t{8} << 20;
constexpr std::uint64_t kObjectMax = std::uint64_t{1} << 40;

struct ChunkHead {
  std::uint64_t number, offset, size;
};

}  // namespace

void Outgoing::send(std::shared_ptr<io::Channel> channel, exec::ObjectNumber number, exec::Encoded encoded) {
  queue_.push_back({std::move(channel), number, std::move(encoded), 0});
  pump();
}

void Outgoing::missing(io::Channel& channel, exec::ObjectNumber number) {
  wire::Missing message;
  message.set_object(number);
  (void)cluster::send(channel, wire::MISSING, message);   // a connection that cannot take it is closing
}

void Outgoing::drop(const io::Channel* channel) {
  std::erase_if(queue_, [&](const One& one) { return one.channel.get() == channel; });
}

// True when all of it has been queued, or cannot be.
bool Outgoing::push(One& one) {
  const std::string_view whole = one.encoded.bytes;
  std::string frame;
  while (one.channel->queued_bytes() < kQueuedMax) {
    const std::size_t length = std::min<std::size_t>(kChunkBytes, whole.size() - one.offset);
    const ChunkHead head{one.number, one.offset, whole.size()};
    frame.assign(reinterpret_cast<const char*>(&head), sizeof head);
    frame.append(whole.substr(one.offset, length));
    if (!one.channel->send(wire::CHUNK, frame).ok()) return true;
    one.offset += length;
    bytes_ += length;
    if (one.offset == whole.size()) return true;
  }
  return false;
}

void Outgoing::pump() {
  for (auto one = queue_.begin(); one != queue_.end();) one = push(*one) ? queue_.erase(one) : std::next(one);
  if (queue_.empty() || timed_) return;
  timed_ = true;
  constexpr std::chrono::microseconds kPause(500);
  loop_.after(kPause, [this] {
    timed_ = false;
    pump();
  });
}

bool Incoming::want(exec::ObjectNumber number, Done done) {
  One& one = wanted_[number];
  one.waiters.push_back(std::move(done));
  return one.waiters.size() == 1;
}

Status Incoming::on_chunk(std::string_view payload) {
  ChunkHead head{};
  if (payload.size() < sizeof head) return Error(Code::kProtocol, "a chunk without its head");
  std::memcpy(&head, payload.data(), sizeof head);
  payload.remove_prefix(sizeof head);
  const auto found = wanted_.find(head.number);
  if (found == wanted_.end()) return {};   // nobody waits any more
  One& one = found->second;
  if (head.size > kObjectMax) return Error(Code::kProtocol, cat("an object of ", head.size, " bytes"));
  if (one.bytes == nullptr) {
    // Not cleared: memory is used up by the bytes that come, not by what a head promises.
    one.bytes.reset(new (std::nothrow) char[head.size]);
    if (one.bytes == nullptr) return Error(Code::kProtocol, cat("there is no room for an object of ", bytes_text(head.size)));
    one.size = head.size;
  }
  if (one.size != head.size || head.offset != one.arrived || payload.size() > head.size - head.offset) {
    return Error(Code::kProtocol, cat("a chunk of object ", head.number, " does not fit"));
  }
  std::memcpy(one.bytes.get() + head.offset, payload.data(), payload.size());
  one.arrived += payload.size();
  bytes_ += payload.size();
  if (one.arrived < head.size) return {};
  const One whole = std::move(one);
  wanted_.erase(found);
  for (const Done& done : whole.waiters) done(exec::Encoded{{whole.bytes.get(), whole.size}, whole.bytes});
  return {};
}

void Incoming::fail(exec::ObjectNumber number, const Error& error) {
  const auto found = wanted_.find(number);
  if (found == wanted_.end()) return;
  const One one = std::move(found->second);
  wanted_.erase(found);
  for (const Done& done : one.waiters) done(error);
}

}  // namespace headrace::cluster
