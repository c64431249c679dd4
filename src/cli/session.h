// SPDX-License-Identifier: Apache-2.0
#pragma once
// Session: what the subcommands of one call of the program share. Everything is opened when it is first asked for, so that help
// and mistakes stay instant.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/output.h"
#include "headrace/base/result.h"
#include "headrace/exec/store.h"
#include "headrace/graph/catalogue.h"

namespace headrace::cli {

class Session {
 public:
  Session(std::vector<std::string> command, bool json) : out(json), command_(std::move(command)) {}

  Output out;

  /// The command as typed, program first.
  const std::vector<std::string>& command() const { return command_; }
  /// Operator rows of all packs; reads manifests, opens no pack. Errors: kEnvironment when there is none.
  Result<const graph::Catalogue*> catalogue();
  /// The store at `folder` ("" is the default one), opened once. Errors: kIo, kBusy, kVersion.
  Result<exec::Store*> store(const std::string& folder);

 private:
  std::vector<std::string> command_;
  std::optional<graph::Catalogue> catalogue_;
  std::unique_ptr<exec::Store> store_;
};

/// Runs the program: finds the subcommand, parses its flags, prints errors. Returns the exit code. `words` has the program first.
int run_program(const std::vector<std::string>& words);

/// Words as a shell would need them typed: quoted where they hold more than letters, digits and "-_./=:,+@%".
std::string shell_line(const std::vector<std::string>& words);

}  // namespace headrace::cli
