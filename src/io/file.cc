// SPDX-License-Identifier: Apache-2.0
#include "headrace/io/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include "headrace/base/text.h"
#include "io/descriptor.h"

namespace headrace::io {

using detail::Descriptor;

Result<FileStat> file_stat(const std::string& path) {
  struct stat facts {};
  if (path.find('\0') != std::string::npos) return Error(Code::kBadValue, "a path holds a zero byte");
  if (::stat(path.c_str(), &facts) != 0) return detail::system_error(errno, "looking at", path);
  FileStat out;
  out.size = static_cast<std::uint64_t>(facts.st_size);
  out.changed_ns = static_cast<std::int64_t>(facts.st_mtim.tv_sec) * 1'000'000'000 + facts.st_mtim.tv_nsec;
  out.folder = S_ISDIR(facts.st_mode);
  return out;
}

bool exists(const std::string& path) { return file_stat(path).ok(); }

Result<std::string> read_file(const std::string& path, std::uint64_t limit) {
  HEADRACE_ASSIGN(const Descriptor file, detail::open_file(path, O_RDONLY));
  HEADRACE_ASSIGN(const std::uint64_t size, detail::size_of(file.get(), path));
  const auto too_large = [&] { return Error(Code::kTooLarge, cat("file '", path, "' has more than ", bytes_text(limit))); };
  if (size > limit) return too_large();
  // The size is a hint: files of /proc say 0, and a file can grow while it is read.
  std::string out;
  std::size_t done = 0;
  while (true) {
    const std::size_t want = std::max<std::size_t>(done == 0 ? static_cast<std::size_t>(size) + 1 : 0, std::size_t{1} << 16);
    out.resize(done + want);
    HEADRACE_ASSIGN(const std::size_t got, detail::read_at(file.get(), out.data() + done, want, done, path));
    done += got;
    if (done > limit) return too_large();
    if (got < want) break;
  }
  out.resize(done);
  return out;
}

Result<Digest> file_digest(const std::string& path) {
  HEADRACE_ASSIGN(const Descriptor file, detail::open_file(path, O_RDONLY));
  std::vector<char> buffer(std::size_t{1} << 20);
  Hasher hasher;
  for (std::uint64_t offset = 0;;) {
    HEADRACE_ASSIGN(const std::size_t got, detail::read_at(file.get(), buffer.data(), buffer.size(), offset, path));
    hasher.bytes(buffer.data(), got);
    offset += got;
    if (got < buffer.size()) return hasher.finish();
  }
}

Status make_folders(const std::string& path) {
  std::error_code problem;
  std::filesystem::create_directories(path, problem);
  if (problem) return detail::system_error(problem.value(), "making folder", path);
  if (!std::filesystem::is_directory(path, problem)) return detail::system_error(ENOTDIR, "making folder", path);
  return {};
}

Status sync_folder(const std::string& path) {
  HEADRACE_ASSIGN(const Descriptor folder, detail::open_file(path, O_RDONLY | O_DIRECTORY));
  // Some file systems cannot sync a folder and say EINVAL; there is nothing more to do on those.
  if (::fsync(folder.get()) != 0 && errno != EINVAL) return detail::system_error(errno, "syncing folder", path);
  return {};
}

Result<MappedFile> MappedFile::open(const std::string& path) {
  HEADRACE_ASSIGN(const FileStat facts, file_stat(path));
  return open(path, 0, facts.size);
}

Result<MappedFile> MappedFile::open(const std::string& path, std::uint64_t offset, std::uint64_t length) {
  HEADRACE_ASSIGN(const Descriptor file, detail::open_file(path, O_RDONLY));
  HEADRACE_ASSIGN(const std::uint64_t size, detail::size_of(file.get(), path));
  if (offset > size || length > size - offset) {
    return Error(Code::kTooLarge, cat("bytes ", offset, " to ", offset + length, " are not in '", path, "', which has ", size));
  }
  MappedFile out;
  if (length == 0) return out;   // mmap refuses empty ranges
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const std::uint64_t start = offset / page * page;
  const std::size_t mapped = static_cast<std::size_t>(offset - start + length);
  void* base = ::mmap(nullptr, mapped, PROT_READ, MAP_SHARED, file.get(), static_cast<off_t>(start));
  if (base == MAP_FAILED) return detail::system_error(errno, "mapping", path);
  out.base_ = base;
  out.mapped_ = mapped;
  out.bytes_ = std::string_view(static_cast<const char*>(base) + (offset - start), static_cast<std::size_t>(length));
  return out;
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : base_(std::exchange(other.base_, nullptr)), mapped_(std::exchange(other.mapped_, 0)), bytes_(std::exchange(other.bytes_, {})) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  MappedFile taken(std::move(other));   // what this one held goes with `taken`
  std::swap(base_, taken.base_);
  std::swap(mapped_, taken.mapped_);
  std::swap(bytes_, taken.bytes_);
  return *this;
}

MappedFile::~MappedFile() {
  if (base_ != nullptr) ::munmap(base_, mapped_);
}

Result<TemporaryFolder> TemporaryFolder::create(std::string_view name) {
  const char* root = std::getenv("TMPDIR");
  std::string path = cat(root != nullptr && *root != '\0' ? root : "/tmp", "/", name, ".XXXXXX");
  if (::mkdtemp(path.data()) == nullptr) return detail::system_error(errno, "making folder", path);
  TemporaryFolder out;
  out.path_ = std::move(path);
  return out;
}

TemporaryFolder& TemporaryFolder::operator=(TemporaryFolder&& other) noexcept {
  TemporaryFolder taken(std::move(other));
  std::swap(path_, taken.path_);
  return *this;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

std::string TemporaryFolder::file(std::string_view name) const { return cat(path_, "/", name); }

}  // namespace headrace::io
