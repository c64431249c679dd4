// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <thread>

#include "headrace/base/text.h"
#include "headrace/io/file.h"
#include "io/descriptor.h"

namespace headrace::io {
namespace {

Error busy(int descriptor, const std::string& path) {
  char text[24];
  const Result<std::size_t> got = detail::read_at(descriptor, text, sizeof text, 0, path);
  const std::string_view holder = got.ok() ? trim(std::string_view(text, *got)) : "";
  const bool known = !holder.empty() && std::all_of(holder.begin(), holder.end(), [](char c) { return c >= '0' && c <= '9'; });
  return Error(Code::kBusy, cat("'", path, "' is held by ", known ? cat("process ", holder) : "another process"),
               "wait until it ends, or stop it");
}

}  // namespace

Result<FileLock> FileLock::acquire(const std::string& path, std::chrono::milliseconds wait) {
  HEADRACE_ASSIGN(detail::Descriptor file, detail::open_file(path, O_RDWR | O_CREAT));
  const auto deadline = std::chrono::steady_clock::now() + wait;
  while (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) return detail::system_error(errno, "locking", path);
    if (std::chrono::steady_clock::now() >= deadline) return busy(file.get(), path);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  // The number is for messages only; a lock whose number cannot be written is a lock all the same.
  if (::ftruncate(file.get(), 0) == 0) (void)detail::write_all_at(file.get(), cat(::getpid(), '\n'), 0, path);
  FileLock lock;
  lock.descriptor_ = file.release();
  return lock;
}

FileLock& FileLock::operator=(FileLock&& other) noexcept {
  if (this != &other) {
    release();
    descriptor_ = std::exchange(other.descriptor_, -1);
  }
  return *this;
}

FileLock::~FileLock() { release(); }

void FileLock::release() {
  if (descriptor_ < 0) return;
  if (::ftruncate(descriptor_, 0) != 0) {
    // The number of a holder that is gone stays in the file; the next holder replaces it.
  }
  ::flock(descriptor_, LOCK_UN);   // a child that is between fork and exec may hold a copy of the descriptor
  ::close(std::exchange(descriptor_, -1));
}

}  // namespace headrace::io
