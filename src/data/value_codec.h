// SPDX-License-Identifier: Apache-2.0
#pragma once
// config::Value as bytes, without loss: integers and reals stay apart, NaN and infinities survive, maps keep their order.
// Positions are not kept. Layout: a tag byte; numbers as 8 bytes little-endian; strings, lists and maps led by a 4-byte count.

#include <string>
#include <string_view>

#include "headrace/base/result.h"
#include "headrace/config/value.h"

namespace headrace::data::detail {

void encode_value(const config::Value& value, std::string& out);

/// Reads one value that fills `bytes` exactly. Errors: kDamaged (a length past the end, an unknown tag, nesting past 100).
Result<config::Value> decode_value(std::string_view bytes);

}  // namespace headrace::data::detail
