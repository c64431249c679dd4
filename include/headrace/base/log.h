// SPDX-License-Identifier: Apache-2.0
#pragma once
// Talk on stderr. One process-wide level; a sink can be replaced (the progress display draws above its bars).

#include <functional>
#include <string_view>

namespace headrace {

enum class LogLevel { kError, kWarning, kInfo, kDebug };

void set_log_level(LogLevel level);
LogLevel log_level();
/// Replaces where lines go; an empty function restores stderr. Threads: any; lines never interleave.
void set_log_sink(std::function<void(LogLevel, std::string_view)> sink);
void log(LogLevel level, std::string_view text);

}  // namespace headrace
