// SPDX-License-Identifier: Apache-2.0
#pragma once
// HEADRACE_CHECK: an invariant of ours. It aborts with the place and the text; it is never for input of others.

#include <string_view>

namespace headrace {

/// Prints "headrace: bug: ..." with a request to report it, and aborts.
[[noreturn]] void detail_abort(std::string_view text);
[[noreturn]] void detail_check_failed(const char* expression, const char* file, int line, std::string_view text);

#define HEADRACE_CHECK(condition, text)                                                              \
  do {                                                                                               \
    if (!(condition)) ::headrace::detail_check_failed(#condition, __FILE__, __LINE__, (text));       \
  } while (false)

}  // namespace headrace
