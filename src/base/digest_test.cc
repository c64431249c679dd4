// SPDX-License-Identifier: Apache-2.0
#include "headrace/base/digest.h"

#include <gtest/gtest.h>

namespace headrace {
namespace {

TEST(DigestTest, MatchesTheStandardsVector) {
  // FIPS 180-2, appendix B.1.
  EXPECT_EQ(sha256("abc").hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Digest::from_hex(sha256("abc").hex()), sha256("abc"));
  EXPECT_FALSE(Digest::from_hex("zz").has_value());
}

TEST(DigestTest, FieldsAreFramed) {
  EXPECT_NE(Hasher().field("ab").field("c").finish(), Hasher().field("a").field("bc").finish());
}

TEST(DigestTest, Crc32cMatchesTheStandardsVector) {
  // RFC 3720, B.4: 32 bytes of zeros; and the check value of the catalogue.
  EXPECT_EQ(crc32c(std::string(32, '\0').data(), 32), 0x8A9136AAu);
  EXPECT_EQ(crc32c("123456789", 9), 0xE3069283u);
  EXPECT_EQ(crc32c("6789", 4, crc32c("12345", 5)), 0xE3069283u);
}

}  // namespace
}  // namespace headrace
