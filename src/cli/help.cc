// SPDX-License-Identifier: Apache-2.0
#include "cli/help.h"

#include <algorithm>

#include "headrace/base/text.h"

namespace headrace::cli {
namespace {

constexpr std::size_t kWidth = 100;
constexpr std::size_t kLeftMax = 26;   // flags longer than this put their doc on the next line

const Flag& help_flag() {
  static const Flag flag = [] {
    Flag row = toggle("help", "print this text");
    return row.short_form('h');
  }();
  return flag;
}

std::string capitals(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char letter) { return letter >= 'a' && letter <= 'z' ? static_cast<char>(letter - 32) : letter; });
  return out;
}

std::string spelled(const Flag& flag) {
  if (flag.positional) return capitals(flag.option.name);
  std::string out = cat("--", flag.option.name);
  if (!flag.value.empty()) out += cat(" ", flag.value);
  return out;
}

// "-o, --output FILE", with room kept where there is no letter, so long forms stand below each other.
std::string left_column(const Flag& flag) {
  if (flag.positional) return spelled(flag);
  return cat(flag.letter == 0 ? std::string("    ") : cat("-", flag.letter, ", "), spelled(flag));
}

std::string described(const Flag& flag) {
  std::string out = flag.option.doc;
  if (flag.option.type == config::Type::kChoice) out += cat(": ", join(flag.option.choices, ", "));
  if (!flag.option.unit.empty()) out += cat(" (", flag.option.unit, ")");
  if (flag.repeat) out += "; may be given several times";
  if (!flag.option.fallback.is_null() && flag.option.type != config::Type::kBool) {
    const auto& fallback = flag.option.fallback;
    out += cat(" [default: ",
               fallback.is_string()   ? fallback.string()
               : fallback.is_number() ? number_text(fallback.real())
                                      : to_json(fallback),
               "]");
  }
  return out;
}

std::string usage(const Command& command) {
  std::string out = cat("headrace ", command.name);
  bool has_flags = false;
  for (const Flag& flag : command.flags) {
    if (!flag.positional) {
      if (flag.option.required) out += cat(" ", spelled(flag));
      has_flags = has_flags || !flag.option.required;
      continue;
    }
    out += flag.option.required ? cat(" ", spelled(flag)) : cat(" [", spelled(flag), "]");
  }
  return has_flags ? out + " [flags]" : out;
}

std::string row(const Flag& flag) {
  std::string left = cat("  ", left_column(flag));
  const std::string right = wrapped(described(flag), kLeftMax + 4, kWidth);
  if (left.size() > kLeftMax + 2) return cat(left, "\n", right);
  return left + right.substr(left.size());
}

std::string rows(const Command& command, bool positional) {
  std::string out;
  for (const Flag& flag : command.flags) {
    if (flag.positional == positional) out += row(flag);
  }
  return positional ? out : out + row(help_flag());
}

std::string markdown_escape(std::string_view text) {
  std::string out;
  for (const char character : text) {
    if (character == '|' || character == '<' || character == '>') out += '\\';
    out += character;
  }
  return out;
}

std::string markdown(const Command& command) {
  std::string out = cat("## headrace ", command.name, "\n\n", capitals(command.summary.substr(0, 1)), command.summary.substr(1), ".\n\n");
  out += cat("```\n", usage(command), "\n```\n");
  if (!command.details.empty()) out += cat("\n", markdown_escape(command.details), "\n");
  out += "\n| | |\n|---|---|\n";
  for (const Flag& flag : command.flags) {
    const std::string letter = flag.letter == 0 ? "" : cat("`-", flag.letter, "`, ");
    out += cat("| ", letter, "`", spelled(flag), "` | ", markdown_escape(described(flag)), " |\n");
  }
  if (command.flags.empty()) out += "| | no flags |\n";
  if (!command.examples.empty()) out += cat("\n```\n", join(command.examples, "\n"), "\n```\n");
  return out;
}

constexpr std::string_view kExitCodes =
    "exit codes\n"
    "  0  done\n"
    "  1  finished, but something in it failed or did not verify\n"
    "  2  bad usage or bad input\n"
    "  3  the environment lacks something\n"
    "  4  interrupted; the same command resumes\n";

}  // namespace

std::string wrapped(std::string_view text, std::size_t indent, std::size_t width) {
  std::string out;
  for (const std::string& paragraph : split(text, '\n')) {
    std::string line(indent, ' ');
    bool empty = true;
    for (const std::string& word : split(paragraph, ' ')) {
      if (!empty && line.size() + 1 + word.size() > width) {
        out += cat(line, "\n");
        line.assign(indent, ' ');
        empty = true;
      }
      if (!empty) line += ' ';
      line += word;
      empty = false;
    }
    out += cat(trim(line).empty() ? std::string() : line, "\n");
  }
  return out;
}

std::string overview(std::span<const Command> commands) {
  std::string out =
      "headrace: pipelines of data and models, from a file to ranked, reproducible results\n\n"
      "usage: headrace COMMAND [arguments]\n\ncommands\n";
  for (const Command& command : commands) {
    if (command.hidden) continue;
    out += cat("  ", command.name, std::string(11 - std::min<std::size_t>(10, command.name.size()), ' '), command.summary, "\n");
  }
  out += cat("\n", kExitCodes);
  out +=
      "\nResults go to stdout, talk to stderr; --json prints one JSON document.\nstart with: headrace run examples/digits/pipeline.yaml\n";
  return out;
}

std::string help_text(const Command& command) {
  std::string out = cat("headrace ", command.name, ": ", command.summary, "\n\nusage: ", usage(command), "\n");
  const std::string words = rows(command, true);
  if (!words.empty()) out += cat("\n", words);
  if (!command.details.empty()) out += cat("\n", wrapped(command.details, 0, kWidth));
  out += cat("\nflags\n", rows(command, false));
  if (command.examples.empty()) return out;
  out += "\nexamples\n";
  for (const std::string& example : command.examples) out += cat("  ", example, "\n");
  return out;
}

std::string help_markdown(std::span<const Command> commands) {
  std::string out =
      "# Command line\n\n"
      "Made from the flag tables of the program by `tools/make_docs`; do not edit.\n\n"
      "Results go to stdout, talk to stderr. `--json` prints one JSON document on stdout, also for errors: [json.md](json.md).\n"
      "An unknown flag is an error that names the nearest one. `--flag VALUE` and `--flag=VALUE` are the same; `--` ends flags.\n\n"
      "| exit code | meaning |\n|---|---|\n"
      "| 0 | done |\n| 1 | finished, but something in it failed or did not verify |\n| 2 | bad usage or bad input |\n"
      "| 3 | the environment lacks something |\n| 4 | interrupted; the same command resumes |\n\n"
      "Environment: `HEADRACE_STORE` (where runs are kept), `HEADRACE_PACKS` (more folders with packs, colon-separated), `NO_COLOR`.\n";
  for (const Command& command : commands) {
    if (!command.hidden) out += cat("\n", markdown(command));
  }
  return out;
}

}  // namespace headrace::cli
