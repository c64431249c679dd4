// SPDX-License-Identifier: Apache-2.0
#include "io/tls_handshake.h"

#include <utility>

#include "headrace/base/text.h"
#include "io/channel.h"

namespace headrace::io::detail {

TlsHandshake::TlsHandshake(Loop& loop, Descriptor socket, std::unique_ptr<TlsStream> tls, const ChannelOptions& options,
                           std::chrono::milliseconds timeout, OnDone on_done)
    : loop_(loop), socket_(std::move(socket)), tls_(std::move(tls)), options_(options), on_done_(std::move(on_done)) {
  deadline_ = loop_.after(timeout, [this, timeout] {
    done(Error(Code::kTimeout, cat("a TLS handshake took more than ", timeout.count(), " ms"), "check that the peer speaks TLS 1.3"));
  });
  first_ = loop_.after(std::chrono::microseconds(0), [this] { advance(); });
}

TlsHandshake::~TlsHandshake() { leave_loop(); }

void TlsHandshake::leave_loop() {
  if (std::exchange(watched_, false)) loop_.unwatch(socket_.get());
  loop_.cancel(std::exchange(deadline_, 0));
  loop_.cancel(std::exchange(first_, 0));
}

void TlsHandshake::advance() {
  const Result<TlsStream::Wants> wants = tls_->handshake();
  if (!wants.ok()) return done(wants.error());
  if (*wants == TlsStream::Wants::kNothing) {
    leave_loop();
    return done(std::shared_ptr<Channel>(std::make_shared<StreamChannel>(loop_, std::move(socket_), std::move(tls_), options_)));
  }
  const bool read = *wants == TlsStream::Wants::kRead;
  Status status = watched_ ? loop_.change(socket_.get(), read, !read)
                           : loop_.watch(socket_.get(), read, !read, [this](Loop::Ready) { advance(); });
  if (!status.ok()) return done(std::move(status).error());
  watched_ = true;
}

void TlsHandshake::done(Result<std::shared_ptr<Channel>> result) {
  leave_loop();
  const OnDone on_done = std::move(on_done_);
  on_done(std::move(result));   // may destroy this
}

}  // namespace headrace::io::detail
