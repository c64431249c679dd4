// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <filesystem>

#include "headrace/base/text.h"
#include "headrace/io/file.h"
#include "io/descriptor.h"

namespace headrace::io {
namespace {

constexpr std::string_view kAsideEnd = ".aside";

// ".NAME.PID.N.aside": hidden, unlike any other writer's, and its writer can be asked for.
std::string aside_name(const std::string& path) {
  static std::atomic<std::uint64_t> next{0};
  const std::string name = detail::name_of(path).substr(0, 180);   // a name has at most 255 bytes
  return cat(detail::folder_of(path), "/.", name, ".", ::getpid(), ".", next.fetch_add(1), kAsideEnd);
}

// The process in an aside's name, or 0 when the name has another form.
int aside_process(std::string_view name) {
  if (!name.starts_with('.') || !name.ends_with(kAsideEnd)) return 0;
  name.remove_suffix(kAsideEnd.size());
  const std::size_t number = name.rfind('.');
  if (number == std::string_view::npos || number == 0) return 0;
  const std::size_t process = name.rfind('.', number - 1);
  if (process == std::string_view::npos) return 0;
  int out = 0;
  const char* const end = name.data() + number;
  const auto parsed = std::from_chars(name.data() + process + 1, end, out);
  return parsed.ec == std::errc{} && parsed.ptr == end ? out : 0;
}

bool is_alive(int process) { return ::kill(process, 0) == 0 || errno == EPERM; }

}  // namespace

Result<AtomicFile> AtomicFile::create(const std::string& path) {
  AtomicFile file;
  file.path_ = path;
  std::string aside = aside_name(path);
  HEADRACE_ASSIGN(detail::Descriptor descriptor, detail::open_file(aside, O_WRONLY | O_CREAT | O_EXCL));
  file.aside_ = std::move(aside);
  file.descriptor_ = descriptor.release();
  struct stat facts {};
  if (::stat(path.c_str(), &facts) == 0 && S_ISREG(facts.st_mode) && ::fchmod(file.descriptor_, facts.st_mode & 07777) != 0) {
    return detail::system_error(errno, "setting permissions of", path);
  }
  return file;
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), path_(std::exchange(other.path_, {})), aside_(std::exchange(other.aside_, {})) {}

AtomicFile& AtomicFile::operator=(AtomicFile&& other) noexcept {
  if (this != &other) {
    discard();
    descriptor_ = std::exchange(other.descriptor_, -1);
    path_ = std::exchange(other.path_, {});
    aside_ = std::exchange(other.aside_, {});
  }
  return *this;
}

AtomicFile::~AtomicFile() { discard(); }

void AtomicFile::discard() {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  if (!aside_.empty()) ::unlink(aside_.c_str());
  aside_.clear();
}

Status AtomicFile::write(std::string_view bytes) {
  HEADRACE_CHECK(descriptor_ >= 0, "write after commit");
  return detail::write_all(descriptor_, bytes, path_);
}

Status AtomicFile::commit() {
  HEADRACE_CHECK(descriptor_ >= 0, "a second commit");
  // A library may have replaced the file at `aside`, so the name is synced, not only what this object opened.
  HEADRACE_ASSIGN(const detail::Descriptor named, detail::open_file(aside_, O_RDONLY));
  if (::fsync(named.get()) != 0) return detail::system_error(errno, "syncing", path_);
  if (::rename(aside_.c_str(), path_.c_str()) != 0) return detail::system_error(errno, "replacing", path_);
  aside_.clear();
  if (::close(std::exchange(descriptor_, -1)) != 0) return detail::system_error(errno, "closing", path_);
  return sync_folder(detail::folder_of(path_));
}

Status write_file_atomic(const std::string& path, std::string_view bytes) {
  HEADRACE_ASSIGN(AtomicFile file, AtomicFile::create(path));
  HEADRACE_TRY(file.write(bytes));
  return file.commit();
}

Result<int> remove_asides(const std::string& folder) {
  std::error_code problem;
  int removed = 0;
  for (std::filesystem::directory_iterator entry(folder, problem), end; !problem && entry != end; entry.increment(problem)) {
    const int process = aside_process(entry->path().filename().string());
    if (process <= 0 || is_alive(process)) continue;
    if (::unlink(entry->path().c_str()) == 0) ++removed;
  }
  if (problem) return detail::system_error(problem.value(), "listing", folder);
  return removed;
}

}  // namespace headrace::io
