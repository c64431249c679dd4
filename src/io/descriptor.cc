// SPDX-License-Identifier: Apache-2.0
#include "io/descriptor.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "headrace/base/text.h"

namespace headrace::io {

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  if (this != &other) {
    reset();
    number_ = other.release();
  }
  return *this;
}

void Descriptor::reset() {
  if (open()) ::close(release());
}

namespace detail {
namespace {

constexpr std::size_t kCallMax = std::size_t{1} << 30;   // one system call moves at most 2 GiB less a page

std::string advice_for(int number) {
  switch (number) {
    case ENOSPC:
    case EDQUOT: return "the disk is full: free some space and run the command again";
    case EACCES:
    case EPERM: return "check who owns it and its permissions";
    case EROFS: return "the file system is read-only";
    case EMFILE:
    case ENFILE: return "too many files are open: raise the limit (ulimit -n)";
    case EFBIG: return "a limit on file sizes was reached (ulimit -f)";
    default: return {};
  }
}

}  // namespace

Error system_error(int number, std::string_view doing, const std::string& path) {
  const Code code = number == ENOENT || number == ENOTDIR ? Code::kNotFound : Code::kIo;
  return Error(code, cat(doing, " '", path, "': ", std::generic_category().message(number)), advice_for(number));
}

Result<Descriptor> open_file(const std::string& path, int flags, unsigned mode) {
  if (path.find('\0') != std::string::npos) return Error(Code::kBadValue, "a path holds a zero byte");
  while (true) {
    const int number = ::open(path.c_str(), flags | O_CLOEXEC, mode);
    if (number >= 0) return Descriptor(number);
    if (errno != EINTR) return system_error(errno, "opening", path);
  }
}

Status write_all(int descriptor, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), std::min(bytes.size(), kCallMax));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return system_error(errno, "writing", path);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Status write_all_at(int descriptor, std::string_view bytes, std::uint64_t offset, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(descriptor, bytes.data(), std::min(bytes.size(), kCallMax), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return system_error(errno, "writing", path);
    bytes.remove_prefix(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
  }
  return {};
}

Result<std::size_t> read_at(int descriptor, void* out, std::size_t size, std::uint64_t offset, const std::string& path) {
  std::size_t done = 0;
  while (done < size) {
    char* const to = static_cast<char*>(out) + done;
    const ssize_t got = ::pread(descriptor, to, std::min(size - done, kCallMax), static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error(errno, "reading", path);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

Result<std::uint64_t> size_of(int descriptor, const std::string& path) {
  struct stat facts {};
  if (::fstat(descriptor, &facts) != 0) return system_error(errno, "looking at", path);
  return static_cast<std::uint64_t>(facts.st_size);
}

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string name_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

}  // namespace detail
}  // namespace headrace::io
