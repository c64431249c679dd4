// SPDX-License-Identifier: Apache-2.0
#pragma once
// Progress screen: a snapshot as lines of text. Pure functions, so that any width and moment can be tested.

#include <string>
#include <vector>

#include "cli/progress.h"

namespace headrace::cli {

struct ScreenStyle {
  std::size_t width = 80;      ///< columns; no line is longer
  std::size_t height = 24;     ///< rows; at most height - 1 lines come out
  bool color = false;
  bool unicode = true;
};

/// Bars of the nodes (those at work first when there are too many), one of everything with rate and time left, and what each
/// worker does.
std::vector<std::string> progress_lines(const ProgressSnapshot& snapshot, const ScreenStyle& style);

/// One line for logs: "  34 of 125 tasks, 3.2 s, about 8 s left (logistic 12/100)".
std::string progress_line(const ProgressSnapshot& snapshot);

/// Rows that `lines` take on a terminal `width` wide; escape codes take none.
std::size_t rows_taken(const std::vector<std::string>& lines, std::size_t width);

}  // namespace headrace::cli
