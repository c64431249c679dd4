// SPDX-License-Identifier: Apache-2.0
#include "data/file_bytes.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include <arrow/memory_pool.h>

#include "data/arrow_bridge.h"
#include "data/table_checks.h"
#include "headrace/base/text.h"

namespace headrace::data::detail {
namespace {

// A zlib stream that ends itself.
struct Inflater {
  z_stream stream{};
  bool open = false;
  explicit Inflater(int window_bits) { open = inflateInit2(&stream, window_bits) == Z_OK; }
  ~Inflater() {
    if (open) inflateEnd(&stream);
  }
};

uInt clamp_to_uint(std::size_t bytes) { return static_cast<uInt>(std::min<std::size_t>(bytes, 1u << 30)); }

Error io_error(std::string_view doing, const std::string& path, int error) {
  return Error(Code::kIo, cat(doing, " '", path, "' failed: ", std::strerror(error)));
}

}  // namespace

Result<std::shared_ptr<arrow::Buffer>> read_file(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    if (errno == ENOENT || errno == ENOTDIR) return Error(Code::kNotFound, cat("there is no file '", path, "'"));
    return io_error("opening", path, errno);
  }
  struct Closer {
    int file;
    ~Closer() { ::close(file); }
  } closer{file};
  struct stat facts {};
  if (::fstat(file, &facts) != 0) return io_error("looking at", path, errno);
  if (S_ISDIR(facts.st_mode)) return Error(Code::kNotFound, cat("'", path, "' is a folder, not a file"));
  if (facts.st_size > kFileBytesMax) {
    return Error(Code::kTooLarge, cat("'", path, "' has ", bytes_text(static_cast<std::uint64_t>(facts.st_size)), "; the most is ",
                                      bytes_text(static_cast<std::uint64_t>(kFileBytesMax))), "split it into several files");
  }
  // A pipe has no size: start small and grow; a file is read into memory of its size.
  HEADRACE_ARROW(auto buffer, arrow::AllocateResizableBuffer(std::max<std::int64_t>(facts.st_size, 1 << 16)), Code::kTooLarge,
                 cat("reading '", path, "'"));
  std::int64_t size = 0;
  while (true) {
    if (size == buffer->size()) {
      if (S_ISREG(facts.st_mode) && size >= facts.st_size && facts.st_size > 0) break;
      if (size >= kFileBytesMax)
        return Error(Code::kTooLarge, cat("'", path, "' gives more than ", bytes_text(static_cast<std::uint64_t>(kFileBytesMax))));
      HEADRACE_ARROW_TRY(buffer->Resize(size * 2, false), Code::kTooLarge, cat("reading '", path, "'"));
    }
    const ssize_t got =
        ::read(file, buffer->mutable_data() + size, static_cast<std::size_t>(std::min<std::int64_t>(buffer->size() - size, 1 << 30)));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return io_error("reading", path, errno);
    if (got == 0) break;
    size += got;
  }
  HEADRACE_ARROW_TRY(buffer->Resize(size, false), Code::kTooLarge, cat("reading '", path, "'"));
  return std::shared_ptr<arrow::Buffer>(std::move(buffer));
}

bool is_gzip(std::string_view bytes) { return bytes.size() >= 2 && bytes[0] == '\x1f' && bytes[1] == '\x8b'; }

Result<std::shared_ptr<arrow::Buffer>> read_unpacked(const std::string& path) {
  HEADRACE_ASSIGN(auto buffer, read_file(path));
  const std::string_view bytes(*buffer);
  if (!is_gzip(bytes)) return buffer;
  return gunzip(bytes, path, kUnpackedBytesMax);
}

Result<std::shared_ptr<arrow::Buffer>> gunzip(std::string_view bytes, std::string_view name, std::int64_t limit) {
  const auto damaged = [&](std::string_view text) {
    return Error(Code::kBadData, cat("'", name, "': ", text), "fetch or pack the file again");
  };
  Inflater inflater(15 + 16);
  HEADRACE_CHECK(inflater.open, "zlib does not start");
  z_stream& stream = inflater.stream;
  std::int64_t capacity = std::min<std::int64_t>(limit, std::max<std::int64_t>(static_cast<std::int64_t>(bytes.size()) * 4, 1 << 16));
  HEADRACE_ARROW(auto out, arrow::AllocateResizableBuffer(capacity), Code::kTooLarge, "unpacking gzip");
  std::int64_t size = 0;
  std::size_t taken = 0;
  bool inside = true;   // a member has begun and not ended
  while (true) {
    if (size == capacity) {
      if (capacity >= limit) {
        return Error(Code::kTooLarge, cat("'", name, "' unpacks to more than ", bytes_text(static_cast<std::uint64_t>(limit))),
                     "unpack it yourself if you trust it, or split it");
      }
      capacity = std::min(limit, capacity * 2);
      HEADRACE_ARROW_TRY(out->Resize(capacity, false), Code::kTooLarge, "unpacking gzip");
    }
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data() + taken));
    stream.avail_in = clamp_to_uint(bytes.size() - taken);
    stream.next_out = out->mutable_data() + size;
    stream.avail_out = clamp_to_uint(static_cast<std::size_t>(capacity - size));
    const uInt in_before = stream.avail_in, out_before = stream.avail_out;
    const int code = inflate(&stream, Z_NO_FLUSH);
    taken += in_before - stream.avail_in;
    size += out_before - stream.avail_out;
    if (code == Z_STREAM_END) {
      inside = false;
      if (taken == bytes.size()) break;
      if (!is_gzip(bytes.substr(taken))) {
        // Tapes and some tools pad with zeros; anything else behind the last member is a sign of damage.
        if (bytes.substr(taken).find_first_not_of('\0') == std::string_view::npos) break;
        return damaged(cat("bytes after the end of the gzip data, at offset ", taken));
      }
      inflateReset(&stream);
      inside = true;
    } else if (code == Z_BUF_ERROR || code == Z_OK) {
      if (taken == bytes.size() && stream.avail_out > 0) break;
    } else {
      return damaged(cat("the gzip data are damaged near offset ", taken));
    }
  }
  if (inside) return damaged(cat("the gzip data are truncated: they end after ", bytes.size(), " bytes"));
  HEADRACE_ARROW_TRY(out->Resize(size, true), Code::kTooLarge, "unpacking gzip");
  return std::shared_ptr<arrow::Buffer>(std::move(out));
}

Result<std::string> inflate_raw(std::string_view bytes, std::size_t size, std::string_view name) {
  if (bytes.size() > (1u << 30) || size > (std::size_t{1} << 32) - 1)
    return Error(Code::kTooLarge, cat("'", name, "' is too large to unpack"));
  constexpr std::size_t kDeflateRatioMax = 1032;   // what the format itself allows; a larger claim is a lie, and not worth the memory
  if (size / kDeflateRatioMax > bytes.size() + 1) return Error(Code::kBadData, cat("'", name, "' claims a size that its data cannot have"));
  Inflater inflater(-15);
  HEADRACE_CHECK(inflater.open, "zlib does not start");
  std::string out(size, '\0');
  inflater.stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  inflater.stream.avail_in = static_cast<uInt>(bytes.size());
  inflater.stream.next_out = reinterpret_cast<Bytef*>(out.data());
  inflater.stream.avail_out = static_cast<uInt>(size);
  const int code = inflate(&inflater.stream, Z_FINISH);
  if (code != Z_STREAM_END || inflater.stream.avail_out != 0) {
    return Error(Code::kBadData, cat("'", name, "': the packed data are damaged or do not have the size they claim"));
  }
  return out;
}

Result<OutputFile> OutputFile::open(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  if (!folder.empty()) HEADRACE_TRY(io::make_folders(folder));
  HEADRACE_ASSIGN(auto file, io::AtomicFile::create(path));
  OutputFile out(std::move(file));
  HEADRACE_ARROW(out.stream_, arrow::io::FileOutputStream::Open(out.file_.aside()), Code::kIo, cat("writing '", path, "'"));
  return out;
}

Status OutputFile::commit() {
  HEADRACE_ARROW_TRY(stream_->Close(), Code::kIo, "closing a file");
  return file_.commit();
}

}  // namespace headrace::data::detail
