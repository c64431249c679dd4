// SPDX-License-Identifier: Apache-2.0
#include "io/address.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstring>

#include "headrace/base/digest.h"
#include "headrace/base/text.h"
#include "headrace/io/channel.h"
#include "io/descriptor.h"

namespace headrace::io {
namespace {

constexpr const char* kForms = "write unix:PATH, tcp:HOST:PORT or tls:HOST:PORT#DIGEST";

Error malformed(std::string_view text, std::string_view what) {
  return Error(Code::kBadValue, cat("the address '", text.substr(0, 200), "' ", what), kForms);
}

Result<std::uint16_t> parse_port(std::string_view digits, std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size())
    return malformed(text, "has no port from 0 to 65535");
  return port;
}

// "HOST:PORT" with brackets around hosts that hold colons.
Status parse_host_and_port(std::string_view rest, std::string_view text, Address& out) {
  const std::size_t colon = rest.rfind(':');
  if (colon == std::string_view::npos) return malformed(text, "has no port");
  std::string_view host = rest.substr(0, colon);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return malformed(text, "has an IPv6 host without brackets");
  }
  const bool plain = std::all_of(host.begin(), host.end(), [](char c) { return c > ' ' && c < 0x7f && c != '[' && c != ']' && c != '#'; });
  if (host.empty() || host.size() > 255 || !plain) return malformed(text, "has no valid host");
  out.host = host;
  HEADRACE_ASSIGN(out.port, parse_port(rest.substr(colon + 1), text));
  return {};
}

}  // namespace

Result<Address> Address::parse(std::string_view text) {
  Address out;
  const std::size_t colon = text.find(':');
  const std::string_view scheme = text.substr(0, colon);
  std::string_view rest = colon == std::string_view::npos ? "" : text.substr(colon + 1);
  if (scheme == "unix") {
    out.host = rest;
    if (auto path = detail::unix_address(out.host); !path.ok()) return std::move(path).error();
    return out;
  }
  if (scheme != "tcp" && scheme != "tls") return malformed(text, "has no known kind");
  out.kind = scheme == "tcp" ? Kind::kTcp : Kind::kTls;
  if (const std::size_t mark = rest.find('#'); out.kind == Kind::kTls && mark != std::string_view::npos) {
    const auto digest = Digest::from_hex(rest.substr(mark + 1));
    if (!digest) return malformed(text, "has a certificate digest that is not 64 hexadecimal digits");
    out.certificate = digest->hex();
    rest = rest.substr(0, mark);
  }
  HEADRACE_TRY(parse_host_and_port(rest, text, out));
  return out;
}

std::string Address::text() const {
  if (kind == Kind::kUnix) return cat("unix:", host);
  const bool colons = host.find(':') != std::string::npos;
  const std::string where = colons ? cat('[', host, "]:", port) : cat(host, ':', port);
  if (kind == Kind::kTcp) return cat("tcp:", where);
  return certificate.empty() ? cat("tls:", where) : cat("tls:", where, '#', certificate);
}

namespace detail {

Result<SocketAddress> unix_address(const std::string& path) {
  SocketAddress out;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const bool abstract = path.starts_with('@');
  if (path.size() < (abstract ? 2u : 1u)) return Error(Code::kBadValue, "a Unix socket has no path", kForms);
  if (path.size() >= sizeof address.sun_path)
    return Error(Code::kBadValue,
                 cat("the path of a Unix socket is ", path.size(), " bytes long, the limit is 107: '", path.substr(0, 200), "'"),
                 "use a shorter folder");
  if (path.find('\0') != std::string::npos) return Error(Code::kBadValue, "the path of a Unix socket holds a zero byte");
  std::memcpy(address.sun_path, path.data(), path.size());
  if (abstract) address.sun_path[0] = '\0';
  std::memcpy(&out.storage, &address, sizeof address);
  out.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + (abstract ? 0 : 1));
  return out;
}

Result<std::vector<SocketAddress>> resolve(const std::string& host, std::uint16_t port, bool passive, bool numeric) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | (passive ? AI_PASSIVE : 0) | (numeric ? AI_NUMERICHOST : 0);
  addrinfo* list = nullptr;
  const int failure = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
  if (failure == EAI_NONAME && numeric) return Error(Code::kNotFound, cat("'", host, "' is a name"));
  if (failure != 0)
    return Error(Code::kUnreachable, cat("the host '", host, "' is not known: ", ::gai_strerror(failure)),
                 "check the name, or use its number");
  std::vector<SocketAddress> out;
  for (const addrinfo* entry = list; entry != nullptr && out.size() < 16; entry = entry->ai_next) {
    SocketAddress& address = out.emplace_back();
    address.size = std::min<socklen_t>(entry->ai_addrlen, sizeof address.storage);
    std::memcpy(&address.storage, entry->ai_addr, address.size);
  }
  ::freeaddrinfo(list);
  if (out.empty()) return Error(Code::kUnreachable, cat("the host '", host, "' has no address"));
  return out;
}

std::string SocketAddress::text() const {
  if (family() == AF_UNIX) {
    const std::size_t head = offsetof(sockaddr_un, sun_path);
    if (size <= head) return {};
    const auto* const address = reinterpret_cast<const sockaddr_un*>(&storage);
    std::string path(address->sun_path, size - head);
    if (path.front() == '\0') {
      path.front() = '@';
    } else {
      path.resize(std::strlen(path.c_str()));
    }
    return path;
  }
  char host[NI_MAXHOST];
  if (::getnameinfo(get(), size, host, sizeof host, nullptr, 0, NI_NUMERICHOST) != 0) return "?";
  return family() == AF_INET6 ? cat('[', host, "]:", port()) : cat(host, ':', port());
}

std::uint16_t SocketAddress::port() const {
  if (family() == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in*>(&storage)->sin_port);
  if (family() == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_port);
  return 0;
}

void send_small_writes_at_once(int socket) {
  const int on = 1;
  (void)::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);   // a matter of speed: nothing is lost without it
}

Result<Descriptor> make_socket(int family) {
  Descriptor socket(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.open()) {
    Error error = system_error(errno, "making", "a socket");
    error.code = Code::kIo;
    return error;
  }
  if (family != AF_UNIX) send_small_writes_at_once(socket.get());
  return socket;
}

}  // namespace detail
}  // namespace headrace::io
