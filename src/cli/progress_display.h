// SPDX-License-Identifier: Apache-2.0
#pragma once
// Progress display: keeps the screen of a terminal up to date, or says a line now and then where there is none. It draws from one
// thread of its own, at most ten times a second, and leaves nothing behind when it ends. Log lines appear above the bars.

#include <condition_variable>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "cli/progress.h"
#include "cli/progress_screen.h"
#include "headrace/base/log.h"

namespace headrace::cli {

class ProgressDisplay {
 public:
  enum class Form { kNone, kLines, kBars };
  /// kBars on a terminal, else kLines.
  static Form form_for(int descriptor, bool quiet);

  /// Draws on `descriptor` (stderr) until `finish`. `progress` must outlive this.
  ProgressDisplay(const Progress& progress, Form form, int descriptor = 2);
  ~ProgressDisplay();
  ProgressDisplay(const ProgressDisplay&) = delete;
  ProgressDisplay& operator=(const ProgressDisplay&) = delete;

  /// Erases the bars and gives the log its stderr back. May be called twice.
  void finish();

 private:
  void draw_bars();
  void draw_lines();
  void write_above(LogLevel level, std::string_view line);
  void redraw_locked();
  void erase_locked(std::string& out) const;
  ScreenStyle style() const;
  void put(std::string_view bytes) const;

  const Progress& progress_;
  const Form form_;
  const int descriptor_;
  std::mutex mutex_;                     // guards all below, and keeps frames and log lines whole
  std::condition_variable changed_;
  bool finished_ = false;
  std::vector<std::string> drawn_;       // the lines that stand on the screen
  std::thread drawer_;
};

}  // namespace headrace::cli
