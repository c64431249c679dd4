// SPDX-License-Identifier: Apache-2.0
// Drawings as text: graphviz, and lines for a terminal.
#include <algorithm>

#include "graph/drawing.h"
#include "headrace/base/text.h"

namespace headrace::graph {
namespace {

constexpr std::size_t kSiblingsShown = 12;

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out + '"';
}

// "pca x5, raw": the nodes of the graph that an input reads, with the number of their alternatives.
std::string reads_text(const Expanded& expanded, const ExpandedNode& node) {
  std::string out;
  for (std::size_t input = 0; input < node.inputs.size(); ++input) {
    std::string united;
    const std::span<const int> from = node.inputs[input];
    for (std::size_t i = 0; i < from.size();) {
      const int origin = expanded.nodes[static_cast<std::size_t>(from[i])].origin;
      std::size_t end = i;
      while (end < from.size() && expanded.nodes[static_cast<std::size_t>(from[end])].origin == origin) ++end;
      united += cat(united.empty() ? "" : " | ", expanded.graph.nodes[static_cast<std::size_t>(origin)].name,
                    end - i > 1 ? cat(" \u00d7", end - i) : "");
      i = end;
    }
    out +=
        cat(out.empty() ? "" : " & ", node.inputs.size() > 1 && united.find(" | ") != std::string::npos ? cat("(", united, ")") : united);
  }
  return out;
}

}  // namespace

std::string to_dot(const Expanded& expanded) {
  std::string out =
      cat("digraph ", quoted(expanded.graph.name), " {\n  rankdir=LR;\n  node [shape=box, style=rounded, fontname=\"sans-serif\"];\n");
  const auto id = [](std::size_t i) { return cat("n", i); };
  for (std::size_t i = 0; i < expanded.nodes.size(); ++i) {
    const ExpandedNode& node = expanded.nodes[i];
    out += cat("  ", id(i), " [label=", quoted(node.name),
               ", tooltip=", quoted(expanded.graph.nodes[static_cast<std::size_t>(node.origin)].op), "];\n");
  }
  for (std::size_t i = 0; i < expanded.nodes.size(); ++i) {
    for (const int from : expanded.nodes[i].inputs.all()) out += cat("  ", id(static_cast<std::size_t>(from)), " -> ", id(i), ";\n");
  }
  return out + "}\n";
}

std::string to_terminal(const Expanded& expanded) {
  const std::vector<int> level = levels(expanded);
  const int depth = level.empty() ? 0 : *std::max_element(level.begin(), level.end()) + 1;
  std::vector<std::vector<std::size_t>> rows(static_cast<std::size_t>(depth));
  for (std::size_t i = 0; i < level.size(); ++i) rows[static_cast<std::size_t>(level[i])].push_back(i);
  const std::size_t digits = std::to_string(std::max(depth - 1, 0)).size();
  std::string out;
  for (std::size_t at = 0; at < rows.size(); ++at) {
    std::vector<std::string> lines;
    for (std::size_t k = 0; k < rows[at].size(); ++k) {
      const ExpandedNode& node = expanded.nodes[rows[at][k]];
      if (node.alternative >= static_cast<int>(kSiblingsShown)) {
        std::size_t more = 0;
        while (k + more < rows[at].size() && expanded.nodes[rows[at][k + more]].origin == node.origin) ++more;
        lines.push_back(cat("\u2026 and ", more, " more"));
        k += more - 1;
        continue;
      }
      const Node& origin = expanded.graph.nodes[static_cast<std::size_t>(node.origin)];
      const std::string reads = reads_text(expanded, node);
      lines.push_back(cat(node.name, "  ", origin.op, reads.empty() ? "" : cat("  \u25c2 ", reads)));
    }
    for (std::size_t k = 0; k < lines.size(); ++k) {
      const std::string number = k == 0 ? std::to_string(at) : std::string();
      const char* corner = lines.size() == 1 ? "\u2500" : k == 0 ? "\u252c" : k + 1 == lines.size() ? "\u2514" : "\u251c";
      out += cat(std::string(digits - std::min(digits, number.size()), ' '), number, " ", corner, " ", lines[k], "\n");
    }
  }
  return out;
}

}  // namespace headrace::graph
