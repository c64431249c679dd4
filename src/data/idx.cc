// SPDX-License-Identifier: Apache-2.0
// IDX, the format of MNIST: two zero bytes, an element type, the number of axes, big-endian sizes, big-endian elements.
// Source: yann.lecun.com/exdb/mnist, "The IDX file format".
#include <algorithm>
#include <cstring>
#include <optional>

#include "data/file_bytes.h"
#include "data/raw_tensor.h"
#include "headrace/base/text.h"
#include "headrace/data/formats.h"

namespace headrace::data {
namespace {

std::optional<DType> element_type(unsigned char code) {
  switch (code) {
    case 0x08: return DType::kU8;
    case 0x09: return DType::kI8;
    case 0x0B: return DType::kI16;
    case 0x0C: return DType::kI32;
    case 0x0D: return DType::kF32;
    case 0x0E: return DType::kF64;
    default: return std::nullopt;
  }
}

}  // namespace

Result<Tensor> parse_idx(std::string_view bytes, std::string_view name) {
  const auto bad = [&](std::string_view text) { return Error(Code::kBadData, cat("'", name, "' is not a sound IDX file: ", text)); };
  if (bytes.size() < 4 || bytes[0] != 0 || bytes[1] != 0) return bad("it does not start with two zero bytes");
  const auto type = element_type(static_cast<unsigned char>(bytes[2]));
  if (!type) return bad(cat("its element type ", static_cast<int>(static_cast<unsigned char>(bytes[2])), " is not known"));
  const std::size_t axes = static_cast<unsigned char>(bytes[3]);
  if (axes == 0 || axes > 16) return bad(cat("it has ", axes, " axes; 1 to 16 are read"));
  if (bytes.size() < 4 + 4 * axes) return bad("its header is cut short");
  std::vector<std::int64_t> shape;
  for (std::size_t axis = 0; axis < axes; ++axis) {
    std::uint32_t size = 0;
    std::memcpy(&size, bytes.data() + 4 + 4 * axis, sizeof size);
    shape.push_back(__builtin_bswap32(size));
  }
  const std::string_view data = bytes.substr(4 + 4 * axes);
  const std::size_t width = dtype_size(*type);
  const auto count = detail::element_count(shape, *type);
  if (!count || static_cast<std::size_t>(*count) * width != data.size()) {
    return bad(cat("its sizes need ", count ? cat(static_cast<std::size_t>(*count) * width) : std::string("too many"),
                   " bytes of data, and there are ", data.size()));
  }
  Tensor out = detail::raw_tensor(*type, std::move(shape));
  char* to = static_cast<char*>(const_cast<void*>(out.bytes()));
  std::memcpy(to, data.data(), data.size());
  if (width > 1) {
    for (std::int64_t i = 0; i < *count; ++i)
      std::reverse(to + static_cast<std::size_t>(i) * width, to + static_cast<std::size_t>(i + 1) * width);
  }
  return out;
}

Result<Tensor> read_idx(const std::string& path) {
  HEADRACE_ASSIGN(const auto buffer, detail::read_unpacked(path));
  return parse_idx(std::string_view(*buffer), path);
}

}  // namespace headrace::data
