// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>

#include <algorithm>

#include "headrace/base/text.h"
#include "io/journal_reader.h"

namespace headrace::io {
namespace {

using namespace detail;

constexpr std::size_t kPiece = std::size_t{256} << 10;
constexpr std::size_t kSearchMax = std::size_t{1} << 30;   // bytes of checksums the search for later records may cost

Error damaged(const std::string& path, std::uint64_t offset, std::string_view what) {
  return Error(Code::kDamaged, cat("journal '", path, "' is damaged at byte ", offset, ": ", what),
               "the disk or another program changed it; records before this place can still be read");
}

}  // namespace

Result<bool> JournalReader::Impl::fill(std::size_t size) {
  if (offset >= start && offset - start <= buffer.size() && buffer.size() - (offset - start) >= size) return true;
  // Keep what is unread, then read on.
  const bool inside = offset >= start && offset - start <= buffer.size();
  buffer.erase(0, inside ? static_cast<std::size_t>(offset - start) : buffer.size());
  start = offset;
  const std::size_t have = buffer.size();
  const std::size_t want = std::max(size, kPiece);
  buffer.resize(want);
  HEADRACE_ASSIGN(const std::size_t got, read_at(file.get(), buffer.data() + have, want - have, start + have, path));
  buffer.resize(have + got);
  return buffer.size() >= size;
}

Status JournalReader::Impl::read_header() {
  HEADRACE_ASSIGN(const bool complete, fill(kHeaderSize));
  if (!complete || !std::string_view(buffer).starts_with(kMagic)) return damaged(path, 0, "it does not start as a journal does");
  if (load_u32(buffer.data() + 12) != crc32c(buffer.data(), 12)) return damaged(path, 0, "the header does not match its checksum");
  if (const std::uint32_t version = load_u32(buffer.data() + 8); version != kVersion) {
    return Error(Code::kVersion, cat("journal '", path, "' has version ", version, ", this program reads ", kVersion),
                 "use the program that wrote it");
  }
  offset = kHeaderSize;
  return {};
}

Result<std::optional<std::string>> JournalReader::Impl::next() {
  while (true) {
    HEADRACE_ASSIGN(const bool framed, fill(kFrameSize));
    if (!framed) return nothing();
    const std::uint32_t word = load_u32(front()), checksum = load_u32(front() + 4);
    const std::size_t length = word & kLengthMask;
    bool good = (word & ~kKnownBits) == 0;
    if (good) {
      HEADRACE_ASSIGN(good, fill(kFrameSize + length));
    }
    good = good && record_checksum(word, std::string_view(front() + kFrameSize, length)) == checksum;
    if (!good) {
      HEADRACE_TRY(judge_bad_record());
      return nothing();
    }
    std::string payload(front() + kFrameSize, length);
    offset += kFrameSize + length;
    if ((word & kSeal) != 0) continue;
    ++records;
    return std::optional<std::string>(std::move(payload));
  }
}

// A later call reads the tail again: its writer may go on, or a new one may have cut it off.
std::optional<std::string> JournalReader::Impl::nothing() {
  buffer.clear();
  start = offset;
  return std::nullopt;
}

// A bad record is a torn tail unless a later group shows that it was durable once. The rest of the file is searched for the first
// record of a group at every byte, because a damaged length hides where the next record starts.
Status JournalReader::Impl::judge_bad_record() {
  HEADRACE_ASSIGN(const std::uint64_t size, size_of(file.get(), path));
  const std::uint64_t rest_size = size > offset ? size - offset : 0;
  std::string rest(static_cast<std::size_t>(std::min<std::uint64_t>(rest_size, kSearchMax)), '\0');
  HEADRACE_ASSIGN(const std::size_t got, read_at(file.get(), rest.data(), rest.size(), offset, path));
  rest.resize(got);
  std::size_t cost = 0;
  for (std::size_t at = 1; at + kFrameSize <= rest.size(); ++at) {
    const std::uint32_t word = load_u32(rest.data() + at);
    const std::size_t length = word & kLengthMask;
    if ((word & kGroupStart) == 0 || (word & ~kKnownBits) != 0 || length > rest.size() - at - kFrameSize) continue;
    if ((word & kSeal) != 0 && length != 0) continue;
    cost += length + 1;
    if (cost > kSearchMax) break;
    const std::string_view payload(rest.data() + at + kFrameSize, length);
    if (record_checksum(word, payload) == load_u32(rest.data() + at + 4))
      return damaged(path, offset, "a record does not match its checksum");
  }
  // What is too large or too dear to judge is not thrown away.
  if (cost > kSearchMax || rest_size > kSearchMax)
    return damaged(path, offset, "a record does not match its checksum, and too much follows it");
  return {};
}

JournalReader::JournalReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
JournalReader::JournalReader(JournalReader&&) noexcept = default;
JournalReader& JournalReader::operator=(JournalReader&&) noexcept = default;
JournalReader::~JournalReader() = default;

Result<JournalReader> JournalReader::open(const std::string& path) {
  auto impl = std::make_unique<Impl>();
  impl->path = path;
  HEADRACE_ASSIGN(impl->file, open_file(path, O_RDONLY));
  HEADRACE_TRY(impl->read_header());
  return JournalReader(std::move(impl));
}

Result<std::optional<std::string>> JournalReader::next() { return impl_->next(); }
std::uint64_t JournalReader::offset() const { return impl_->offset; }
std::uint64_t JournalReader::records() const { return impl_->records; }

std::uint64_t JournalReader::torn_bytes() const {
  const Result<std::uint64_t> size = size_of(impl_->file.get(), impl_->path);
  return size.ok() && *size > impl_->offset ? *size - impl_->offset : 0;
}

}  // namespace headrace::io
