// SPDX-License-Identifier: Apache-2.0
#include "cli/command_line.h"

#include <gtest/gtest.h>

namespace headrace::cli {
namespace {

Command sample() {
  return {.name = "sample",
          .summary = "a command for tests",
          .details = "",
          .flags = {positional(config::path("file", "a file").must()), positional(config::string("more", config::Value(), "another word")),
                    toggle("json", "print JSON"), takes("N", config::integer("workers", 0, "how many").at_least(0).at_most(64)),
                    takes("DIR", config::path("output", "a folder")).short_form('o'),
                    takes("K=V", config::list("set", config::Type::kStringList, config::Value(), "change it")).many(),
                    takes("MODE", config::choice("mode", "fit", {"fit", "predict"}, "what to do"))},
          .examples = {},
          .run = {}};
}

Result<Parsed> parse(std::vector<std::string> words) { return parse_command_line(sample(), words); }

Code code_of(std::vector<std::string> words) {
  const auto parsed = parse(std::move(words));
  return parsed.ok() ? Code::kOk : parsed.error().code;
}

TEST(CommandLineTest, FillsDefaults) {
  const auto parsed = parse({"a.yaml"});
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->arguments.text("file"), "a.yaml");
  EXPECT_EQ(parsed->arguments.text("more"), "");
  EXPECT_EQ(parsed->arguments.text("mode"), "fit");
  EXPECT_EQ(parsed->arguments.integer("workers"), 0);
  EXPECT_FALSE(parsed->arguments.flag("json"));
  EXPECT_FALSE(parsed->arguments.given("workers"));
  EXPECT_TRUE(parsed->arguments.texts("set").empty());
}

TEST(CommandLineTest, TakesEveryForm) {
  const auto parsed =
      parse({"--workers=2", "a.yaml", "--output", "out", "--set", "a.b=1", "--json", "--set=c.d=[1, 2]", "--mode", "predict", "second"});
  ASSERT_TRUE(parsed.ok()) << parsed.error().text();
  EXPECT_EQ(parsed->arguments.integer("workers"), 2);
  EXPECT_TRUE(parsed->arguments.given("workers"));
  EXPECT_EQ(parsed->arguments.text("output"), "out");
  EXPECT_EQ(parsed->arguments.texts("set"), (std::vector<std::string>{"a.b=1", "c.d=[1, 2]"}));
  EXPECT_EQ(parsed->arguments.text("mode"), "predict");
  EXPECT_EQ(parsed->arguments.text("more"), "second");
  EXPECT_TRUE(parsed->arguments.flag("json"));
}

TEST(CommandLineTest, LettersTakeTheNextWordOrTheOneBehindAnEqualsSign) {
  EXPECT_EQ(parse({"a", "-o", "x"})->arguments.text("output"), "x");
  EXPECT_EQ(parse({"a", "-o=x"})->arguments.text("output"), "x");
}

TEST(CommandLineTest, TwoDashesEndFlags) {
  const auto parsed = parse({"--", "--json"});
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->arguments.text("file"), "--json");
  EXPECT_FALSE(parsed->arguments.flag("json"));
}

TEST(CommandLineTest, HelpWinsOverWhatIsMissing) {
  EXPECT_TRUE(parse({"--help"})->help);
  EXPECT_TRUE(parse({"-h"})->help);
  EXPECT_FALSE(parse({"--", "-h"})->help);
}

TEST(CommandLineTest, AnUnknownFlagNamesTheNearest) {
  const auto parsed = parse({"a", "--worker", "2"});
  ASSERT_FALSE(parsed.ok());
  EXPECT_EQ(parsed.error().code, Code::kUnknownKey);
  EXPECT_EQ(parsed.error().advice, "did you mean --workers?");
  EXPECT_EQ(code_of({"a", "-x"}), Code::kUnknownKey);
  EXPECT_EQ(code_of({"a", "-ofile"}), Code::kUnknownKey);
}

TEST(CommandLineTest, RefusesWhatDoesNotFit) {
  EXPECT_EQ(code_of({}), Code::kUsage);
  EXPECT_EQ(code_of({"a", "b", "c"}), Code::kUsage);
  EXPECT_EQ(code_of({"a", "--workers"}), Code::kUsage);
  EXPECT_EQ(code_of({"a", "--workers", "--json"}), Code::kUsage);
  EXPECT_EQ(code_of({"a", "--workers", "1", "--workers", "2"}), Code::kUsage);
  EXPECT_EQ(code_of({"a", "--json=yes"}), Code::kBadValue);
  EXPECT_EQ(code_of({"a", "--workers", "many"}), Code::kBadValue);
  EXPECT_EQ(code_of({"a", "--workers", "65"}), Code::kBadValue);
  EXPECT_EQ(code_of({"a", "--workers", "-1"}), Code::kBadValue);
  EXPECT_EQ(code_of({"a", "--workers", "1.5"}), Code::kBadValue);
}

TEST(CommandLineTest, AWrongChoiceNamesTheNearest) {
  const auto parsed = parse({"a", "--mode", "predikt"});
  ASSERT_FALSE(parsed.ok());
  EXPECT_EQ(parsed.error().code, Code::kBadValue);
  EXPECT_NE(parsed.error().advice.find("predict"), std::string::npos);
}

TEST(CommandLineTest, SizesTakeUnits) {
  const auto size = [](std::string_view text) { return parse_size(text, "--memory").value(); };
  EXPECT_EQ(size("730"), 730U);
  EXPECT_EQ(size("1e9"), 1'000'000'000U);
  EXPECT_EQ(size("2GB"), 2'000'000'000U);
  EXPECT_EQ(size("2 gb"), 2'000'000'000U);
  EXPECT_EQ(size("1.5M"), 1'500'000U);
  EXPECT_EQ(size("512MiB"), 512U << 20);
  EXPECT_EQ(size("4k"), 4000U);
  EXPECT_EQ(size("10B"), 10U);
  for (const char* bad : {"", "GB", "-1", "1X", "1GX", "nan", "inf", "1e30", "2 G B", "1KiBB"}) {
    EXPECT_EQ(parse_size(bad, "--memory").ok(), false) << bad;
  }
}

}  // namespace
}  // namespace headrace::cli
