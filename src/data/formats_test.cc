// SPDX-License-Identifier: Apache-2.0
// Parquet, Arrow IPC, NumPy, LIBSVM and IDX: round trips, files of other writers, damage.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <arrow/api.h>

#include "data/test_files.h"
#include "headrace/base/random.h"
#include "headrace/data/formats.h"

namespace headrace::data {
namespace {

using TablePointer = std::shared_ptr<const Table>;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TablePointer mixed_table() {
  CsvOptions options;
  options.categories = {"kind"};
  const auto table =
      parse_csv("n,kind,text,flag,real,when\n1,a,first,true,0.5,2026-01-01\n,b,,false,,2026-01-02\n3,a,third,,1e300,\n", options, "t")
          .value();
  const std::pair<int, Role> roles[] = {{0, Role::kTarget}, {1, Role::kGroup}};
  return table->with_roles(roles).value();
}

TEST(ParquetTest, TablesComeBackWithTypesRolesAndCategories) {
  const test::Folder folder;
  for (const char* compression : {"zstd", "snappy", "gzip", "brotli", "lz4", "none"}) {
    const auto table = mixed_table();
    const auto written = write_parquet(*table, folder.path("t.parquet"), compression);
    ASSERT_TRUE(written.ok()) << written.error().text();
    const auto back = read_parquet(folder.path("t.parquet"));
    ASSERT_TRUE(back.ok()) << back.error().text();
    EXPECT_TRUE((*back)->equals(*table)) << (*back)->arrow()->ToString();
  }
  EXPECT_EQ(write_parquet(*mixed_table(), folder.path("t.parquet"), "rar").error().code, Code::kBadValue);
}

TEST(ParquetTest, ChosenColumnsComeInTheOrderAsked) {
  const test::Folder folder;
  ASSERT_TRUE(write_parquet(*mixed_table(), folder.path("t.parquet")).ok());
  const std::vector<std::string> columns = {"real", "n"};
  const auto table = read_parquet(folder.path("t.parquet"), columns).value();
  ASSERT_EQ(table->columns().size(), 2u);
  EXPECT_EQ(table->columns()[0].name, "real");
  EXPECT_EQ(table->columns()[1].role, Role::kTarget);
  const std::vector<std::string> wrong = {"reel"};
  EXPECT_EQ(read_parquet(folder.path("t.parquet"), wrong).error().code, Code::kMissingColumn);
}

TEST(ParquetTest, FilesThatAreNoneAreRefused) {
  const test::Folder folder;
  EXPECT_EQ(read_parquet(folder.path("none")).error().code, Code::kNotFound);
  EXPECT_EQ(read_parquet(folder.write("empty", "")).error().code, Code::kBadData);
  EXPECT_EQ(read_parquet(folder.write("text", "a,b\n1,2\n")).error().code, Code::kBadData);
  EXPECT_EQ(parse_parquet("PAR1xxxxPAR1", "x").error().code, Code::kBadData);
}

TEST(ParquetTest, EveryTruncationAndFlippedBitIsSurvived) {
  const test::Folder folder;
  ASSERT_TRUE(write_parquet(*mixed_table(), folder.path("t.parquet")).ok());
  const std::string bytes = folder.read("t.parquet");
  for (std::size_t size = 0; size < bytes.size(); ++size) ASSERT_FALSE(parse_parquet(std::string_view(bytes).substr(0, size), "x").ok());
  Random random(3);
  int sound = 0;
  for (int round = 0; round < 10'000; ++round) {
    std::string flipped = bytes;
    const std::uint64_t bit = random.below(bytes.size() * 8);
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    const auto table = parse_parquet(flipped, "x");
    sound += table.ok();   // statistics and key-value notes may change without harm
    const Code code = table.ok() ? Code::kOk : table.error().code;
    ASSERT_TRUE(code == Code::kOk || code == Code::kBadData || code == Code::kTooLarge) << table.error().text();
  }
  EXPECT_LT(sound, 9'900);
}

TEST(ArrowIpcTest, FilesAndStreamsComeBackEqual) {
  const test::Folder folder;
  const auto table = mixed_table();
  ASSERT_TRUE(write_arrow(*table, folder.path("t.arrow")).ok());
  const auto back = read_arrow(folder.path("t.arrow"));
  ASSERT_TRUE(back.ok()) << back.error().text();
  EXPECT_TRUE((*back)->equals(*table));
  const auto stacked = Table::stack(std::vector<TablePointer>{table, table->slice(1, 2)}).value();
  ASSERT_TRUE(write_arrow(*stacked, folder.path("s.arrow")).ok());
  EXPECT_TRUE(read_arrow(folder.path("s.arrow")).value()->equals(*stacked));
}

TEST(ArrowIpcTest, DamageIsSurvived) {
  const test::Folder folder;
  ASSERT_TRUE(write_arrow(*mixed_table(), folder.path("t.arrow")).ok());
  const std::string bytes = folder.read("t.arrow");
  EXPECT_EQ(read_arrow(folder.write("empty", "")).error().code, Code::kBadData);
  EXPECT_EQ(read_arrow(folder.write("text", "hello, this is no arrow file")).error().code, Code::kBadData);
  for (std::size_t size = 0; size < bytes.size(); ++size) ASSERT_FALSE(parse_arrow(std::string_view(bytes).substr(0, size), "x").ok());
  Random random(4);
  for (int round = 0; round < 10'000; ++round) {
    std::string flipped = bytes;
    const std::uint64_t bit = random.below(bytes.size() * 8);
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    const auto table = parse_arrow(flipped, "x");
    const Code code = table.ok() ? Code::kOk : table.error().code;
    ASSERT_TRUE(code == Code::kOk || code == Code::kBadData || code == Code::kTooLarge) << table.error().text();
  }
}

// --- files of other writers ----------------------------------------------------------------------------------------------

TEST(InteropTest, ArrowAndParquetOfPyarrowAreRead) {
  const test::Folder folder;
  HEADRACE_SKIP_WITHOUT(run_python(folder, R"py(
import pyarrow as pa, pyarrow.parquet as pq, pandas as pd, numpy as np, datetime
t = pa.table({
  "i": pa.array([1, None, 3], pa.int32()), "u": pa.array([1, 2, 255], pa.uint8()), "f": pa.array([1.5, None, -2.0], pa.float32()),
  "s": ["x", None, "z"], "ls": pa.array(["a", "b", "c"], pa.large_string()), "b": [True, False, None],
  "c": pa.array(["p", "q", "p"]).dictionary_encode(), "d": pa.array([datetime.date(2026, 1, 1)] * 3),
  "ts": pa.array([datetime.datetime(2026, 1, 1, 12)] * 3, pa.timestamp("us", "UTC")), "n": pa.nulls(3),
  "dec": pa.array([1, 2, 3], pa.decimal128(5, 2)), "list": [[1], [2, 3], None]})
pq.write_table(t, "t.parquet", compression="snappy", row_group_size=2)
encodings = {"i": "DELTA_BINARY_PACKED", "s": "DELTA_BYTE_ARRAY", "f": "BYTE_STREAM_SPLIT"}
pq.write_table(t.select(["i", "f", "s"]), "v2.parquet", compression="gzip", data_page_version="2.0", use_dictionary=False,
               column_encoding=encodings)
pd.DataFrame({"a": [1, 2], "k": pd.Categorical(["u", "v"])}).to_parquet("pandas.parquet")
with pa.OSFile("t.arrow", "wb") as f, pa.ipc.new_file(f, t.schema) as w: w.write_table(t, 2)
packed = pa.ipc.IpcWriteOptions(compression="zstd")
with pa.OSFile("t.stream", "wb") as f, pa.ipc.new_stream(f, t.schema, options=packed) as w: w.write_table(t)
pq.write_table(pa.table({"a": pa.array([], pa.int64())}), "norows.parquet")
)py"),
                        "python with pyarrow");
  for (const char* name : {"t.parquet", "t.arrow", "t.stream"}) {
    const auto read = std::string_view(name).ends_with("parquet") ? read_parquet(folder.path(name)) : read_arrow(folder.path(name));
    ASSERT_TRUE(read.ok()) << read.error().text();
    const Table& table = **read;
    ASSERT_EQ(table.rows(), 3);
    std::vector<std::string> types;
    for (const Column& column : table.columns()) types.emplace_back(column_type_name(column.type));
    EXPECT_THAT(types, ElementsAre("int", "int", "real", "text", "text", "bool", "category", "time", "time", "real", "real", "other"))
        << name;
    EXPECT_EQ(table.reals(2).value()[2], -2.0);
    EXPECT_THAT(table.texts(6).value(), ElementsAre("p", "q", "p"));
    EXPECT_THAT(table.reals(10).value(), ElementsAre(1.0, 2.0, 3.0));
    EXPECT_THAT(table.texts(7).value()[0], HasSubstr("2026-01-01"));
    EXPECT_EQ(table.texts(11).error().code, Code::kEdgeType);
  }
  const auto v2 = read_parquet(folder.path("v2.parquet"));
  ASSERT_TRUE(v2.ok()) << v2.error().text();
  EXPECT_THAT((*v2)->texts(2).value(), ElementsAre("x", "", "z"));
  const auto pandas = read_parquet(folder.path("pandas.parquet")).value();
  EXPECT_EQ(pandas->columns()[1].type, ColumnType::kCategory);
  EXPECT_EQ(read_parquet(folder.path("norows.parquet")).value()->rows(), 0);
}

TEST(InteropTest, WhatWeWriteIsReadByPyarrow) {
  const test::Folder folder;
  ASSERT_TRUE(write_parquet(*mixed_table(), folder.path("t.parquet")).ok());
  ASSERT_TRUE(write_arrow(*mixed_table(), folder.path("t.arrow")).ok());
  ASSERT_TRUE(write_csv(*mixed_table(), folder.path("t.csv")).ok());
  HEADRACE_SKIP_WITHOUT(run_python(folder, R"py(
import pyarrow as pa, pyarrow.parquet as pq, pyarrow.csv as pc
a, b, c = pq.read_table("t.parquet"), pa.ipc.open_file("t.arrow").read_all(), pc.read_csv("t.csv")
assert a.equals(b) and a.num_rows == 3 and a["kind"].to_pylist() == ["a", "b", "a"] and a["n"].to_pylist() == [1, None, 3], a
assert c["real"].to_pylist() == [0.5, None, 1e300], c
)py"), "python with pyarrow");
}

TEST(InteropTest, ArraysOfNumpyAreReadInEveryTypeOrderAndVersion) {
  const test::Folder folder;
  HEADRACE_SKIP_WITHOUT(run_python(folder, R"py(
import numpy as np, gzip, io
base = np.arange(24).reshape(2, 3, 4)
for name in ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"]:
    for order in "<>":
        for layout in "CF":
            np.save(f"{name}{'l' if order == '<' else 'b'}{layout}.npy", np.array(base, dtype=order + name, order=layout))
np.save("bool.npy", base % 2 == 0)
np.save("scalar.npy", np.float64(7.5))
np.save("empty.npy", np.zeros((0, 5)))
np.save("text.npy", np.array(["a", "b"]))
np.save("bytes.npy", np.array([b"a", b"b"]))
np.save("complex.npy", np.array([1j]))
np.save("date.npy", np.array(["2026-01-01"], dtype="M8[D]"))
np.save("object.npy", np.array([{}], dtype=object), allow_pickle=True)
np.save("record.npy", np.zeros(2, dtype=[("a", "f8"), ("b", "i4")]))
for version in [(1, 0), (2, 0), (3, 0)]:
    with open(f"v{version[0]}.npy", "wb") as f: np.lib.format.write_array(f, base.astype("f8"), version=version)
np.savez("plain.npz", x=base.astype("f8"), y=np.arange(2))
np.savez_compressed("packed.npz", x=base.astype("f8"), y=np.arange(2))
buffer = io.BytesIO(); np.save(buffer, base.astype("f4")); gzip.open("gz.npy.gz", "wb").write(buffer.getvalue())
)py"), "python with numpy");
  for (const char* name : {"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"}) {
    const Tensor plain = read_npy(folder.path(std::string(name) + "lC.npy")).value();
    ASSERT_THAT(plain.shape(), ElementsAre(2, 3, 4));
    EXPECT_EQ(dtype_name(plain.dtype())[0], name[0]);
    for (const char* variant : {"lF", "bC", "bF"}) {
      const auto other = read_npy(folder.path(std::string(name) + variant + ".npy"));
      ASSERT_TRUE(other.ok()) << other.error().text();
      ASSERT_EQ(other->dtype(), plain.dtype());
      EXPECT_EQ(std::memcmp(other->bytes(), plain.bytes(), plain.size_bytes()), 0) << name << variant;
    }
  }
  const Tensor f8 = read_npy(folder.path("f8bF.npy")).value();
  for (std::size_t i = 0; i < 24; ++i) EXPECT_EQ(f8.span<double>()[i], static_cast<double>(i));
  EXPECT_EQ(read_npy(folder.path("bool.npy"))->dtype(), DType::kBool);
  EXPECT_EQ(read_npy(folder.path("scalar.npy"))->span<double>()[0], 7.5);
  EXPECT_THAT(read_npy(folder.path("empty.npy"))->shape(), ElementsAre(0, 5));
  EXPECT_EQ(read_npy(folder.path("gz.npy.gz"))->count(), 24);
  for (const char* name : {"v1.npy", "v2.npy", "v3.npy"}) EXPECT_EQ(read_npy(folder.path(name))->span<double>()[23], 23.0);
  for (const char* name : {"text.npy", "bytes.npy", "complex.npy", "date.npy", "object.npy", "record.npy"}) {
    const auto refused = read_npy(folder.path(name));
    ASSERT_FALSE(refused.ok()) << name;
    EXPECT_EQ(refused.error().code, Code::kUnsupported) << name;
    EXPECT_FALSE(refused.error().advice.empty()) << name;
  }
  for (const char* name : {"plain.npz", "packed.npz"}) {
    const auto set = read_npz(folder.path(name));
    ASSERT_TRUE(set.ok()) << set.error().text();
    EXPECT_EQ(set->find("x")->count(), 24);
    EXPECT_EQ(set->find("y")->span<std::int64_t>()[1], 1);
    const std::string bytes = folder.read(name);
    for (std::size_t size = 0; size < bytes.size(); ++size) ASSERT_FALSE(parse_npz(std::string_view(bytes).substr(0, size), "x").ok());
    Random random(5);
    for (int round = 0; round < 10'000; ++round) {
      std::string flipped = bytes;
      const std::uint64_t bit = random.below(bytes.size() * 8);
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
      (void)parse_npz(flipped, "x").ok();
    }
  }
}

// --- NumPy, by hand ------------------------------------------------------------------------------------------------------

std::string npy(std::string header, std::string_view data) {
  header.push_back('\n');
  const char start[] = {
      '\x93', 'N', 'U', 'M', 'P', 'Y', 1, 0, static_cast<char>(header.size() % 256), static_cast<char>(header.size() / 256)};
  std::string out(start, sizeof start);
  out.append(header).append(data);
  return out;
}

TEST(NpyTest, HeadersThatLieAreRefused) {
  const std::string sixteen(16, '\0');
  EXPECT_TRUE(parse_npy(npy("{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }", sixteen), "x").ok());
  EXPECT_TRUE(parse_npy(npy("{\"shape\": (2L,1), \"fortran_order\": True, \"descr\": \"<f8\"}", sixteen), "x").ok());
  const char* bad[] = {
      "{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }",
      "{'descr': '<f8', 'fortran_order': False, 'shape': (-2,), }",
      "{'descr': '<f8', 'fortran_order': False, 'shape': (4611686018427387904, 4611686018427387904), }",
      "{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999999,), }",
      "{'descr': '<f8', 'fortran_order': Maybe, 'shape': (2,), }",
      "{'descr': '<f8', 'shape': (2,), }",
      "{'descr': '<f8', 'descr': '<f8', 'fortran_order': False, 'shape': (2,), }",
      "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), 'more': 1}",
      "{'descr': '<f8', 'fortran_order': False, 'shape': (2,)",
      "__import__('os')",
      "",
      "{'descr': '<", "{'descr': '?8', 'fortran_order': False, 'shape': (2,), }"};
  for (const char* header : bad) EXPECT_EQ(parse_npy(npy(header, sixteen), "x").error().code, Code::kBadData) << header;
  EXPECT_EQ(parse_npy("", "x").error().code, Code::kBadData);
  EXPECT_EQ(parse_npy(npy("{'descr': '<f7', 'fortran_order': False, 'shape': (2,), }", sixteen), "x").error().code, Code::kUnsupported);
  std::string version = npy("{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }", sixteen);
  version[6] = 4;
  EXPECT_EQ(parse_npy(version, "x").error().code, Code::kVersion);
  EXPECT_EQ(parse_npy(npy("{'descr': '|b1', 'fortran_order': False, 'shape': (1,), }", "\2"), "x").error().code, Code::kBadData);
}

// --- LIBSVM --------------------------------------------------------------------------------------------------------------

TEST(LibsvmTest, LinesBecomeDenseRows) {
  const auto table = parse_libsvm("# a comment\n+1 qid:3 1:0.5 3:-2e1 # tail\n-1 qid:4 2:7\n\n1 qid:4\n", "x").value();
  ASSERT_EQ(table->rows(), 3);
  ASSERT_EQ(table->columns().size(), 5u);
  EXPECT_THAT(table->reals(2).value(), ElementsAre(-20.0, 0.0, 0.0));
  EXPECT_EQ(table->columns()[3].role, Role::kGroup);
  EXPECT_EQ(table->columns()[4].name, "target");
  EXPECT_EQ(table->columns()[4].role, Role::kTarget);
  EXPECT_EQ(table->columns()[4].type, ColumnType::kInt);
  EXPECT_EQ(parse_libsvm("0.5 1:1\n", "x").value()->columns()[1].type, ColumnType::kReal);
  EXPECT_EQ(parse_libsvm("1 0:1\n", "x", 0, true).value()->columns().size(), 2u);
  EXPECT_EQ(parse_libsvm("1 1:1\n", "x", 10).value()->columns().size(), 11u);
}

TEST(LibsvmTest, BadLinesAreNamed) {
  const auto line_of = [](std::string_view text, int features = 0) {
    const auto table = parse_libsvm(text, "x", features);
    EXPECT_FALSE(table.ok());
    EXPECT_EQ(table.error().code, Code::kBadData) << table.error().text();
    return table.error().where.line;
  };
  EXPECT_EQ(line_of("1 1:1\nx 1:1\n"), 2);
  EXPECT_EQ(line_of("1 1:1\n1 2:1 2:2\n"), 2);
  EXPECT_EQ(line_of("1 3:1 2:2\n"), 1);
  EXPECT_EQ(line_of("1 0:1\n"), 1);
  EXPECT_EQ(line_of("1 a:1\n"), 1);
  EXPECT_EQ(line_of("1 1:\n"), 1);
  EXPECT_EQ(line_of("1 5\n"), 1);
  EXPECT_EQ(line_of("1,2 1:1\n"), 1);
  EXPECT_EQ(line_of("1 5:1\n", 4), 1);
  EXPECT_EQ(line_of("1 qid:1 1:1\n2 1:1\n"), 2);
  EXPECT_EQ(line_of("1 1:1\n2 qid:1 1:1\n"), 2);
  EXPECT_EQ(parse_libsvm("", "x").error().code, Code::kBadData);
  EXPECT_EQ(parse_libsvm("1 2000000:1\n", "x").error().code, Code::kTooLarge);
  std::string many;
  for (int i = 0; i < 300; ++i) many += "1 1000000:1\n";
  EXPECT_EQ(parse_libsvm(many, "x").error().code, Code::kTooLarge);
}

// --- IDX -----------------------------------------------------------------------------------------------------------------

TEST(IdxTest, BigEndianElementsOfEveryTypeAreRead) {
  using std::string_literals::operator""s;
  const Tensor bytes = parse_idx("\0\0\x08\x02\0\0\0\2\0\0\0\3abcdef"s, "x").value();
  EXPECT_THAT(bytes.shape(), ElementsAre(2, 3));
  EXPECT_EQ(bytes.span<std::uint8_t>()[5], 'f');
  EXPECT_EQ(parse_idx("\0\0\x0C\x01\0\0\0\1\0\0\1\2"s, "x")->span<std::int32_t>()[0], 258);
  EXPECT_EQ(parse_idx("\0\0\x0E\x01\0\0\0\1\x3f\xf8\0\0\0\0\0\0"s, "x")->span<double>()[0], 1.5);
  EXPECT_EQ(parse_idx("\0\0\x0D\x01\0\0\0\1\x3f\xc0\0\0"s, "x")->span<float>()[0], 1.5f);
  EXPECT_EQ(parse_idx("\0\0\x0B\x01\0\0\0\1\1\2"s, "x")->dtype(), DType::kI16);
  for (const std::string& bad :
       {""s, "\0\0\x08"s, "\1\0\x08\1\0\0\0\0"s, "\0\0\x07\1\0\0\0\0"s, "\0\0\x08\0"s, "\0\0\x08\2\0\0\0\1"s, "\0\0\x08\1\0\0\0\2a"s,
        "\0\0\x08\1\0\0\0\1ab"s, "\0\0\x0E\3\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"s}) {
    EXPECT_EQ(parse_idx(bad, "x").error().code, Code::kBadData);
  }
}

}  // namespace
}  // namespace headrace::data
