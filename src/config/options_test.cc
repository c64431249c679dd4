// SPDX-License-Identifier: Apache-2.0
#include "headrace/config/options.h"

#include <gtest/gtest.h>

#include <cmath>

namespace headrace::config {
namespace {

std::vector<Option> table() {
  return {real("C", 1, "inverse of the L2 penalty").above(0),
          integer("iterations", 100, "upper bound on iterations").at_least(1).at_most(10'000),
          choice("solver", "newton", {"newton", "lbfgs"}, "how the optimum is found"),
          boolean("intercept", true, "adds a constant column"),
          integer("components", Value(), "kept components").at_least(1).or_word("all").or_null(),
          list("hidden", Type::kIntList, Value(List{100}), "units of each layer").at_least(1),
          column("target", Value(), "column to predict"),
          path("path", "file to read")};
}

Value parse(std::string_view text) { return parse_yaml(text, "t.yaml").value(); }

Error bind_error(std::string_view text, const std::vector<Option>& options = table()) {
  const Result<Value> bound = config::bind(options, parse(text), "operator demo");
  EXPECT_FALSE(bound.ok()) << text;
  return bound.ok() ? Error(Code::kOk, "") : bound.error();
}

TEST(OptionsTest, BindFillsDefaultsInTheOrderOfTheTable) {
  const Value bound = config::bind(table(), Value(), "operator demo").value();
  ASSERT_EQ(bound.map().size(), table().size());
  EXPECT_EQ(bound.map()[0].key, "C");
  EXPECT_EQ(bound.find("C")->kind(), Kind::kReal);
  EXPECT_EQ(bound.find("iterations")->integer(), 100);
  EXPECT_TRUE(bound.find("target")->is_null());
  EXPECT_EQ(bound.map().back().key, "path");
  EXPECT_EQ(check_options(table()).ok(), true);
}

TEST(OptionsTest, ValuesAreCoercedWithoutLoss) {
  const Value bound =
      config::bind(table(), parse("iterations: 1e3\nC: 2\nhidden: 50\ncomponents: all\ntarget: 3\n"), "operator demo").value();
  EXPECT_EQ(*bound.find("C"), Value(2.0));
  EXPECT_EQ(bound.find("C")->where().text(), "t.yaml:2:4");
  EXPECT_EQ(*bound.find("iterations"), Value(1000));
  EXPECT_EQ(*bound.find("hidden"), Value(List{50}));
  EXPECT_EQ(*bound.find("components"), Value("all"));
  EXPECT_EQ(*bound.find("target"), Value(3));
}

TEST(OptionsTest, UnknownKeysNameTheNearest) {
  const Error error = bind_error("C: 1\nsolvr: lbfgs\n");
  EXPECT_EQ(error.code, Code::kUnknownKey);
  EXPECT_EQ(error.where.text(), "t.yaml:2:1");
  EXPECT_EQ(error.advice, "did you mean 'solver'?");
}

TEST(OptionsTest, RangesAreKept) {
  EXPECT_EQ(bind_error("C: 0").code, Code::kBadValue);
  EXPECT_EQ(bind_error("C: -1.5").code, Code::kBadValue);
  EXPECT_EQ(bind_error("iterations: 0").code, Code::kBadValue);
  EXPECT_EQ(bind_error("iterations: 10001").code, Code::kBadValue);
  EXPECT_TRUE(config::bind(table(), parse("iterations: 10000"), "x").ok());
  const Error inside = bind_error("hidden: [5, 0]");
  EXPECT_EQ(inside.code, Code::kBadValue);
  EXPECT_EQ(inside.where.text(), "t.yaml:1:13");
}

TEST(OptionsTest, WrongTypesAreRefusedWithTheirPlace) {
  for (const char* text : {"C: x", "C: [1]", "C: .nan", "C: .inf", "iterations: 1.5", "iterations: 1e300", "intercept: yes", "intercept: 1",
                           "solver: 3", "hidden: {a: 1}", "hidden: [x]", "target: 1.5", "target: ''", "path: ''", "path: 5",
                           "components: most", "solver: null", "C: null"}) {
    const Error error = bind_error(text);
    EXPECT_EQ(error.code, Code::kBadValue) << text;
    EXPECT_EQ(error.where.line, 1) << text;
    EXPECT_FALSE(error.advice.empty()) << text;
  }
  EXPECT_EQ(bind_error("solver: lbgfs").advice, "did you mean 'lbfgs'?");
  EXPECT_EQ(bind_error("- 1").code, Code::kBadValue);
}

TEST(OptionsTest, OperatorsAreNamesOrMapsWithOne) {
  const Option one = nested("final", "who decides"), several = list("estimators", Type::kOperatorList, Value(), "who votes");
  EXPECT_TRUE(check(one, Value("ridge")).ok());
  EXPECT_TRUE(check(one, *parse_yaml("{op: ridge, alpha: 2}", "t")).ok());
  for (const char* bad : {"{alpha: 2}", "{op: 3}", "3", "''", "[ridge]"}) {
    EXPECT_EQ(check(one, *parse_yaml(bad, "t")).error().code, Code::kBadValue) << bad;
  }
  EXPECT_EQ(to_json(*check(several, *parse_yaml("[ridge, {op: svr}]", "t"))), R"(["ridge", {"op": "svr"}])");
  EXPECT_EQ(to_json(*check(several, Value("ridge"))), R"(["ridge"])");
  EXPECT_FALSE(check(several, *parse_yaml("[ridge, {alpha: 2}]", "t")).ok());
}

TEST(OptionsTest, NullIsTakenWhereItIsLegalOrMeansNotSet) {
  const Value bound = config::bind(table(), parse("components: null\ntarget: ~\n"), "operator demo").value();
  EXPECT_TRUE(bound.find("components")->is_null());
  EXPECT_TRUE(bound.find("target")->is_null());
}

TEST(OptionsTest, RequiredOptionsMustBeThere) {
  const std::vector<Option> options = {path("path", "file to read").must()};
  const Error error = bind_error("{}", options);
  EXPECT_EQ(error.code, Code::kMissingKey);
  EXPECT_EQ(error.where.text(), "t.yaml:1:1");
  EXPECT_EQ(bind_error("path: null", options).code, Code::kBadValue);
}

TEST(OptionsTest, ExpectationsReadAsWords) {
  EXPECT_EQ(expects(table()[0]), "a real number above 0");
  EXPECT_EQ(expects(table()[1]), "an integer from 1 to 10000");
  EXPECT_EQ(expects(table()[2]), "one of newton, lbfgs");
  EXPECT_EQ(expects(table()[4]), "an integer of at least 1 or 'all' or null");
  EXPECT_EQ(expects(real("wait", 5, "how long").at_least(0).in("seconds")), "a real number of at least 0 (seconds)");
  for (const Option& option : table()) {
    EXPECT_TRUE(check(option, parse(example(option))).ok()) << option.name << ": " << example(option);
  }
}

TEST(OptionsTest, ManifestsReadBackToTheSameRows) {
  const Value rows = options_to_value(table());
  const Result<Value> text = parse_json(to_json(rows, 2), "demo.ops.json");
  ASSERT_TRUE(text.ok());
  const Result<std::vector<Option>> back = options_from_value(*text);
  ASSERT_TRUE(back.ok()) << back.error().text();
  EXPECT_EQ(options_to_value(*back), rows);
  ASSERT_EQ(back->size(), table().size());
  EXPECT_EQ((*back)[0].fallback, Value(1.0));
  EXPECT_TRUE((*back)[0].min_open);
  EXPECT_TRUE(std::isinf((*back)[0].max));
  EXPECT_EQ((*back)[4].also, std::vector<std::string>{"all"});
  EXPECT_EQ((*back)[2].choices, table()[2].choices);
  EXPECT_EQ(config::bind(*back, parse("C: 3"), "x").value(), config::bind(table(), parse("C: 3"), "x").value());
}

TEST(OptionsTest, ManifestsAreCheckedLikeOtherInput) {
  for (const char* text : {"{}", "[1]", "[{name: a}]", "[{type: real}]", "[{name: a, type: reel}]", "[{name: a, type: real, minn: 0}]"}) {
    EXPECT_FALSE(options_from_value(parse(text)).ok()) << text;
  }
}

TEST(OptionsTest, CheckOptionsFindsFaultyTables) {
  EXPECT_FALSE(check_options(std::vector<Option>{real("a", 1, "x"), real("a", 1, "x")}).ok());
  EXPECT_FALSE(check_options(std::vector<Option>{real("a", 0, "x").above(0)}).ok());
  EXPECT_FALSE(check_options(std::vector<Option>{real("a", 1, "")}).ok());
  EXPECT_FALSE(check_options(std::vector<Option>{choice("a", "z", {"x", "y"}, "doc")}).ok());
  EXPECT_FALSE(check_options(std::vector<Option>{integer("a", 1.0, "a real default")}).ok());
}

}  // namespace
}  // namespace headrace::config
