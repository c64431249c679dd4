// SPDX-License-Identifier: Apache-2.0
#include "headrace/exec/store.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "exec/store_impl.h"
#include "headrace/base/clock.h"
#include "headrace/base/log.h"
#include "headrace/base/text.h"

namespace headrace::exec {
namespace {

namespace fs = std::filesystem;

std::string default_folder() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
  if (const std::string own = variable("HEADRACE_STORE"); !own.empty()) return own;
  if (const std::string cache = variable("XDG_CACHE_HOME"); !cache.empty()) return cache + "/headrace";
  const std::string home = variable("HOME");
  return (home.empty() ? std::string("/var/tmp") : home + "/.cache") + "/headrace";
}

std::uint64_t size_on_disk(const std::string& folder) {
  std::uint64_t bytes = 0;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const auto size = entry.file_size(error);
    if (!error) bytes += size;
  }
  return bytes;
}

}  // namespace

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Store::~Store() = default;

Result<std::unique_ptr<Store>> Store::open(std::string folder) {
  if (folder.empty()) folder = default_folder();
  auto impl = std::make_unique<Impl>();
  std::error_code error;
  impl->folder = fs::absolute(folder, error).string();
  HEADRACE_TRY(io::make_folders(impl->runs_folder()));
  HEADRACE_ASSIGN(impl->index, detail::Index::open(impl->folder + "/index.sqlite"));
  for (const std::string& run : impl->index->unended()) {
    if (const Status adopted = impl->adopt(run); !adopted.ok()) {
      log(LogLevel::kWarning, cat("run ", run, " was killed and cannot be read: ", adopted.error().text()));
    }
  }
  return std::unique_ptr<Store>(new Store(std::move(impl)));
}

Status Store::Impl::adopt(const std::string& id) {
  auto lock = io::FileLock::acquire(run_folder(id) + "/lock");
  if (!lock.ok()) return lock.error().code == Code::kBusy ? Status() : Status(lock.error());
  HEADRACE_ASSIGN(const detail::RunFacts facts, detail::read_facts(run_folder(id)));
  HEADRACE_ASSIGN(const detail::RunJournal journal, detail::read_journal(run_folder(id), id));
  std::vector<Kept> kept;
  for (const TaskEvent& event : journal.events) kept.insert(kept.end(), event.kept.begin(), event.kept.end());
  HEADRACE_TRY(index->add(kept));
  RunSummary summary{.id = id, .pipeline = facts.pipeline, .status = "interrupted", .started_us = facts.started_us,
                     .seconds = journal.seconds, .executed = static_cast<std::int64_t>(journal.events.size())};
  return index->set_run(summary, facts.plan);
}

const std::string& Store::folder() const { return impl_->folder; }

std::optional<Kept> Store::find(const ObjectId& id) { return impl_->index->find(id); }

std::vector<Kept> Store::find_prefix(std::string_view prefix, std::size_t most) { return impl_->index->find_prefix(prefix, most); }

Result<Encoded> Store::load_encoded(const Kept& kept) {
  const auto read = [&]() -> Result<Encoded> {
    HEADRACE_ASSIGN(std::string bytes, io::SegmentFile::read(impl_->run_folder(kept.run) + "/objects", {kept.offset, kept.length}));
    if (sha256(bytes) != kept.content) return Error(Code::kDamaged, cat("object ", kept.id.brief(), " does not match its digest"));
    auto owner = std::make_shared<const std::string>(std::move(bytes));
    return Encoded{*owner, owner};
  };
  auto encoded = read();
  if (!encoded.ok()) {
    HEADRACE_TRY(impl_->index->forget(kept.id));
    return std::move(encoded).error().within(cat("store ", impl_->folder));
  }
  return encoded;
}

Result<data::Object> Store::load(const Kept& kept) {
  HEADRACE_ASSIGN(const Encoded encoded, load_encoded(kept));
  auto object = data::decode(encoded.bytes, encoded.owner);
  if (!object.ok()) HEADRACE_TRY(impl_->index->forget(kept.id));
  return object;
}

Result<Digest> Store::file_digest(const std::string& path) {
  HEADRACE_ASSIGN(const io::FileStat stat, io::file_stat(path));
  if (const auto known = impl_->index->file(path); known.has_value() && known->size == stat.size && known->changed_ns == stat.changed_ns) {
    return known->content;
  }
  HEADRACE_ASSIGN(const Digest content, io::file_digest(path));
  // A file that changed within the last two seconds may change again under the same time stamp: do not remember that one.
  constexpr std::int64_t kSettledNs = 2'000'000'000;
  if (system_clock().wall_us() * 1000 - stat.changed_ns > kSettledNs) {
    HEADRACE_TRY(impl_->index->set_file(path, {stat.size, stat.changed_ns, content}));
  }
  return content;
}

std::vector<RunSummary> Store::runs() {
  std::vector<RunSummary> runs = impl_->index->runs();
  for (RunSummary& run : runs) run.bytes = size_on_disk(impl_->run_folder(run.id));
  return runs;
}

Result<std::string> Store::resolve_run(std::string_view name) {
  const std::vector<RunSummary> runs = impl_->index->runs();
  if (runs.empty()) return Error(Code::kNotFound, cat("store ", impl_->folder, " holds no run"), "headrace run FILE makes one");
  if (name.empty() || name == "last") return runs[0].id;
  std::vector<std::string> ids, matches;
  for (const RunSummary& run : runs) {
    if (run.id == name) return run.id;
    ids.push_back(run.id);
    if (run.id.starts_with(name)) matches.push_back(run.id);
  }
  if (matches.size() == 1) return matches[0];
  if (matches.size() > 1) return Error(Code::kNotFound, cat("several runs start with ", name), "give more of it: " + join(matches, ", "));
  return Error(Code::kNotFound, cat("no run is called ", name), nearest_advice(name, ids));
}

Status Store::remove_run(const std::string& id) {
  {
    HEADRACE_ASSIGN(const io::FileLock lock, io::FileLock::acquire(impl_->run_folder(id) + "/lock"));
    HEADRACE_TRY(impl_->index->remove_run(id));
  }
  std::error_code error;
  fs::remove_all(impl_->run_folder(id), error);
  if (error) return Error(Code::kIo, cat("deleting run ", id, ": ", error.message()));
  return {};
}

Result<int> Store::shrink(std::uint64_t bytes) {
  std::vector<RunSummary> runs = this->runs();
  std::uint64_t total = 0;
  for (const RunSummary& run : runs) total += run.bytes;
  int removed = 0;
  for (auto run = runs.rbegin(); run != runs.rend() && total > bytes; ++run) {
    const Status status = remove_run(run->id);
    if (!status.ok() && status.error().code == Code::kBusy) continue;
    HEADRACE_TRY(status);
    total -= run->bytes;
    ++removed;
  }
  return removed;
}

}  // namespace headrace::exec
