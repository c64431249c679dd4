// SPDX-License-Identifier: Apache-2.0
#include "headrace/base/digest.h"

#include <openssl/evp.h>

#include "headrace/base/check.h"

namespace headrace {
namespace {

EVP_MD_CTX* context(void* state) { return static_cast<EVP_MD_CTX*>(state); }

constexpr std::array<std::uint32_t, 256> make_crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) ? 0x82F63B78u : 0u);
    table[i] = value;
  }
  return table;
}
constexpr auto kCrcTable = make_crc_table();

std::uint32_t crc_plain(const unsigned char* bytes, std::size_t size, std::uint32_t crc) {
  for (std::size_t i = 0; i < size; ++i) crc = (crc >> 8) ^ kCrcTable[(crc ^ bytes[i]) & 0xFF];
  return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) std::uint32_t crc_hardware(const unsigned char* bytes, std::size_t size, std::uint32_t crc) {
  std::uint64_t wide = crc;
  for (; size >= 8; size -= 8, bytes += 8) {
    std::uint64_t chunk;
    std::memcpy(&chunk, bytes, 8);
    wide = __builtin_ia32_crc32di(wide, chunk);
  }
  crc = static_cast<std::uint32_t>(wide);
  for (; size > 0; --size, ++bytes) crc = __builtin_ia32_crc32qi(crc, *bytes);
  return crc;
}
#endif

int nibble(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

}  // namespace

std::string Digest::hex() const {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(64);
  for (const std::uint8_t byte : bytes) {
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

std::string Digest::brief() const { return hex().substr(0, 12); }

std::optional<Digest> Digest::from_hex(std::string_view text) {
  if (text.size() != 64) return std::nullopt;
  Digest out;
  for (std::size_t i = 0; i < 32; ++i) {
    const int high = nibble(text[2 * i]);
    const int low = nibble(text[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    out.bytes[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return out;
}

Hasher::Hasher() : state_(EVP_MD_CTX_new()) {
  // Fetched once: a fetch per digest would cost more than hashing an id.
  static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  HEADRACE_CHECK(state_ != nullptr && algorithm != nullptr, "SHA-256 is not available");
  HEADRACE_CHECK(EVP_DigestInit_ex(context(state_), algorithm, nullptr) == 1, "SHA-256 did not start");
}

Hasher::~Hasher() { EVP_MD_CTX_free(context(state_)); }

Hasher::Hasher(Hasher&& other) noexcept : state_(other.state_) { other.state_ = nullptr; }

Hasher& Hasher::operator=(Hasher&& other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}

Hasher& Hasher::bytes(const void* data, std::size_t size) {
  HEADRACE_CHECK(EVP_DigestUpdate(context(state_), data, size) == 1, "SHA-256 update failed");
  return *this;
}

Hasher& Hasher::field(std::uint64_t number) {
  unsigned char little[8];
  for (int i = 0; i < 8; ++i) little[i] = static_cast<unsigned char>(number >> (8 * i));
  return bytes(little, 8);
}

Hasher& Hasher::field(std::string_view text) { return field(std::uint64_t{text.size()}).bytes(text.data(), text.size()); }

Hasher& Hasher::field(const Digest& digest) { return field(std::string_view(reinterpret_cast<const char*>(digest.bytes.data()), 32)); }

Digest Hasher::finish() {
  Digest out;
  unsigned int size = 0;
  HEADRACE_CHECK(EVP_DigestFinal_ex(context(state_), out.bytes.data(), &size) == 1 && size == 32, "SHA-256 did not finish");
  return out;
}

Digest sha256(std::string_view bytes) { return Hasher().bytes(bytes.data(), bytes.size()).finish(); }

std::uint32_t crc32c(const void* data, std::size_t size, std::uint32_t seed) {
  const auto* bytes = static_cast<const unsigned char*>(data);
#if defined(__x86_64__)
  static const bool hardware = __builtin_cpu_supports("sse4.2");
  if (hardware) return ~crc_hardware(bytes, size, ~seed);
#endif
  return ~crc_plain(bytes, size, ~seed);
}

}  // namespace headrace
