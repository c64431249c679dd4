// SPDX-License-Identifier: Apache-2.0
#include "cli/progress_screen.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "cli/output.h"
#include "headrace/base/text.h"

namespace headrace::cli {
namespace {

constexpr std::size_t kNameMax = 24;
constexpr std::size_t kBarMin = 8;
constexpr std::size_t kBarMax = 40;

struct Paint {
  bool color;
  std::string operator()(std::string_view code, std::string_view text) const {
    return color && !text.empty() ? cat("\x1b[", code, "m", text, "\x1b[0m") : std::string(text);
  }
};

std::string clipped(std::string_view text, std::size_t width) {
  if (text_width(text) <= width) return std::string(text);
  std::string out;
  std::size_t taken = 0;
  for (std::size_t i = 0; i < text.size() && taken + 1 < width;) {
    std::size_t end = i + 1;
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) ++end;
    out += text.substr(i, end - i);
    ++taken;
    i = end;
  }
  return width == 0 ? "" : out + "~";
}

std::string padded(std::string_view text, std::size_t width) {
  std::string out = clipped(text, width);
  return out + std::string(width - text_width(out), ' ');
}

std::string padded_left(std::string_view text, std::size_t width) {
  const std::size_t own = text_width(text);
  return own >= width ? std::string(text) : std::string(width - own, ' ') + std::string(text);
}

std::string rate_text(double rate) {
  if (rate <= 0) return "";
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, rate < 10 ? "%.1f/s" : rate < 10'000 ? "%.0f/s" : "%.3g/s", rate);
  return buffer;
}

// Rough on purpose: an estimate with milliseconds in it flickers.
std::string left_text(double seconds) {
  if (seconds < 0) return "";
  if (seconds < 1) return "under 1 s left";
  return cat("about ", seconds < 60 ? cat(static_cast<std::int64_t>(std::ceil(seconds)), " s") : seconds_text(seconds), " left");
}

std::string elapsed_text(double seconds) {
  char buffer[32];
  if (seconds >= 60) return seconds_text(seconds);
  std::snprintf(buffer, sizeof buffer, "%.1f s", seconds);
  return buffer;
}

std::string bar(std::int64_t ended, std::int64_t total, std::size_t width, bool failed, const ScreenStyle& style) {
  const Paint paint{style.color};
  const double share = total <= 0 ? 1 : std::clamp(static_cast<double>(ended) / static_cast<double>(total), 0.0, 1.0);
  const auto full = static_cast<std::size_t>(share * static_cast<double>(width));
  std::string left, right;
  for (std::size_t i = 0; i < width; ++i) {
    std::string& side = i < full ? left : right;
    side += i < full ? (style.unicode ? "━" : "#") : (style.unicode ? "─" : "-");
  }
  return paint(failed ? "31" : ended >= total ? "32" : "36", left) + paint("2", right);
}

struct Layout {
  std::size_t name = 0;
  std::size_t bar = 0;
  std::size_t count = 0;
};

// `tail` is what follows the count on the longest line.
Layout layout_of(const ProgressSnapshot& snapshot, const std::string& tail, const ScreenStyle& style) {
  Layout layout{.name = 3};
  for (const NodeProgress& node : snapshot.nodes) {
    layout.name = std::max(layout.name, text_width(node.name));
    layout.count = std::max(layout.count, cat(node.total, "/", node.total).size());
  }
  layout.count = std::max(layout.count, cat(snapshot.total, "/", snapshot.total).size());
  layout.name = std::min(layout.name, std::min(kNameMax, style.width / 3));
  constexpr std::size_t kRate = 20;                                  // "12/s  3 failed"
  const std::size_t others = layout.name + layout.count + 5 + std::max(kRate, text_width(tail));
  const std::size_t room = style.width > others ? style.width - others : 0;
  layout.bar = room < kBarMin ? 0 : std::min(room, kBarMax);
  return layout;
}

// The visible width of `plain` decides; `painted` is what is drawn when it fits.
void push(std::vector<std::string>& lines, const std::string& plain, const std::string& painted, const ScreenStyle& style) {
  const std::size_t room = style.width > 0 ? style.width - 1 : 0;   // the last column makes some terminals wrap
  lines.push_back(text_width(plain) <= room ? painted : clipped(plain, room));
}

void push_bar(std::vector<std::string>& lines, std::string_view name, std::int64_t ended, std::int64_t total, std::int64_t failed,
              const std::string& tail, const Layout& layout, const ScreenStyle& style, bool strong) {
  const Paint paint{style.color};
  const std::string label = padded(name, layout.name);
  const std::string count = padded_left(cat(ended, "/", total), layout.count);
  std::string after = tail;
  if (failed > 0) after += cat(after.empty() ? "" : "  ", failed, " failed");
  ScreenStyle bare = style;
  bare.color = false;
  const std::string gap = layout.bar > 0 ? " " : "";
  const auto line = [&](const ScreenStyle& look, const std::string& shown) {
    return cat(shown, gap, layout.bar > 0 ? bar(ended, total, layout.bar, failed > 0, look) : std::string(), " ", count, "  ", after);
  };
  push(lines, line(bare, label), line(style, strong ? paint("1", label) : label), style);
}

std::vector<NodeProgress> shown_nodes(const ProgressSnapshot& snapshot, std::size_t most) {
  std::vector<NodeProgress> nodes = snapshot.nodes;
  if (nodes.size() <= most) return nodes;
  // Those at work, then those that wait, then those that are finished; each in file order.
  const auto order = [](const NodeProgress& node) { return node.running > 0 ? 0 : node.ended < node.total ? 1 : 2; };
  std::stable_sort(nodes.begin(), nodes.end(), [&](const NodeProgress& a, const NodeProgress& b) { return order(a) < order(b); });
  nodes.resize(most);
  return nodes;
}

std::string worker_text(const WorkerProgress& worker) {
  std::string out = cat("  ", worker.worker + 1, ": ", worker.node, " ", worker.phase);
  if (worker.fold >= 0) out += cat(" fold ", worker.fold + 1);
  if (worker.share >= 0) out += cat(" ", static_cast<int>(std::floor(worker.share * 100)), " %");
  return cat(out, " (", elapsed_text(worker.seconds), ")");
}

}  // namespace

std::vector<std::string> progress_lines(const ProgressSnapshot& snapshot, const ScreenStyle& style) {
  std::vector<std::string> lines;
  if (!snapshot.started || snapshot.total == 0) return lines;
  const std::size_t room = style.height > 3 ? style.height - 2 : 1;
  std::string tail = elapsed_text(snapshot.seconds);
  if (const std::string left = left_text(snapshot.left_s); !left.empty() && snapshot.ended < snapshot.total) tail += cat(", ", left);
  if (snapshot.remembered > 0) tail += cat(", ", snapshot.remembered, " remembered");
  const Layout layout = layout_of(snapshot, tail, style);
  const std::size_t workers_most = std::min<std::size_t>(snapshot.workers.size(), room / 3);
  const std::size_t nodes_most = room > workers_most + 1 ? room - workers_most - 1 : 0;
  const std::vector<NodeProgress> nodes = shown_nodes(snapshot, nodes_most);
  for (const NodeProgress& node : nodes) {
    push_bar(lines, printable(node.name), node.ended, node.total, node.failed, node.ended < node.total ? rate_text(node.rate) : "", layout,
             style, false);
  }
  push_bar(lines, "all", snapshot.ended, snapshot.total, snapshot.failed, tail, layout, style, true);
  const Paint paint{style.color};
  for (std::size_t i = 0; i < workers_most; ++i) {
    const std::string text = printable(worker_text(snapshot.workers[i]));
    push(lines, text, paint("2", text), style);
  }
  return lines;
}

std::string progress_line(const ProgressSnapshot& snapshot) {
  std::string out = cat("  ", snapshot.ended, " of ", snapshot.total, " tasks, ", elapsed_text(snapshot.seconds));
  if (const std::string left = left_text(snapshot.left_s); !left.empty()) out += cat(", ", left);
  if (snapshot.failed > 0) out += cat(", ", snapshot.failed, " failed");
  std::vector<std::string> active;
  for (const NodeProgress& node : snapshot.nodes) {
    if (node.running > 0 && active.size() < 3) active.push_back(cat(printable(node.name), " ", node.ended, "/", node.total));
  }
  return active.empty() ? out : cat(out, " (", join(active, ", "), ")");
}

std::size_t rows_taken(const std::vector<std::string>& lines, std::size_t width) {
  std::size_t rows = 0;
  for (const std::string& line : lines) {
    std::string bare;
    for (std::size_t i = 0; i < line.size(); ++i) {
      if (line[i] == '\x1b') {
        i = std::min(line.find('m', i), line.size() - 1);
      } else {
        bare += line[i];
      }
    }
    rows += width == 0 ? 1 : std::max<std::size_t>(1, (text_width(bare) + width - 1) / width);
  }
  return rows;
}

}  // namespace headrace::cli
