// SPDX-License-Identifier: Apache-2.0
#include "headrace/data/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include <arrow/api.h>
#include <arrow/util/decimal.h>

#include "headrace/base/random.h"
#include "headrace/data/formats.h"

namespace headrace::data {
namespace {

using TablePointer = std::shared_ptr<const Table>;
using ::testing::ElementsAre;

TablePointer csv(std::string_view text, CsvOptions options = {}) {
  auto table = parse_csv(text, options, "test.csv");
  EXPECT_TRUE(table.ok()) << (table.ok() ? "" : table.error().text());
  return table.ok() ? *table : nullptr;
}

TablePointer numbered(std::int64_t rows, std::int64_t columns) {
  Tensor matrix(DType::kF64, {rows, columns});
  auto values = matrix.mutable_span<double>();
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>(i) + 0.25;
  return Table::from_matrix(matrix).value();
}

std::vector<int> all_columns(const Table& table) {
  std::vector<int> out(table.columns().size());
  std::iota(out.begin(), out.end(), 0);
  return out;
}

const double* first_value(const Table& table, int column, int chunk = 0) {
  return static_cast<const arrow::DoubleArray&>(*table.arrow()->column(column)->chunk(chunk)).raw_values();
}

std::vector<std::int64_t> range(std::int64_t from, std::int64_t to) {
  std::vector<std::int64_t> out(static_cast<std::size_t>(to - from));
  std::iota(out.begin(), out.end(), from);
  return out;
}

TEST(TableTest, AMatrixGoesInAndComesOutUnchanged) {
  for (const std::int64_t rows : {0, 1, 7, 127, 128, 129, 1000}) {
    for (const std::int64_t columns : {1, 3, 8, 17, 64}) {
      const auto table = numbered(rows, columns);
      ASSERT_EQ(table->rows(), rows);
      const Tensor matrix = table->matrix(all_columns(*table)).value();
      ASSERT_THAT(matrix.shape(), ElementsAre(rows, columns));
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(matrix.bytes()) % 64, 0u);
      const auto values = matrix.span<double>();
      for (std::size_t i = 0; i < values.size(); ++i) ASSERT_EQ(values[i], static_cast<double>(i) + 0.25);
    }
  }
}

TEST(TableTest, MatrixReadsSlicedAndChunkedTablesAlike) {
  const auto table = numbered(1000, 9);
  const auto parts = Table::stack(std::vector<TablePointer>{table->slice(0, 100), table->slice(100, 333), table->slice(433, 567)}).value();
  ASSERT_EQ(parts->arrow()->column(0)->num_chunks(), 3);
  const Tensor whole = table->matrix(all_columns(*table)).value();
  const Tensor pieces = parts->matrix(all_columns(*parts)).value();
  EXPECT_EQ(std::memcmp(whole.bytes(), pieces.bytes(), whole.size_bytes()), 0);
  const auto slice = parts->slice(50, 500);
  const Tensor part = slice->matrix(all_columns(*slice)).value();
  EXPECT_EQ(std::memcmp(part.bytes(), whole.span<double>().data() + 50 * 9, part.size_bytes()), 0);
}

TEST(TableTest, MatrixConvertsIntegersBooleansAndNulls) {
  const auto table = csv("a,b,c,d\n1,true,1.5,\n2,false,,\n,true,-3,\n", {.header = true});
  EXPECT_EQ(table->columns()[0].type, ColumnType::kInt);
  EXPECT_EQ(table->columns()[0].nulls, 1);
  EXPECT_EQ(table->columns()[1].type, ColumnType::kBool);
  EXPECT_EQ(table->columns()[2].type, ColumnType::kReal);
  EXPECT_EQ(table->columns()[3].type, ColumnType::kReal);
  const Tensor matrix = table->matrix(all_columns(*table)).value();
  const auto at = [&](int row, int column) { return matrix.span<double>()[static_cast<std::size_t>(row * 4 + column)]; };
  EXPECT_EQ(at(0, 0), 1.0);
  EXPECT_TRUE(std::isnan(at(2, 0)));
  EXPECT_EQ(at(0, 1), 1.0);
  EXPECT_EQ(at(1, 1), 0.0);
  EXPECT_EQ(at(2, 2), -3.0);
  EXPECT_TRUE(std::isnan(at(1, 2)));
  EXPECT_TRUE(std::isnan(at(0, 3)));
}

TEST(TableTest, MatrixReadsEveryNumericArrowType) {
  const auto check = [](std::shared_ptr<arrow::Array> array) {
    const auto table = Table::from_arrow(arrow::Table::Make(arrow::schema({arrow::field("a", array->type())}), {array}));
    const auto values = table->reals(0);
    ASSERT_TRUE(values.ok()) << values.error().text();
    EXPECT_THAT(*values, ElementsAre(1.0, 2.0, ::testing::NanSensitiveDoubleEq(std::nan("")))) << array->type()->ToString();
  };
  for (const auto& type :
       {arrow::int8(), arrow::int16(), arrow::int32(), arrow::int64(), arrow::uint8(), arrow::uint16(), arrow::uint32(), arrow::uint64(),
        arrow::float16(), arrow::float32(), arrow::float64(), arrow::decimal128(10, 0), arrow::decimal256(40, 0)}) {
    std::unique_ptr<arrow::ArrayBuilder> builder;
    ASSERT_TRUE(arrow::MakeBuilder(arrow::default_memory_pool(), type, &builder).ok());
    for (const int number : {1, 2}) {
      if (type->id() == arrow::Type::HALF_FLOAT) {
        ASSERT_TRUE(static_cast<arrow::HalfFloatBuilder&>(*builder).Append(number == 1 ? 0x3c00 : 0x4000).ok());
      } else if (type->id() == arrow::Type::DECIMAL128) {
        ASSERT_TRUE(static_cast<arrow::Decimal128Builder&>(*builder).Append(arrow::Decimal128(number)).ok());
      } else if (type->id() == arrow::Type::DECIMAL256) {
        ASSERT_TRUE(static_cast<arrow::Decimal256Builder&>(*builder).Append(arrow::Decimal256(number)).ok());
      } else {
        ASSERT_TRUE(builder->AppendScalar(*arrow::MakeScalar(number)->CastTo(type).ValueOrDie()).ok());
      }
    }
    ASSERT_TRUE(builder->AppendNull().ok());
    check(builder->Finish().ValueOrDie());
  }
}

TEST(TableTest, MatrixNamesATextColumnAndWhatToDo) {
  const auto table = csv("a,b\n1,x\n2,y\n");
  const auto matrix = table->matrix(all_columns(*table));
  ASSERT_FALSE(matrix.ok());
  EXPECT_EQ(matrix.error().code, Code::kEdgeType);
  EXPECT_NE(matrix.error().message.find("'b'"), std::string::npos);
  EXPECT_NE(matrix.error().advice.find("one_hot_encoder or ordinal_encoder"), std::string::npos);
}

TEST(TableTest, SlicesShareMemory) {
  const auto table = numbered(100, 3);
  const auto slice = table->slice(40, 20);
  EXPECT_EQ(slice->rows(), 20);
  EXPECT_EQ(first_value(*slice, 1), first_value(*table, 1) + 40);
  EXPECT_EQ(table->slice(90, 50)->rows(), 10);
}

TEST(TableTest, AConsecutiveRunIsTakenWithoutCopy) {
  const auto table = numbered(100, 2);
  const auto taken = table->take(range(30, 60)).value();
  EXPECT_EQ(first_value(*taken, 0), first_value(*table, 0) + 30);
}

TEST(TableTest, TheTrainingPartOfAFoldIsTakenWithoutCopy) {
  const auto table = numbered(100, 2);
  auto rows = range(0, 20);
  const auto tail = range(40, 100);
  rows.insert(rows.end(), tail.begin(), tail.end());
  const auto taken = table->take(rows).value();
  ASSERT_EQ(taken->rows(), 80);
  ASSERT_EQ(taken->arrow()->column(0)->num_chunks(), 2);
  EXPECT_EQ(first_value(*taken, 0, 0), first_value(*table, 0));
  EXPECT_EQ(first_value(*taken, 0, 1), first_value(*table, 0) + 40);
  EXPECT_EQ(taken->reals(1).value()[20], table->reals(1).value()[40]);
}

TEST(TableTest, AnyRowsAreTakenInTheOrderAsked) {
  const auto table = csv("a,b,c\n1,x,1.5\n2,y,\n3,x,2.5\n4,,3.5\n5,z,4.5\n", {.categories = {"b"}});
  Random random(7);
  for (int round = 0; round < 50; ++round) {
    std::vector<std::int64_t> rows;
    for (int i = 0; i < 20; ++i) rows.push_back(static_cast<std::int64_t>(random.below(5)));
    const auto taken = table->take(rows).value();
    const auto a = table->reals(0).value(), a_taken = taken->reals(0).value();
    const auto b = table->texts(1).value(), b_taken = taken->texts(1).value();
    for (std::size_t i = 0; i < rows.size(); ++i) {
      ASSERT_EQ(a_taken[i], a[static_cast<std::size_t>(rows[i])]);
      ASSERT_EQ(b_taken[i], b[static_cast<std::size_t>(rows[i])]);
    }
  }
}

TEST(TableTest, RepeatedTakingDoesNotShatterATable) {
  auto table = numbered(1 << 14, 2);
  for (int round = 0; round < 10; ++round) {
    std::vector<std::int64_t> rows;
    for (std::int64_t i = 0; i < table->rows(); ++i) {
      if (i != table->rows() / 3 && i != table->rows() / 2) rows.push_back(i);
    }
    table = table->take(rows).value();
  }
  EXPECT_EQ(table->rows(), (1 << 14) - 20);
  EXPECT_LE(table->arrow()->column(0)->num_chunks(), 32);
}

TEST(TableTest, RowsOutsideAreRefused) {
  const auto table = numbered(10, 1);
  EXPECT_EQ(table->take(std::vector<std::int64_t>{0, 10}).error().code, Code::kShape);
  EXPECT_EQ(table->take(std::vector<std::int64_t>{-1}).error().code, Code::kShape);
  EXPECT_EQ(table->take(std::vector<std::int64_t>{}).value()->rows(), 0);
}

TEST(TableTest, ColumnsAreFoundByNameAndNumber) {
  const auto table = csv("sepal,petal,kind\n1,2,3\n");
  EXPECT_EQ(table->column_index("petal").value(), 1);
  EXPECT_EQ(table->resolve(config::Value(-1)).value(), 2);
  EXPECT_EQ(table->resolve(config::Value("sepal")).value(), 0);
  const auto missing = table->column_index("petall");
  EXPECT_EQ(missing.error().code, Code::kMissingColumn);
  EXPECT_NE(missing.error().advice.find("petal"), std::string::npos);
  EXPECT_EQ(table->resolve(config::Value(3)).error().code, Code::kMissingColumn);
  EXPECT_EQ(table->resolve(config::Value(-4)).error().code, Code::kMissingColumn);
  EXPECT_EQ(table->resolve(config::Value(1.5)).error().code, Code::kBadValue);
}

TEST(TableTest, RolesTravelThroughEveryChange) {
  const std::pair<int, Role> roles[] = {{2, Role::kTarget}, {0, Role::kGroup}};
  const auto table = csv("g,a,y\n1,2,3\n1,5,6\n2,8,9\n")->with_roles(roles).value();
  EXPECT_EQ(table->with_role(Role::kTarget), 2);
  EXPECT_THAT(table->features(), ElementsAre(1));
  EXPECT_EQ(table->slice(1, 1)->with_role(Role::kGroup), 0);
  EXPECT_EQ(table->take(std::vector<std::int64_t>{2, 0, 1})->get()->with_role(Role::kTarget), 2);
  EXPECT_EQ(table->select(std::vector<int>{2, 1}).value()->with_role(Role::kTarget), 0);
  const std::pair<int, Role> back[] = {{2, Role::kFeature}};
  EXPECT_EQ(table->with_roles(back).value()->with_role(Role::kTarget), std::nullopt);
  EXPECT_EQ(table->with_role(Role::kTarget), 2) << "the table itself must not change";
}

TEST(TableTest, ClassCodesSortNumbersAsNumbersAndTextAsText) {
  const auto table = csv("a,b,c,d,e\n10,10.5,ten,true,x\n9,9,nine,false,x\n-1,10.5,ten,true,y\n");
  const auto a = table->codes(0).value();
  EXPECT_THAT(a.classes, ElementsAre("-1", "9", "10"));
  EXPECT_THAT(a.codes, ElementsAre(2, 1, 0));
  EXPECT_TRUE(a.numeric);
  const auto b = table->codes(1).value();
  EXPECT_THAT(b.classes, ElementsAre("9", "10.5"));
  const auto c = table->codes(2).value();
  EXPECT_THAT(c.classes, ElementsAre("nine", "ten"));
  EXPECT_FALSE(c.numeric);
  EXPECT_THAT(table->codes(3).value().classes, ElementsAre("false", "true"));
  EXPECT_EQ(csv("a,b\n1,x\n,y\n")->codes(0).error().code, Code::kNotFinite);
  EXPECT_EQ(csv("a,b\n1.5,x\n,y\n")->codes(0).error().code, Code::kNotFinite);
  EXPECT_EQ(csv("a,b\n1,x\n2,\n")->codes(1).error().code, Code::kNotFinite);
}

TEST(TableTest, LargeIntegersKeepTheirClassesApart) {
  const auto table = csv("a\n9007199254740993\n9007199254740992\n-9007199254740993\n", {.header = true});
  EXPECT_THAT(table->codes(0).value().classes, ElementsAre("-9007199254740993", "9007199254740992", "9007199254740993"));
}

TEST(TableTest, CategoriesReadAsTheirNames) {
  const auto table = csv("a,b\n1,x\n2,y\n3,x\n4,\n", {.categories = {"b"}});
  EXPECT_EQ(table->columns()[1].type, ColumnType::kCategory);
  std::vector<bool> nulls;
  EXPECT_THAT(table->texts(1, &nulls).value(), ElementsAre("x", "y", "x", ""));
  EXPECT_THAT(nulls, ElementsAre(false, false, false, true));
  const auto codes = table->slice(1, 2)->codes(1).value();
  EXPECT_THAT(codes.classes, ElementsAre("x", "y"));
  EXPECT_THAT(codes.codes, ElementsAre(1, 0));
  EXPECT_EQ(table->reals(1).error().code, Code::kEdgeType);
}

TEST(TableTest, SideBySideRenamesClashesAndCanLeaveTargetsOut) {
  const std::pair<int, Role> roles[] = {{1, Role::kTarget}};
  const auto left = csv("a,y\n1,2\n3,4\n")->with_roles(roles).value();
  const auto both = Table::beside(*left, *left, false).value();
  std::vector<std::string> names;
  for (const Column& column : both->columns()) names.push_back(column.name);
  EXPECT_THAT(names, ElementsAre("a", "y", "a_1", "y_1"));
  EXPECT_EQ(Table::beside(*left, *left, true).value()->columns().size(), 3u);
  EXPECT_EQ(first_value(*Table::beside(*numbered(3, 1), *numbered(3, 1), false).value(), 0) != nullptr, true);
  EXPECT_EQ(Table::beside(*left, *left->slice(0, 1), false).error().code, Code::kShape);
}

TEST(TableTest, StackingNamesTheFirstDifference) {
  const auto table = csv("a,b\n1,x\n2,y\n");
  const auto twice = Table::stack(std::vector<TablePointer>{table, table}).value();
  EXPECT_EQ(twice->rows(), 4);
  EXPECT_TRUE(twice->slice(2, 2)->equals(*table));
  EXPECT_EQ(Table::stack(std::vector<TablePointer>{table, csv("a,c\n1,x\n")}).error().code, Code::kShape);
  EXPECT_EQ(Table::stack(std::vector<TablePointer>{table, csv("a,b\n1.5,x\n")}).error().code, Code::kShape);
  EXPECT_EQ(Table::stack(std::vector<TablePointer>{table, csv("a\n1\n", {.header = true})}).error().code, Code::kShape);
  EXPECT_EQ(Table::stack(std::vector<TablePointer>{}).error().code, Code::kShape);
}

TEST(TableTest, StackedCategoriesGetOneDictionary) {
  const auto first = csv("b,n\nx,1\ny,2\n", {.categories = {"b"}});
  const auto second = csv("b,n\nz,1\nx,2\n", {.categories = {"b"}});
  const auto both = Table::stack(std::vector<TablePointer>{first, second}).value();
  EXPECT_THAT(both->texts(0).value(), ElementsAre("x", "y", "z", "x"));
  EXPECT_THAT(both->codes(0).value().codes, ElementsAre(0, 1, 2, 0));
}

TEST(TableTest, ManySmallTablesStackIntoFewChunks) {
  const auto table = numbered(10, 2);
  std::vector<TablePointer> tables;
  for (std::int64_t i = 0; i < 10; ++i) {
    for (int j = 0; j < 100; ++j) tables.push_back(table->slice(i, 1));
  }
  const auto all = Table::stack(tables).value();
  EXPECT_EQ(all->rows(), 1000);
  EXPECT_EQ(all->arrow()->column(0)->num_chunks(), 1);
}

TEST(TableTest, NewFeaturesKeepTheTarget) {
  const std::pair<int, Role> roles[] = {{1, Role::kTarget}};
  const auto table = csv("a,y,b\n1,2,3\n4,5,6\n")->with_roles(roles).value();
  Tensor matrix(DType::kF32, {2, 2});
  matrix.mutable_span<float>()[3] = 1.5f;
  const std::vector<std::string> names = {"p", "y"};
  const auto changed = table->with_features(matrix, names).value();
  ASSERT_EQ(changed->columns().size(), 3u);
  EXPECT_EQ(changed->columns()[0].name, "p");
  EXPECT_EQ(changed->columns()[1].name, "y_1") << "a new feature gives way to a kept target";
  EXPECT_EQ(changed->columns()[2].name, "y");
  EXPECT_EQ(changed->with_role(Role::kTarget), 2);
  EXPECT_EQ(changed->reals(1).value()[1], 1.5);
  EXPECT_EQ(table->with_features(Tensor(DType::kF64, {3, 1}), {}).error().code, Code::kShape);
  EXPECT_EQ(table->with_features(Tensor(DType::kF64, {4}), {}).error().code, Code::kShape);
}

TEST(TableTest, ColumnsAreAppendedOnceOnly) {
  const auto table = numbered(2, 1);
  const std::vector<double> values = {1, 2};
  const auto more = table->with_column("p", Role::kPrediction, values).value();
  EXPECT_EQ(more->with_role(Role::kPrediction), 1);
  EXPECT_EQ(more->with_column("p", Role::kPrediction, values).error().code, Code::kNameClash);
  EXPECT_EQ(table->with_column("q", Role::kIgnore, std::vector<std::string>{"x"}).error().code, Code::kShape);
}

TEST(TableTest, EqualityLooksAtNamesTypesRolesAndValues) {
  const auto table = csv("a,b\n1,x\nnan,y\n3,z\n", {.nulls = {""}});
  EXPECT_TRUE(table->equals(*csv("a,b\n1,x\nnan,y\n3,z\n", {.nulls = {""}})));
  EXPECT_FALSE(table->equals(*csv("a,c\n1,x\nnan,y\n3,z\n", {.nulls = {""}})));
  EXPECT_FALSE(table->equals(*csv("a,b\n1,x\nnan,y\n4,z\n", {.nulls = {""}})));
  const std::pair<int, Role> roles[] = {{1, Role::kTarget}};
  EXPECT_FALSE(table->equals(*table->with_roles(roles).value()));
}

TEST(TableTest, MetadataOfOthersIsNotKept) {
  const auto field =
      arrow::field("a", arrow::int64(), true, arrow::key_value_metadata({"PARQUET:field_id", "headrace.role"}, {"7", "target"}));
  const auto schema = arrow::schema({field}, arrow::key_value_metadata({"pandas"}, {"{}"}));
  const auto table = Table::from_arrow(arrow::Table::MakeEmpty(schema).ValueOrDie());
  EXPECT_EQ(table->with_role(Role::kTarget), 0);
  EXPECT_FALSE(table->arrow()->schema()->HasMetadata());
  EXPECT_EQ(table->arrow()->field(0)->metadata()->size(), 1);
}

}  // namespace
}  // namespace headrace::data
