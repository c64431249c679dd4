// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <fstream>

#include "headrace/base/text.h"
#include "headrace/config/value.h"

namespace headrace::config {
namespace {

Value must_parse(std::string_view text) {
  Result<Value> parsed = parse_yaml(text, "in.yaml");
  EXPECT_TRUE(parsed.ok()) << parsed.error().text() << "\n" << text;
  return parsed.ok() ? std::move(parsed).value() : Value();
}

Error must_fail(std::string_view text) {
  Result<Value> parsed = parse_yaml(text, "in.yaml");
  EXPECT_FALSE(parsed.ok()) << text.substr(0, 200);
  return parsed.ok() ? Error(Code::kOk, "") : std::move(parsed).error();
}

TEST(YamlTest, PlainScalarsFollowTheCoreSchema) {
  for (const auto& [text, value] : std::vector<std::pair<const char*, Value>>{{"null", Value()},
                                                                              {"~", Value()},
                                                                              {"Null", Value()},
                                                                              {"", Value()},
                                                                              {"true", true},
                                                                              {"FALSE", false},
                                                                              {"12", 12},
                                                                              {"-3", -3},
                                                                              {"+5", 5},
                                                                              {"007", 7},
                                                                              {"1.5", 1.5},
                                                                              {"1e-4", 1e-4},
                                                                              {"1.0e-4", 1e-4},
                                                                              {"1.", 1.0},
                                                                              {".5", 0.5},
                                                                              {"-1E+3", -1000.0},
                                                                              {"21.544", 21.544},
                                                                              {".inf", std::numeric_limits<double>::infinity()},
                                                                              {"-.Inf", -std::numeric_limits<double>::infinity()},
                                                                              {".nan", std::numeric_limits<double>::quiet_NaN()},
                                                                              {"9223372036854775807", std::int64_t{9223372036854775807}}}) {
    EXPECT_EQ(must_parse(cat("x: ", text, "\n")).find("x")->kind(), value.kind()) << text;
    EXPECT_EQ(*must_parse(cat("x: ", text, "\n")).find("x"), value) << text;
  }
}

TEST(YamlTest, EverythingElseIsAString) {
  for (const char* text :
       {"1_000", "0x1F", "0o17", "2026-11-24", "yes", "off", "1e", "e5", ".", "-x", "1.2.3", "+", "inf", "nan", "None", "12:30", "1,5"}) {
    EXPECT_EQ(*must_parse(cat("x: ", text, "\n")).find("x"), Value(text)) << text;
  }
}

TEST(YamlTest, QuotedScalarsAreAlwaysStrings) {
  const Value value =
      must_parse("a: '12'\nb: \"true\"\nc: 'null'\nd: ''\ne: \"tab\\t\\u00e9\\x41\"\nf: |\n  two\n  lines\ng: >\n  1\n  2\n");
  EXPECT_EQ(*value.find("a"), Value("12"));
  EXPECT_EQ(*value.find("b"), Value("true"));
  EXPECT_EQ(*value.find("c"), Value("null"));
  EXPECT_EQ(*value.find("d"), Value(""));
  EXPECT_EQ(*value.find("e"), Value("tab\t\xC3\xA9" "A"));
  EXPECT_EQ(*value.find("f"), Value("two\nlines\n"));
  EXPECT_EQ(*value.find("g"), Value("1 2\n"));
  EXPECT_EQ(must_parse("\"\xC3\xA9\\N\\_\\L\\P\\_\\_\""), Value("\xC3\xA9\xC2\x85\xC2\xA0\xE2\x80\xA8\xE2\x80\xA9\xC2\xA0\xC2\xA0"));
}

TEST(YamlTest, CoreTagsSettleTheKindAndOthersAreRefused) {
  const Value value = must_parse("a: !!str 12\nb: !!float 3\nc: !!int 4\nd: ! true\ne: !!seq [1]\n");
  EXPECT_EQ(*value.find("a"), Value("12"));
  EXPECT_EQ(*value.find("b"), Value(3.0));
  EXPECT_EQ(*value.find("c"), Value(4));
  EXPECT_EQ(*value.find("d"), Value("true"));
  EXPECT_EQ(*value.find("e"), Value(List{1}));
  for (const char* text : {"a: !!int x", "a: !!python/object:os.system ls", "a: !own 1", "a: !!map [1]", "a: !!bool 1"}) {
    EXPECT_EQ(must_fail(text).code, Code::kSyntax) << text;
  }
}

TEST(YamlTest, PlacesOfKeysAndValuesAreExact) {
  const Value value =
      must_parse("# head\nnodes:\n  pca: { op: pca, from: digits }\n  caf\xC3\xA9: [1, \"\xC3\xA9\", x]\n  empty:\nlast: null\n");
  EXPECT_EQ(value.where().text(), "in.yaml:2:1");
  EXPECT_EQ(value.map()[0].where.text(), "in.yaml:2:1");
  const Value& nodes = *value.find("nodes");
  EXPECT_EQ(nodes.where().text(), "in.yaml:3:3");
  EXPECT_EQ(nodes.map()[0].where.text(), "in.yaml:3:3");
  const Value& pca = *nodes.find("pca");
  EXPECT_EQ(pca.where().text(), "in.yaml:3:8");
  EXPECT_EQ(pca.map()[1].where.text(), "in.yaml:3:19");
  EXPECT_EQ(pca.find("from")->where().text(), "in.yaml:3:25");
  const List& list = nodes.map()[1].value.list();   // columns count characters, not bytes
  EXPECT_EQ(list[0].where().text(), "in.yaml:4:10");
  EXPECT_EQ(list[2].where().text(), "in.yaml:4:18");
  EXPECT_EQ(nodes.find("empty")->where().text(), "in.yaml:5:3");
  EXPECT_EQ(value.find("last")->where().text(), "in.yaml:6:7");
}

TEST(YamlTest, PlacesHoldWithWindowsLinesAndByteOrderMark) {
  const Value value = must_parse("\xEF\xBB\xBF" "a: 1\r\nb:\r\n  - x\r\n  - y\r\n");
  EXPECT_EQ(value.map()[1].where.text(), "in.yaml:2:1");
  EXPECT_EQ(value.find("b")->list()[1].where().text(), "in.yaml:4:5");
  EXPECT_EQ(value.find("b")->list()[1], Value("y"));
}

TEST(YamlTest, DuplicateKeysAreRefusedAtTheSecond) {
  const Error error = must_fail("a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n");
  EXPECT_EQ(error.code, Code::kSyntax);
  EXPECT_EQ(error.where.text(), "in.yaml:5:3");
  EXPECT_EQ(must_fail("{x: 1, 'x': 2}").where.text(), "in.yaml:1:8");
}

TEST(YamlTest, SyntaxErrorsNameThePlace) {
  const Error error = must_fail("a: 1\nb: [1, 2\nc: 3\n");
  EXPECT_EQ(error.code, Code::kSyntax);
  EXPECT_GE(error.where.line, 2);
  EXPECT_GT(error.where.column, 0);
  EXPECT_EQ(must_fail("a:\n\t- x\n").code, Code::kSyntax);
  EXPECT_EQ(must_fail("a: \"unended\n").code, Code::kSyntax);
  EXPECT_EQ(must_fail("a: b: c\n").code, Code::kSyntax);
}

TEST(YamlTest, RefusesWhatTheLibraryWouldGuess) {
  EXPECT_EQ(must_fail("a: 1\nforgotten\n\n# end\n").where.text(), "in.yaml:2:1");
  EXPECT_FALSE(must_fail("a: 1\nforgotten\nb: 2\n").advice.empty());
  EXPECT_EQ(must_fail("{a: 1, b:2}").where.text(), "in.yaml:1:8");
  EXPECT_EQ(must_fail("a: [1,, 2]").where.text(), "in.yaml:1:7");
  EXPECT_EQ(must_fail("a: 1\nb: 'it\'\'s\n").where.text(), "in.yaml:2:4");
  EXPECT_EQ(must_fail("- !!str \"x\\\"\n").where.text(), "in.yaml:1:9");
  EXPECT_EQ(must_fail("%YAML 1.2\n").code, Code::kSyntax);
  for (const char* text : {"a\n: b", "? a", "{? a}", "{a, b}", "[,]", "{,}", "{:}", "\"", "'"})
    EXPECT_EQ(must_fail(text).code, Code::kSyntax) << text;
  EXPECT_EQ(must_parse("{a: , b: ''}"), must_parse("a:\nb: ''\n"));
  EXPECT_EQ(must_parse("- 'it\'\'s'\n- ''\n- '\'\''\n"), Value(List{"it's", "", "'"}));
  EXPECT_EQ(must_parse("[1, 2, ]"), Value(List{1, 2}));
}

TEST(YamlTest, AnchorsAndAliasesCopyValues) {
  const Value value = must_parse("base: &b {x: 1, y: [2, 3]}\ncopy: *b\ntext: &t hello\n*t : 5\n");
  EXPECT_EQ(*value.find("copy"), *value.find("base"));
  EXPECT_EQ(value.find("copy")->where().text(), "in.yaml:2:7");
  EXPECT_EQ(value.find("hello")->integer(), 5);
}

TEST(YamlTest, AliasBombsAreRefused) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    bomb += cat("a", i, ": &a", i, " [");
    for (int k = 0; k < 10; ++k) bomb += cat(k > 0 ? ", " : "", "*a", i - 1);
    bomb += "]\n";
  }
  EXPECT_EQ(must_fail(bomb).code, Code::kSyntax);
  std::string heavy = cat("a: &a '", std::string(1 << 20, 'x'), "'\nb: [");
  for (int i = 0; i < 100; ++i) heavy += "*a, ";
  EXPECT_EQ(must_fail(heavy + "]\n").code, Code::kSyntax);
  EXPECT_EQ(must_fail("a: &a [*a]\n").code, Code::kSyntax);
  EXPECT_EQ(must_fail("a: *unknown\n").code, Code::kSyntax);
  std::string tall =
      cat("a: &a ", std::string(60, '['), std::string(60, ']'), "\nb: ", std::string(60, '['), "*a", std::string(60, ']'), "\n");
  EXPECT_EQ(must_fail(tall).code, Code::kSyntax);
}

TEST(YamlTest, NestingIsBounded) {
  const auto flow = [](int depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_TRUE(parse_yaml(flow(100), "").ok());
  EXPECT_EQ(must_fail(flow(101)).code, Code::kSyntax);
  EXPECT_EQ(must_fail(flow(200'000)).code, Code::kSyntax);
  EXPECT_FALSE(parse_yaml(std::string(8 << 20, '['), "").ok());
  std::string block, maps, questions;
  for (int i = 0; i < 5000; ++i) {
    block += "- ";
    maps += "a: {";
    questions += "? ";
  }
  EXPECT_EQ(must_fail(block + "x").code, Code::kSyntax);
  EXPECT_EQ(must_fail("{" + maps).code, Code::kSyntax);
  EXPECT_EQ(must_fail(questions + "x").code, Code::kSyntax);
}

TEST(YamlTest, SizesAreBounded) {
  EXPECT_EQ(must_fail(std::string((std::size_t{64} << 20) + 1, ' ')).code, Code::kTooLarge);
  std::string wide = "- [", many;   // a list item may turn out to be a key, so all of it is held
  while (wide.size() < std::size_t{6} << 20) wide += "abcdefghijkl, ";
  EXPECT_EQ(must_fail(wide + "]\n").code, Code::kTooLarge);
  many.reserve(5'000'000);
  for (int i = 0; i < 1'000'001; ++i) many += "- 1\n";
  EXPECT_EQ(must_fail(many).code, Code::kTooLarge);
  const Value large = must_parse("a: '" + std::string(3 << 20, 'x') + "'\n");
  EXPECT_EQ(large.find("a")->string().size(), std::size_t{3} << 20);
}

TEST(YamlTest, RefusesBytesThatAreNoText) {
  const Error error = must_fail("a: 1\nb: caf\xE9\n");
  EXPECT_EQ(error.code, Code::kSyntax);
  EXPECT_EQ(error.where.text(), "in.yaml:2:7");
  EXPECT_EQ(must_fail(std::string_view("a: 1\0b: 2", 9)).where.text(), "in.yaml:1:5");
  EXPECT_EQ(must_fail("\xFF\xFE" "a\0:").code, Code::kSyntax);
  EXPECT_EQ(must_fail("a: \x04").code, Code::kSyntax);
  EXPECT_EQ(must_fail("a: \x7F").code, Code::kSyntax);
}

TEST(YamlTest, KeysAreStrings) {
  EXPECT_EQ(must_parse("12: a\ntrue: b\n").map()[0].key, "12");
  for (const char* text : {"[a]: b", "? {a: b}\n: c", "~: a", ": a", "? \n: a", "<<: {a: 1}"})
    EXPECT_EQ(must_fail(text).code, Code::kSyntax) << text;
  EXPECT_EQ(must_parse("'<<': 1\n").map()[0].key, "<<");
}

TEST(YamlTest, OneDocumentAFile) {
  EXPECT_TRUE(must_parse("").is_null());
  EXPECT_TRUE(must_parse("# only a comment\n").is_null());
  EXPECT_EQ(must_parse("%YAML 1.2\n---\na: 1\n...\n").find("a")->integer(), 1);
  EXPECT_EQ(must_fail("a: 1\n---\nb: 2\n").where.line, 2);
  EXPECT_EQ(must_fail("a: 1\nb\n").code, Code::kSyntax);
}

TEST(YamlTest, WritesReadableYaml) {
  const Value value =
      must_parse("pipeline: digits\nseed: 7\nC: {grid: [1.0e-4, 1]}\nnodes: [{op: csv, path: data/d.csv.gz}, {op: '1'}]\nnone: {}\n");
  EXPECT_EQ(to_yaml(value),
            "pipeline: digits\nseed: 7\nC:\n  grid: [0.0001, 1]\nnodes:\n  - op: csv\n    path: data/d.csv.gz\n  - op: \"1\"\nnone: {}\n");
}

TEST(YamlTest, ReadYamlNamesTheMissingFile) {
  const Result<Value> missing = read_yaml("/nonexistent/pipeline.yaml");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code, Code::kNotFound);
  const std::string path = cat(::testing::TempDir(), "headrace_yaml_test.yaml");
  std::ofstream(path) << "a: 1\nb: [\n";
  const Result<Value> broken = read_yaml(path);
  ASSERT_FALSE(broken.ok());
  EXPECT_EQ(broken.error().where.file, path);
  EXPECT_FALSE(read_yaml(::testing::TempDir()).ok());
  std::remove(path.c_str());
}

}  // namespace
}  // namespace headrace::config
