// SPDX-License-Identifier: Apache-2.0
#pragma once
// Blob: bytes that other processes of this host can read in place: a sealed memfd, or an unlinked file in a spill folder. Whoever
// has its descriptor can map it; it is gone with the last descriptor and mapping, however processes end, so nothing can leak.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "headrace/base/result.h"
#include "headrace/io/descriptor.h"

namespace headrace::cluster {

class Blob {
 public:
  /// Gives the bytes, piece by piece, to the function that it is called with.
  using Fill = std::function<Status(const std::function<Status(std::string_view)>& write)>;
  /// Makes one of `size` bytes. `spill` empty: in memory; else a folder on a disk. Cost: less than a memcpy into fresh memory, since
  /// the kernel takes whole pages without clearing them first. Errors: kIo (no memory, disk full).
  static Result<std::shared_ptr<const Blob>> make(std::uint64_t size, const std::string& spill, const Fill& fill);
  static Result<std::shared_ptr<const Blob>> copy(std::string_view bytes, const std::string& spill);
  /// Maps one that another process made. A blob in memory must be sealed against shrinking and writing: reading it can then not end
  /// this process. Errors: kProtocol (not sealed, or smaller than `size`), kIo.
  static Result<std::shared_ptr<const Blob>> adopt(io::Descriptor descriptor, std::uint64_t size);
  ~Blob();
  Blob(const Blob&) = delete;
  Blob& operator=(const Blob&) = delete;

  std::string_view bytes() const { return {base_, size_}; }
  int descriptor() const { return descriptor_.get(); }
  bool in_memory() const { return in_memory_; }
  std::uint64_t size() const { return size_; }

 private:
  Blob(io::Descriptor descriptor, std::uint64_t size, bool in_memory)
      : descriptor_(std::move(descriptor)), size_(size), in_memory_(in_memory) {}
  static Result<std::shared_ptr<Blob>> allocate(std::uint64_t size, const std::string& spill);
  Status write(std::string_view bytes, std::uint64_t offset) const;
  Status map();

  io::Descriptor descriptor_;
  const char* base_ = nullptr;
  std::uint64_t size_ = 0;
  bool in_memory_ = true;
};

}  // namespace headrace::cluster
