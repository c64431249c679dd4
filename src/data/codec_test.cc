// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include <arrow/api.h>

#include "headrace/base/random.h"
#include "headrace/data/formats.h"
#include "headrace/data/object.h"
#include "headrace/data/table.h"

namespace headrace::data {
namespace {

std::shared_ptr<const Table> mixed_table() {
  CsvOptions options;
  options.categories = {"kind"};
  const auto table = parse_csv(
                         "n,kind,text,flag,real,when\n1,a,first,true,0.5,2026-01-01\n,b,,false,,2026-01-02\n3,a,third,,1e300,\n4,,\"q,"
                         "\"\"uoted\",true,-2,2026-01-04\n",
                         options, "t")
                         .value();
  const std::pair<int, Role> roles[] = {{0, Role::kTarget}};
  return table->with_roles(roles).value();
}

Model small_model() {
  Model model;
  model.op = "pca";
  model.version = 3;
  model.meta = config::Value(config::Map{});
  model.meta.set("z", 1.0);
  model.meta.set("a", 1);
  model.meta.set("nan", std::nan(""));
  model.meta.set("inf", -std::numeric_limits<double>::infinity());
  model.meta.set("list", config::List{config::Value(), config::Value(true), config::Value("x"), config::Value(config::Map{})});
  const std::vector<double> values = {1, 2, 3, 4, 5, 6};
  model.tensors.set("weights", Tensor::of<double>({2, 3}, values)).set("empty", Tensor(DType::kF32, {0, 4}));
  model.blobs.emplace_back("booster", std::string("\0\1\2binary", 9));
  return model;
}

std::vector<Object> samples() {
  TensorSet tensors;
  const std::vector<float> values = {1.5f, -2.5f};
  tensors.set("a", Tensor::of<float>({2}, values)).set("b", Tensor(DType::kBool, {3, 3})).set("scalar", Tensor(DType::kI64, {}));
  Model forest = small_model();
  forest.parts.push_back(std::make_shared<Model>(small_model()));
  forest.parts.push_back(std::make_shared<Model>(small_model()));
  Metrics metrics;
  metrics.values = {{"accuracy", 0.9333}, {"roc_auc", std::nan("")}};
  metrics.rows = 30;
  metrics.classes = {"no", "yes"};
  metrics.confusion = {10, 2, 3, 15};
  std::vector<Object> out = {Object(mixed_table()), Object(tensors),        Object(forest),
                             Object(metrics),       Object::bytes("plain"), Object::bytes("")};
  out.push_back(Object::tuple({out[0], out[2], Object::tuple({out[3]})}));
  out.push_back(Object::tuple({}));
  return out;
}

TEST(CodecTest, AnEncodingForSharedMemoryHoldsTheSameObject) {
  for (const Object& object : samples()) {
    const auto encoding = Encoding::of(object);
    ASSERT_TRUE(encoding.ok()) << encoding.error().text();
    std::string bytes;
    const Status written = encoding->write([&](std::string_view piece) {
      bytes.append(piece);
      return Status();
    });
    ASSERT_TRUE(written.ok()) << written.error().text();
    EXPECT_EQ(bytes.size(), encoding->size());
    const auto back = decode(bytes);
    ASSERT_TRUE(back.ok()) << back.error().text();
    EXPECT_EQ(encode(*back).value(), encode(object).value()) << kind_name(object.kind());
  }
}

TEST(CodecTest, EveryKindComesBackAsItWas) {
  for (const Object& object : samples()) {
    const std::string bytes = encode(object).value();
    const auto back = decode(bytes);
    ASSERT_TRUE(back.ok()) << back.error().text();
    EXPECT_EQ(back->kind(), object.kind());
    EXPECT_EQ(encode(*back).value(), bytes) << kind_name(object.kind());
    EXPECT_EQ(bytes.size() % 64, 0u);
  }
}

TEST(CodecTest, TablesKeepValuesTypesAndRoles) {
  const auto table = mixed_table();
  const Object back = decode(encode(Object(table)).value()).value();
  EXPECT_TRUE(back.table().equals(*table));
  EXPECT_EQ(back.table().with_role(Role::kTarget), 0);
  EXPECT_EQ(back.table().columns()[1].type, ColumnType::kCategory);
}

TEST(CodecTest, ModelFactsSurviveWithoutLoss) {
  const Model model = decode(encode(Object(small_model())).value())->model();
  EXPECT_EQ(model.op, "pca");
  EXPECT_EQ(model.version, 3);
  ASSERT_EQ(model.meta.map().size(), 5u);
  EXPECT_EQ(model.meta.map()[0].key, "z") << "maps keep their order";
  EXPECT_EQ(model.meta.find("z")->kind(), config::Kind::kReal) << "1.0 stays a real";
  EXPECT_EQ(model.meta.find("a")->kind(), config::Kind::kInt);
  EXPECT_TRUE(std::isnan(model.meta.find("nan")->real()));
  EXPECT_EQ(model.meta.find("inf")->real(), -std::numeric_limits<double>::infinity());
  EXPECT_EQ(model.tensors.find("weights")->span<double>()[5], 6.0);
  EXPECT_EQ(model.tensors.find("empty")->count(), 0);
  EXPECT_EQ(model.blobs[0].second.size(), 9u);
}

// Chunks, offsets, hidden bytes under nulls and bits beyond the end must not show.
TEST(CodecTest, EqualTablesGiveEqualBytes) {
  const auto table = mixed_table();
  const auto padded = Table::stack(std::vector<std::shared_ptr<const Table>>{table, table, table}).value();
  const std::string bytes = encode(Object(table)).value();
  EXPECT_EQ(encode(Object(padded->slice(4, 4))).value(), bytes);
  const auto pieces =
      Table::stack(std::vector<std::shared_ptr<const Table>>{padded->slice(8, 1), padded->slice(1, 2), padded->slice(7, 1)}).value();
  EXPECT_EQ(encode(Object(pieces)).value(), bytes);
  EXPECT_EQ(encode(Object(padded->take(std::vector<std::int64_t>{8, 5, 2, 11}).value())).value(), bytes);
  const double hidden[] = {1.0, 77.0}, clean[] = {1.0, 0.0};
  const std::uint8_t valid = 0x01, valid_noisy = 0xfd;
  const auto column = [](const double* values, const std::uint8_t* bits) {
    auto data = arrow::ArrayData::Make(
        arrow::float64(), 2,
        {std::make_shared<arrow::Buffer>(bits, 1), std::make_shared<arrow::Buffer>(reinterpret_cast<const std::uint8_t*>(values), 16)});
    return Table::from_arrow(arrow::Table::Make(arrow::schema({arrow::field("a", arrow::float64())}), {arrow::MakeArray(data)}));
  };
  EXPECT_EQ(encode(Object(column(hidden, &valid_noisy))).value(), encode(Object(column(clean, &valid))).value());
}

// Rows around a slice are no part of it, though its buffers hold them.
TEST(CodecTest, SlicesEncodeAsTablesOfTheirOwn) {
  arrow::Int8Builder small;
  arrow::FloatBuilder narrow;
  arrow::StringBuilder text;
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(small.Append(static_cast<std::int8_t>(i % 5)).ok());
    ASSERT_TRUE(narrow.Append(static_cast<float>(i % 5)).ok());
    ASSERT_TRUE(text.Append(std::string(static_cast<std::size_t>(i % 5), 'x')).ok());
  }
  const auto whole = Table::from_arrow(arrow::Table::Make(
      arrow::schema({arrow::field("a", arrow::int8()), arrow::field("b", arrow::float32()), arrow::field("c", arrow::utf8())}),
      {small.Finish().ValueOrDie(), narrow.Finish().ValueOrDie(), text.Finish().ValueOrDie()}));
  // Rows repeat every five, so all these slices hold the same.
  const std::string bytes = encode(Object(whole->take(std::vector<std::int64_t>{0, 1, 2, 3, 4, 5, 6}).value())).value();
  for (const std::int64_t from : {0, 5, 10}) EXPECT_EQ(encode(Object(whole->slice(from, 7))).value(), bytes) << from;
  EXPECT_EQ(encode(decode(bytes).value()).value(), bytes);
}

TEST(CodecTest, DecodingInPlaceCopiesNothing) {
  for (const Object& object : {Object(mixed_table()), samples()[1]}) {
    const std::string bytes = encode(object).value();
    std::shared_ptr<void> memory(std::aligned_alloc(64, bytes.size()), std::free);
    std::memcpy(memory.get(), bytes.data(), bytes.size());
    const char* begin = static_cast<const char*>(memory.get());
    Object back = decode(std::string_view(begin, bytes.size()), memory).value();
    const auto inside = [&](const void* place) { return place >= begin && place < begin + bytes.size(); };
    if (object.kind() == Kind::kTable) {
      for (const auto& column : back.table().arrow()->columns()) {
        for (const auto& buffer : column->chunk(0)->data()->buffers) EXPECT_TRUE(!buffer || buffer->size() == 0 || inside(buffer->data()));
      }
    } else {
      EXPECT_TRUE(inside(back.tensors().find("a")->bytes()));
    }
    memory.reset();   // the object keeps the memory alive
    EXPECT_EQ(encode(back).value(), bytes);
  }
}

TEST(CodecTest, NothingAndNestingWithoutEndAreRefused) {
  EXPECT_EQ(encode(Object()).error().code, Code::kUnsupported);
  Object deep = Object::bytes("x");
  for (int i = 0; i < 40; ++i) deep = Object::tuple({deep});
  EXPECT_EQ(encode(deep).error().code, Code::kTooLarge);
}

TEST(CodecTest, ANewerVersionIsNamed) {
  std::string bytes = encode(Object::bytes("x")).value();
  bytes[4] = 9;
  EXPECT_EQ(decode(bytes).error().code, Code::kVersion);
}

TEST(CodecTest, EveryTruncationIsDamage) {
  for (const Object& object : samples()) {
    const std::string bytes = encode(object).value();
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      const auto back = decode(std::string_view(bytes).substr(0, size));
      ASSERT_FALSE(back.ok());
      ASSERT_EQ(back.error().code, Code::kDamaged);
    }
    EXPECT_EQ(decode(bytes + std::string(64, '\0')).error().code, Code::kDamaged);
  }
}

TEST(CodecTest, EveryFlippedBitIsNoticed) {
  Random random(11);
  for (const Object& object : samples()) {
    const std::string bytes = encode(object).value();
    for (int round = 0; round < 10'000; ++round) {
      std::string flipped = bytes;
      const std::uint64_t bit = random.below(bytes.size() * 8);
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
      const auto back = decode(flipped);
      ASSERT_FALSE(back.ok()) << "bit " << bit << " of " << kind_name(object.kind());
      ASSERT_TRUE(back.error().code == Code::kDamaged || back.error().code == Code::kVersion) << back.error().text();
    }
  }
}

TEST(ObjectTest, SizesCountWhatIsHeld) {
  EXPECT_EQ(Object().size_bytes(), 0u);
  TensorSet tensors;
  tensors.set("a", Tensor(DType::kF64, {1000}));
  tensors.set("b", *tensors.find("a"));
  const auto size = Object(tensors).size_bytes();
  EXPECT_GE(size, 8000u);
  EXPECT_LT(size, 9000u) << "a shared buffer counts once";
  EXPECT_GE(Object(mixed_table()).size_bytes(), 4u * 8);
}

TEST(ObjectDeathTest, ReadingTheWrongKindIsABug) { EXPECT_DEATH((void)Object::bytes("x").table(), "another kind"); }

}  // namespace
}  // namespace headrace::data
