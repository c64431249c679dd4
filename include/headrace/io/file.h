// SPDX-License-Identifier: Apache-2.0
#pragma once
// Files as whole things: read with a bound, written aside and renamed, mapped, locked, digested. Linux; paths are UTF-8 bytes.
// Errors everywhere: kNotFound when a path is not there, kIo with the cause (and advice when the disk is full) otherwise.

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "headrace/base/digest.h"
#include "headrace/base/result.h"

namespace headrace::io {

struct FileStat {
  std::uint64_t size = 0;        ///< bytes
  std::int64_t changed_ns = 0;   ///< time of the last change of content, nanoseconds since 1970
  bool folder = false;
};

/// Follows links. Errors: kNotFound, kIo.
Result<FileStat> file_stat(const std::string& path);
bool exists(const std::string& path);

inline constexpr std::uint64_t kReadMax = std::uint64_t{1} << 30;
/// Reads a whole file. Errors: kTooLarge when it has more than `limit` bytes (nothing is read then).
Result<std::string> read_file(const std::string& path, std::uint64_t limit = kReadMax);
/// SHA-256 of the content, streamed. Cost: about 1 GB/s, 1 MiB of memory.
Result<Digest> file_digest(const std::string& path);

/// Makes a folder and those above it; fine when it is there.
Status make_folders(const std::string& path);
/// Makes renames and new names in a folder durable.
Status sync_folder(const std::string& path);

/// Replaces `path` as a whole: whoever opens it sees the old bytes or the new ones, whatever happens in between.
/// Written aside in the same folder, synced, renamed, folder synced. Keeps the permissions of a file that was there.
Status write_file_atomic(const std::string& path, std::string_view bytes);

/// The same for content that comes in pieces. Threads: one at a time. Without `commit` nothing of it stays.
class AtomicFile {
 public:
  static Result<AtomicFile> create(const std::string& path);
  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&& other) noexcept;
  ~AtomicFile();

  Status write(std::string_view bytes);
  /// Where it is written until `commit`: "FOLDER/.NAME.PID.N.aside". For libraries that write to a path themselves.
  const std::string& aside() const { return aside_; }
  Status commit();

 private:
  AtomicFile() = default;
  void discard();
  int descriptor_ = -1;
  std::string path_;
  std::string aside_;
};

/// Deletes files that writers which were killed left aside in a folder (their process is gone); returns how many.
Result<int> remove_asides(const std::string& folder);

/// A file, or a part of one, mapped for reading; the address stays when the object moves.
/// A file that someone truncates while it is mapped ends the process on the next read: map only files that are never rewritten in place.
class MappedFile {
 public:
  static Result<MappedFile> open(const std::string& path);
  /// `length` bytes from `offset` (any, not only whole pages). Errors: kTooLarge when they are not in the file.
  static Result<MappedFile> open(const std::string& path, std::uint64_t offset, std::uint64_t length);
  MappedFile() = default;
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  std::string_view bytes() const { return bytes_; }

 private:
  void* base_ = nullptr;
  std::size_t mapped_ = 0;
  std::string_view bytes_;
};

/// A folder that is deleted with all in it when the object goes. Made under $TMPDIR, else /tmp, for this user only.
class TemporaryFolder {
 public:
  static Result<TemporaryFolder> create(std::string_view name = "headrace");
  TemporaryFolder(TemporaryFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  TemporaryFolder& operator=(TemporaryFolder&& other) noexcept;
  ~TemporaryFolder();

  const std::string& path() const { return path_; }
  /// path()/name
  std::string file(std::string_view name) const;

 private:
  TemporaryFolder() = default;
  std::string path_;
};

/// An exclusive lock between processes (and between two holders in one): the file stays, the lock goes with the object or with the
/// process, however it ends. The holder's process id is in the file.
class FileLock {
 public:
  /// Errors: kBusy naming the holder when it is still held after `wait`.
  static Result<FileLock> acquire(const std::string& path, std::chrono::milliseconds wait = std::chrono::milliseconds(0));
  FileLock() = default;
  FileLock(FileLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  FileLock& operator=(FileLock&& other) noexcept;
  ~FileLock();

  bool held() const { return descriptor_ >= 0; }
  void release();

 private:
  int descriptor_ = -1;
};

}  // namespace headrace::io
