// SPDX-License-Identifier: Apache-2.0
#include "io/frames_socket.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "io/descriptor.h"

namespace headrace::io::detail {
namespace {

constexpr std::size_t kDescriptorsPerCall = 253;   // SCM_MAX_FD of the kernel: one skb carries no more

bool would_block(int number) { return number == EAGAIN || number == EWOULDBLOCK; }

void attach(msghdr& message, char* control, std::span<const Descriptor> descriptors) {
  message.msg_control = control;
  message.msg_controllen = CMSG_SPACE(descriptors.size() * sizeof(int));
  std::memset(control, 0, message.msg_controllen);
  cmsghdr* const head = CMSG_FIRSTHDR(&message);
  head->cmsg_level = SOL_SOCKET;
  head->cmsg_type = SCM_RIGHTS;
  head->cmsg_len = CMSG_LEN(descriptors.size() * sizeof(int));
  for (std::size_t i = 0; i < descriptors.size(); ++i) {
    const int number = descriptors[i].get();
    std::memcpy(CMSG_DATA(head) + i * sizeof number, &number, sizeof number);
  }
}

void take_descriptors(msghdr& message, FrameReader& reader) {
  for (cmsghdr* head = CMSG_FIRSTHDR(&message); head != nullptr; head = CMSG_NXTHDR(&message, head)) {
    if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int number = -1;
      std::memcpy(&number, CMSG_DATA(head) + i * sizeof number, sizeof number);
      reader.take(Descriptor(number));
    }
  }
}

}  // namespace

Error socket_error(int number, const char* doing) {
  if (number == EPIPE || number == ECONNRESET || number == ENOTCONN) return Error(Code::kClosed, "the peer closed the connection");
  Error error = system_error(number, doing, "a connection");
  error.code = Code::kIo;
  return error;
}

Result<Moved> send_some(int socket, FrameQueue& queue) {
  FrameQueue::Batch batch = queue.batch();
  alignas(cmsghdr) char control[CMSG_SPACE(kFrameDescriptorsMax * sizeof(int))];
  msghdr message{};
  message.msg_iov = batch.parts.data();
  message.msg_iovlen = batch.count;
  if (!batch.descriptors.empty()) attach(message, control, batch.descriptors);
  while (true) {
    const ssize_t sent = ::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
      queue.consume(static_cast<std::size_t>(sent));
      return Moved{.bytes = static_cast<std::size_t>(sent)};
    }
    if (sent == 0 || would_block(errno)) return Moved{.blocked = true};
    // Too many descriptors are on their way between this user's processes, or the kernel is short of buffers.
    if (errno == ETOOMANYREFS || errno == ENOBUFS || errno == ENOMEM) return Moved{.short_of_memory = true};
    if (errno != EINTR) return socket_error(errno, "writing to");
  }
}

Result<Moved> receive_some(int socket, FrameReader& reader) {
  const std::span<char> room = reader.room();
  iovec part{room.data(), room.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(kDescriptorsPerCall * sizeof(int))];
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  while (true) {
    const ssize_t got = ::recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && would_block(errno)) return Moved{.blocked = true};
    if (got < 0 && errno == ECONNRESET) return Moved{.ended = true};   // it closed before it had read everything
    if (got < 0) return socket_error(errno, "reading from");
    take_descriptors(message, reader);
    if ((message.msg_flags & MSG_CTRUNC) != 0)
      return Error(Code::kProtocol, "descriptors that a peer sent were lost", "raise the limit on open files (ulimit -n)");
    if (got == 0) return Moved{.ended = true};
    reader.filled(static_cast<std::size_t>(got));
    return Moved{.bytes = static_cast<std::size_t>(got)};
  }
}

}  // namespace headrace::io::detail
