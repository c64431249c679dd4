// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reads ZIP archives in memory, as far as .npz files need it: stored and deflated entries, ZIP64, no encryption, no disks.

#include <string>
#include <string_view>
#include <vector>

#include "headrace/base/result.h"

namespace headrace::data::detail {

struct ZipEntry {
  std::string name;
  std::string bytes;   ///< unpacked, its CRC-32 checked
};

/// All entries in the order of the central directory. Errors: kBadData, kTooLarge (10,000 entries; 4 GiB together).
Result<std::vector<ZipEntry>> read_zip(std::string_view archive, std::string_view name);

}  // namespace headrace::data::detail
