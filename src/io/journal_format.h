// SPDX-License-Identifier: Apache-2.0
#pragma once
// The bytes of a journal; include/headrace/io/journal.h says what they mean.

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "headrace/base/digest.h"
#include "headrace/io/journal.h"

namespace headrace::io::detail {

static_assert(std::endian::native == std::endian::little, "journals are little-endian and written as they lie in memory");

inline constexpr std::string_view kMagic = "HRJRNL\r\n";
inline constexpr std::uint32_t kVersion = 1;
inline constexpr std::size_t kHeaderSize = 16;
inline constexpr std::size_t kFrameSize = 8;                       // word and checksum before a payload
inline constexpr std::uint32_t kGroupStart = std::uint32_t{1} << 31;
inline constexpr std::uint32_t kSeal = std::uint32_t{1} << 30;
inline constexpr std::uint32_t kLengthMask = static_cast<std::uint32_t>(kRecordMax);
inline constexpr std::uint32_t kKnownBits = kGroupStart | kSeal | kLengthMask;

inline std::uint32_t load_u32(const char* from) {
  std::uint32_t value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

inline void store_u32(char* to, std::uint32_t value) { std::memcpy(to, &value, sizeof value); }

inline std::uint32_t record_checksum(std::uint32_t word, std::string_view payload) {
  return crc32c(payload.data(), payload.size(), crc32c(&word, sizeof word));
}

inline std::string header_bytes() {
  std::string out(kMagic);
  out.resize(kHeaderSize);
  store_u32(out.data() + 8, kVersion);
  store_u32(out.data() + 12, crc32c(out.data(), 12));
  return out;
}

}  // namespace headrace::io::detail
