// SPDX-License-Identifier: Apache-2.0
// Objects as bytes. In order:
//   "HRO1", u16 version, u8 kind, u8 0, u32 facts size, u32 CRC-32C of all before the sections (itself as 0), u64 size of everything,
//   u32 number of sections, u32 0
//   a row a section: u64 size, u32 CRC-32C, u32 1 (0 for a section without checksum)
//   facts: one JSON map, or nothing where there are none
//   sections, each on a 64-byte boundary, the gaps zero
// Facts name sections by number. A table is one Arrow IPC stream; a tensor, a blob, a model's `meta` is a section each; parts of
// models and tuples are whole objects inside a section. Nothing is believed before it is checked: sizes, CRCs, shapes, depth.
#include <cstring>
#include <functional>
#include <limits>

#include "data/arrow_bridge.h"
#include "data/raw_tensor.h"
#include "data/table_codec.h"
#include "data/value_codec.h"
#include "headrace/base/text.h"
#include "headrace/data/object.h"
#include "headrace/data/table.h"

namespace headrace::data {
namespace {

constexpr char kMagic[4] = {'H', 'R', 'O', '1'};
constexpr std::uint16_t kVersion = 2;
constexpr std::size_t kAlign = 64;
constexpr int kDepthMax = 32;   // tuples in tuples, ensembles of ensembles

struct Prelude {
  char magic[4] = {kMagic[0], kMagic[1], kMagic[2], kMagic[3]};
  std::uint16_t version = kVersion;
  std::uint8_t kind = 0;
  std::uint8_t zero = 0;
  std::uint32_t facts_bytes = 0;
  std::uint32_t crc = 0;
  std::uint64_t total_bytes = 0;
  std::uint32_t sections = 0;
  std::uint32_t reserved = 0;
};
static_assert(sizeof(Prelude) == 32);

struct Row {
  std::uint64_t size = 0;
  std::uint32_t crc = 0;
  std::uint32_t summed = 0;
};
static_assert(sizeof(Row) == 16);
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "objects are stored little-endian");

std::size_t aligned(std::size_t bytes) { return (bytes + kAlign - 1) / kAlign * kAlign; }

// `head`: rows and facts.
std::uint32_t prelude_crc(Prelude prelude, std::string_view head) {
  prelude.crc = 0;
  return crc32c(head.data(), head.size(), crc32c(&prelude, sizeof prelude));
}

// --- writing -------------------------------------------------------------------------------------------------------------

// Bytes that lie somewhere, or that are made where they are wanted.
struct Section {
  std::uint64_t size = 0;
  const char* bytes = nullptr;
  std::function<Status(const Encoding::Write&)> make;   // when there are no bytes yet
};

// Collects sections, then lays header and sections out.
class Writer {
 public:
  /// Without `checksums` sections carry none: for bytes that never leave the memory of one machine.
  explicit Writer(bool checksums) : checksums_(checksums) {}

  /// Takes the bytes over.
  std::int64_t add(std::string bytes) {
    auto owned = std::make_shared<const std::string>(std::move(bytes));
    keep(owned);
    return view(owned->data(), owned->size());
  }
  /// Borrows bytes that outlive this writer.
  std::int64_t view(const void* bytes, std::size_t size) { return add(Section{size, static_cast<const char*>(bytes), {}}); }
  std::int64_t add(Section section) {
    sections_.push_back(std::move(section));
    return static_cast<std::int64_t>(sections_.size()) - 1;
  }
  void keep(std::shared_ptr<const void> owner) { owners_.push_back(std::move(owner)); }
  bool checksums() const { return checksums_; }

  Status finish(Kind kind, const config::Value& facts) {
    std::string head;
    std::size_t offset = 0;
    for (const Section& section : sections_) {
      const Row row{section.size, checksums_ ? crc32c(section.bytes, section.size) : 0, checksums_ ? 1U : 0U};
      head.append(reinterpret_cast<const char*>(&row), sizeof row);
      offset += aligned(section.size);
    }
    const std::string text = facts.is_null() ? std::string() : config::to_json(facts);
    constexpr std::size_t kMax = std::numeric_limits<std::uint32_t>::max();
    if (text.size() > kMax || sections_.size() > kMax) return Error(Code::kTooLarge, "the facts of an object exceed 4 GB");
    head += text;
    const std::size_t body = aligned(sizeof(Prelude) + head.size());
    Prelude prelude;
    prelude.kind = static_cast<std::uint8_t>(kind);
    prelude.facts_bytes = static_cast<std::uint32_t>(text.size());
    prelude.total_bytes = body + offset;
    prelude.sections = static_cast<std::uint32_t>(sections_.size());
    prelude.crc = prelude_crc(prelude, head);
    head_.assign(reinterpret_cast<const char*>(&prelude), sizeof prelude);
    head_ += head;
    head_.resize(body);
    size_ = body + offset;
    return {};
  }

  std::uint64_t size() const { return size_; }
  Status write(const Encoding::Write& out) const {
    static constexpr char kZeros[kAlign] = {};
    HEADRACE_TRY(out(head_));
    for (const Section& section : sections_) {
      HEADRACE_TRY(section.make ? section.make(out) : out({section.bytes, section.size}));
      HEADRACE_TRY(out({kZeros, aligned(section.size) - section.size}));
    }
    return {};
  }

 private:
  bool checksums_;
  std::vector<std::shared_ptr<const void>> owners_;
  std::vector<Section> sections_;
  std::string head_;
  std::uint64_t size_ = 0;
};

Result<std::string> encode_at(const Object& object, int depth);

config::Value tensor_facts(const TensorSet& tensors, Writer& writer) {
  config::List list;
  for (const auto& [name, tensor] : tensors.entries()) {
    config::Value facts;
    facts.set("name", name);
    facts.set("dtype", std::string(dtype_name(tensor.dtype())));
    config::List shape(tensor.shape().begin(), tensor.shape().end());
    facts.set("shape", std::move(shape));
    facts.set("section", writer.view(tensor.bytes(), tensor.size_bytes()));
    list.push_back(std::move(facts));
  }
  return config::Value(std::move(list));
}

Status encode_model(const Model& model, int depth, Writer& writer) {
  config::Value facts;
  facts.set("op", model.op);
  facts.set("version", model.version);
  std::string meta;
  detail::encode_value(model.meta, meta);
  facts.set("meta", writer.add(std::move(meta)));
  facts.set("tensors", tensor_facts(model.tensors, writer));
  config::List blobs;
  for (const auto& [name, blob] : model.blobs) {
    config::Value one;
    one.set("name", name);
    one.set("section", writer.view(blob.data(), blob.size()));
    blobs.push_back(std::move(one));
  }
  facts.set("blobs", std::move(blobs));
  config::List parts;
  for (const auto& part : model.parts) {
    HEADRACE_ASSIGN(auto bytes, encode_at(Object(part), depth + 1));
    parts.push_back(writer.add(std::move(bytes)));
  }
  facts.set("parts", std::move(parts));
  return writer.finish(Kind::kModel, facts);
}

Status encode_metrics(const Metrics& metrics, Writer& writer) {
  config::Value facts;
  facts.set("rows", metrics.rows);
  config::List names, classes;
  std::string values;
  for (const auto& [name, value] : metrics.values) {
    names.push_back(name);
    values.append(reinterpret_cast<const char*>(&value), sizeof value);   // as bytes: a score may be NaN
  }
  for (const std::string& name : metrics.classes) classes.push_back(name);
  facts.set("names", std::move(names));
  facts.set("values", writer.add(std::move(values)));
  facts.set("classes", std::move(classes));
  facts.set("confusion", writer.view(metrics.confusion.data(), metrics.confusion.size() * sizeof(std::int64_t)));
  return writer.finish(Kind::kMetrics, facts);
}

// A table is written where it is wanted, unless its checksum has to be known before.
Status add_table(const Table& table, Writer& writer) {
  if (!writer.checksums()) {
    HEADRACE_ASSIGN(auto stream, detail::TableStream::of(table));
    writer.add(Section{stream.size(), nullptr, [stream](const Encoding::Write& out) { return stream.write(out); }});
    return {};
  }
  HEADRACE_ASSIGN(const auto buffer, detail::encode_table(table));
  writer.view(buffer->data(), static_cast<std::size_t>(buffer->size()));
  writer.keep(buffer);
  return {};
}

Status encode_to(const Object& object, int depth, Writer& writer) {
  if (depth > kDepthMax) return Error(Code::kTooLarge, cat("objects are nested more than ", kDepthMax, " deep"));
  config::Value facts;
  switch (object.kind()) {
    case Kind::kNone: return Error(Code::kUnsupported, "there is no object to encode");
    case Kind::kTable: HEADRACE_TRY(add_table(object.table(), writer)); break;
    case Kind::kTensors: facts.set("tensors", tensor_facts(object.tensors(), writer)); break;
    case Kind::kModel: return encode_model(object.model(), depth, writer);
    case Kind::kMetrics: return encode_metrics(object.metrics(), writer);
    case Kind::kBytes: writer.view(object.bytes().data(), object.bytes().size()); break;
    case Kind::kTuple:
      for (const Object& part : object.tuple()) {
        HEADRACE_ASSIGN(auto bytes, encode_at(part, depth + 1));
        writer.add(std::move(bytes));
      }
      break;
  }
  return writer.finish(object.kind(), facts);
}

Result<std::string> encode_at(const Object& object, int depth) {
  Writer writer(true);
  HEADRACE_TRY(encode_to(object, depth, writer));
  std::string out;
  out.reserve(writer.size());
  HEADRACE_TRY(writer.write([&](std::string_view piece) {
    out.append(piece);
    return Status();
  }));
  return out;
}

// --- reading -------------------------------------------------------------------------------------------------------------

Error damaged(std::string text) { return Error(Code::kDamaged, cat("a stored object is damaged: ", text), "remove it and run again"); }

// The checked outside of an object: its facts, and sections that lie within it.
class Reader {
 public:
  static Result<Reader> open(std::string_view bytes, std::shared_ptr<const void> owner) {
    Reader reader;
    reader.owner_ = std::move(owner);
    HEADRACE_TRY(reader.read_prelude(bytes));
    HEADRACE_TRY(reader.read_sections(bytes.substr(reader.body_)));
    return reader;
  }

  Kind kind() const { return kind_; }
  const config::Value& facts() const { return facts_; }
  const std::vector<std::string_view>& sections() const { return sections_; }
  const std::shared_ptr<const void>& owner() const { return owner_; }

  Result<std::string_view> section(const config::Value* number) const {
    if (!number || number->kind() != config::Kind::kInt) return damaged("a section number is missing");
    const std::int64_t index = number->integer();
    if (index < 0 || index >= static_cast<std::int64_t>(sections_.size())) return damaged("a section number is out of range");
    return sections_[static_cast<std::size_t>(index)];
  }

  /// The section where it lies when it is aligned and kept alive, else a copy on a 64-byte boundary.
  std::pair<const void*, std::shared_ptr<const void>> memory(std::string_view section) const {
    if (owner_ && reinterpret_cast<std::uintptr_t>(section.data()) % kAlign == 0) return {section.data(), owner_};
    auto copy = detail::aligned_memory(section.size());
    std::memcpy(copy.get(), section.data(), section.size());
    return {copy.get(), copy};
  }

 private:
  Status read_prelude(std::string_view bytes) {
    Prelude prelude;
    if (bytes.size() < sizeof prelude) return damaged("it is cut short");
    std::memcpy(static_cast<void*>(&prelude), bytes.data(), sizeof prelude);
    if (std::memcmp(prelude.magic, kMagic, sizeof kMagic) != 0) return damaged("it does not start with HRO1");
    if (prelude.version != kVersion) {
      return Error(Code::kVersion, cat("a stored object has version ", prelude.version, "; this program reads ", kVersion),
                   "use the program that wrote it, or run again");
    }
    if (prelude.total_bytes != bytes.size()) return damaged(cat("it has ", bytes.size(), " bytes, not ", prelude.total_bytes));
    const std::size_t rows = std::size_t{prelude.sections} * sizeof(Row);
    if (rows > bytes.size() - sizeof prelude || prelude.facts_bytes > bytes.size() - sizeof prelude - rows)
      return damaged("its head is cut short");
    body_ = aligned(sizeof prelude + rows + prelude.facts_bytes);
    if (body_ > bytes.size()) return damaged("its head is cut short");
    const std::string_view head = bytes.substr(sizeof prelude, rows + prelude.facts_bytes);
#ifndef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
    if (prelude_crc(prelude, head) != prelude.crc) return damaged("its head does not match the checksum");
#endif
    if (prelude.kind == 0 || prelude.kind > static_cast<std::uint8_t>(Kind::kTuple)) return damaged("its kind is not known");
    kind_ = static_cast<Kind>(prelude.kind);
    if (!all_zero(bytes.substr(sizeof prelude + head.size(), body_ - sizeof prelude - head.size()))) return damaged("a gap is not zero");
    rows_ = head.substr(0, rows);
    if (prelude.facts_bytes == 0) return {};
    Result<config::Value> facts = config::parse_json(head.substr(rows), "object facts");
    if (!facts.ok()) return damaged(cat("its facts do not parse: ", facts.error().message));
    facts_ = std::move(facts).value();
    if (!facts_.is_map()) return damaged("its facts are not a map");
    return {};
  }

  Status read_sections(std::string_view body) {
    std::size_t end = 0;
    sections_.reserve(rows_.size() / sizeof(Row));
    for (std::size_t at = 0; at < rows_.size(); at += sizeof(Row)) {
      Row row;
      std::memcpy(&row, rows_.data() + at, sizeof row);
      if (row.size > body.size() - end || row.summed > 1) return damaged("a section lies outside");
      const std::string_view section = body.substr(end, row.size);
      const std::size_t gap = end + section.size();
      end = aligned(gap);
      if (end > body.size()) return damaged("a section lies outside");
#ifndef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
      if (row.summed == 1 && crc32c(section.data(), section.size()) != row.crc) return damaged("a section does not match its checksum");
#endif
      if (!all_zero(body.substr(gap, end - gap))) return damaged("a gap is not zero");
      sections_.push_back(section);
    }
    if (end != body.size()) return damaged("bytes are left over");
    return {};
  }

  static bool all_zero(std::string_view bytes) { return bytes.find_first_not_of('\0') == std::string_view::npos; }

  Kind kind_ = Kind::kNone;
  std::size_t body_ = 0;
  config::Value facts_{config::Map{}};
  std::string_view rows_;
  std::vector<std::string_view> sections_;
  std::shared_ptr<const void> owner_;
};

Result<Object> decode_at(std::string_view bytes, const std::shared_ptr<const void>& owner, int depth);

Result<std::string> text_fact(const config::Value& facts, std::string_view key) {
  const config::Value* value = facts.find(key);
  if (!value || !value->is_string()) return damaged(cat("'", key, "' is missing"));
  return value->string();
}

Result<std::int64_t> integer_fact(const config::Value& facts, std::string_view key) {
  const config::Value* value = facts.find(key);
  if (!value || value->kind() != config::Kind::kInt) return damaged(cat("'", key, "' is missing"));
  return value->integer();
}

Result<const config::List*> list_fact(const config::Value& facts, std::string_view key) {
  const config::Value* value = facts.find(key);
  if (!value || !value->is_list()) return damaged(cat("'", key, "' is missing"));
  return &value->list();
}

Result<TensorSet> decode_tensors(const Reader& reader) {
  HEADRACE_ASSIGN(const config::List* list, list_fact(reader.facts(), "tensors"));
  TensorSet out;
  for (const config::Value& facts : *list) {
    HEADRACE_ASSIGN(auto name, text_fact(facts, "name"));
    HEADRACE_ASSIGN(const auto type_text, text_fact(facts, "dtype"));
    const Result<DType> type = dtype_from_name(type_text);
    if (!type.ok()) return damaged(type.error().message);
    HEADRACE_ASSIGN(const config::List* entries, list_fact(facts, "shape"));
    std::vector<std::int64_t> shape;
    for (const config::Value& entry : *entries) {
      if (entry.kind() != config::Kind::kInt) return damaged("a shape holds something that is no integer");
      shape.push_back(entry.integer());
    }
    HEADRACE_ASSIGN(const auto section, reader.section(facts.find("section")));
    const std::optional<std::int64_t> count = detail::element_count(shape, *type);
    if (!count || static_cast<std::size_t>(*count) * dtype_size(*type) != section.size()) return damaged("a shape does not fit its bytes");
    auto [memory, owner] = reader.memory(section);
    if (out.find(name)) return damaged("two tensors have one name");
    out.set(std::move(name), Tensor(*type, std::move(shape), memory, std::move(owner)));
  }
  return out;
}

Result<Model> decode_model(const Reader& reader, int depth) {
  Model model;
  HEADRACE_ASSIGN(model.op, text_fact(reader.facts(), "op"));
  HEADRACE_ASSIGN(const auto version, integer_fact(reader.facts(), "version"));
  if (version < 0 || version > std::numeric_limits<int>::max()) return damaged("a version is out of range");
  model.version = static_cast<int>(version);
  HEADRACE_ASSIGN(const auto meta, reader.section(reader.facts().find("meta")));
  HEADRACE_ASSIGN(model.meta, detail::decode_value(meta));
  HEADRACE_ASSIGN(model.tensors, decode_tensors(reader));
  HEADRACE_ASSIGN(const config::List* blobs, list_fact(reader.facts(), "blobs"));
  for (const config::Value& facts : *blobs) {
    HEADRACE_ASSIGN(auto name, text_fact(facts, "name"));
    HEADRACE_ASSIGN(const auto section, reader.section(facts.find("section")));
    model.blobs.emplace_back(std::move(name), std::string(section));
  }
  HEADRACE_ASSIGN(const config::List* parts, list_fact(reader.facts(), "parts"));
  for (const config::Value& number : *parts) {
    HEADRACE_ASSIGN(const auto section, reader.section(&number));
    HEADRACE_ASSIGN(const Object part, decode_at(section, reader.owner(), depth + 1));
    if (part.kind() != Kind::kModel) return damaged("a part of a model is no model");
    model.parts.push_back(part.shared_model());
  }
  return model;
}

Result<std::vector<std::string>> text_list(const config::Value& facts, std::string_view key) {
  HEADRACE_ASSIGN(const config::List* list, list_fact(facts, key));
  std::vector<std::string> out;
  for (const config::Value& value : *list) {
    if (!value.is_string()) return damaged(cat("'", key, "' holds something that is no text"));
    out.push_back(value.string());
  }
  return out;
}

Result<Metrics> decode_metrics(const Reader& reader) {
  Metrics metrics;
  HEADRACE_ASSIGN(metrics.rows, integer_fact(reader.facts(), "rows"));
  HEADRACE_ASSIGN(auto names, text_list(reader.facts(), "names"));
  HEADRACE_ASSIGN(const auto values, reader.section(reader.facts().find("values")));
  if (values.size() != names.size() * sizeof(double)) return damaged("scores and their names do not match");
  for (std::size_t i = 0; i < names.size(); ++i) {
    double value = 0;
    std::memcpy(&value, values.data() + i * sizeof value, sizeof value);
    metrics.values.emplace_back(std::move(names[i]), value);
  }
  HEADRACE_ASSIGN(metrics.classes, text_list(reader.facts(), "classes"));
  HEADRACE_ASSIGN(const auto confusion, reader.section(reader.facts().find("confusion")));
  if (confusion.size() % sizeof(std::int64_t) != 0) return damaged("a confusion matrix is cut short");
  metrics.confusion.resize(confusion.size() / sizeof(std::int64_t));
  if (!confusion.empty()) std::memcpy(metrics.confusion.data(), confusion.data(), confusion.size());
  return metrics;
}

Result<Object> decode_at(std::string_view bytes, const std::shared_ptr<const void>& owner, int depth) {
  if (depth > kDepthMax) return damaged(cat("objects are nested more than ", kDepthMax, " deep"));
  HEADRACE_ASSIGN(const Reader reader, Reader::open(bytes, owner));
  const auto sole_section = [&]() -> Result<std::string_view> {
    if (reader.sections().size() != 1) return damaged("it does not have one section");
    return reader.sections().front();
  };
  switch (reader.kind()) {
    case Kind::kTable: {
      HEADRACE_ASSIGN(const auto section, sole_section());
      const auto [memory, keeper] = reader.memory(section);
      struct Kept : arrow::Buffer {
        Kept(const void* bytes, std::size_t size, std::shared_ptr<const void> keeper)
            : arrow::Buffer(static_cast<const std::uint8_t*>(bytes), static_cast<std::int64_t>(size)), keeper(std::move(keeper)) {}
        std::shared_ptr<const void> keeper;
      };
      HEADRACE_ASSIGN(auto table,
                      detail::decode_table(std::make_shared<Kept>(memory, section.size(), keeper), Code::kDamaged, "a stored table"));
      return Object(std::move(table));
    }
    case Kind::kTensors: {
      HEADRACE_ASSIGN(auto tensors, decode_tensors(reader));
      return Object(std::move(tensors));
    }
    case Kind::kModel: {
      HEADRACE_ASSIGN(auto model, decode_model(reader, depth));
      return Object(std::move(model));
    }
    case Kind::kMetrics: {
      HEADRACE_ASSIGN(auto metrics, decode_metrics(reader));
      return Object(std::move(metrics));
    }
    case Kind::kBytes: {
      HEADRACE_ASSIGN(const auto section, sole_section());
      return Object::bytes(std::string(section));
    }
    case Kind::kTuple: {
      std::vector<Object> parts;
      for (const std::string_view section : reader.sections()) {
        HEADRACE_ASSIGN(auto part, decode_at(section, owner, depth + 1));
        parts.push_back(std::move(part));
      }
      return Object::tuple(std::move(parts));
    }
    case Kind::kNone: break;
  }
  return damaged("its kind is not known");
}

}  // namespace

struct Encoding::Impl {
  Object object;
  Writer writer{false};
};

Result<Encoding> Encoding::of(const Object& object) {
  auto impl = std::make_shared<Impl>();
  impl->object = object;
  HEADRACE_TRY(encode_to(object, 0, impl->writer));
  return Encoding(std::move(impl));
}

std::uint64_t Encoding::size() const { return impl_->writer.size(); }
Status Encoding::write(const Write& out) const { return impl_->writer.write(out); }

Result<std::string> encode(const Object& object) { return encode_at(object, 0); }

Result<Object> decode(std::string_view bytes) { return decode_at(bytes, nullptr, 0); }

Result<Object> decode(std::string_view bytes, const std::shared_ptr<const void>& owner) { return decode_at(bytes, owner, 0); }

}  // namespace headrace::data
