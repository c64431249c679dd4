// SPDX-License-Identifier: Apache-2.0
#include "cli/progress_display.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>

#include "cli/output.h"
#include "headrace/base/log.h"
#include "headrace/base/text.h"

namespace headrace::cli {
namespace {

using namespace std::chrono_literals;

constexpr auto kFrame = 100ms;
constexpr auto kFirstFrame = 250ms;   // what is over sooner needs no bars
constexpr auto kLineFirst = 2s;
constexpr auto kLineEvery = 5s;

bool speaks_utf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    const std::string_view text(value);
    return text.find("UTF-8") != std::string_view::npos || text.find("utf8") != std::string_view::npos ||
           text.find("UTF8") != std::string_view::npos;
  }
  return false;
}

}  // namespace

ProgressDisplay::Form ProgressDisplay::form_for(int descriptor, bool quiet) {
  if (quiet) return Form::kNone;
  return is_terminal(descriptor) ? Form::kBars : Form::kLines;
}

ProgressDisplay::ProgressDisplay(const Progress& progress, Form form, int descriptor)
    : progress_(progress), form_(form), descriptor_(descriptor) {
  if (form_ == Form::kNone) return;
  if (form_ == Form::kBars) {
    set_log_sink([this](LogLevel level, std::string_view line) { write_above(level, line); });
  }
  drawer_ = std::thread([this] { form_ == Form::kBars ? draw_bars() : draw_lines(); });
}

ProgressDisplay::~ProgressDisplay() { finish(); }

void ProgressDisplay::finish() {
  if (form_ == Form::kNone || !drawer_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    finished_ = true;
  }
  changed_.notify_all();
  drawer_.join();
  if (form_ != Form::kBars) return;
  set_log_sink({});
  const std::lock_guard lock(mutex_);
  std::string out;
  erase_locked(out);
  drawn_.clear();
  put(out);
}

void ProgressDisplay::draw_bars() {
  std::unique_lock lock(mutex_);
  auto wait = kFirstFrame;
  while (!changed_.wait_for(lock, wait, [this] { return finished_; })) {
    redraw_locked();
    wait = kFrame;
  }
}

void ProgressDisplay::draw_lines() {
  std::unique_lock lock(mutex_);
  auto wait = kLineFirst;
  while (!changed_.wait_for(lock, wait, [this] { return finished_; })) {
    const ProgressSnapshot snapshot = progress_.snapshot();
    wait = kLineEvery;
    if (!snapshot.started || snapshot.total == 0) continue;
    lock.unlock();   // the log has a lock of its own
    log(LogLevel::kInfo, progress_line(snapshot));
    lock.lock();
  }
}

void ProgressDisplay::write_above(LogLevel level, std::string_view line) {
  const std::string_view kind = level == LogLevel::kError ? "error: " : level == LogLevel::kWarning ? "warning: " : "";
  const std::lock_guard lock(mutex_);
  std::string out;
  erase_locked(out);
  out += cat(kind, line, "\n");
  for (const std::string& bar : drawn_) out += cat(bar, "\n");
  put(out);
}

void ProgressDisplay::redraw_locked() {
  std::vector<std::string> lines = progress_lines(progress_.snapshot(), style());
  if (lines == drawn_) return;
  std::string out;
  erase_locked(out);
  for (const std::string& line : lines) out += cat(line, "\n");
  drawn_ = std::move(lines);
  put(out);
}

// Moves up over what stands there, as the terminal has wrapped it at its width of now, and clears from there to the end.
void ProgressDisplay::erase_locked(std::string& out) const {
  if (drawn_.empty()) return;
  out += cat("\x1b[", rows_taken(drawn_, style().width), "A\r\x1b[J");
}

ScreenStyle ProgressDisplay::style() const {
  ScreenStyle out{.color = wants_color(descriptor_), .unicode = speaks_utf8()};
  winsize size{};
  if (::ioctl(descriptor_, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0) {
    out.width = size.ws_col;
    out.height = size.ws_row;
  }
  return out;
}

void ProgressDisplay::put(std::string_view bytes) const {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno != EINTR) return;   // a terminal that went away needs no bars
    if (written > 0) bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace headrace::cli
