// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cmath>

#include "graph/drawing.h"
#include "graph/layout.h"
#include "headrace/base/text.h"

namespace headrace::graph {
namespace {

constexpr std::size_t kNodesApart = 600, kBoxesMax = 2000;
constexpr std::size_t kNameShown = 34;
constexpr double kCharacter = 7.9, kSmall = 6.4, kPadding = 12, kLine = 17, kMargin = 12;

constexpr const char* kStyle =
    ".hr-graph{color:#24292f;font:12px ui-sans-serif,system-ui,sans-serif}"
    "@media(prefers-color-scheme:dark){.hr-graph{color:#e6edf3}}"
    ".hr-box{fill:currentColor;fill-opacity:.06;stroke:currentColor;stroke-opacity:.45}"
    ".hr-name{fill:currentColor;font-weight:600}.hr-op,.hr-mark{fill:currentColor;fill-opacity:.65;font-size:10.5px}"
    ".hr-edge{fill:none;stroke:currentColor;stroke-opacity:.38;stroke-width:1.2}"
    ".hr-bar{fill:currentColor;fill-opacity:.25}.hr-done{fill:#2da44e}.hr-failed{fill:#cf222e}.hr-running{fill:#bf8700}"
    ".hr-remembered{fill:#0969da}.hr-skipped{fill:#8c959f}"
    ".hr-done,.hr-failed,.hr-running,.hr-remembered,.hr-skipped{fill-opacity:1}";

// Coordinates with one decimal, whatever the locale.
std::string number(double value) {
  const double rounded = std::round(value * 10) / 10;
  return number_text(rounded == 0 ? 0.0 : rounded);
}

// Characters as a reader counts them: continuation bytes of UTF-8 do not count.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string shortened(const std::string& text) {
  if (width_of(text) <= kNameShown) return text;
  std::string out;
  std::size_t shown = 0;
  for (const char c : text) {
    if ((static_cast<unsigned char>(c) & 0xC0) != 0x80 && ++shown == kNameShown) break;
    out += c;
  }
  return out + "\u2026";
}

// The mark of a box that stands for several nodes: the worst status, and how many there are.
NodeMark mark_of(const Drawing::Item& item, std::span<const NodeMark> marks) {
  if (marks.empty()) return {};
  if (item.members.size() == 1) return marks[static_cast<std::size_t>(item.members[0])];
  constexpr std::array kWorst = {"failed", "running", "skipped", "done", "remembered"};
  for (const char* status : kWorst) {
    const auto count = std::count_if(item.members.begin(), item.members.end(),
                                     [&](int node) { return marks[static_cast<std::size_t>(node)].status == status; });
    if (count > 0) return {status, cat(count, " of ", item.members.size(), " ", status)};
  }
  return {};
}

std::string box_text(const Drawing::Item& item, const Box& box, const NodeMark& mark) {
  constexpr std::array kKnown = {"done", "failed", "running", "remembered", "skipped"};
  const bool known = std::find(kKnown.begin(), kKnown.end(), mark.status) != kKnown.end();
  const double x = box.x + kMargin, y = box.y + kMargin;
  std::string out =
      cat("<g><title>", html_escape(cat(item.name, " (", item.op, ")", item.detail.empty() ? "" : "\n", item.detail)), "</title>");
  out += cat("<rect class=\"hr-box\" x=\"", number(x), "\" y=\"", number(y), "\" width=\"", number(box.width), "\" height=\"",
             number(box.height), "\" rx=\"5\"/>");
  out += cat("<rect class=\"hr-bar", known ? cat(" hr-", mark.status) : "", "\" x=\"", number(x), "\" y=\"", number(y),
             "\" width=\"4\" height=\"", number(box.height), "\" rx=\"2\"/>");
  const auto line = [&](const char* kind, double row, const std::string& text) {
    out += cat("<text class=\"", kind, "\" x=\"", number(x + kPadding), "\" y=\"", number(y + row * kLine), "\">", html_escape(text),
               "</text>");
  };
  line("hr-name", 1.05, shortened(item.name));
  line("hr-op", 1.95, shortened(item.op));
  if (!mark.text.empty()) line("hr-mark", 2.8, shortened(mark.text));
  return out + "</g>\n";
}

// A curve through the points, leaving and arriving level.
std::string edge_text(const std::vector<std::pair<double, double>>& points) {
  std::string path = cat("M", number(points[0].first + kMargin), " ", number(points[0].second + kMargin));
  for (std::size_t i = 1; i < points.size(); ++i) {
    const auto [x0, y0] = points[i - 1];
    const auto [x1, y1] = points[i];
    const double middle = (x0 + x1) / 2 + kMargin;
    path += cat("C", number(middle), " ", number(y0 + kMargin), " ", number(middle), " ", number(y1 + kMargin), " ", number(x1 + kMargin),
                " ", number(y1 + kMargin));
  }
  return cat("<path class=\"hr-edge\" d=\"", path, "\"/>\n");
}

std::string frame(double width, double height, const std::string& title, const std::string& body) {
  return cat("<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"hr-graph\" role=\"img\" viewBox=\"0 0 ", number(width), " ", number(height),
             "\" width=\"", number(width), "\" height=\"", number(height), "\">\n<title>", html_escape(title), "</title>\n<style>", kStyle,
             "</style>\n", body, "</svg>\n");
}

}  // namespace

std::string to_svg(const Expanded& expanded, std::span<const NodeMark> marks) {
  HEADRACE_CHECK(marks.empty() || marks.size() == expanded.nodes.size(), "one mark per expanded node");
  const Drawing drawing = drawing_of(expanded, kNodesApart);
  if (drawing.items.size() > kBoxesMax) {
    const std::string note = cat(expanded.nodes.size(), " nodes and ", expanded.edges(), " edges: too many to draw");
    return frame(static_cast<double>(note.size()) * kCharacter + 40, 48, expanded.graph.name,
                 cat("<text class=\"hr-name\" x=\"16\" y=\"28\">", note, "</text>\n"));
  }
  std::vector<NodeMark> shown;
  std::vector<Box> boxes;
  for (const Drawing::Item& item : drawing.items) {
    shown.push_back(mark_of(item, marks));
    const double text = std::max({static_cast<double>(width_of(shortened(item.name))) * kCharacter,
                                  static_cast<double>(width_of(shortened(item.op))) * kSmall,
                                  static_cast<double>(width_of(shortened(shown.back().text))) * kSmall});
    boxes.push_back({text + 2 * kPadding, kLine * (shown.back().text.empty() ? 2.35 : 3.2), 0, 0});
  }
  const Layout layout = lay_out(std::move(boxes), drawing.edges);
  std::string body;
  for (const auto& points : layout.edges) body += edge_text(points);
  for (std::size_t i = 0; i < drawing.items.size(); ++i) body += box_text(drawing.items[i], layout.boxes[i], shown[i]);
  return frame(layout.width + 2 * kMargin, layout.height + 2 * kMargin, expanded.graph.name, body);
}

}  // namespace headrace::graph
