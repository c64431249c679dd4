// SPDX-License-Identifier: Apache-2.0
#include "cli/session.h"

#include <algorithm>
#include <csignal>
#include <exception>
#include <span>

#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/help.h"
#include "headrace/base/text.h"
#include "headrace/exec/packs.h"

namespace headrace::cli {
namespace {

std::vector<std::string> visible_names() {
  std::vector<std::string> names;
  for (const Command& command : commands()) {
    if (!command.hidden) names.push_back(command.name);
  }
  return names;
}

Error unknown_command(const std::string& word) {
  std::string advice = nearest_advice(word, visible_names());
  if (word.ends_with(".yaml") || word.ends_with(".yml")) advice = cat("to run a pipeline: headrace run ", word);
  return Error(Code::kUsage, cat("headrace has no command '", word, "'"), std::move(advice));
}

int finish(Session& session, int code) {
  const Status written = session.out.finish();
  if (written.ok()) return code;
  Output plain;
  return plain.fail(written.error());
}

int run_command(const Command& command, std::span<const std::string> words, Session& session) {
  const Result<Parsed> parsed = parse_command_line(command, words);
  if (!parsed.ok()) return session.out.fail(parsed.error());
  if (parsed->help) {
    session.out.print(help_text(command));
    return 0;
  }
  const Result<int> code = command.run(parsed->arguments, session);
  return code.ok() ? *code : session.out.fail(code.error());
}

int dispatch(const std::vector<std::string>& words, Session& session) {
  if (words.size() < 2 || words[1] == "--help" || words[1] == "-h") {
    session.out.print(overview(commands()));
    return 0;
  }
  const std::string name = words[1] == "--version" ? "version" : words[1];
  const Command* command = find_command(name);
  if (command == nullptr) return session.out.fail(unknown_command(name));
  return run_command(*command, std::span(words).subspan(2), session);
}

}  // namespace

Result<const graph::Catalogue*> Session::catalogue() {
  if (catalogue_.has_value()) return &*catalogue_;
  const std::vector<std::string> folders = exec::pack_folders();
  if (folders.empty()) {
    return Error(Code::kEnvironment, "no pack folder is there: lib/packs beside the program, or $HEADRACE_PACKS",
                 "build again, or point HEADRACE_PACKS at a folder with *.ops.json files");
  }
  HEADRACE_ASSIGN(catalogue_, graph::Catalogue::load(folders));
  return &*catalogue_;
}

Result<exec::Store*> Session::store(const std::string& folder) {
  if (store_ == nullptr) {
    HEADRACE_ASSIGN(store_, exec::Store::open(folder));
  }
  return store_.get();
}

int run_program(const std::vector<std::string>& words) {
  std::signal(SIGPIPE, SIG_IGN);
  const bool json = std::find(words.begin(), words.end(), "--json") != words.end();
  Session session(words, json);
  // Foreign exceptions stop in the rooms that call them; what arrives here all the same (out of memory) must not lose its text.
  try {
    return finish(session, dispatch(words, session));
  } catch (const std::exception& exception) {
    return session.out.fail(
        Error(Code::kBug, cat("an exception reached the program: ", exception.what()), "please report it with the command and its input"));
  }
}

std::string shell_line(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) {
    if (!out.empty()) out += ' ';
    const bool plain = !word.empty() && std::all_of(word.begin(), word.end(), [](char letter) {
      return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') || (letter >= '0' && letter <= '9') ||
             std::string_view("-_./=:,+@%").find(letter) != std::string_view::npos;
    });
    if (plain) {
      out += word;
      continue;
    }
    out += '\'';
    for (const char letter : word) out += letter == '\'' ? std::string("'\\''") : std::string(1, letter);
    out += '\'';
  }
  return out;
}

}  // namespace headrace::cli
