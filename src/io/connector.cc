// SPDX-License-Identifier: Apache-2.0
// Channel::connect: look the host up, try its addresses in order, and shake hands over TLS, all within one deadline.
#include <sys/socket.h>

#include <cerrno>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "headrace/base/text.h"
#include "io/address.h"
#include "io/channel.h"
#include "io/descriptor.h"
#include "io/tls_handshake.h"

namespace headrace::io {
namespace {

using detail::SocketAddress;

constexpr std::chrono::milliseconds kFullQueuePause(5);

// Joins a look-up, which cannot be interrupted, with a connector that may be gone before it ends.
struct LookUp {
  std::mutex mutex;
  Loop* loop = nullptr;                // nothing once the connector is gone; guarded by mutex
};

// Held by its timer and its watch in the loop; both are gone when it is done.
class Connector : public std::enable_shared_from_this<Connector> {
 public:
  Connector(Loop& loop, Address address, const ChannelOptions& options, Channel::OnOpen on_open)
      : loop_(loop), address_(std::move(address)), options_(options), on_open_(std::move(on_open)) {}
  ~Connector() { forget_look_up(); }

  void begin(std::chrono::milliseconds timeout);

 private:
  void look_up();
  void found(Result<std::vector<SocketAddress>> addresses);
  void try_next();
  void try_address();
  void connected();
  void failed(int number);
  void opened(Descriptor socket);
  void done(Result<std::shared_ptr<Channel>> result);
  void forget_look_up();

  Loop& loop_;
  const Address address_;
  const ChannelOptions options_;
  Channel::OnOpen on_open_;
  std::shared_ptr<LookUp> look_up_;
  std::vector<SocketAddress> addresses_;
  std::size_t next_ = 0;
  Descriptor socket_;
  bool watched_ = false;
  Loop::TimerId deadline_ = 0;
  Loop::TimerId retry_ = 0;
  std::chrono::steady_clock::time_point until_;
  std::unique_ptr<detail::TlsHandshake> handshake_;
};

void Connector::begin(std::chrono::milliseconds timeout) {
  until_ = std::chrono::steady_clock::now() + timeout;
  deadline_ = loop_.after(timeout, [self = shared_from_this(), timeout] {
    self->done(Error(Code::kTimeout, cat("connecting to ", self->address_.text(), " took more than ", timeout.count(), " ms"),
                     "check that the program there runs and that no firewall is between"));
  });
  if (address_.kind == Address::Kind::kTls && address_.certificate.empty())
    return done(Error(Code::kRefused, cat("the address ", address_.text(), " has no certificate digest"), "write tls:HOST:PORT#DIGEST"));
  if (address_.kind != Address::Kind::kUnix) return look_up();
  auto where = detail::unix_address(address_.host);
  if (!where.ok()) return done(std::move(where).error());
  found(std::vector{*where});
}

void Connector::look_up() {
  auto numeric = detail::resolve(address_.host, address_.port, false, true);
  if (numeric.ok() || numeric.error().code != Code::kNotFound) return found(std::move(numeric));
  look_up_ = std::make_shared<LookUp>();
  look_up_->loop = &loop_;
  try {
    std::thread([look_up = look_up_, weak = weak_from_this(), host = address_.host, port = address_.port] {
      auto addresses = detail::resolve(host, port, false, false);
      const std::lock_guard lock(look_up->mutex);
      if (look_up->loop == nullptr) return;
      look_up->loop->post([weak, addresses = std::move(addresses)]() mutable {
        if (const auto self = weak.lock()) self->found(std::move(addresses));
      });
    }).detach();
  } catch (const std::system_error& error) {
    done(Error(Code::kIo, cat("no thread for looking up '", address_.host, "': ", error.what())));
  }
}

void Connector::forget_look_up() {
  if (!look_up_) return;
  const std::lock_guard lock(look_up_->mutex);
  look_up_->loop = nullptr;
}

void Connector::found(Result<std::vector<SocketAddress>> addresses) {
  if (!on_open_) return;
  if (!addresses.ok()) return done(std::move(addresses).error());
  addresses_ = std::move(*addresses);
  try_next();
}

void Connector::try_next() {
  auto socket = detail::make_socket(addresses_[next_].family());
  if (!socket.ok()) return done(std::move(socket).error());
  socket_ = std::move(*socket);
  try_address();
}

void Connector::try_address() {
  const SocketAddress& where = addresses_[next_];
  int result = 0;
  do result = ::connect(socket_.get(), where.get(), where.size);
  while (result != 0 && errno == EINTR);
  if (result == 0) return opened(std::move(socket_));
  if (errno == EAGAIN) {   // the queue of a Unix listener is full, and nothing tells when it is not
    retry_ = loop_.after(kFullQueuePause, [self = shared_from_this()] { self->try_address(); });
    return;
  }
  if (errno != EINPROGRESS) return failed(errno);
  Status status = loop_.watch(socket_.get(), false, true, [self = shared_from_this()](Loop::Ready) { self->connected(); });
  if (!status.ok()) return done(std::move(status).error());
  watched_ = true;
}

void Connector::connected() {
  const auto alive = shared_from_this();
  loop_.unwatch(socket_.get());
  watched_ = false;
  int number = 0;
  socklen_t size = sizeof number;
  if (::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &number, &size) != 0) number = errno;
  if (number != 0) return failed(number);
  opened(std::move(socket_));
}

void Connector::failed(int number) {
  socket_.reset();
  if (++next_ < addresses_.size()) return try_next();
  done(Error(Code::kUnreachable, cat("connecting to ", address_.text(), ": ", std::generic_category().message(number)),
             "check that the program there runs, and that the address is right"));
}

void Connector::opened(Descriptor socket) {
  if (address_.kind != Address::Kind::kTls)
    return done(std::shared_ptr<Channel>(std::make_shared<detail::StreamChannel>(loop_, std::move(socket), nullptr, options_)));
  auto tls = detail::TlsStream::client(address_.certificate, socket.get());
  if (!tls.ok()) return done(std::move(tls).error());
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until_ - std::chrono::steady_clock::now());
  handshake_ = std::make_unique<detail::TlsHandshake>(loop_, std::move(socket), std::move(*tls), options_, left,
                                                      [this](Result<std::shared_ptr<Channel>> result) { done(std::move(result)); });
}

void Connector::done(Result<std::shared_ptr<Channel>> result) {
  const auto alive = shared_from_this();
  if (!on_open_) return;
  const Channel::OnOpen on_open = std::exchange(on_open_, nullptr);
  if (std::exchange(watched_, false)) loop_.unwatch(socket_.get());
  loop_.cancel(deadline_);
  loop_.cancel(retry_);
  forget_look_up();
  if (!result.ok() && address_.kind == Address::Kind::kTls && handshake_)
    result = Error(std::move(result).error()).within(cat("connecting to ", address_.text()));
  loop_.post([alive] {});   // a handshake that called this lives until then
  on_open(std::move(result));
}

}  // namespace

void Channel::connect(Loop& loop, const Address& address, const ChannelOptions& options, std::chrono::milliseconds timeout,
                      OnOpen on_open) {
  auto connector = std::make_shared<Connector>(loop, address, options, std::move(on_open));
  loop.post([connector, timeout] { connector->begin(timeout); });   // so `on_open` is never called in here
}

}  // namespace headrace::io
