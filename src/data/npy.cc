// SPDX-License-Identifier: Apache-2.0
// NumPy arrays: .npy versions 1 to 3, and .npz archives of them. Source: numpy/lib/format.py, "Format Specification".
#include <algorithm>
#include <charconv>
#include <cstring>

#include "data/file_bytes.h"
#include "data/raw_tensor.h"
#include "data/zip_archive.h"
#include "headrace/base/text.h"
#include "headrace/data/formats.h"

namespace headrace::data {
namespace {

Error bad_npy(std::string_view name, std::string_view text) {
  return Error(Code::kBadData, cat("'", name, "' is not a sound .npy file: ", text));
}

struct Header {
  std::string descr;
  bool fortran = false;
  std::vector<std::int64_t> shape;
};

// The header is a Python literal: a dict of three known keys. Only what NumPy writes is understood.
class HeaderParser {
 public:
  HeaderParser(std::string_view text, std::string_view name) : text_(text), name_(name) {}

  Result<Header> parse() {
    Header header;
    bool seen[3] = {};
    if (!take('{')) return bad("its header is no dict");
    while (!take('}')) {
      std::string key;
      if (!quoted(key) || !take(':')) return bad("its header has no key where one should be");
      if (key == "descr" && !seen[0]) {
        seen[0] = true;
        if (peek() == '[')
          return Error(Code::kUnsupported, cat("'", name_, "' holds records (a structured array)"),
                       "save each field as an array of its own in an .npz");
        if (!quoted(header.descr)) return bad("'descr' is no string");
      } else if (key == "fortran_order" && !seen[1]) {
        seen[1] = true;
        if (word("True")) header.fortran = true;
        else if (!word("False")) return bad("'fortran_order' is neither True nor False");
      } else if (key == "shape" && !seen[2]) {
        seen[2] = true;
        if (!shape(header.shape)) return bad("'shape' is no tuple of numbers");
      } else {
        return bad(cat("its header has an unexpected key '", key, "'"));
      }
      if (!take(',') && peek() != '}') return bad("its header is malformed");
    }
    skip_space();
    if (at_ != text_.size() || !seen[0] || !seen[1] || !seen[2]) return bad("its header is malformed");
    return header;
  }

 private:
  Error bad(std::string_view text) const { return bad_npy(name_, text); }
  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t')) ++at_;
  }
  char peek() {
    skip_space();
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool take(char character) {
    if (peek() != character || at_ >= text_.size()) return false;
    ++at_;
    return true;
  }
  bool word(std::string_view wanted) {
    skip_space();
    if (!text_.substr(at_).starts_with(wanted)) return false;
    at_ += wanted.size();
    return true;
  }
  bool quoted(std::string& out) {
    const char quote = peek();
    if (quote != '\'' && quote != '"') return false;
    const std::size_t end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos) return false;
    out = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return true;
  }
  bool shape(std::vector<std::int64_t>& out) {
    constexpr std::size_t kAxesMax = 64;
    if (!take('(')) return false;
    while (!take(')')) {
      skip_space();
      std::int64_t entry = 0;
      const auto end = std::from_chars(text_.data() + at_, text_.data() + text_.size(), entry);
      if (end.ec != std::errc() || entry < 0 || out.size() == kAxesMax) return false;
      at_ = static_cast<std::size_t>(end.ptr - text_.data());
      if (at_ < text_.size() && text_[at_] == 'L') ++at_;   // Python 2 wrote long integers so
      out.push_back(entry);
      if (!take(',') && peek() != ')') return false;
    }
    return true;
  }

  std::string_view text_;
  std::string_view name_;
  std::size_t at_ = 0;
};

struct Element {
  DType type = DType::kF64;
  bool swap = false;
};

Result<Element> element_of(const std::string& descr, std::string_view name) {
  const auto refuse = [&](std::string_view what, std::string_view advice) {
    return Error(Code::kUnsupported, cat("'", name, "' holds ", what, " ('", descr, "')"), std::string(advice));
  };
  if (descr.size() < 2) return bad_npy(name, "its element type is too short");
  const char order = descr[0], kind = descr[1];
  const std::string_view width = std::string_view(descr).substr(2);
  if (order != '<' && order != '>' && order != '|' && order != '=')
    return bad_npy(name, cat("its element type '", descr, "' is not known"));
  if (kind == 'O') return refuse("Python objects", "loading them would run code; save plain arrays");
  if (kind == 'U' || kind == 'S' || kind == 'a') return refuse("text", "keep text in a CSV, Parquet or Arrow file");
  if (kind == 'c') return refuse("complex numbers", "save real and imaginary parts apart");
  if (kind == 'M' || kind == 'm') return refuse("dates or time spans", "save them as integers, or use Parquet");
  if (kind == 'V') return refuse("raw records", "save each field as an array of its own");
  struct Row {
    char kind;
    std::string_view width;
    DType type;
  };
  constexpr Row kRows[] = {{'f', "2", DType::kF16}, {'f', "4", DType::kF32}, {'f', "8", DType::kF64}, {'i', "1", DType::kI8},
                           {'i', "2", DType::kI16}, {'i', "4", DType::kI32}, {'i', "8", DType::kI64}, {'u', "1", DType::kU8},
                           {'u', "2", DType::kU16}, {'u', "4", DType::kU32}, {'u', "8", DType::kU64}, {'b', "1", DType::kBool}};
  for (const Row& row : kRows) {
    if (row.kind == kind && row.width == width) return Element{row.type, order == '>' && dtype_size(row.type) > 1};
  }
  return refuse("elements of a type that is not read", "convert the array with astype('float64') or another plain type");
}

// Copies an array in Fortran order to C order, element by element of `width` bytes.
void reorder(const char* from, char* to, const std::vector<std::int64_t>& shape, std::size_t width, std::int64_t count) {
  const std::size_t axes = shape.size();
  std::vector<std::int64_t> index(axes, 0), stride(axes, 1);
  for (std::size_t axis = 1; axis < axes; ++axis) stride[axis] = stride[axis - 1] * shape[axis - 1];
  std::int64_t source = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    std::memcpy(to + static_cast<std::size_t>(i) * width, from + static_cast<std::size_t>(source) * width, width);
    for (std::size_t axis = axes; axis-- > 0;) {   // the last axis moves fastest
      source += stride[axis];
      if (++index[axis] < shape[axis]) break;
      source -= stride[axis] * shape[axis];
      index[axis] = 0;
    }
  }
}

void swap_bytes(char* bytes, std::int64_t count, std::size_t width) {
  for (std::int64_t i = 0; i < count; ++i)
    std::reverse(bytes + static_cast<std::size_t>(i) * width, bytes + static_cast<std::size_t>(i + 1) * width);
}

}  // namespace

Result<Tensor> parse_npy(std::string_view bytes, std::string_view name) {
  constexpr std::string_view kMagic = "\x93NUMPY";
  if (!bytes.starts_with(kMagic) || bytes.size() < 10) return bad_npy(name, "it does not start with the NumPy mark");
  const int major = static_cast<unsigned char>(bytes[6]);
  if (major < 1 || major > 3) return Error(Code::kVersion, cat("'", name, "' has .npy version ", major, "; versions 1 to 3 are read"));
  std::size_t start = 10, length = 0;
  if (major == 1) {
    std::uint16_t size = 0;
    std::memcpy(&size, bytes.data() + 8, sizeof size);
    length = size;
  } else {
    start = 12;
    if (bytes.size() < start) return bad_npy(name, "it is cut short");
    std::uint32_t size = 0;
    std::memcpy(&size, bytes.data() + 8, sizeof size);
    length = size;
  }
  if (length > bytes.size() - start) return bad_npy(name, "its header is cut short");
  HEADRACE_ASSIGN(const Header header, HeaderParser(bytes.substr(start, length), name).parse());
  HEADRACE_ASSIGN(const Element element, element_of(header.descr, name));
  const std::string_view data = bytes.substr(start + length);
  const auto count = detail::element_count(header.shape, element.type);
  const std::size_t width = dtype_size(element.type);
  if (!count) return bad_npy(name, "its shape is too large");
  if (static_cast<std::size_t>(*count) * width != data.size()) {
    return bad_npy(name, cat("its shape needs ", static_cast<std::size_t>(*count) * width, " bytes of data, and there are ", data.size()));
  }
  if (element.type == DType::kBool &&
      std::any_of(data.begin(), data.end(), [](char byte) { return static_cast<unsigned char>(byte) > 1; })) {
    return bad_npy(name, "a truth value is neither 0 nor 1");
  }
  Tensor out = detail::raw_tensor(element.type, header.shape);
  char* to = static_cast<char*>(const_cast<void*>(out.bytes()));
  if (header.fortran && header.shape.size() > 1) reorder(data.data(), to, header.shape, width, *count);
  else std::memcpy(to, data.data(), data.size());
  if (element.swap) swap_bytes(to, *count, width);
  return out;
}

Result<Tensor> read_npy(const std::string& path) {
  HEADRACE_ASSIGN(const auto buffer, detail::read_unpacked(path));
  return parse_npy(std::string_view(*buffer), path);
}

Result<TensorSet> parse_npz(std::string_view bytes, std::string_view name) {
  HEADRACE_ASSIGN(const auto entries, detail::read_zip(bytes, name));
  TensorSet out;
  for (const detail::ZipEntry& entry : entries) {
    std::string key = entry.name;
    if (key.ends_with(".npy")) key.resize(key.size() - 4);
    if (out.find(key)) return Error(Code::kBadData, cat("'", name, "' holds two arrays called '", key, "'"));
    HEADRACE_ASSIGN(auto tensor, parse_npy(entry.bytes, cat(name, "/", entry.name)));
    out.set(std::move(key), std::move(tensor));
  }
  return out;
}

Result<TensorSet> read_npz(const std::string& path) {
  HEADRACE_ASSIGN(const auto buffer, detail::read_file(path));
  return parse_npz(std::string_view(*buffer), path);
}

}  // namespace headrace::data
