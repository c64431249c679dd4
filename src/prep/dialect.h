// SPDX-License-Identifier: Apache-2.0
#pragma once
// Options that stand for one character, given as itself or as a word.

#include "headrace/base/result.h"
#include "headrace/config/value.h"

namespace headrace::prep {

/// "tab", "comma", "semicolon", "space", "pipe", "\t", or one character. Errors: kBadValue at the place of the value.
Result<char> character_of(const config::Value& value, std::string_view option);

/// The texts of a string list.
std::vector<std::string> strings_of(const config::Value& list);

}  // namespace headrace::prep
