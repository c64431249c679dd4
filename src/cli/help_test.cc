// SPDX-License-Identifier: Apache-2.0
#include "cli/help.h"

#include <gtest/gtest.h>

#include <set>

#include "headrace/base/text.h"

namespace headrace::cli {
namespace {

TEST(HelpTest, EveryCommandIsWhole) {
  std::set<std::string> names;
  for (const Command& command : commands()) {
    EXPECT_TRUE(names.insert(command.name).second) << command.name;
    EXPECT_FALSE(command.summary.empty()) << command.name;
    EXPECT_FALSE(command.summary.ends_with('.')) << command.name;
    EXPECT_TRUE(command.run) << command.name;
    EXPECT_FALSE(command.examples.empty()) << command.name;
    for (const std::string& example : command.examples) EXPECT_TRUE(example.starts_with("headrace " + command.name)) << example;
    std::vector<config::Option> options;
    std::set<char> letters;
    for (const Flag& flag : command.flags) {
      options.push_back(flag.option);
      EXPECT_EQ(flag.value.empty(), flag.positional || flag.option.type == config::Type::kBool) << command.name << " " << flag.option.name;
      const bool free = flag.letter == 0 || (flag.letter != 'h' && letters.insert(flag.letter).second);
      EXPECT_TRUE(free) << command.name << " " << flag.option.name;
    }
    const Status checked = config::check_options(options);
    EXPECT_TRUE(checked.ok()) << command.name << ": " << checked.error().text();
  }
}

TEST(HelpTest, NoLineIsLongerThanATerminal) {
  std::string all = overview(commands());
  for (const Command& command : commands()) all += help_text(command);
  for (const std::string& line : split(all, '\n')) {
    EXPECT_TRUE(line.size() <= 100 || line.starts_with("  headrace ")) << line;
    EXPECT_EQ(line, line.substr(0, line.find_last_not_of(' ') + 1)) << "trailing space";
  }
}

TEST(HelpTest, NamesEveryFlag) {
  for (const Command& command : commands()) {
    const std::string text = help_text(command);
    for (const Flag& flag : command.flags) {
      EXPECT_TRUE(flag.positional || text.find("--" + flag.option.name) != std::string::npos) << command.name << " " << flag.option.name;
    }
    EXPECT_NE(text.find("--help"), std::string::npos);
  }
}

TEST(HelpTest, HidesWhatIsHidden) {
  EXPECT_EQ(overview(commands()).find("\n  reference"), std::string::npos);
  EXPECT_EQ(help_markdown(commands()).find("headrace reference"), std::string::npos);
}

TEST(HelpTest, WrapsAtWords) {
  EXPECT_EQ(wrapped("one two three four", 2, 11), "  one two\n  three\n  four\n");
  EXPECT_EQ(wrapped("first\nsecond", 0, 80), "first\nsecond\n");
}

}  // namespace
}  // namespace headrace::cli
