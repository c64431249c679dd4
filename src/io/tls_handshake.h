// SPDX-License-Identifier: Apache-2.0
#pragma once
// A TLS handshake in the loop, with a deadline.

#include <chrono>
#include <functional>
#include <memory>

#include "headrace/base/result.h"
#include "headrace/io/channel.h"
#include "headrace/io/loop.h"
#include "io/tls.h"

namespace headrace::io::detail {

/// Destroying it drops the connection. Threads: the loop's.
class TlsHandshake {
 public:
  /// Called once, and may destroy the handshake.
  using OnDone = std::function<void(Result<std::shared_ptr<Channel>>)>;

  TlsHandshake(Loop& loop, Descriptor socket, std::unique_ptr<TlsStream> tls, const ChannelOptions& options,
               std::chrono::milliseconds timeout, OnDone on_done);
  ~TlsHandshake();
  TlsHandshake(const TlsHandshake&) = delete;
  TlsHandshake& operator=(const TlsHandshake&) = delete;

 private:
  void advance();
  void done(Result<std::shared_ptr<Channel>> result);
  void leave_loop();

  Loop& loop_;
  Descriptor socket_;
  std::unique_ptr<TlsStream> tls_;
  ChannelOptions options_;
  OnDone on_done_;
  Loop::TimerId deadline_ = 0;
  Loop::TimerId first_ = 0;
  bool watched_ = false;
};

}  // namespace headrace::io::detail
