// SPDX-License-Identifier: Apache-2.0
#pragma once
// Help: texts made from command rows, for terminals and for docs/reference/cli.md. Pure functions; the same rows give the same bytes.

#include <span>
#include <string>

#include "cli/command.h"

namespace headrace::cli {

/// What `headrace` alone prints: what it is, its subcommands, the exit codes.
std::string overview(std::span<const Command> commands);
/// What `headrace help NAME` prints.
std::string help_text(const Command& command);
/// The reference page of all commands, in Markdown.
std::string help_markdown(std::span<const Command> commands);
/// Paragraphs of `text` as lines of at most `width` columns, each indented by `indent` spaces.
std::string wrapped(std::string_view text, std::size_t indent, std::size_t width = 100);

}  // namespace headrace::cli
