// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "headrace/base/text.h"
#include "headrace/io/file.h"
#include "headrace/io/journal.h"
#include "io/descriptor.h"

namespace headrace::io {
namespace {

using namespace detail;

Result<std::string> read_place(int descriptor, SegmentFile::Place place, const std::string& path) {
  HEADRACE_ASSIGN(const std::uint64_t size, size_of(descriptor, path));
  const auto outside = [&] {
    return Error(Code::kTooLarge,
                 cat("bytes ", place.offset, " to ", place.offset + place.length, " are not in '", path, "', which has ", size),
                 "the file was cut short, or the place is another file's");
  };
  if (place.offset > size || place.length > size - place.offset) return outside();
  std::string out(static_cast<std::size_t>(place.length), '\0');
  HEADRACE_ASSIGN(const std::size_t got, read_at(descriptor, out.data(), out.size(), place.offset, path));
  if (got < out.size()) return outside();
  return out;
}

std::uint64_t aligned(std::uint64_t offset) {
  return (offset + SegmentFile::kAlignment - 1) / SegmentFile::kAlignment * SegmentFile::kAlignment;
}

}  // namespace

struct SegmentFile::Impl {
  Descriptor file;
  std::string path;
  std::atomic<std::uint64_t> end{0};     // where the next blob goes; always aligned
};

SegmentFile::SegmentFile(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SegmentFile::~SegmentFile() = default;

Result<std::unique_ptr<SegmentFile>> SegmentFile::open(const std::string& path) {
  auto impl = std::make_unique<Impl>();
  impl->path = path;
  HEADRACE_ASSIGN(impl->file, open_file(path, O_RDWR | O_CREAT));
  HEADRACE_ASSIGN(const std::uint64_t size, size_of(impl->file.get(), path));
  impl->end = aligned(size);
  if (size == 0) HEADRACE_TRY(sync_folder(folder_of(path)));
  return std::unique_ptr<SegmentFile>(new SegmentFile(std::move(impl)));
}

Result<SegmentFile::Place> SegmentFile::append(std::string_view bytes) {
  // Room is taken first, so that appends of several threads write side by side.
  const Place place{impl_->end.fetch_add(aligned(bytes.size())), bytes.size()};
  HEADRACE_TRY(write_all_at(impl_->file.get(), bytes, place.offset, impl_->path));
  return place;
}

Status SegmentFile::sync() {
  if (::fdatasync(impl_->file.get()) != 0) return system_error(errno, "syncing", impl_->path);
  return {};
}

std::uint64_t SegmentFile::size() const { return impl_->end.load(); }

Result<std::string> SegmentFile::read_at(Place place) const { return read_place(impl_->file.get(), place, impl_->path); }

Result<std::string> SegmentFile::read(const std::string& path, Place place) {
  HEADRACE_ASSIGN(const Descriptor file, open_file(path, O_RDONLY));
  return read_place(file.get(), place, path);
}

}  // namespace headrace::io
