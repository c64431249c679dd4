// SPDX-License-Identifier: Apache-2.0
#include "data/value_codec.h"

#include <cstring>

#include "headrace/base/text.h"

namespace headrace::data::detail {
namespace {

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "objects are stored little-endian");

template <class T>
void put(T number, std::string& out) {
  out.append(reinterpret_cast<const char*>(&number), sizeof number);
}

void put_text(std::string_view text, std::string& out) {
  put(static_cast<std::uint32_t>(text.size()), out);
  out.append(text);
}

class ValueReader {
 public:
  explicit ValueReader(std::string_view bytes) : bytes_(bytes) {}

  Result<config::Value> value(int depth) {
    constexpr int kDepthMax = 100;
    if (depth > kDepthMax) return damaged("values are nested too deeply");
    std::uint8_t tag = 0;
    if (!get(tag)) return damaged("a value is cut short");
    switch (static_cast<config::Kind>(tag)) {
      case config::Kind::kNull: return config::Value();
      case config::Kind::kBool: {
        std::uint8_t flag = 0;
        if (!get(flag) || flag > 1) return damaged("a truth value is neither true nor false");
        return config::Value(flag == 1);
      }
      case config::Kind::kInt: {
        std::int64_t number = 0;
        if (!get(number)) return damaged("an integer is cut short");
        return config::Value(number);
      }
      case config::Kind::kReal: {
        double number = 0;
        if (!get(number)) return damaged("a real is cut short");
        return config::Value(number);
      }
      case config::Kind::kString: {
        std::string text;
        if (!get_text(text)) return damaged("a string is cut short");
        return config::Value(std::move(text));
      }
      case config::Kind::kList: {
        std::uint32_t count = 0;
        if (!get(count) || count > left()) return damaged("a list is cut short");
        config::List list;
        for (std::uint32_t i = 0; i < count; ++i) {
          HEADRACE_ASSIGN(auto item, value(depth + 1));
          list.push_back(std::move(item));
        }
        return config::Value(std::move(list));
      }
      case config::Kind::kMap: {
        std::uint32_t count = 0;
        if (!get(count) || count > left()) return damaged("a map is cut short");
        config::Map map;
        for (std::uint32_t i = 0; i < count; ++i) {
          config::Entry entry;
          if (!get_text(entry.key)) return damaged("a key is cut short");
          HEADRACE_ASSIGN(entry.value, value(depth + 1));
          map.push_back(std::move(entry));
        }
        return config::Value(std::move(map));
      }
    }
    return damaged(cat("an unknown value tag ", static_cast<int>(tag)));
  }

  std::size_t left() const { return bytes_.size() - at_; }

  static Error damaged(std::string text) { return Error(Code::kDamaged, cat("a stored value is damaged: ", text)); }

 private:
  template <class T>
  bool get(T& number) {
    if (left() < sizeof number) return false;
    std::memcpy(&number, bytes_.data() + at_, sizeof number);
    at_ += sizeof number;
    return true;
  }
  bool get_text(std::string& text) {
    std::uint32_t size = 0;
    if (!get(size) || size > left()) return false;
    text.assign(bytes_.substr(at_, size));
    at_ += size;
    return true;
  }

  std::string_view bytes_;
  std::size_t at_ = 0;
};

}  // namespace

void encode_value(const config::Value& value, std::string& out) {
  put(static_cast<std::uint8_t>(value.kind()), out);
  switch (value.kind()) {
    case config::Kind::kNull: return;
    case config::Kind::kBool: put(static_cast<std::uint8_t>(value.boolean()), out); return;
    case config::Kind::kInt: put(value.integer(), out); return;
    case config::Kind::kReal: put(value.real(), out); return;
    case config::Kind::kString: put_text(value.string(), out); return;
    case config::Kind::kList:
      put(static_cast<std::uint32_t>(value.list().size()), out);
      for (const config::Value& item : value.list()) encode_value(item, out);
      return;
    case config::Kind::kMap:
      put(static_cast<std::uint32_t>(value.map().size()), out);
      for (const config::Entry& entry : value.map()) {
        put_text(entry.key, out);
        encode_value(entry.value, out);
      }
      return;
  }
}

Result<config::Value> decode_value(std::string_view bytes) {
  ValueReader reader(bytes);
  HEADRACE_ASSIGN(auto value, reader.value(0));
  if (reader.left() > 0) return ValueReader::damaged("bytes are left over");
  return value;
}

}  // namespace headrace::data::detail
