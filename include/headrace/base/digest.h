// SPDX-License-Identifier: Apache-2.0
#pragma once
// SHA-256 digests and the object ids made from them.

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace headrace {

/// 32 bytes of SHA-256; also the id of an object, which is the digest of how it was made.
struct Digest {
  std::array<std::uint8_t, 32> bytes{};

  auto operator<=>(const Digest&) const = default;
  bool empty() const { return *this == Digest{}; }
  /// 64 hexadecimal digits; `brief` gives the first 12, enough to name an object to a person.
  std::string hex() const;
  std::string brief() const;
  static std::optional<Digest> from_hex(std::string_view text);
};
using ObjectId = Digest;

struct DigestHash {
  std::size_t operator()(const Digest& digest) const {
    std::size_t value;
    std::memcpy(&value, digest.bytes.data(), sizeof value);
    return value;
  }
};

/// Streams bytes into SHA-256 (OpenSSL). Not thread safe; `finish` may be called once.
/// `field` frames its argument by length, so ("ab","c") and ("a","bc") differ: use it to derive ids.
class Hasher {
 public:
  Hasher();
  ~Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;
  Hasher& bytes(const void* data, std::size_t size);
  Hasher& field(std::string_view text);
  Hasher& field(const Digest& digest);
  Hasher& field(std::uint64_t number);
  Digest finish();

 private:
  void* state_;  // EVP_MD_CTX
};

Digest sha256(std::string_view bytes);
/// CRC-32C (Castagnoli), as used per record in journals. Cost: about 1 GB/s with SSE4.2.
std::uint32_t crc32c(const void* data, std::size_t size, std::uint32_t seed = 0);

}  // namespace headrace
