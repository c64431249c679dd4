// SPDX-License-Identifier: Apache-2.0
#pragma once
// Traces in the JSON array form of the Chrome trace event format, which Perfetto (ui.perfetto.dev) and chrome://tracing open.
// Source: "Trace Event Format", Google, sections "JSON Array Format", "Complete Events", "Metadata Events", "Counter Events".

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "headrace/base/result.h"
#include "headrace/config/value.h"

namespace headrace::metrics {

/// Streams events out as they come; memory stays at one buffer of 64 KiB. A track is one row of the picture (a worker, a thread).
/// Times are microseconds on any clock, the same for all events. Threads: any. Errors are kept and returned by `close`.
class TraceWriter {
 public:
  using Sink = std::function<Status(std::string_view bytes)>;

  /// Writes a file, aside until `close`. Errors: kNotFound (its folder), kIo.
  static Result<std::unique_ptr<TraceWriter>> create(const std::string& path);
  /// Writes through `sink`, called by one thread at a time.
  explicit TraceWriter(Sink sink);
  /// Without `close` a file does not appear, and a sink gets no end of the array.
  ~TraceWriter();
  TraceWriter(const TraceWriter&) = delete;
  TraceWriter& operator=(const TraceWriter&) = delete;

  void name_process(std::string_view name);
  /// Names a row; rows are shown in the order of their numbers.
  void name_track(std::int64_t track, std::string_view name);
  /// Something that took time. `args` (a map, or null) is shown when it is clicked.
  void add_complete(std::string_view name, std::string_view category, std::int64_t track, std::int64_t start_us, std::int64_t duration_us,
                    const config::Value& args = {});
  /// Something that happened at once.
  void add_instant(std::string_view name, std::string_view category, std::int64_t track, std::int64_t at_us,
                   const config::Value& args = {});
  /// Values over time, drawn as stacked areas: `values` maps series to numbers.
  void add_counter(std::string_view name, std::int64_t at_us, const config::Value& values);

  /// Ends the array. Errors: the first failed write.
  Status close();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace headrace::metrics
