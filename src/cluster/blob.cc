// SPDX-License-Identifier: Apache-2.0
#include "cluster/blob.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "headrace/base/check.h"
#include "headrace/base/text.h"

namespace headrace::cluster {
namespace {

constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

Error blob_error(int number, std::string_view doing, std::uint64_t size) {
  return Error(Code::kIo, cat(doing, " ", bytes_text(size), " of shared memory: ", std::strerror(number)),
               number == ENOSPC || number == ENOMEM ? "lower --object-memory, or free space in the spill folder" : "");
}

}  // namespace

Result<std::shared_ptr<Blob>> Blob::allocate(std::uint64_t size, const std::string& spill) {
  const bool in_memory = spill.empty();
  io::Descriptor descriptor(in_memory ? memfd_create("headrace", MFD_CLOEXEC | MFD_ALLOW_SEALING)
                                      : open(spill.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!descriptor.open()) return blob_error(errno, in_memory ? "making" : cat("spilling to ", spill, ":"), size);
  // A file gets its blocks now: a full disk is an error here, not a signal on some later write.
  const int sized = size == 0 || in_memory ? ftruncate(descriptor.get(), static_cast<off_t>(size))
                                           : posix_fallocate(descriptor.get(), 0, static_cast<off_t>(size));
  if (sized != 0) return blob_error(in_memory ? errno : sized, "sizing", size);
  return std::shared_ptr<Blob>(new Blob(std::move(descriptor), size, in_memory));
}

Status Blob::write(std::string_view bytes, std::uint64_t offset) const {
  while (!bytes.empty()) {
    const ssize_t written = pwrite(descriptor_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return blob_error(errno, "writing", size_);
    bytes.remove_prefix(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
  }
  return {};
}

Result<std::shared_ptr<const Blob>> Blob::make(std::uint64_t size, const std::string& spill, const Fill& fill) {
  HEADRACE_ASSIGN(std::shared_ptr<Blob> blob, allocate(size, spill));
  std::uint64_t offset = 0;
  HEADRACE_TRY(fill([&](std::string_view piece) -> Status {
    HEADRACE_CHECK(piece.size() <= size - offset, "a blob is filled past its end");
    HEADRACE_TRY(blob->write(piece, offset));
    offset += piece.size();
    return {};
  }));
  HEADRACE_CHECK(offset == size, "a blob is not filled");
  if (blob->in_memory_ && fcntl(blob->descriptor(), F_ADD_SEALS, kSeals) != 0) return blob_error(errno, "sealing", size);
  HEADRACE_TRY(blob->map());
  return std::shared_ptr<const Blob>(std::move(blob));
}

Status Blob::map() {
  if (size_ == 0) return {};
  void* base = mmap(nullptr, size_, PROT_READ, MAP_SHARED, descriptor_.get(), 0);
  if (base == MAP_FAILED) return blob_error(errno, "mapping", size_);
  base_ = static_cast<const char*>(base);
  return {};
}

Result<std::shared_ptr<const Blob>> Blob::copy(std::string_view bytes, const std::string& spill) {
  return make(bytes.size(), spill, [&](const auto& write) { return write(bytes); });
}

Result<std::shared_ptr<const Blob>> Blob::adopt(io::Descriptor descriptor, std::uint64_t size) {
  struct stat facts {};
  if (fstat(descriptor.get(), &facts) != 0) return blob_error(errno, "looking at", size);
  if (!S_ISREG(facts.st_mode) || static_cast<std::uint64_t>(facts.st_size) < size) {
    return Error(Code::kProtocol, cat("a shared object of ", size, " bytes came with a descriptor of ", facts.st_size));
  }
  const int seals = fcntl(descriptor.get(), F_GET_SEALS);
  const bool in_memory = seals >= 0;
  if (in_memory && (seals & kSeals) != kSeals) return Error(Code::kProtocol, "a shared object came unsealed");
  // Only memfds carry seals; a spilled file has no name, so nobody but its sharers can change it.
  if (!in_memory && facts.st_nlink != 0) return Error(Code::kProtocol, "a spilled object came as a named file");
  std::shared_ptr<Blob> blob(new Blob(std::move(descriptor), size, in_memory));
  HEADRACE_TRY(blob->map());
  return std::shared_ptr<const Blob>(std::move(blob));
}

Blob::~Blob() {
  if (base_ != nullptr) munmap(const_cast<char*>(base_), size_);
}

}  // namespace headrace::cluster
