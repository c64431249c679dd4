// SPDX-License-Identifier: Apache-2.0
#pragma once
// Moves frames through a stream socket, one system call at a time and never waiting.

#include <cstddef>

#include "headrace/base/result.h"
#include "io/frames.h"

namespace headrace::io::detail {

/// What one attempt to move bytes came to.
struct Moved {
  std::size_t bytes = 0;
  bool blocked = false;                // nothing moved: wait until the socket is ready
  bool short_of_memory = false;        // nothing moved, and readiness will not tell when it helps to try again
  bool ended = false;                  // the peer closed
};

/// Writes what one sendmsg takes; descriptors ride with the first byte. Errors: kClosed, kIo.
Result<Moved> send_some(int socket, FrameQueue& queue);
/// Reads what one recvmsg gives, with descriptors. Errors: kIo; kProtocol when descriptors were lost.
Result<Moved> receive_some(int socket, FrameReader& reader);

/// The Error of a failed read or write: kClosed when the peer is gone, kIo otherwise.
Error socket_error(int number, const char* doing);

}  // namespace headrace::io::detail
