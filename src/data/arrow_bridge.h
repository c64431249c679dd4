// SPDX-License-Identifier: Apache-2.0
#pragma once
// Where Arrow's statuses stop: turning them into our errors, starting its compute kernels once, and a memory pool with a bound
// for reading hostile files. Arrow's headers are seen only by sources of this room and of packs that ask for them.

#include <cstdint>
#include <string_view>

#include <arrow/memory_pool.h>
#include <arrow/result.h>
#include <arrow/status.h>

#include "headrace/base/result.h"

namespace headrace::data::detail {

/// An Arrow status as an Error of `code` (out of memory becomes kTooLarge); `what` says what was being done.
Error arrow_error(const arrow::Status& status, Code code, std::string_view what);

/// Registers Arrow's compute kernels, once a process. Cost: about 10 ms the first time, then nothing.
void initialize_compute();

/// A pool over Arrow's own that refuses to go past the budget of the calling thread's ReadBudget. Lives for ever, because
/// buffers made with it may. Without a budget on the thread it only passes through.
arrow::MemoryPool* bounded_pool();

/// Bounds what this thread allocates from bounded_pool() while it lives. Readers run single-threaded, so a thread is a call.
class ReadBudget {
 public:
  explicit ReadBudget(std::int64_t bytes);
  ~ReadBudget();
  ReadBudget(const ReadBudget&) = delete;
  ReadBudget& operator=(const ReadBudget&) = delete;

 private:
  std::int64_t before_;
};

}  // namespace headrace::data::detail

/// `HEADRACE_ARROW(auto table, reader->Read(), Code::kBadData, "reading x");` as HEADRACE_ASSIGN, from an arrow::Result.
#define HEADRACE_ARROW(target, expression, code, what) \
  HEADRACE_ARROW_(HEADRACE_CONCAT(headrace_arrow_, __LINE__), target, expression, code, what)
#define HEADRACE_ARROW_(name, target, expression, code, what)                                       \
  auto name = (expression);                                                                         \
  if (!name.ok()) return ::headrace::data::detail::arrow_error(name.status(), (code), (what));      \
  target = std::move(name).ValueUnsafe()
#define HEADRACE_ARROW_TRY(expression, code, what)                                                  \
  do {                                                                                              \
    const ::arrow::Status headrace_arrow_status_ = (expression);                                    \
    if (!headrace_arrow_status_.ok()) return ::headrace::data::detail::arrow_error(headrace_arrow_status_, (code), (what)); \
  } while (false)
