// SPDX-License-Identifier: Apache-2.0
// Group commit. Appenders frame their record into `queue_`; the writer thread swaps it out, writes it with one call, syncs, and tells
// who waits. A group goes out when the interval since the last sync has passed, when it is large, or when someone waits for it; so a
// lone record is on its way at once, and a stream of them costs one sync an interval.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "headrace/base/log.h"
#include "headrace/base/text.h"
#include "headrace/io/file.h"
#include "io/journal_reader.h"

namespace headrace::io {

using namespace detail;
using SteadyTime = std::chrono::steady_clock::time_point;

struct JournalWriter::Impl {
  Descriptor file;
  std::string path;
  JournalOptions options;
  JournalRecovery recovery;

  std::mutex mutex;                       // guards what follows, up to the thread
  std::condition_variable work;           // the writer waits for records, or for the time of the next group
  std::condition_variable progress;       // appenders wait for room, flushers for their record
  std::string queue;                      // framed records of the next group
  std::uint64_t appended = 0;             // records ever queued
  std::uint64_t durable = 0;              // records on the disk
  std::uint64_t wanted = 0;               // somebody waits until `durable` is this
  bool idle = false;                      // the writer sleeps without a deadline
  bool closing = false;
  Status failure;                         // the first; after it nothing is written

  std::uint64_t end = 0;                  // of the durable part of the file; the writer thread's own
  std::thread thread;

  void run();
  bool is_due(SteadyTime last) const;
  Status write_group(const std::string& group);
  Status wait_durable(std::unique_lock<std::mutex>& lock, std::uint64_t record);
  Status close();
};

bool JournalWriter::Impl::is_due(SteadyTime last) const {
  return closing || wanted > durable || queue.size() >= options.group_bytes ||
         std::chrono::steady_clock::now() >= last + std::chrono::milliseconds(options.sync_interval_ms);
}

void JournalWriter::Impl::run() {
  SteadyTime last{};
  std::string group;
  std::unique_lock lock(mutex);
  while (true) {
    idle = queue.empty();
    work.wait(lock, [&] { return !queue.empty() || closing; });
    idle = false;
    if (queue.empty()) return;
    if (!is_due(last)) work.wait_until(lock, last + std::chrono::milliseconds(options.sync_interval_ms), [&] { return is_due(last); });
    group.clear();
    group.swap(queue);
    const std::uint64_t upto = appended;
    progress.notify_all();               // there is room again
    if (!failure.ok()) continue;
    lock.unlock();
    Status written = write_group(group);
    last = std::chrono::steady_clock::now();
    lock.lock();
    if (written.ok()) {
      durable = upto;
    } else {
      failure = std::move(written);
    }
    progress.notify_all();
  }
}

// Beyond this point a group is all there or will be seen as torn: its first record carries the mark, and the next group is only
// written after this one is synced.
Status JournalWriter::Impl::write_group(const std::string& group) {
  Status written = write_all_at(file.get(), group, end, path);
  if (written.ok() && ::fdatasync(file.get()) != 0) written = system_error(errno, "syncing", path);
  if (written.ok()) {
    end += group.size();
    return written;
  }
  // Take back what was half written. If that fails too, the next opening does it.
  if (::ftruncate(file.get(), static_cast<off_t>(end)) != 0) {
    log(LogLevel::kWarning, system_error(errno, "taking back a half-written group of", path).text());
  }
  return written;
}

Status JournalWriter::Impl::wait_durable(std::unique_lock<std::mutex>& lock, std::uint64_t record) {
  if (durable < record && failure.ok()) {
    wanted = std::max(wanted, record);
    work.notify_one();
    progress.wait(lock, [&] { return durable >= record || !failure.ok(); });
  }
  return durable >= record ? Status() : failure;
}

Status JournalWriter::Impl::close() {
  {
    const std::lock_guard lock(mutex);
    if (closing) return failure;
    closing = true;
    work.notify_one();
    progress.notify_all();
  }
  thread.join();
  if (failure.ok()) {
    // The seal needs no sync: it only says that what is before it is durable.
    char seal[kFrameSize];
    store_u32(seal, kSeal | kGroupStart);
    store_u32(seal + 4, record_checksum(kSeal | kGroupStart, {}));
    failure = write_all_at(file.get(), std::string_view(seal, sizeof seal), end, path);
  }
  file.reset();
  return failure;
}

namespace {

// Takes the journal at `path` for this writer, making it when it is not there or was killed while it was made.
Result<Descriptor> open_held(const std::string& path) {
  HEADRACE_ASSIGN(Descriptor file, open_file(path, O_RDWR | O_CREAT));
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK)
      return Error(Code::kBusy, cat("journal '", path, "' is being written by another process"), "wait until it ends, or stop it");
    return system_error(errno, "locking", path);
  }
  HEADRACE_ASSIGN(const std::uint64_t size, size_of(file.get(), path));
  if (size >= kHeaderSize) return file;
  char begun[kHeaderSize];
  HEADRACE_ASSIGN(const std::size_t got, read_at(file.get(), begun, sizeof begun, 0, path));
  const std::string header = header_bytes();
  if (!header.starts_with(std::string_view(begun, got)))
    return Error(Code::kDamaged, cat("'", path, "' is no journal"), "another program wrote this file");
  HEADRACE_TRY(write_all_at(file.get(), header, 0, path));
  if (::fsync(file.get()) != 0) return system_error(errno, "syncing", path);
  HEADRACE_TRY(sync_folder(folder_of(path)));
  return file;
}

}  // namespace

Result<std::unique_ptr<JournalWriter>> JournalWriter::open(const std::string& path, const JournalOptions& options,
                                                           const OnRecord& on_record) {
  auto impl = std::make_unique<Impl>();
  impl->path = path;
  impl->options = options;
  HEADRACE_ASSIGN(impl->file, open_held(path));
  HEADRACE_ASSIGN(JournalReader reader, JournalReader::open(path));
  while (true) {
    HEADRACE_ASSIGN(const std::optional<std::string> payload, reader.next());
    if (!payload.has_value()) break;
    if (on_record) HEADRACE_TRY(on_record(*payload));
  }
  impl->end = reader.offset();
  impl->recovery = JournalRecovery{reader.records(), reader.torn_bytes()};
  // What was read may never have been synced by the process that wrote it; the first new group says that it is durable.
  if (::ftruncate(impl->file.get(), static_cast<off_t>(impl->end)) != 0) return system_error(errno, "cutting the torn tail of", path);
  if (::fsync(impl->file.get()) != 0) return system_error(errno, "syncing", path);
  impl->thread = std::thread([raw = impl.get()] { raw->run(); });
  return std::unique_ptr<JournalWriter>(new JournalWriter(std::move(impl)));
}

JournalWriter::JournalWriter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

JournalWriter::~JournalWriter() {
  if (impl_->file.open()) {
    if (const Status closed = close(); !closed.ok()) log(LogLevel::kError, closed.error().text());
  }
}

const JournalRecovery& JournalWriter::recovery() const { return impl_->recovery; }

Status JournalWriter::append(std::string_view payload) {
  if (payload.size() > kRecordMax) {
    return Error(Code::kTooLarge, cat("a journal record has ", bytes_text(payload.size()), ", the bound is ", bytes_text(kRecordMax)));
  }
  // Both checksums are made outside the lock: whether the record starts a group is only known inside.
  char first[kFrameSize], later[kFrameSize];
  const auto length = static_cast<std::uint32_t>(payload.size());
  store_u32(first, length | kGroupStart);
  store_u32(first + 4, record_checksum(length | kGroupStart, payload));
  store_u32(later, length);
  store_u32(later + 4, record_checksum(length, payload));

  Impl& self = *impl_;
  std::unique_lock lock(self.mutex);
  self.progress.wait(lock, [&] {
    return self.queue.empty() || self.queue.size() + payload.size() <= self.options.queue_bytes || !self.failure.ok() || self.closing;
  });
  if (!self.failure.ok()) return self.failure;
  if (self.closing) return Error(Code::kIo, cat("journal '", self.path, "' is closed"));
  self.queue.append(self.queue.empty() ? first : later, kFrameSize).append(payload);
  ++self.appended;
  if (self.idle || self.queue.size() >= self.options.group_bytes) self.work.notify_one();
  return {};
}

Status JournalWriter::flush() {
  std::unique_lock lock(impl_->mutex);
  return impl_->wait_durable(lock, impl_->appended);
}

Status JournalWriter::append_durable(std::string_view payload) {
  HEADRACE_TRY(append(payload));
  return flush();
}

Status JournalWriter::close() { return impl_->close(); }

}  // namespace headrace::io
