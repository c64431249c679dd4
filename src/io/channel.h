// SPDX-License-Identifier: Apache-2.0
#pragma once
// The one Channel there is: over a socket, with TLS or without.
//
// Writing: whoever finds `writing_` unset and sets it owns `out_` and the socket's write side until it unsets it; others queue and
// leave. Reading and everything else happens in the loop. The loop's watch holds the channel, so an open one that reads lives.

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "headrace/base/result.h"
#include "headrace/io/channel.h"
#include "io/frames.h"
#include "io/frames_socket.h"
#include "io/tls.h"

namespace headrace::io::detail {

class StreamChannel final : public Channel {
 public:
  /// `tls` borrows `socket`; its handshake is done.
  StreamChannel(Loop& loop, Descriptor socket, std::unique_ptr<TlsStream> tls, const ChannelOptions& options);

  void start(OnFrame on_frame, OnClosed on_closed) override;
  Status send(std::uint16_t kind, std::string_view payload, std::span<const int> descriptors, bool now) override;
  void flush() override;
  std::size_t queued_bytes() const override { return queued_bytes_.load(std::memory_order_relaxed); }
  void close(std::chrono::milliseconds linger) override;
  void pause_reading(bool pause) override;
  bool is_unix() const override { return is_unix_; }
  std::optional<std::uint32_t> peer_user() const override { return peer_user_; }
  std::string peer_text() const override { return peer_text_; }

 private:
  std::shared_ptr<StreamChannel> self() { return std::static_pointer_cast<StreamChannel>(shared_from_this()); }
  void describe_peer();

  // Any thread.
  Status check_frame(std::size_t payload, std::size_t descriptors) const;
  void write_out();
  void plan_flush();
  void post(void (StreamChannel::*what)());

  // In the loop.
  void planned_flush();
  void after_write();
  void on_ready(Loop::Ready ready);
  void read_some();
  bool deliver();
  void resume();
  void linger_on();
  void discard_input();
  void finish(Status status);
  void update_watch();
  bool reading() const { return started_ && !paused_ && !closed_; }

  Loop& loop_;
  const ChannelOptions options_;
  const std::unique_ptr<TlsStream> tls_;
  bool is_unix_ = false;
  std::optional<std::uint32_t> peer_user_;
  std::string peer_text_;

  std::mutex mutex_;                   // guards the next six
  FrameQueue queue_;
  bool writing_ = false;
  bool blocked_ = false;               // the loop waits until the socket takes more
  bool short_of_memory_ = false;       // blocked, and to be tried again after a while
  bool flush_planned_ = false;
  bool refusing_ = false;              // closed for senders
  Status write_error_;                 // set once, together with refusing_
  std::atomic<std::size_t> queued_bytes_{0};   // changed under mutex_
  FrameQueue out_;                     // see above
  Descriptor socket_;                  // closed in the loop, or by the writer that was at it

  // The loop's.
  FrameReader reader_;
  OnFrame on_frame_;
  OnClosed on_closed_;
  bool started_ = false;
  bool paused_ = false;
  bool watched_ = false;
  bool lingering_ = false;             // `close` was called: write the rest, then wait for the peer's end
  bool said_goodbye_ = false;
  bool retry_planned_ = false;
  bool closed_ = false;
  Loop::TimerId linger_timer_ = 0;
};

}  // namespace headrace::io::detail
