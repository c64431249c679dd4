// SPDX-License-Identifier: Apache-2.0
#pragma once
// Append-only files that survive being killed at any byte. A journal holds small records, each with its checksum; a segment file
// holds large blobs that records of a journal point to.
//
// Journal: 16 bytes of header (magic "HRJRNL\r\n", version u32, crc32c u32), then records: word u32, crc32c u32 of word and payload,
// payload; all little-endian. The low 26 bits of the word are the payload's length. Bit 31 marks the first record of a group, which
// was written only after the group before it was durable; bit 30 marks a seal, an empty record written at `close`.
// So a reader can tell a torn tail (a bad record in the last group: the write never ended, nobody was told it was durable) from
// damage (a bad record that a later group shows to have been durable).

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "headrace/base/result.h"

namespace headrace::io {

inline constexpr std::size_t kRecordMax = (std::size_t{1} << 26) - 1;   ///< bytes of one record's payload

struct JournalOptions {
  int sync_interval_ms = 20;                              ///< records become durable at most this much later
  std::size_t group_bytes = std::size_t{1} << 20;         ///< a group is written at once when it has this many bytes
  std::size_t queue_bytes = std::size_t{16} << 20;        ///< appenders wait while more than this is not yet written
};

/// What was found when a journal was opened.
struct JournalRecovery {
  std::uint64_t records = 0;
  std::uint64_t dropped_bytes = 0;                        ///< of a torn tail, cut off
};

/// Appends records; a thread of its own writes and syncs them in groups. Threads: any for all members but `close`.
class JournalWriter {
 public:
  using OnRecord = std::function<Status(std::string_view payload)>;

  /// Opens or makes a journal and holds it against other writers. Records that are there go to `on_record` in order (its error ends
  /// the opening); a torn tail is cut off. Errors: kBusy, kDamaged with the offset, kVersion, kIo.
  static Result<std::unique_ptr<JournalWriter>> open(const std::string& path, const JournalOptions& options = {},
                                                     const OnRecord& on_record = {});
  /// Closes; an error that `close` was not called to see is logged.
  ~JournalWriter();

  const JournalRecovery& recovery() const;

  /// Queues a record. Waits only while the queue is full. Errors: kTooLarge; an error of an earlier write (nothing is queued then).
  /// Cost: one checksum, one copy, one short lock.
  Status append(std::string_view payload);
  /// Waits until everything appended before the call is on the disk. Errors: the first write or sync that failed.
  Status flush();
  Status append_durable(std::string_view payload);
  /// Flushes, seals, closes; later appends are refused. Errors as `flush`.
  Status close();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  explicit JournalWriter(std::unique_ptr<Impl> impl);
};

/// Reads a journal, also one that is being written: `next` gives nothing at the end of what is there, and goes on later.
/// Threads: one at a time.
class JournalReader {
 public:
  /// Errors: kNotFound, kDamaged (no journal), kVersion, kIo.
  static Result<JournalReader> open(const std::string& path);
  JournalReader(JournalReader&&) noexcept;
  JournalReader& operator=(JournalReader&&) noexcept;
  ~JournalReader();

  /// The next record, or nothing at the end or before a torn tail. Errors: kDamaged with the offset, kIo.
  Result<std::optional<std::string>> next();
  std::uint64_t offset() const;        ///< of the record that `next` looks at next
  std::uint64_t records() const;       ///< given so far
  /// Bytes after the last good record, once `next` gave nothing.
  std::uint64_t torn_bytes() const;

 private:
  friend class JournalWriter;
  struct Impl;
  std::unique_ptr<Impl> impl_;
  explicit JournalReader(std::unique_ptr<Impl> impl);
};

/// A file of blobs. Where a blob lies is for the caller to remember, with a digest of it. Threads: any, appends run side by side.
class SegmentFile {
 public:
  struct Place {
    std::uint64_t offset = 0;
    std::uint64_t length = 0;

    bool operator==(const Place&) const = default;
  };
  static constexpr std::uint64_t kAlignment = 64;         ///< every blob starts at a multiple, fit for vector loads when mapped

  /// Opens or makes a segment; appends go behind what is there. Errors: kIo.
  static Result<std::unique_ptr<SegmentFile>> open(const std::string& path);
  ~SegmentFile();
  SegmentFile(const SegmentFile&) = delete;
  SegmentFile& operator=(const SegmentFile&) = delete;

  /// Writes a blob; it is on the disk after `sync`. Errors: kIo (the room it had is lost, the rest of the file is not).
  Result<Place> append(std::string_view bytes);
  Status sync();
  std::uint64_t size() const;

  /// Errors: kTooLarge when the place is not inside the file, kIo.
  Result<std::string> read_at(Place place) const;
  /// The same without an open segment. Errors: kNotFound too.
  static Result<std::string> read(const std::string& path, Place place);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  explicit SegmentFile(std::unique_ptr<Impl> impl);
};

}  // namespace headrace::io
