// SPDX-License-Identifier: Apache-2.0
#pragma once
// Locator: turns byte offsets of a text into line and column. Bounds that both parsers keep.

#include <cstddef>
#include <string>
#include <string_view>

#include "headrace/base/error.h"
#include "headrace/base/result.h"

namespace headrace::config::detail {

inline constexpr std::size_t kBytesMax = std::size_t{64} << 20;   ///< of input text, and of strings that aliases repeat
inline constexpr std::size_t kNodesMax = 1'000'000;               ///< values in one document, aliases expanded
inline constexpr std::size_t kDepthMax = 100;                     ///< lists and maps inside each other

/// Columns count characters (UTF-8 code points), as editors do. Cost: linear over all calls while offsets do not go back.
class Locator {
 public:
  Locator(std::string_view text, std::string_view file) : text_(text), file_(file) {}

  Position at(std::size_t offset) {
    if (offset > text_.size()) offset = text_.size();
    if (offset < cursor_) *this = Locator(text_, file_);
    for (; cursor_ < offset; ++cursor_) {
      const auto byte = static_cast<unsigned char>(text_[cursor_]);
      if (byte == '\n') {
        ++line_;
        column_ = 1;
      } else if ((byte & 0xC0) != 0x80) {
        ++column_;
      }
    }
    return Position{std::string(file_), line_, column_};
  }

 private:
  std::string_view text_;
  std::string_view file_;
  std::size_t cursor_ = 0;
  int line_ = 1;
  int column_ = 1;
};

/// Refuses texts that are too long, not UTF-8 or hold control characters, and skips a byte order mark.
Result<std::string_view> admit(std::string_view text, std::string_view file);

}  // namespace headrace::config::detail
