// SPDX-License-Identifier: Apache-2.0
#pragma once
// Command line: words against the flag rows of one subcommand. Every unknown flag, extra word and bad value is an error with the
// nearest match.

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command.h"
#include "headrace/config/value.h"

namespace headrace::cli {

/// What was given, checked, with defaults filled in. A wrong name or type is a bug.
class Arguments {
 public:
  Arguments() = default;
  Arguments(config::Value bound, std::set<std::string, std::less<>> given) : bound_(std::move(bound)), given_(std::move(given)) {}

  bool flag(std::string_view name) const;
  std::int64_t integer(std::string_view name) const;
  double real(std::string_view name) const;
  /// The text of a string, path or choice; "" when it is not set.
  std::string text(std::string_view name) const;
  std::vector<std::string> texts(std::string_view name) const;
  /// Whether it was on the command line (and not filled in).
  bool given(std::string_view name) const { return given_.contains(name); }

 private:
  const config::Value& value(std::string_view name) const;
  config::Value bound_;
  std::set<std::string, std::less<>> given_;
};

struct Parsed {
  Arguments arguments;
  bool help = false;         ///< --help was among the words; nothing else was checked
};

/// Reads `words` (without program and subcommand). `--flag VALUE`, `--flag=VALUE`, `-o VALUE`, `--` ends flags.
/// Errors: kUnknownKey (unknown flag), kUsage (extra or missing word, missing value, flag given twice), kBadValue.
Result<Parsed> parse_command_line(const Command& command, std::span<const std::string> words);

/// "2GB", "512 MiB", "1e9", "730" as bytes; k, M, G, T are powers of 1000, Ki, Mi, Gi, Ti of 1024. Errors: kBadValue.
Result<std::uint64_t> parse_size(std::string_view text, std::string_view flag);

}  // namespace headrace::cli
