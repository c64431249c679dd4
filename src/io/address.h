// SPDX-License-Identifier: Apache-2.0
#pragma once
// Socket addresses as the kernel wants them.

#include <sys/socket.h>
#include <sys/un.h>

#include <cstdint>
#include <string>
#include <vector>

#include "headrace/base/result.h"
#include "headrace/io/descriptor.h"

namespace headrace::io::detail {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
  int family() const { return storage.ss_family; }
  /// "HOST:PORT" or "[HOST]:PORT" in numbers; the path of a Unix socket, '@' in front of an abstract name.
  std::string text() const;
  std::uint16_t port() const;
};

/// Errors: kBadValue for a path that is empty, longer than 107 bytes or holds a zero byte.
Result<SocketAddress> unix_address(const std::string& path);
/// Blocks on the resolver unless `numeric`, which refuses names (kNotFound). `passive`: an address to listen on.
/// Errors: kUnreachable, with what the resolver says.
Result<std::vector<SocketAddress>> resolve(const std::string& host, std::uint16_t port, bool passive, bool numeric);
/// A stream socket that does not block, closes on exec, and sends small writes at once.
Result<Descriptor> make_socket(int family);
void send_small_writes_at_once(int socket);

}  // namespace headrace::io::detail
