// SPDX-License-Identifier: Apache-2.0
#include "headrace/config/value.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "headrace/base/random.h"

namespace headrace::config {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(ValueTest, KindsFollowConstructors) {
  EXPECT_EQ(Value().kind(), Kind::kNull);
  EXPECT_EQ(Value(true).kind(), Kind::kBool);
  EXPECT_EQ(Value(7).kind(), Kind::kInt);
  EXPECT_EQ(Value(0.5).kind(), Kind::kReal);
  EXPECT_EQ(Value("text").kind(), Kind::kString);
  EXPECT_EQ(Value(List{1, 2}).kind(), Kind::kList);
  EXPECT_EQ(Value(Map{}).kind(), Kind::kMap);
  EXPECT_EQ(kind_name(Kind::kReal), "real number");
}

TEST(ValueTest, IntegersReadAsRealsButNotTheOtherWay) {
  EXPECT_EQ(Value(3).real(), 3.0);
  EXPECT_DEATH(Value(3.0).integer(), "real number was read as an integer");
  EXPECT_DEATH((void)Value("x").list(), "string was read as a list");
}

TEST(ValueTest, MapsKeepTheOrderOfKeysAndSetKeepsPlaces) {
  Value map;
  map.set("b", 1);
  map.set("a", 2);
  map.set("b", 3);
  ASSERT_EQ(map.map().size(), 2u);
  EXPECT_EQ(map.map()[0].key, "b");
  EXPECT_EQ(map.find("b")->integer(), 3);
  EXPECT_EQ(map.find("c"), nullptr);
  EXPECT_EQ(Value(5).find("b"), nullptr);
  EXPECT_TRUE(map.erase("b"));
  EXPECT_FALSE(map.erase("b"));
  EXPECT_EQ(map.map().size(), 1u);
}

TEST(ValueTest, EqualityIgnoresPlacesAndTellsKindsApart) {
  Value here(1), there(1);
  here.set_where({"a.yaml", 1, 2});
  there.set_where({"b.yaml", 9, 9});
  EXPECT_EQ(here, there);
  EXPECT_FALSE(Value(1) == Value(1.0));
  EXPECT_FALSE(Value("1") == Value(1));
  EXPECT_FALSE(Value() == Value(false));
  EXPECT_EQ(Value(std::numeric_limits<double>::quiet_NaN()), Value(std::numeric_limits<double>::quiet_NaN()));
  const Value nested(Map{Entry{"k", Value(List{1, "x"}), {}}});
  EXPECT_EQ(nested, Value(Map{Entry{"k", Value(List{1, "x"}), {"f", 1, 1}}}));
}

TEST(ValueTest, JsonPrintsNumbersShortestAndNonFiniteAsNull) {
  const Value value(List{1, 1.0, 1e-4, 1e-7, 0.1, kInfinity, std::numeric_limits<double>::quiet_NaN(), true, Value(), "a\"b"});
  EXPECT_EQ(to_json(value), R"([1, 1.0, 0.0001, 1e-07, 0.1, null, null, true, null, "a\"b"])");
}

TEST(ValueTest, JsonIndents) {
  const Value value(Map{Entry{"a", Value(List{1, 2}), {}}, Entry{"b", Value(Map{}), {}}});
  EXPECT_EQ(to_json(value, 2), "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"b\": {}\n}");
}

TEST(ValueTest, JsonReplacesBytesThatAreNotUtf8) { EXPECT_EQ(to_json(Value("a\xFF" "b")), "\"a\xEF\xBF\xBD" "b\""); }

TEST(ValueTest, CanonicalSortsKeysAndSpellsNumbersOneWay) {
  Value first, second;
  first.set("b", 1).set_where({"x", 1, 1});
  first.set("a", Value(List{1e-4}));
  second.set("a", Value(List{0.0001}));
  second.set("b", 1);
  EXPECT_EQ(canonical(first), canonical(second));
  EXPECT_EQ(canonical(first), R"({"a":[0.0001],"b":1})");
  EXPECT_NE(canonical(Value(1)), canonical(Value(1.0)));
  EXPECT_NE(canonical(Value(kInfinity)), canonical(Value()));
  EXPECT_NE(canonical(Value(kInfinity)), canonical(Value(-kInfinity)));
  EXPECT_NE(canonical(Value("Infinity")), canonical(Value(kInfinity)));
}

// A random tree of every kind, with awkward strings and keys.
Value random_value(Random& random, int depth) {
  static const char* const kTexts[] = {
      "",      "x",    "1",           "1_000",        "true", "null", "~",  "a: b", "- c", "#d",  " pad ", "two\nlines", "tab\there",
      "\"q\"", "..",   "caf\xC3\xA9", "\xE2\x80\xA8", "1e5",  "<<",   "=",  "...",  "---", "a,b", "[x]",   "{y}",        "\xEF\xBB\xBF",
      "\x7F",  "\x01", "yes",         "a b",          "-",    "?",    "&a", "*a",   "!t"};
  switch (random.below(depth <= 0 ? 5 : 7)) {
    case 0: return Value();
    case 1: return Value(random.below(2) == 0);
    case 2: return Value(static_cast<std::int64_t>(random.bits()));
    case 3: return Value((random.uniform() - 0.5) * std::pow(10.0, static_cast<double>(random.below(80)) - 40));
    case 4: return Value(kTexts[random.below(std::size(kTexts))]);
    case 5: {
      List list;
      for (std::uint64_t i = random.below(5); i > 0; --i) list.push_back(random_value(random, depth - 1));
      return Value(std::move(list));
    }
    default: {
      Value map{Map{}};
      for (std::uint64_t i = random.below(5); i > 0; --i) {
        std::string key = kTexts[random.below(std::size(kTexts))];
        if (random.below(20) == 0) key += std::string(1500, 'k');
        map.set(key, random_value(random, depth - 1));
      }
      return map;
    }
  }
}

TEST(ValueTest, RandomTreesSurviveYamlAndJson) {
  Random random(20261124);
  for (int i = 0; i < 5000; ++i) {
    const Value value = random_value(random, 5);
    const std::string yaml = to_yaml(value);
    const Result<Value> from_yaml = parse_yaml(yaml, "made.yaml");
    ASSERT_TRUE(from_yaml.ok()) << from_yaml.error().text() << "\n" << yaml;
    ASSERT_EQ(*from_yaml, value) << yaml << "\n" << to_json(value) << "\n" << to_json(*from_yaml);
    for (const int indent : {-1, 2}) {
      const std::string json = to_json(value, indent);
      const Result<Value> from_json = parse_json(json, "made.json");
      ASSERT_TRUE(from_json.ok()) << from_json.error().text() << "\n" << json;
      ASSERT_EQ(*from_json, value) << json;
    }
    const Result<Value> from_canonical = parse_json(canonical(value), "made.json");
    ASSERT_TRUE(from_canonical.ok()) << from_canonical.error().text();
    ASSERT_EQ(canonical(*from_canonical), canonical(value));
  }
}

}  // namespace
}  // namespace headrace::config
