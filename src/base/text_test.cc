// SPDX-License-Identifier: Apache-2.0
#include "headrace/base/text.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace headrace {
namespace {

TEST(TextTest, NumbersPrintShortestAndReadBack) {
  EXPECT_EQ(number_text(0.1), "0.1");
  EXPECT_EQ(number_text(1e-4), "0.0001");
  EXPECT_EQ(number_text(21.544), "21.544");
  for (const double value : {1.0 / 3, 1e300, 5e-324, 0.046416}) EXPECT_EQ(std::strtod(number_text(value).c_str(), nullptr), value);
}

TEST(TextTest, NearestFindsTyposAndRefusesStrangers) {
  const std::vector<std::string> names = {"pca", "logistic_regression", "csv"};
  EXPECT_EQ(nearest("pcaa", names), "pca");
  EXPECT_EQ(nearest("logistc_regresion", names), "logistic_regression");
  EXPECT_EQ(nearest("transformer", names), "");
  EXPECT_EQ(nearest_advice("zzzzzz", names), "known are: pca, logistic_regression, csv");
}

TEST(TextTest, NearestGuessesLittleFromShortNames) {
  const std::vector<std::string> names = {"C", "tol", "pca"};
  EXPECT_EQ(nearest_advice("k", names), "known are: C, tol, pca");   // any letter is one change away from any other
  EXPECT_EQ(nearest("", names), "");
  EXPECT_EQ(nearest("C", names), "C");
  EXPECT_EQ(nearest("pc", names), "pca");
  EXPECT_EQ(nearest("tl", names), "tol");
  EXPECT_EQ(nearest("abc", names), "");
  EXPECT_EQ(nearest("pac", names), "pca");
  EXPECT_EQ(nearest("topl", {names.begin() + 1, names.end()}), "tol");
}

TEST(TextTest, Utf8RefusesOverlongSurrogatesAndTruncation) {
  std::size_t bad = 0;
  EXPECT_TRUE(is_utf8("caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80"));
  EXPECT_FALSE(is_utf8("ab\xC0\xAF", &bad));
  EXPECT_EQ(bad, 2u);
  EXPECT_FALSE(is_utf8("\xED\xA0\x80"));
  EXPECT_FALSE(is_utf8("\xE2\x82"));
  EXPECT_FALSE(is_utf8("\xF5\x80\x80\x80"));
}

TEST(TextTest, SizesAndTimesReadWell) {
  EXPECT_EQ(bytes_text(730), "730 B");
  EXPECT_EQ(bytes_text(1'500'000), "1.5 MB");
  EXPECT_EQ(seconds_text(0.012), "12 ms");
  EXPECT_EQ(seconds_text(125), "2 min 5 s");
}

TEST(TextTest, EscapesForJsonAndHtml) {
  EXPECT_EQ(json_escape("a\"b\\\n\x01"), "a\\\"b\\\\\\n\\u0001");
  EXPECT_EQ(html_escape("<a href='x'>&\"</a>"), "&lt;a href=&#39;x&#39;&gt;&amp;&quot;&lt;/a&gt;");
}

TEST(TextTest, SplitJoinTrim) {
  EXPECT_EQ(split("a,,b", ','), (std::vector<std::string>{"a", "", "b"}));
  EXPECT_EQ(join(split("a,,b", ','), "-"), "a--b");
  EXPECT_EQ(trim("  x y\n"), "x y");
  EXPECT_EQ(trim(" \n"), "");
}

}  // namespace
}  // namespace headrace
