// SPDX-License-Identifier: Apache-2.0
#pragma once
// Command: the row behind one subcommand. Parsing, --help, `headrace help` and docs/reference/cli.md all come from it.

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/base/result.h"
#include "headrace/config/options.h"

namespace headrace::cli {

class Arguments;  // cli/command_line.h
class Session;    // cli/session.h

/// One flag, or one positional argument, of a subcommand. The option gives its name, type, default, range and doc.
struct Flag {
  config::Option option;
  std::string value;         ///< what help calls its value ("DIR"); empty for switches
  char letter = 0;           ///< short form, 0 for none
  bool positional = false;
  bool repeat = false;       ///< may be given several times; its option is then a list

  Flag& short_form(char character) { letter = character; return *this; }
  Flag& many() { repeat = true; return *this; }
};

/// A switch: off unless given.
Flag toggle(std::string name, std::string doc);
/// A flag with a value: `--name VALUE` or `--name=VALUE`.
Flag takes(std::string value, config::Option option);
/// A positional argument; required when its option is. Help calls it `name` in capitals.
Flag positional(config::Option option);
/// `--json`, the same words everywhere.
Flag json_flag();
/// `--store DIR`, the same words everywhere.
Flag store_flag();

struct Command {
  std::string name;
  std::string summary;                   ///< one line, lower case, no full stop
  std::string details;                   ///< what the flags do not say; paragraphs
  std::vector<Flag> flags;
  std::vector<std::string> examples;
  bool hidden = false;                   ///< left out of the overview
  /// Runs it. The value is the exit code; an error is printed by the caller and gives the exit code of its catalogue row.
  std::function<Result<int>(const Arguments&, Session&)> run;
};

/// All subcommands in the order help shows them.
const std::vector<Command>& commands();
const Command* find_command(std::string_view name);

// One source a subcommand; each gives its row.
Command apply_command();
Command cluster_command();
Command deploy_command();
Command doctor_command();
Command explain_command();
Command graph_command();
Command help_command();
Command ops_command();
Command reference_command();
Command replay_command();
Command report_command();
Command run_command();
Command runs_command();
Command save_command();
Command show_command();
Command store_command();
Command submit_command();
Command trace_command();
Command top_command();
Command validate_command();
Command worker_command();
Command version_command();

}  // namespace headrace::cli
