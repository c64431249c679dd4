// SPDX-License-Identifier: Apache-2.0
#include "cli/output.h"

#include <gtest/gtest.h>

#include "cli/session.h"
#include "headrace/io/file.h"

namespace headrace::cli {
namespace {

TEST(OutputTest, HostileTextReachesNoTerminal) {
  EXPECT_EQ(printable("plain \xC3\xA4\n\tend"), "plain \xC3\xA4\n\tend");
  EXPECT_EQ(printable("\x1b[31mred\x07"), "?[31mred?");
  EXPECT_EQ(printable(std::string_view("a\0b\x7f", 4)), "a?b?");
  EXPECT_EQ(printable("c1 \xC2\x9B" "31m"), "c1 ?31m");
}

TEST(OutputTest, ColumnsAlign) {
  EXPECT_EQ(columns({{"name", "n"}, {"\xC3\xA4", "12"}, {"b"}}, {1}), "name   n\n\xC3\xA4     12\nb\n");
}

TEST(OutputTest, ErrorsShowTheLineTheyPointAt) {
  const auto folder = io::TemporaryFolder::create("output-test");
  ASSERT_TRUE(folder.ok());
  const std::string file = folder->file("p.yaml");
  ASSERT_TRUE(io::write_file_atomic(file, "nodes:\n  pca: { op: pcaa }\n").ok());
  const std::string text = error_to_text(Error(Code::kUnknownOperator, "no operator 'pcaa'", "did you mean 'pca'?", {file, 2, 10}));
  EXPECT_EQ(text, file + ":2:10: error 2001 (UnknownOperator): no operator 'pcaa'\n"
                         "  2 |   pca: { op: pcaa }\n"
                         "    |          ^\n"
                         "  did you mean 'pca'?\n");
}

TEST(OutputTest, ErrorsSurviveAFileThatIsGone) {
  EXPECT_EQ(error_to_text(Error(Code::kSyntax, "bad", "", {"/nowhere/p.yaml", 3, 1})), "/nowhere/p.yaml:3:1: error 1002 (Syntax): bad\n");
  EXPECT_EQ(error_to_text(Error(Code::kUsage, "bad")), "error 1001 (Usage): bad\n");
}

TEST(OutputTest, ErrorsAsJsonLeaveOutWhatIsUnknown) {
  EXPECT_EQ(to_json(error_to_value(Error(Code::kUsage, "bad"))), R"({"code": 1001, "name": "Usage", "message": "bad"})");
  EXPECT_EQ(to_json(error_to_value(Error(Code::kCycle, "m", "a", {"f", 2, 3}))),
            R"({"code": 2004, "name": "Cycle", "message": "m", "advice": "a", "file": "f", "line": 2, "column": 3})");
}

TEST(OutputTest, ShellLinesQuoteWhatAShellWouldRead) {
  EXPECT_EQ(shell_line({"headrace", "run", "a b.yaml", "--set", "x.y={grid: [1]}", "it's", ""}),
            "headrace run 'a b.yaml' --set 'x.y={grid: [1]}' 'it'\\''s' ''");
}

}  // namespace
}  // namespace headrace::cli
