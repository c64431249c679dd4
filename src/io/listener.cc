// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <thread>
#include <utility>

#include "headrace/base/text.h"
#include "io/address.h"
#include "io/channel.h"
#include "io/descriptor.h"
#include "io/tls_handshake.h"

namespace headrace::io {
namespace {

using detail::SocketAddress;

constexpr int kBacklog = 1024;
constexpr int kAcceptsPerTurn = 64;
constexpr std::size_t kHandshakesMax = 256;
constexpr std::chrono::milliseconds kHandshakeTimeout(5000);
constexpr std::chrono::milliseconds kExhaustedPause(50);
constexpr std::chrono::milliseconds kFolderWait(1000);

Error failed(int number, std::string_view doing, const Address& address) {
  if (number == EADDRINUSE) return Error(Code::kBusy, cat("the address ", address.text(), " is in use"), "choose another, or port 0");
  Error error = detail::system_error(number, doing, address.text());
  if (error.code != Code::kNotFound) error.code = number == EADDRNOTAVAIL ? Code::kBadValue : Code::kIo;
  return error;
}

// Keeps two listeners from replacing the same stale file. The folder itself is locked, so no file is left behind.
Result<Descriptor> lock_folder(const std::string& path) {
  const std::string folder = detail::folder_of(path);
  HEADRACE_ASSIGN(Descriptor lock, detail::open_file(folder, O_RDONLY | O_DIRECTORY));
  const auto deadline = std::chrono::steady_clock::now() + kFolderWait;
  while (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EINTR && errno != EWOULDBLOCK) return detail::system_error(errno, "locking", folder);
    if (std::chrono::steady_clock::now() >= deadline)
      return Error(Code::kBusy, cat("the folder '", folder, "' is locked by another process"));
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return lock;
}

// Removes a socket file that nobody listens on.
Status remove_stale(const Address& address, const SocketAddress& where) {
  struct stat facts {};
  if (::lstat(address.host.c_str(), &facts) != 0) return errno == ENOENT ? Status() : failed(errno, "looking at", address);
  if (!S_ISSOCK(facts.st_mode)) return Error(Code::kBusy, cat("'", address.host, "' is there and is no socket"), "choose another path");
  HEADRACE_ASSIGN(const Descriptor probe, detail::make_socket(AF_UNIX));
  // A full queue of a live listener says EAGAIN; only a dead one refuses.
  if (::connect(probe.get(), where.get(), where.size) == 0 || errno != ECONNREFUSED) return failed(EADDRINUSE, "listening on", address);
  if (::unlink(address.host.c_str()) != 0 && errno != ENOENT) return failed(errno, "removing", address);
  return {};
}

Status bind_path(int socket, const Address& address, const SocketAddress& where) {
  HEADRACE_ASSIGN(const Descriptor lock, lock_folder(address.host));
  HEADRACE_TRY(remove_stale(address, where));
  if (::bind(socket, where.get(), where.size) != 0) return failed(errno, "listening on", address);
  // Nobody can connect before `listen`, so nobody slips in before the mode is right.
  if (::chmod(address.host.c_str(), 0600) != 0 || ::listen(socket, kBacklog) != 0) {
    const int number = errno;
    ::unlink(address.host.c_str());
    return failed(number, "listening on", address);
  }
  return {};
}

Status bind_address(int socket, const Address& address, const SocketAddress& where) {
  const int on = 1;
  if (where.family() != AF_UNIX) (void)::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(socket, where.get(), where.size) != 0 || ::listen(socket, kBacklog) != 0) return failed(errno, "listening on", address);
  return {};
}

class SocketListener final : public Listener {
 public:
  SocketListener(Loop& loop, std::shared_ptr<const TlsIdentity> identity, const ChannelOptions& options, OnChannel on_channel)
      : loop_(loop), identity_(std::move(identity)), options_(options), on_channel_(std::move(on_channel)) {}
  ~SocketListener() override;

  Status listen(Address address);
  Address address() const override { return address_; }

 private:
  void accept_some();
  void accepted(Descriptor socket);
  void handshake_done(std::uint64_t id, Result<std::shared_ptr<Channel>> channel);
  void rest(bool resting);

  Loop& loop_;
  std::shared_ptr<const TlsIdentity> identity_;
  ChannelOptions options_;
  OnChannel on_channel_;
  Address address_;
  Descriptor socket_;
  ino_t file_ = 0;                                     // of the socket's path
  bool watched_ = false;
  Loop::TimerId pause_ = 0;
  std::uint64_t last_handshake_ = 0;
  std::map<std::uint64_t, std::unique_ptr<detail::TlsHandshake>> handshakes_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);   // callbacks may destroy the listener
};

SocketListener::~SocketListener() {
  *alive_ = false;
  if (watched_) loop_.unwatch(socket_.get());
  loop_.cancel(pause_);
  struct stat facts {};
  if (file_ != 0 && ::lstat(address_.host.c_str(), &facts) == 0 && facts.st_ino == file_) ::unlink(address_.host.c_str());
}

Status SocketListener::listen(Address address) {
  address_ = std::move(address);
  SocketAddress where;
  if (address_.kind == Address::Kind::kUnix) {
    HEADRACE_ASSIGN(where, detail::unix_address(address_.host));
  } else {
    HEADRACE_ASSIGN(const auto found, detail::resolve(address_.host, address_.port, true, false));
    where = found.front();
  }
  HEADRACE_ASSIGN(socket_, detail::make_socket(where.family()));
  if (where.family() == AF_UNIX && !address_.host.starts_with('@')) {
    HEADRACE_TRY(bind_path(socket_.get(), address_, where));
    struct stat facts {};
    if (::lstat(address_.host.c_str(), &facts) == 0) file_ = facts.st_ino;
  } else {
    HEADRACE_TRY(bind_address(socket_.get(), address_, where));
  }
  if (address_.kind != Address::Kind::kUnix) {
    SocketAddress taken;
    taken.size = sizeof taken.storage;
    if (::getsockname(socket_.get(), taken.get(), &taken.size) != 0) return failed(errno, "listening on", address_);
    address_.port = taken.port();
    address_.certificate = identity_ ? identity_->digest() : "";
  }
  HEADRACE_TRY(loop_.watch(socket_.get(), true, false, [this](Loop::Ready) { accept_some(); }));
  watched_ = true;
  return {};
}

void SocketListener::rest(bool resting) { (void)loop_.change(socket_.get(), !resting, false); }

void SocketListener::accept_some() {
  const std::shared_ptr<bool> alive = alive_;
  for (int i = 0; i < kAcceptsPerTurn && *alive; ++i) {
    if (handshakes_.size() >= kHandshakesMax) return rest(true);   // others wait in the kernel's queue
    Descriptor socket(::accept4(socket_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (socket.open()) {
      accepted(std::move(socket));
      continue;
    }
    if (errno == EINTR || errno == ECONNABORTED || errno == EPROTO) continue;
    if (errno == EAGAIN) return;
    // Out of descriptors or memory: the queue keeps the peers meanwhile, and asking again at once would only burn time.
    rest(true);
    pause_ = loop_.after(kExhaustedPause, [this] { rest(false); });
    return;
  }
}

void SocketListener::accepted(Descriptor socket) {
  if (address_.kind != Address::Kind::kUnix) detail::send_small_writes_at_once(socket.get());
  const OnChannel on_channel = on_channel_;   // it may destroy the listener
  if (address_.kind != Address::Kind::kTls)
    return on_channel(std::make_shared<detail::StreamChannel>(loop_, std::move(socket), nullptr, options_));
  auto tls = detail::TlsStream::server(*identity_, socket.get());
  if (!tls.ok()) return;   // no memory: the peer sees its connection closed
  const std::uint64_t id = ++last_handshake_;
  handshakes_.emplace(id, std::make_unique<detail::TlsHandshake>(
                              loop_, std::move(socket), std::move(*tls), options_, kHandshakeTimeout,
                              [this, id](Result<std::shared_ptr<Channel>> channel) { handshake_done(id, std::move(channel)); }));
}

void SocketListener::handshake_done(std::uint64_t id, Result<std::shared_ptr<Channel>> channel) {
  if (handshakes_.size() == kHandshakesMax) rest(false);
  handshakes_.erase(id);
  const OnChannel on_channel = on_channel_;
  if (channel.ok()) on_channel(std::move(*channel));
}

}  // namespace

Result<std::unique_ptr<Listener>> Listener::open(Loop& loop, const Address& address, std::shared_ptr<const TlsIdentity> identity,
                                                 const ChannelOptions& options, OnChannel on_channel) {
  if (address.kind == Address::Kind::kTls && !identity)
    return Error(Code::kBadValue, cat("listening on ", address.text(), " needs a TLS identity"));
  if (address.kind != Address::Kind::kTls) identity.reset();
  auto listener = std::make_unique<SocketListener>(loop, std::move(identity), options, std::move(on_channel));
  HEADRACE_TRY(listener->listen(address));
  return std::unique_ptr<Listener>(std::move(listener));
}

}  // namespace headrace::io
