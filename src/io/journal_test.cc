// SPDX-License-Identifier: Apache-2.0
#include "headrace/io/journal.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <thread>
#include <vector>

#include "headrace/base/text.h"
#include "headrace/io/file.h"
#include "io/journal_format.h"

namespace headrace::io {
namespace {

// What one record of a well-formed journal looks like from outside.
struct Seen {
  std::size_t offset;
  std::size_t end;
  bool group_start;
  bool seal;
};

std::vector<Seen> walk(const std::string& bytes) {
  std::vector<Seen> out;
  for (std::size_t at = detail::kHeaderSize; at + detail::kFrameSize <= bytes.size();) {
    const std::uint32_t word = detail::load_u32(bytes.data() + at);
    const std::size_t end = at + detail::kFrameSize + (word & detail::kLengthMask);
    out.push_back({at, end, (word & detail::kGroupStart) != 0, (word & detail::kSeal) != 0});
    at = end;
  }
  return out;
}

// Thousands of syncs are slow on a disk and prove no more there: these tests run in memory where the machine has such a folder.
TemporaryFolder memory_folder() {
  const char* before = std::getenv("TMPDIR");
  const std::string kept = before != nullptr ? before : "";
  if (exists("/dev/shm")) ::setenv("TMPDIR", "/dev/shm", 1);
  TemporaryFolder folder = TemporaryFolder::create("headrace_journal_test").value();
  before != nullptr ? ::setenv("TMPDIR", kept.c_str(), 1) : ::unsetenv("TMPDIR");
  return folder;
}

class JournalTest : public ::testing::Test {
 protected:
  std::string path() const { return folder_.file("journal"); }
  std::string bytes() const { return read_file(path()).value(); }
  void put(std::string_view bytes) { std::ofstream(path(), std::ios::binary | std::ios::trunc) << bytes; }

  // Opens for writing; the records that are there land in `records`.
  Result<std::unique_ptr<JournalWriter>> reopen(std::vector<std::string>& records) {
    records.clear();
    return JournalWriter::open(path(), {}, [&](std::string_view payload) {
      records.emplace_back(payload);
      return Status();
    });
  }
  std::vector<std::string> read_all() {
    std::vector<std::string> out;
    JournalReader reader = JournalReader::open(path()).value();
    while (true) {
      Result<std::optional<std::string>> next = reader.next();
      EXPECT_TRUE(next.ok()) << next.error().text();
      if (!next.ok() || !next->has_value()) return out;
      out.push_back(std::move(**next));
    }
  }
  // A journal of some groups, closed or as a killed process leaves it; returns its bytes.
  std::string sample(bool closed) {
    auto writer = JournalWriter::open(path()).value();
    EXPECT_TRUE(writer->append_durable("first").ok());
    EXPECT_TRUE(writer->append_durable("").ok());
    EXPECT_TRUE(writer->append_durable(std::string("bin\0ary\xFF", 8)).ok());
    for (const char* text : {"four", "five", "six", "seven"}) EXPECT_TRUE(writer->append(text).ok());
    EXPECT_TRUE(writer->flush().ok());
    if (!closed) return bytes();
    EXPECT_TRUE(writer->close().ok());
    return bytes();
  }

  const std::vector<std::string> sample_records_ = {"first", "", std::string("bin\0ary\xFF", 8), "four", "five", "six", "seven"};
  TemporaryFolder folder_ = memory_folder();
};

TEST_F(JournalTest, RecordsComeBackInOrderAcrossOpenings) {
  sample(true);
  EXPECT_EQ(read_all(), sample_records_);
  std::vector<std::string> found;
  auto writer = reopen(found).value();
  EXPECT_EQ(found, sample_records_);
  EXPECT_EQ(writer->recovery().records, 7u);
  EXPECT_EQ(writer->recovery().dropped_bytes, 0u);
  ASSERT_TRUE(writer->append_durable("eight").ok());
  ASSERT_TRUE(writer->close().ok());
  std::vector<std::string> expected = sample_records_;
  expected.push_back("eight");
  EXPECT_EQ(read_all(), expected);
}

TEST_F(JournalTest, CutAnywhereItKeepsEveryWholeRecord) {
  const std::string whole = sample(true);
  const std::vector<Seen> seen = walk(whole);
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    put(whole.substr(0, size));
    std::size_t records = 0, end = size < detail::kHeaderSize ? 0 : detail::kHeaderSize;
    for (const Seen& record : seen) {
      if (record.end > size) break;
      if (!record.seal) ++records;
      end = record.end;
    }
    std::vector<std::string> found;
    Result<std::unique_ptr<JournalWriter>> writer = reopen(found);
    ASSERT_TRUE(writer.ok()) << size << ": " << writer.error().text();
    ASSERT_EQ(found, std::vector<std::string>(sample_records_.begin(), sample_records_.begin() + static_cast<std::ptrdiff_t>(records)))
        << size;
    ASSERT_EQ((*writer)->recovery().dropped_bytes, size < detail::kHeaderSize ? 0 : size - end) << size;
    ASSERT_TRUE((*writer)->append_durable("after").ok());
    ASSERT_TRUE((*writer)->close().ok());
    const std::vector<std::string> after = read_all();
    ASSERT_EQ(after.size(), records + 1) << size;
    ASSERT_EQ(after.back(), "after");
  }
}

TEST_F(JournalTest, AFlippedBitBeforeTheEndIsDamageWithItsPlace) {
  const std::string whole = sample(true);
  const std::vector<Seen> seen = walk(whole);
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::string changed = whole;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << (bit % 8)));
    put(changed);
    std::vector<std::string> found;
    const Result<std::unique_ptr<JournalWriter>> writer = reopen(found);
    if (bit / 8 >= seen.back().offset) {   // the seal: nothing is lost with it
      ASSERT_TRUE(writer.ok()) << bit;
      ASSERT_EQ(found, sample_records_);
      ASSERT_EQ((*writer)->recovery().dropped_bytes, detail::kFrameSize);
      continue;
    }
    ASSERT_FALSE(writer.ok()) << bit;
    ASSERT_EQ(writer.error().code, Code::kDamaged) << writer.error().text();
    std::size_t offset = 0;
    for (const Seen& record : seen) {
      if (record.offset <= bit / 8) offset = record.offset;
    }
    ASSERT_NE(writer.error().message.find(cat("byte ", offset, ":")), std::string::npos) << bit << " " << writer.error().message;
    ASSERT_EQ(bytes(), changed);           // damage is reported, never repaired by throwing records away
  }
}

TEST_F(JournalTest, AFlippedBitInTheLastGroupOfAKilledWriterIsATornTail) {
  const std::string whole = sample(false);
  const std::vector<Seen> seen = walk(whole);
  std::size_t last_group = 0;
  for (const Seen& record : seen) {
    if (record.group_start) last_group = record.offset;
  }
  ASSERT_GT(last_group, detail::kHeaderSize);
  for (std::size_t bit = detail::kHeaderSize * 8; bit < whole.size() * 8; ++bit) {
    std::string changed = whole;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << (bit % 8)));
    put(changed);
    std::vector<std::string> found;
    const Result<std::unique_ptr<JournalWriter>> writer = reopen(found);
    if (bit / 8 < last_group) {
      ASSERT_FALSE(writer.ok()) << bit;
      ASSERT_EQ(writer.error().code, Code::kDamaged);
      continue;
    }
    std::size_t good = 0;
    while (seen[good].end <= bit / 8) ++good;
    ASSERT_TRUE(writer.ok()) << bit << " " << writer.error().text();
    ASSERT_EQ(found.size(), good) << bit;
    ASSERT_EQ((*writer)->recovery().dropped_bytes, whole.size() - seen[good].offset) << bit;
  }
}

TEST_F(JournalTest, ATailOfZeroesIsTorn) {
  put(sample(false) + std::string(4096, '\0'));
  std::vector<std::string> found;
  EXPECT_EQ(reopen(found).value()->recovery().dropped_bytes, 4096u);
  EXPECT_EQ(found, sample_records_);
}

TEST_F(JournalTest, RefusesOtherFilesAndVersions) {
  put("pipeline: digits\nseed: 7\n");
  EXPECT_EQ(JournalWriter::open(path()).error().code, Code::kDamaged);
  EXPECT_EQ(JournalReader::open(path()).error().code, Code::kDamaged);
  put("short");
  EXPECT_EQ(JournalWriter::open(path()).error().code, Code::kDamaged);
  EXPECT_EQ(bytes(), "short");
  std::string header = detail::header_bytes();
  detail::store_u32(header.data() + 8, detail::kVersion + 1);
  detail::store_u32(header.data() + 12, crc32c(header.data(), 12));
  put(header);
  EXPECT_EQ(JournalWriter::open(path()).error().code, Code::kVersion);
  EXPECT_EQ(JournalReader::open(folder_.file("none")).error().code, Code::kNotFound);
}

TEST_F(JournalTest, OneWriterAtATime) {
  auto writer = JournalWriter::open(path()).value();
  EXPECT_EQ(JournalWriter::open(path()).error().code, Code::kBusy);
  ASSERT_TRUE(writer->close().ok());
  EXPECT_TRUE(JournalWriter::open(path()).ok());
}

TEST_F(JournalTest, AReaderFollowsAWriter) {
  auto writer = JournalWriter::open(path()).value();
  JournalReader reader = JournalReader::open(path()).value();
  for (int i = 0; i < 50; ++i) {
    EXPECT_FALSE(reader.next().value().has_value());
    ASSERT_TRUE(writer->append_durable(cat("record ", i)).ok());
    EXPECT_EQ(reader.next().value(), cat("record ", i));
  }
  EXPECT_EQ(reader.records(), 50u);
  EXPECT_EQ(reader.torn_bytes(), 0u);
}

TEST_F(JournalTest, ManyThreadsKeepTheirOwnOrderThroughASmallQueue) {
  JournalOptions options;
  options.queue_bytes = 2'000;
  options.group_bytes = 500;
  auto writer = JournalWriter::open(path(), options).value();
  constexpr int kThreads = 4, kEach = 2'000;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < kEach; ++i) ASSERT_TRUE(writer->append(cat(t, " ", i)).ok());
      });
    }
  }
  ASSERT_TRUE(writer->close().ok());
  std::vector<int> next(kThreads, 0);
  for (const std::string& record : read_all()) {
    const std::vector<std::string> parts = split(record, ' ');
    ASSERT_EQ(std::stoi(parts[1]), next[static_cast<std::size_t>(std::stoi(parts[0]))]++);
  }
  EXPECT_EQ(next, std::vector<int>(kThreads, kEach));
}

TEST_F(JournalTest, AStreamOfRecordsSharesItsSyncs) {
  const auto start = std::chrono::steady_clock::now();
  auto writer = JournalWriter::open(path()).value();
  for (int i = 0; i < 5'000; ++i) ASSERT_TRUE(writer->append(cat("record ", i)).ok());
  ASSERT_TRUE(writer->flush().ok());
  const auto elapsed = std::chrono::steady_clock::now() - start;
  std::int64_t groups = 0;
  for (const Seen& record : walk(bytes())) groups += record.group_start ? 1 : 0;
  EXPECT_LE(groups, 3 + elapsed / std::chrono::milliseconds(20));
}

TEST_F(JournalTest, RecordsBecomeDurableWithoutAFlush) {
  auto writer = JournalWriter::open(path()).value();
  ASSERT_TRUE(writer->append("one").ok());
  ASSERT_TRUE(writer->append("two").ok());
  for (int i = 0; i < 10'000 && read_all().size() < 2; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_EQ(read_all(), (std::vector<std::string>{"one", "two"}));
}

TEST_F(JournalTest, RecordsAreBoundedAndAClosedJournalRefuses) {
  auto writer = JournalWriter::open(path()).value();
  EXPECT_EQ(writer->append(std::string(kRecordMax + 1, 'x')).error().code, Code::kTooLarge);
  ASSERT_TRUE(writer->append(std::string(20 << 20, 'x')).ok());   // more than the queue holds
  ASSERT_TRUE(writer->close().ok());
  EXPECT_FALSE(writer->append("late").ok());
  EXPECT_TRUE(writer->close().ok());
  EXPECT_EQ(read_all().at(0).size(), std::size_t{20} << 20);
}

TEST_F(JournalTest, AnErrorOfTheReaderCallbackEndsTheOpening) {
  sample(true);
  const auto writer = JournalWriter::open(path(), {}, [](std::string_view) { return Status(Error(Code::kVersion, "no")); });
  ASSERT_FALSE(writer.ok());
  EXPECT_EQ(writer.error().code, Code::kVersion);
}

// The child may write 8 KiB and no more: the kernel refuses the rest as it would on a full disk.
TEST_F(JournalTest, AFullDiskIsReportedAndLeavesAGoodJournal) {
  const pid_t child = ::fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{8'192, 8'192};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) ::_exit(10);
    auto writer = JournalWriter::open(path());
    if (!writer.ok()) ::_exit(11);
    Status flushed;
    int durable = 0;
    for (; durable < 1'000 && flushed.ok(); ++durable)
      flushed = (*writer)->append_durable(cat("record ", durable, " ", std::string(80, 'x')));
    if (flushed.ok() || flushed.error().code != Code::kIo || flushed.error().advice.empty()) ::_exit(12);
    if ((*writer)->append("more").ok() || (*writer)->flush().ok() || (*writer)->close().ok()) ::_exit(13);
    ::_exit(durable > 50 ? 0 : 14);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  ASSERT_EQ(WEXITSTATUS(status), 0);
  std::vector<std::string> found;
  auto writer = reopen(found).value();
  EXPECT_EQ(writer->recovery().dropped_bytes, 0u);   // the half-written record was taken back
  EXPECT_GT(found.size(), 50u);
  EXPECT_TRUE(writer->append_durable("room again").ok());
}

}  // namespace
}  // namespace headrace::io
