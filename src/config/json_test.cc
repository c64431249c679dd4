// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <limits>

#include "headrace/base/text.h"
#include "headrace/config/value.h"

namespace headrace::config {
namespace {

Code code_of(std::string_view text) {
  const Result<Value> parsed = parse_json(text, "in.json");
  return parsed.ok() ? Code::kOk : parsed.error().code;
}

TEST(JsonTest, ReadsEveryKindWithItsPlace) {
  const std::string text = "{\"a\": [1, -2.5, \"x\\\"y\", null],\n  \"b\" : {\"c\": true}}";
  const Result<Value> parsed = parse_json(text, "in.json");
  ASSERT_TRUE(parsed.ok()) << parsed.error().text();
  const List& list = parsed->find("a")->list();
  EXPECT_EQ(list[0], Value(1));
  EXPECT_EQ(list[1], Value(-2.5));
  EXPECT_EQ(list[2], Value("x\"y"));
  EXPECT_TRUE(list[3].is_null());
  EXPECT_EQ(parsed->where().text(), "in.json:1:1");
  EXPECT_EQ(parsed->find("a")->where().text(), "in.json:1:7");
  EXPECT_EQ(list[0].where().text(), "in.json:1:8");
  EXPECT_EQ(list[1].where().text(), "in.json:1:11");
  EXPECT_EQ(list[2].where().text(), "in.json:1:17");
  EXPECT_EQ(list[3].where().text(), "in.json:1:25");
  EXPECT_EQ(parsed->map()[1].where.text(), "in.json:2:3");
  EXPECT_EQ(parsed->find("b")->where().text(), "in.json:2:9");
  EXPECT_EQ(parsed->find("b")->find("c")->where().text(), "in.json:2:15");
}

TEST(JsonTest, ErrorsNameThePlace) {
  const Result<Value> parsed = parse_json("{\n  \"a\": 1,\n  \"b\" 2\n}", "in.json");
  ASSERT_FALSE(parsed.ok());
  EXPECT_EQ(parsed.error().code, Code::kSyntax);
  EXPECT_EQ(parsed.error().where.line, 3);
  EXPECT_EQ(parsed.error().where.column, 7);
}

TEST(JsonTest, RefusesDuplicateKeysAtTheSecond) {
  const Result<Value> parsed = parse_json("{\"a\": 1,\n \"a\": 2}", "in.json");
  ASSERT_FALSE(parsed.ok());
  EXPECT_EQ(parsed.error().code, Code::kSyntax);
  EXPECT_EQ(parsed.error().where.text(), "in.json:2:2");
}

TEST(JsonTest, RefusesWhatIsNotJson) {
  for (const char* text : {"", "{", "[1,]", "{a: 1}", "'x'", "01", "nul", "[1] [2]", "\"\\ud800\"", "NaN", "\"a\nb\"", "1e400",
                           "99999999999999999999", "9223372036854775808", "\"\xFF\"", "// c\n1"}) {
    EXPECT_EQ(code_of(text), Code::kSyntax) << text;
  }
  EXPECT_EQ(code_of(std::string_view("1\0 2", 4)), Code::kSyntax);
}

TEST(JsonTest, ReadsTheEdgesOfIntegers) {
  EXPECT_EQ(parse_json("9223372036854775807", "").value(), Value(std::int64_t{9223372036854775807}));
  EXPECT_EQ(parse_json("-9223372036854775808", "").value(), Value(std::numeric_limits<std::int64_t>::min()));
  EXPECT_EQ(parse_json("\xEF\xBB\xBF 1.0", "").value(), Value(1.0));
}

TEST(JsonTest, BoundsDepthAndNodes) {
  EXPECT_EQ(code_of(std::string(100, '[') + std::string(100, ']')), Code::kOk);
  EXPECT_EQ(code_of(std::string(101, '[') + std::string(101, ']')), Code::kSyntax);
  EXPECT_EQ(code_of(std::string(1'000'000, '[')), Code::kSyntax);
  std::string many = "[";
  for (int i = 0; i < 1'000'001; ++i) many += i > 0 ? ",1" : "1";
  EXPECT_EQ(code_of(many + "]"), Code::kTooLarge);
  EXPECT_EQ(code_of(std::string((std::size_t{64} << 20) + 1, ' ')), Code::kTooLarge);
}

}  // namespace
}  // namespace headrace::config
