// SPDX-License-Identifier: Apache-2.0
#include "io/channel.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <utility>

#include "headrace/base/text.h"
#include "io/address.h"
#include "io/descriptor.h"

namespace headrace::io {
namespace detail {
namespace {

constexpr std::size_t kDirectBytes = std::size_t{64} << 10;    // payloads from here on are written from where they are, if possible
constexpr std::size_t kReadTurnBytes = std::size_t{1} << 20;   // then the loop's other descriptors get their turn
constexpr std::chrono::milliseconds kMemoryPause(2);

Error closed_error() { return Error(Code::kClosed, "the connection is closed"); }

}  // namespace

StreamChannel::StreamChannel(Loop& loop, Descriptor socket, std::unique_ptr<TlsStream> tls, const ChannelOptions& options)
    : loop_(loop), options_(options), tls_(std::move(tls)), socket_(std::move(socket)), reader_(options.frame_max) {
  describe_peer();
}

void StreamChannel::describe_peer() {
  SocketAddress address;
  address.size = sizeof address.storage;
  if (::getpeername(socket_.get(), address.get(), &address.size) != 0) address.size = 0;
  int domain = 0;
  socklen_t size = sizeof domain;
  (void)::getsockopt(socket_.get(), SOL_SOCKET, SO_DOMAIN, &domain, &size);
  is_unix_ = domain == AF_UNIX;
  if (!is_unix_) {
    peer_text_ = cat(tls_ ? "tls:" : "tcp:", address.size > 0 ? address.text() : "?");
    return;
  }
  ucred user{};
  size = sizeof user;
  if (::getsockopt(socket_.get(), SOL_SOCKET, SO_PEERCRED, &user, &size) == 0) peer_user_ = user.uid;
  peer_text_ = cat("unix:", address.size > 0 ? address.text() : "", " (process ", user.pid, ")");
}

// ---- writing: any thread ----

Status StreamChannel::check_frame(std::size_t payload, std::size_t descriptors) const {
  if (payload > std::min<std::size_t>(options_.frame_max, std::numeric_limits<std::uint32_t>::max()))
    return Error(Code::kTooLarge, cat("a frame of ", payload, " bytes is above the limit of ", options_.frame_max), "send it in parts");
  if (descriptors > kFrameDescriptorsMax)
    return Error(Code::kTooLarge, cat("a frame with ", descriptors, " descriptors is above the limit of ", kFrameDescriptorsMax));
  if (descriptors > 0 && !is_unix_) return Error(Code::kUnsupported, "descriptors can only be sent over a Unix socket");
  return {};
}

Status StreamChannel::send(std::uint16_t kind, std::string_view payload, std::span<const int> descriptors, bool now) {
  HEADRACE_TRY(check_frame(payload.size(), descriptors.size()));
  std::vector<Descriptor> copies;
  for (const int number : descriptors) {
    copies.emplace_back(::fcntl(number, F_DUPFD_CLOEXEC, 0));
    if (!copies.back().open()) return system_error(errno, "duplicating", cat("descriptor ", number));
  }
  const bool large = payload.size() >= kDirectBytes;
  const std::size_t bytes = kFrameHeaderBytes + payload.size();
  bool mine = false, plan = false;
  {
    const std::lock_guard lock(mutex_);
    if (refusing_) return write_error_.ok() ? closed_error() : write_error_;
    if (queued_bytes_ + bytes > options_.queue_max)
      return Error(Code::kFull, cat(queued_bytes_.load(), " bytes wait for ", peer_text_, " to read them"), "send less, or wait");
    queued_bytes_ += bytes;
    mine = (now || large) && !writing_ && !blocked_;
    if (mine) {
      writing_ = true;
      out_.append(std::move(queue_));
    } else if (!large) {
      queue_.append(kind, payload, std::move(copies));
      plan = !writing_ && !blocked_ && !std::exchange(flush_planned_, true);
    }
  }
  if (mine) {
    large ? out_.append_borrowed(kind, payload, std::move(copies)) : out_.append(kind, payload, std::move(copies));
    write_out();
  } else if (large) {   // copied outside the lock
    FrameQueue one;
    one.append(kind, payload, std::move(copies));
    const std::lock_guard lock(mutex_);
    if (refusing_) {   // closed meanwhile: whoever lingers need not wait for these bytes
      queued_bytes_ -= bytes;
      post(&StreamChannel::after_write);
      return write_error_.ok() ? closed_error() : write_error_;
    }
    queue_.append(std::move(one));
    plan = !writing_ && !blocked_ && !std::exchange(flush_planned_, true);
  }
  if (plan) plan_flush();
  return {};
}

void StreamChannel::flush() {
  {
    const std::lock_guard lock(mutex_);
    if (writing_ || blocked_ || !write_error_.ok() || !socket_.open() || (out_.empty() && queue_.empty())) return;
    writing_ = true;
    out_.append(std::move(queue_));
  }
  write_out();
}

// Writes `out_` as far as the socket takes it. The caller has set writing_; this unsets it.
void StreamChannel::write_out() {
  const std::size_t before = out_.bytes();
  bool blocked = false, short_of_memory = false;
  Status error;
  while (!out_.empty() && !blocked) {
    Result<Moved> moved = tls_ ? tls_->send_some(out_) : detail::send_some(socket_.get(), out_);
    if (!moved.ok()) {
      error = std::move(moved).error();
      break;
    }
    short_of_memory = moved->short_of_memory;
    blocked = moved->blocked || short_of_memory;
  }
  out_.keep_borrowed();
  const std::size_t written = before - out_.bytes();
  bool tell_loop = false, plan = false;
  {
    const std::lock_guard lock(mutex_);
    writing_ = false;
    queued_bytes_ -= written;
    blocked_ = blocked;
    short_of_memory_ = short_of_memory;
    if (!error.ok() && write_error_.ok()) {
      write_error_ = error;
      tell_loop = true;
    }
    tell_loop = tell_loop || blocked || refusing_;
    refusing_ = refusing_ || !error.ok();
    plan = !tell_loop && !queue_.empty() && !std::exchange(flush_planned_, true);
  }
  if (tell_loop) post(&StreamChannel::after_write);
  if (plan) plan_flush();
}

// At the end of this batch when the caller is in the loop, else in the next one.
void StreamChannel::plan_flush() {
  if (!loop_.inside()) return post(&StreamChannel::planned_flush);
  loop_.defer([self = self()] { self->planned_flush(); });
}

void StreamChannel::post(void (StreamChannel::*what)()) {
  loop_.post([self = self(), what] { (self.get()->*what)(); });
}

// ---- the rest: in the loop ----

void StreamChannel::planned_flush() {
  {
    const std::lock_guard lock(mutex_);
    flush_planned_ = false;
  }
  flush();
}

// A write ended blocked, failed, or after the channel was closed.
void StreamChannel::after_write() {
  if (closed_) {
    const std::lock_guard lock(mutex_);
    if (!writing_) socket_.reset();
    return;
  }
  bool failed = false;
  {
    const std::lock_guard lock(mutex_);
    failed = !write_error_.ok();
  }
  if (lingering_) {
    linger_on();
  } else if (failed && reading()) {
    read_some();   // the peer may have said why it closed
  }
  if (!closed_) update_watch();
}

void StreamChannel::start(OnFrame on_frame, OnClosed on_closed) {
  HEADRACE_CHECK(!started_, "a channel is started twice");
  started_ = true;
  on_frame_ = std::move(on_frame);
  on_closed_ = std::move(on_closed);
  // TLS may have read frames along with the end of its handshake; a watch that fails has to be told too, and not from in here.
  post(&StreamChannel::resume);
}

void StreamChannel::pause_reading(bool pause) {
  if (std::exchange(paused_, pause) == pause || closed_ || lingering_) return;
  if (pause) {
    update_watch();
  } else {
    post(&StreamChannel::resume);
  }
}

void StreamChannel::resume() {
  if (!reading() || lingering_) return;
  if (deliver()) read_some();
  if (!closed_) update_watch();
}

void StreamChannel::on_ready(Loop::Ready ready) {
  const std::shared_ptr<StreamChannel> alive = self();
  if (ready.writable || ready.broken) {
    {
      const std::lock_guard lock(mutex_);
      blocked_ = false;
    }
    flush();
  }
  if (lingering_) {
    linger_on();
  } else if ((ready.readable || ready.broken) && reading()) {
    read_some();
  }
  if (!closed_) update_watch();
}

void StreamChannel::read_some() {
  std::size_t turn = 0;
  while (turn < kReadTurnBytes) {
    const std::size_t room = reader_.room().size();
    Result<Moved> moved = tls_ ? tls_->receive_some(reader_) : detail::receive_some(socket_.get(), reader_);
    if (!moved.ok()) return finish(std::move(moved).error());
    if (moved->ended) return finish(reader_.at_end());
    if (moved->blocked) break;
    turn += moved->bytes;
    if (!deliver()) return;
    if (!tls_ && moved->bytes < room) break;   // the socket is empty; if it is not, it says so
  }
  Status write_error;
  {
    const std::lock_guard lock(mutex_);
    write_error = write_error_;
  }
  if (turn >= kReadTurnBytes || (turn > 0 && !write_error.ok())) {
    post(&StreamChannel::resume);
  } else if (!write_error.ok()) {
    finish(std::move(write_error));
  }
}

// Hands over the whole frames that were read. False: the channel does not read any more.
bool StreamChannel::deliver() {
  Status status;
  while (reading() && !lingering_ && status.ok()) {
    Result<std::optional<Frame>> frame = reader_.next();
    if (!frame.ok()) {
      status = std::move(frame).error();
    } else if (!frame->has_value()) {
      break;
    } else {
      status = on_frame_(**frame);
    }
  }
  if (!status.ok()) finish(std::move(status));
  return reading() && !lingering_;
}

void StreamChannel::close(std::chrono::milliseconds linger) {
  if (closed_ || lingering_) return;
  {
    const std::lock_guard lock(mutex_);
    refusing_ = true;
  }
  flush();
  if (linger.count() <= 0) return finish({});
  lingering_ = true;
  linger_timer_ = loop_.after(linger, [self = self()] { self->finish({}); });
  linger_on();
  if (!closed_) update_watch();
}

// After the last byte, the write side is shut and the peer's end is awaited: closing with unread input would reset the connection,
// and a reset can overtake what was written.
void StreamChannel::linger_on() {
  bool failed = false;
  {
    const std::lock_guard lock(mutex_);
    failed = !write_error_.ok();
  }
  if (failed) return finish({});
  if (queued_bytes() == 0 && !std::exchange(said_goodbye_, true)) {
    if (tls_) tls_->goodbye();
    ::shutdown(socket_.get(), SHUT_WR);
  }
  discard_input();
}

void StreamChannel::discard_input() {
  std::array<char, 16384> scratch;
  for (int i = 0; i < 64; ++i) {
    const ssize_t got = ::recv(socket_.get(), scratch.data(), scratch.size(), MSG_DONTWAIT);   // descriptors in it are closed
    if (got > 0 || (got < 0 && errno == EINTR)) continue;
    if (got < 0 && errno == EAGAIN) return;
    return finish({});
  }
}

void StreamChannel::finish(Status status) {
  if (std::exchange(closed_, true)) return;
  if (linger_timer_ != 0) loop_.cancel(linger_timer_);
  if (std::exchange(watched_, false)) loop_.unwatch(socket_.get());
  {
    const std::lock_guard lock(mutex_);
    refusing_ = true;
    if (tls_ && !writing_ && !said_goodbye_ && write_error_.ok() && out_.empty()) tls_->goodbye();
    ::shutdown(socket_.get(), SHUT_RDWR);
    if (!writing_) socket_.reset();   // else the writer tells the loop when it has ended
    queue_ = {};
  }
  loop_.post([self = self(), status = std::move(status)] {
    self->reader_ = FrameReader(0);
    self->on_frame_ = nullptr;
    const OnClosed on_closed = std::exchange(self->on_closed_, nullptr);
    if (on_closed) on_closed(status);
  });
}

void StreamChannel::update_watch() {
  bool write = false, later = false;
  {
    const std::lock_guard lock(mutex_);
    write = blocked_ && !short_of_memory_;
    later = blocked_ && short_of_memory_;
  }
  if (later && !std::exchange(retry_planned_, true)) {
    loop_.after(kMemoryPause, [self = self()] {
      self->retry_planned_ = false;
      if (!self->closed_) self->on_ready({.writable = true});
    });
  }
  const bool read = reading() || lingering_;
  if (!read && !write && !started_) {   // nothing is awaited, so nothing keeps the channel but its owner
    if (std::exchange(watched_, false)) loop_.unwatch(socket_.get());
    return;
  }
  if (watched_) {
    if (Status changed = loop_.change(socket_.get(), read, write); !changed.ok()) finish(std::move(changed));
    return;
  }
  Status status = loop_.watch(socket_.get(), read, write, [self = self()](Loop::Ready ready) { self->on_ready(ready); });
  watched_ = status.ok();
  if (!status.ok()) finish(std::move(status));
}

}  // namespace detail

Result<std::shared_ptr<Channel>> Channel::adopt(Loop& loop, Descriptor socket, const ChannelOptions& options) {
  int type = 0;
  socklen_t size = sizeof type;
  if (!socket.open() || ::getsockopt(socket.get(), SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_STREAM)
    return Error(Code::kBadValue, cat("descriptor ", socket.get(), " is no stream socket"));
  if (::fcntl(socket.get(), F_SETFD, FD_CLOEXEC) != 0) return detail::system_error(errno, "keeping", "an inherited socket");
  detail::send_small_writes_at_once(socket.get());   // refused by a Unix socket, which does so anyway
  return std::shared_ptr<Channel>(std::make_shared<detail::StreamChannel>(loop, std::move(socket), nullptr, options));
}

}  // namespace headrace::io
