// SPDX-License-Identifier: Apache-2.0
#include "prep/dialect.h"

#include "headrace/base/text.h"

namespace headrace::prep {

Result<char> character_of(const config::Value& value, std::string_view option) {
  constexpr std::pair<std::string_view, char> kWords[] = {{"tab", '\t'},      {"\\t", '\t'},  {"comma", ','},
                                                          {"semicolon", ';'}, {"space", ' '}, {"pipe", '|'}};
  const std::string& text = value.string();
  for (const auto& [word, character] : kWords) {
    if (text == word) return character;
  }
  if (text.size() == 1) return text[0];
  return Error(Code::kBadValue, cat("option ", option, ": '", text, "' is not one character"),
               "write one character, or tab, comma, semicolon, space, pipe", value.where());
}

std::vector<std::string> strings_of(const config::Value& list) {
  std::vector<std::string> out;
  if (list.is_null()) return out;
  for (const config::Value& item : list.list()) out.push_back(item.string());
  return out;
}

}  // namespace headrace::prep
