// SPDX-License-Identifier: Apache-2.0
// The format: entries, each behind a local header; then a central directory that lists them; then an end record that says where
// the directory is. ZIP64 adds a second end record and an extra field with 64-bit numbers. Source: PKWARE APPNOTE 6.3.10.
#include "data/zip_archive.h"

#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "data/file_bytes.h"
#include "data/table_checks.h"
#include "headrace/base/text.h"

namespace headrace::data::detail {
namespace {

constexpr std::uint32_t kLocalMagic = 0x04034b50, kEntryMagic = 0x02014b50, kEndMagic = 0x06054b50, kEnd64Magic = 0x06064b50,
                        kLocator64Magic = 0x07064b50;
constexpr std::size_t kLocalBytes = 30, kEntryBytes = 46, kEndBytes = 22, kEnd64Bytes = 56, kLocatorBytes = 20;
constexpr std::uint64_t kEntriesMax = 10'000;
constexpr std::uint32_t kSee64 = 0xffffffff;

// Little-endian numbers at an offset that the caller has checked.
template <class T>
T number(std::string_view bytes, std::size_t at) {
  T out;
  std::memcpy(&out, bytes.data() + at, sizeof out);
  return out;
}

bool has(std::string_view bytes, std::uint64_t at, std::uint64_t size) { return at <= bytes.size() && size <= bytes.size() - at; }

struct Directory {
  std::uint64_t entries = 0;
  std::uint64_t offset = 0;
};

struct Facts {
  std::uint64_t packed = 0;
  std::uint64_t size = 0;
  std::uint64_t local = 0;
};

class ZipReader {
 public:
  ZipReader(std::string_view archive, std::string_view name) : archive_(archive), name_(name) {}

  Result<std::vector<ZipEntry>> read() {
    HEADRACE_ASSIGN(const Directory directory, find_directory());
    if (directory.entries > kEntriesMax)
      return Error(Code::kTooLarge, cat("'", name_, "' holds ", directory.entries, " entries; the most is ", kEntriesMax));
    std::vector<ZipEntry> out;
    std::uint64_t at = directory.offset, total = 0;
    for (std::uint64_t i = 0; i < directory.entries; ++i) {
      if (!has(archive_, at, kEntryBytes) || number<std::uint32_t>(archive_, at) != kEntryMagic) return bad("its directory is cut short");
      const std::string_view fixed = archive_.substr(at, kEntryBytes);
      const auto name_bytes = number<std::uint16_t>(fixed, 28), extra_bytes = number<std::uint16_t>(fixed, 30),
                 comment_bytes = number<std::uint16_t>(fixed, 32);
      const std::uint64_t variable = std::uint64_t{name_bytes} + extra_bytes + comment_bytes;
      if (!has(archive_, at + kEntryBytes, variable)) return bad("its directory is cut short");
      ZipEntry entry;
      entry.name = archive_.substr(at + kEntryBytes, name_bytes);
      if (!is_utf8(entry.name)) return bad("the name of an entry is not UTF-8");
      HEADRACE_ASSIGN(const Facts facts, facts_of(fixed, archive_.substr(at + kEntryBytes + name_bytes, extra_bytes)));
      total += facts.size;
      if (facts.size > static_cast<std::uint64_t>(kUnpackedBytesMax) || total > static_cast<std::uint64_t>(kUnpackedBytesMax)) {
        return Error(Code::kTooLarge,
                     cat("'", name_, "' unpacks to more than ", bytes_text(static_cast<std::uint64_t>(kUnpackedBytesMax))));
      }
      HEADRACE_ASSIGN(entry.bytes, unpack(fixed, facts, entry.name));
      out.push_back(std::move(entry));
      at += kEntryBytes + variable;
    }
    return out;
  }

 private:
  Error bad(std::string_view text) const { return Error(Code::kBadData, cat("'", name_, "' is not a sound ZIP archive: ", text)); }

  Result<Directory> find_directory() const {
    if (archive_.size() < kEndBytes) return bad("it is cut short");
    const std::size_t lowest = archive_.size() - std::min<std::size_t>(archive_.size(), kEndBytes + 0xffff);
    for (std::size_t at = archive_.size() - kEndBytes + 1; at-- > lowest;) {
      if (number<std::uint32_t>(archive_, at) != kEndMagic) continue;
      Directory out{number<std::uint16_t>(archive_, at + 10), number<std::uint32_t>(archive_, at + 16)};
      if (out.entries != 0xffff && out.offset != kSee64) return out;
      if (at < kLocatorBytes || number<std::uint32_t>(archive_, at - kLocatorBytes) != kLocator64Magic) return out;
      const auto end64 = number<std::uint64_t>(archive_, at - kLocatorBytes + 8);
      if (!has(archive_, end64, kEnd64Bytes) || number<std::uint32_t>(archive_, end64) != kEnd64Magic)
        return bad("its 64-bit end record is not there");
      return Directory{number<std::uint64_t>(archive_, end64 + 32), number<std::uint64_t>(archive_, end64 + 48)};
    }
    return bad("it has no end record: the file is truncated or something else");
  }

  // Sizes and place, from the 64-bit extra field where the fixed ones overflow.
  Result<Facts> facts_of(std::string_view fixed, std::string_view extra) const {
    Facts out{number<std::uint32_t>(fixed, 20), number<std::uint32_t>(fixed, 24), number<std::uint32_t>(fixed, 42)};
    if (out.packed != kSee64 && out.size != kSee64 && out.local != kSee64) return out;
    std::size_t at = 0;
    while (has(extra, at, 4)) {
      const auto id = number<std::uint16_t>(extra, at), bytes = number<std::uint16_t>(extra, at + 2);
      at += 4;
      if (!has(extra, at, bytes)) break;
      if (id == 1) {
        std::size_t from = at;
        for (std::uint64_t* value : {&out.size, &out.packed, &out.local}) {
          if (*value != kSee64) continue;
          if (from + 8 > at + bytes) return bad("a 64-bit field is cut short");
          *value = number<std::uint64_t>(extra, from);
          from += 8;
        }
        return out;
      }
      at += bytes;
    }
    return bad("a 64-bit field is missing");
  }

  Result<std::string> unpack(std::string_view fixed, const Facts& facts, const std::string& entry) const {
    if ((number<std::uint16_t>(fixed, 8) & 1) != 0) return bad(cat("entry '", entry, "' is encrypted"));
    if (!has(archive_, facts.local, kLocalBytes) || number<std::uint32_t>(archive_, facts.local) != kLocalMagic)
      return bad(cat("entry '", entry, "' is not where it should be"));
    const std::uint64_t start =
        facts.local + kLocalBytes + number<std::uint16_t>(archive_, facts.local + 26) + number<std::uint16_t>(archive_, facts.local + 28);
    if (!has(archive_, start, facts.packed)) return bad(cat("entry '", entry, "' is cut short"));
    const std::string_view packed = archive_.substr(start, facts.packed);
    const auto method = number<std::uint16_t>(fixed, 10);
    std::string bytes;
    if (method == 0) {
      if (facts.packed != facts.size) return bad(cat("entry '", entry, "' has two sizes"));
      bytes = packed;
    } else if (method == 8) {
      HEADRACE_ASSIGN(bytes, inflate_raw(packed, facts.size, cat(name_, "/", entry)));
    } else {
      return bad(cat("entry '", entry, "' is packed with method ", method, ", which is not read"));
    }
    const auto crc = static_cast<std::uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
    if (crc != number<std::uint32_t>(fixed, 16)) return bad(cat("entry '", entry, "' does not match its checksum"));
    return bytes;
  }

  std::string_view archive_;
  std::string_view name_;
};

}  // namespace

Result<std::vector<ZipEntry>> read_zip(std::string_view archive, std::string_view name) { return ZipReader(archive, name).read(); }

}  // namespace headrace::data::detail
