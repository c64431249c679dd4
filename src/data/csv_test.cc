// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include <arrow/api.h>

#include "data/file_bytes.h"
#include "data/test_files.h"
#include "headrace/base/text.h"
#include "headrace/data/formats.h"

namespace headrace::data {
namespace {

using TablePointer = std::shared_ptr<const Table>;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TablePointer csv(std::string_view text, const CsvOptions& options = {}) {
  auto table = parse_csv(text, options, "test.csv");
  EXPECT_TRUE(table.ok()) << (table.ok() ? "" : table.error().text());
  return table.ok() ? *table : Table::from_matrix(Tensor(DType::kF64, {0, 0})).value();
}

Error failure(std::string_view text, const CsvOptions& options = {}) {
  auto table = parse_csv(text, options, "test.csv");
  EXPECT_FALSE(table.ok());
  return table.ok() ? Error() : table.error();
}

std::vector<std::string> names(const Table& table) {
  std::vector<std::string> out;
  for (const Column& column : table.columns()) out.push_back(column.name);
  return out;
}

std::string gzip(std::string_view text) {
  const test::Folder folder;
  const auto table = csv(text, {.header = true});
  EXPECT_TRUE(write_csv(*table, folder.path("x.csv.gz")).ok());
  return folder.read("x.csv.gz");
}

TEST(CsvTest, TypesAreFound) {
  const auto table = csv("i,r,b,t,d,w\n1,1.5,True,x,2026-01-31,2026-01-31 10:00:00\n-2,2e3,False,y,2026-02-01,2026-02-01 11:30:00\n");
  std::vector<ColumnType> types;
  for (const Column& column : table->columns()) types.push_back(column.type);
  EXPECT_THAT(types,
              ElementsAre(ColumnType::kInt, ColumnType::kReal, ColumnType::kBool, ColumnType::kText, ColumnType::kTime, ColumnType::kTime));
}

TEST(CsvTest, AHeaderIsFoundOrNot) {
  EXPECT_THAT(names(*csv("a,b\n1,2\n")), ElementsAre("a", "b"));
  EXPECT_THAT(names(*csv("1,2\n3,4\n")), ElementsAre("x0", "x1"));
  EXPECT_THAT(names(*csv("5.1,setosa\n4.9,setosa\n")), ElementsAre("x0", "x1"));
  EXPECT_THAT(names(*csv("red,green\nblue,pink\n")), ElementsAre("x0", "x1")) << "words above words are no header";
  EXPECT_EQ(csv("red,green\nblue,pink\n")->rows(), 2);
  EXPECT_THAT(names(*csv("1,2\n3,4\n", {.header = true})), ElementsAre("1", "2"));
  EXPECT_EQ(csv("a,b\n1,2\n", {.header = false})->rows(), 2);
}

TEST(CsvTest, AFileWithOnlyAHeaderHasNoRows) {
  for (const char* text : {"a,b", "a,b\n", "a,b\r\n", "a,b\n\n\n"}) {
    const auto table = csv(text);
    EXPECT_EQ(table->rows(), 0) << text;
    EXPECT_THAT(names(*table), ElementsAre("a", "b"));
  }
}

TEST(CsvTest, EmptyFilesAreRefused) {
  EXPECT_EQ(failure("").code, Code::kBadData);
  EXPECT_EQ(failure("\xEF\xBB\xBF").code, Code::kBadData);
  EXPECT_EQ(failure("\n\n").code, Code::kBadData);
  EXPECT_EQ(failure("a\n", {.skip_rows = 5}).code, Code::kBadData);
}

TEST(CsvTest, ByteOrderMarkAndWindowsLineEndsAreUnderstood) {
  const auto table = csv("\xEF\xBB\xBF" "a,b\r\n1,x\r\n2,y\r\n");
  EXPECT_THAT(names(*table), ElementsAre("a", "b"));
  EXPECT_THAT(table->texts(1).value(), ElementsAre("x", "y"));
  EXPECT_EQ(csv("a,b\r1,x\r2,y\r")->rows(), 2) << "old Mac line ends";
}

TEST(CsvTest, AByteOrderMarkElsewhereIsData) {
  const auto table = csv("a,b\n\xEF\xBB\xBFx,1\ny,2\n");
  EXPECT_THAT(table->texts(0).value(), ElementsAre("\xEF\xBB\xBFx", "y"));
  EXPECT_EQ(csv("a\n\xEF\xBB\xBF\n1\n", {.header = true, .rows_max = 1})->rows(), 1);
}

TEST(CsvTest, QuotesProtectDelimitersQuotesAndLineEnds) {
  const auto table = csv("n,t\n1,\"a,b\"\n2,\"say \"\"hi\"\"\"\n3,\"two\nlines\"\n4,plain\n");
  EXPECT_THAT(table->texts(1).value(), ElementsAre("a,b", "say \"hi\"", "two\nlines", "plain"));
  EXPECT_THAT(names(*csv("\"a, b\",\"c\nd\"\n1,2\n")), ElementsAre("a, b", "c\nd"));
}

TEST(CsvTest, QuotesCanBeOrdinaryCharacters) {
  const CsvOptions options = {.delimiter = '\t', .quote = std::nullopt, .header = true};
  EXPECT_THAT(csv("n\tt\n1\t\"open\n2\tit's \"so\"\n", options)->texts(1).value(), ElementsAre("\"open", "it's \"so\""));
}

TEST(CsvTest, AQuoteLeftOpenIsNamedByLine) {
  const Error error = failure("n,t\n1,x\n2,\"open\n3,y\n");
  EXPECT_EQ(error.code, Code::kBadData);
  EXPECT_EQ(error.where.line, 3);
}

TEST(CsvTest, EscapesWorkWhenAskedFor) {
  const CsvOptions options = {.escape = '\\', .header = true};
  EXPECT_THAT(csv("n,t\n1,a\\,b\n2,\"c\\\"d\"\n", options)->texts(1).value(), ElementsAre("a,b", "c\"d"));
}

TEST(CsvTest, NullsKeepIntegersWhole) {
  const auto table = csv("a,b\n1,x\nNA,?\n3,y\n");
  EXPECT_EQ(table->columns()[0].type, ColumnType::kInt);
  EXPECT_EQ(table->columns()[0].nulls, 1);
  EXPECT_EQ(table->columns()[1].nulls, 1);
  const auto own = csv("a,b\n1,x\n-99,?\n", {.nulls = {"-99"}});
  EXPECT_EQ(own->columns()[0].nulls, 1);
  EXPECT_EQ(own->columns()[1].nulls, 0);
}

TEST(CsvTest, SpacesAroundFieldsGo) {
  const auto table = csv("a , b,c\n 1, x y ,\" kept \" \n2 ,?  , z\n");
  EXPECT_THAT(names(*table), ElementsAre("a", "b", "c"));
  EXPECT_EQ(table->columns()[0].type, ColumnType::kInt);
  EXPECT_EQ(table->columns()[1].nulls, 1);
  EXPECT_EQ(table->texts(1).value()[0], "x y");
  EXPECT_THAT(table->texts(2).value(), ElementsAre(" kept ", "z"));
  EXPECT_EQ(csv("a,b\n1, x\n", {.trim = false})->texts(1).value()[0], " x");
}

TEST(CsvTest, DecimalCommasAreRead) {
  const auto table = csv("a;b\n1,5;x\n-2,25;y\n", {.delimiter = ';', .decimal = ','});
  EXPECT_THAT(table->reals(0).value(), ElementsAre(1.5, -2.25));
  EXPECT_EQ(failure("a,b\n", {.decimal = ','}).code, Code::kBadValue);
}

TEST(CsvTest, LinesCanBeSkippedAsInScikitLearnsFiles) {
  const auto table = csv("150,4,setosa,versicolor\n5.1,3.5,1.4,0\n4.9,3.0,1.4,1\n", {.header = false, .skip_rows = 1});
  EXPECT_EQ(table->rows(), 2);
  EXPECT_EQ(table->columns()[3].type, ColumnType::kInt);
}

TEST(CsvTest, NamesCanBeGiven) {
  EXPECT_THAT(names(*csv("1,2\n", {.names = {"p", "q"}})), ElementsAre("p", "q"));
  EXPECT_EQ(csv("p,q\n1,2\n", {.names = {"p", "q"}})->rows(), 1) << "the names themselves are a header";
  EXPECT_THAT(names(*csv("a,b\n1,2\n", {.header = true, .names = {"p", "q"}})), ElementsAre("p", "q"));
  EXPECT_EQ(failure("1,2\n", {.names = {"p"}}).code, Code::kBadData);
}

TEST(CsvTest, NamesTwiceOrMissingGetNamesOfTheirOwn) {
  EXPECT_THAT(names(*csv("a,a,,a_1\n1,2,3,4\n")), ElementsAre("a", "a_1", "x2", "a_1_1"));
}

TEST(CsvTest, ReadingStopsAfterTheRowsAskedFor) {
  EXPECT_EQ(csv("a,b\n1,2\n3,4\n5,6,7\n", {.rows_max = 2})->rows(), 2) << "what comes after is not looked at";
  EXPECT_EQ(csv("a,b\n1,2\n", {.rows_max = 0})->rows(), 0);
  EXPECT_EQ(csv("a,b\n1,2\n", {.rows_max = 10})->rows(), 1);
}

TEST(CsvTest, CategoriesAreDictionaries) {
  const auto table = csv("a,b\nx,1\ny,2\nx,3\n", {.categories = {"a"}});
  EXPECT_EQ(table->columns()[0].type, ColumnType::kCategory);
  const Error error = failure("a,b\nx,1\n", {.header = true, .categories = {"aa"}});
  EXPECT_EQ(error.code, Code::kMissingColumn);
}

TEST(CsvTest, RaggedRowsAreNamedWithBothCounts) {
  const Error shorter = failure("a,b,c\n1,2,3\n\n4,5\n6,7,8\n");
  EXPECT_EQ(shorter.code, Code::kBadData);
  EXPECT_EQ(shorter.where.line, 4);
  EXPECT_THAT(shorter.message, HasSubstr("row 2 has 2 fields where 3 are expected"));
  const Error longer = failure("1,2\n3,4\n5,6,7\n");
  EXPECT_EQ(longer.where.line, 3);
  EXPECT_THAT(longer.message, HasSubstr("row 3 has 3 fields where 2 are expected"));
  const Error quoted = failure("a,b\n\"x\ny\",2\n3\n");
  EXPECT_EQ(quoted.where.line, 4) << "a quoted line end counts as a line, not as a row";
  EXPECT_THAT(quoted.message, HasSubstr("row 2 has 1 field where 2"));
  EXPECT_EQ(failure("skip me\na,b\n1,2\n3\n", {.skip_rows = 1}).where.line, 4);
}

TEST(CsvTest, BytesThatAreNotTextAreNamedByOffsetAndLine) {
  const Error error = failure("a,b\n1,caf\xe9\n");
  EXPECT_EQ(error.code, Code::kBadData);
  EXPECT_EQ(error.where.line, 2);
  EXPECT_THAT(error.message, HasSubstr("offset 9"));
  EXPECT_THAT(failure(std::string_view("\xff\xfe" "a\0,\0", 6)).advice, HasSubstr("UTF-16"));
  EXPECT_EQ(failure("a\n", {.encoding = "latin1"}).code, Code::kBadValue);
}

TEST(CsvTest, OptionsThatCannotWorkAreRefused) {
  EXPECT_EQ(failure("a\n", {.delimiter = '\n'}).code, Code::kBadValue);
  EXPECT_EQ(failure("a\n", {.delimiter = '"'}).code, Code::kBadValue);
  EXPECT_EQ(failure("a\n", {.escape = '"'}).code, Code::kBadValue);
  EXPECT_EQ(failure("a\n", {.skip_rows = -1}).code, Code::kBadValue);
}

TEST(CsvTest, GzipIsKnownByContent) {
  const std::string packed = gzip("a,b\n1,x\n2,y\n");
  EXPECT_EQ(csv(packed)->rows(), 2);
  EXPECT_EQ(csv(packed + gzip("c,d\n3,4\n"), {.header = false})->rows(), 5) << "members follow one another";
  EXPECT_EQ(csv(packed + std::string(512, '\0'))->rows(), 2) << "zero padding is harmless";
}

TEST(CsvTest, DamagedGzipIsRefused) {
  const std::string packed = gzip("a,b\n1,x\n2,y\n");
  for (std::size_t size = 2; size < packed.size(); ++size) {
    ASSERT_EQ(failure(std::string_view(packed).substr(0, size)).code, Code::kBadData) << size;
  }
  std::string flipped = packed;
  flipped[packed.size() - 6] ^= 1;
  EXPECT_EQ(failure(flipped).code, Code::kBadData) << "the checksum is looked at";
  EXPECT_EQ(failure(packed + "tail").code, Code::kBadData);
}

TEST(CsvTest, GzipBombsStopAtTheBound) {
  std::string zeros(4 << 20, 'a');
  zeros[0] = 'n';
  const std::string packed = gzip("n\n" + zeros + "\n");
  EXPECT_LT(packed.size(), 50'000u);
  EXPECT_EQ(detail::gunzip(packed, "x", 1 << 20).error().code, Code::kTooLarge);
  EXPECT_TRUE(detail::gunzip(packed, "x", 5 << 20).ok());
}

TEST(CsvTest, WideAndLongFilesAgreeWithTheirSource) {
  std::string text;
  for (int column = 0; column < 200; ++column) text += cat(column > 0 ? ",c" : "c", column);
  text += "\n";
  for (int row = 0; row < 3000; ++row) {
    for (int column = 0; column < 200; ++column)
      text += cat(column > 0 ? "," : "", row * 200 + column, column % 2 == 1 ? ".5" : "");
    text += "\n";
  }
  const auto table = csv(text);
  ASSERT_EQ(table->rows(), 3000);
  EXPECT_EQ(table->reals(199).value()[2999], 599999.5);
  EXPECT_EQ(table->reals(0).value()[1234], 246800.0);
  EXPECT_EQ(table->arrow()->column(0)->num_chunks(), 1);
}

TEST(CsvTest, WhatIsWrittenReadsBackEqual) {
  const test::Folder folder;
  const auto table = csv("i,r,t,c,b\n1,0.1,\"a,\"\"b\"\"\",x,true\n,1e-300,\"line\nend\",y,false\n3,,plain,x,\n", {.categories = {"c"}});
  for (const char* name : {"out.csv", "out.csv.gz", "deep/er/out.csv"}) {
    const auto written = write_csv(*table, folder.path(name));
    ASSERT_TRUE(written.ok()) << written.error().text();
    const auto back = read_csv(folder.path(name), {.categories = {"c"}});
    ASSERT_TRUE(back.ok()) << back.error().text();
    EXPECT_TRUE((*back)->equals(*table)) << name << "\n" << (*back)->arrow()->ToString() << table->arrow()->ToString();
  }
  EXPECT_EQ(folder.entries(), 3u) << "nothing is left beside the files";
  EXPECT_TRUE(detail::is_gzip(folder.read("out.csv.gz")));
  ASSERT_TRUE(write_csv(*table, folder.path("out.tsv"), '\t').ok());
  EXPECT_TRUE(read_csv(folder.path("out.tsv"), {.delimiter = '\t', .categories = {"c"}}).value()->equals(*table));
}

TEST(CsvTest, MissingFilesAndFoldersAreToldApart) {
  const test::Folder folder;
  EXPECT_EQ(read_csv(folder.path("none.csv"), {}).error().code, Code::kNotFound);
  EXPECT_EQ(read_csv(folder.path(""), {}).error().code, Code::kNotFound);
  folder.write("file", "not a folder");
  EXPECT_EQ(write_csv(*csv("a,b\n1,2\n"), folder.path("file/x.csv")).error().code, Code::kNotFound);
}

}  // namespace
}  // namespace headrace::data
