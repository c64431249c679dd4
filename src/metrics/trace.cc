// SPDX-License-Identifier: Apache-2.0
#include "headrace/metrics/trace.h"

#include <mutex>
#include <optional>

#include "headrace/base/text.h"
#include "headrace/io/file.h"

namespace headrace::metrics {
namespace {

constexpr std::size_t kBufferSize = std::size_t{64} << 10;
constexpr int kProcess = 1;   // one trace shows one run; its workers are tracks

}  // namespace

struct TraceWriter::Impl {
  std::mutex mutex;                        // guards everything below
  std::optional<io::AtomicFile> file;
  Sink sink;
  std::string buffer = "[";
  bool first = true;
  bool closed = false;
  Status failure;

  void drain() {
    if (failure.ok()) failure = file.has_value() ? file->write(buffer) : sink(buffer);
    buffer.clear();
  }

  // `rest` is the event's fields after "ph", "pid" and "tid".
  void add(char phase, std::int64_t track, const std::string& rest) {
    const std::lock_guard lock(mutex);
    HEADRACE_CHECK(!closed, "an event after the trace was closed");
    buffer += first ? "\n" : ",\n";
    first = false;
    buffer += cat("{\"ph\":\"", phase, "\",\"pid\":", kProcess, ",\"tid\":", track, rest, '}');
    if (buffer.size() >= kBufferSize) drain();
  }
};

namespace {

std::string quoted(std::string_view text) { return config::to_json(config::Value(std::string(text))); }

std::string args_text(const config::Value& args) {
  return args.is_map() && !args.map().empty() ? cat(",\"args\":", config::to_json(args)) : "";
}

}  // namespace

TraceWriter::TraceWriter(Sink sink) : impl_(std::make_unique<Impl>()) { impl_->sink = std::move(sink); }
TraceWriter::~TraceWriter() = default;

Result<std::unique_ptr<TraceWriter>> TraceWriter::create(const std::string& path) {
  HEADRACE_ASSIGN(io::AtomicFile file, io::AtomicFile::create(path));
  auto writer = std::make_unique<TraceWriter>(Sink{});
  writer->impl_->file = std::move(file);
  return writer;
}

void TraceWriter::name_process(std::string_view name) {
  impl_->add('M', 0, cat(",\"name\":\"process_name\",\"args\":{\"name\":", quoted(name), '}'));
}

void TraceWriter::name_track(std::int64_t track, std::string_view name) {
  impl_->add('M', track, cat(",\"name\":\"thread_name\",\"args\":{\"name\":", quoted(name), '}'));
  impl_->add('M', track, cat(",\"name\":\"thread_sort_index\",\"args\":{\"sort_index\":", track, '}'));
}

void TraceWriter::add_complete(std::string_view name, std::string_view category, std::int64_t track, std::int64_t start_us,
                               std::int64_t duration_us, const config::Value& args) {
  impl_->add(
      'X', track,
      cat(",\"name\":", quoted(name), ",\"cat\":", quoted(category), ",\"ts\":", start_us, ",\"dur\":", duration_us, args_text(args)));
}

void TraceWriter::add_instant(std::string_view name, std::string_view category, std::int64_t track, std::int64_t at_us,
                              const config::Value& args) {
  impl_->add('i', track,
             cat(",\"name\":", quoted(name), ",\"cat\":", quoted(category), ",\"ts\":", at_us, ",\"s\":\"t\"", args_text(args)));
}

void TraceWriter::add_counter(std::string_view name, std::int64_t at_us, const config::Value& values) {
  impl_->add('C', 0, cat(",\"name\":", quoted(name), ",\"ts\":", at_us, args_text(values)));
}

Status TraceWriter::close() {
  const std::lock_guard lock(impl_->mutex);
  if (impl_->closed) return impl_->failure;
  impl_->closed = true;
  impl_->buffer += "\n]\n";
  impl_->drain();
  if (impl_->file.has_value() && impl_->failure.ok()) impl_->failure = impl_->file->commit();
  return impl_->failure;
}

}  // namespace headrace::metrics
