// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reads and writes that finish or say why not.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "headrace/base/result.h"
#include "headrace/io/descriptor.h"

namespace headrace::io::detail {

using io::Descriptor;

/// What errno says about `path`, as an Error: kNotFound or kIo, with advice where there is some.
Error system_error(int number, std::string_view doing, const std::string& path);

/// open(2) with O_CLOEXEC.
Result<Descriptor> open_file(const std::string& path, int flags, unsigned mode = 0666);
Status write_all(int descriptor, std::string_view bytes, const std::string& path);
Status write_all_at(int descriptor, std::string_view bytes, std::uint64_t offset, const std::string& path);
/// Reads up to `size` bytes at `offset`; less only at the end of the file.
Result<std::size_t> read_at(int descriptor, void* out, std::size_t size, std::uint64_t offset, const std::string& path);
Result<std::uint64_t> size_of(int descriptor, const std::string& path);

/// The folder part of a path ("." when there is none) and the last name.
std::string folder_of(const std::string& path);
std::string name_of(const std::string& path);

}  // namespace headrace::io::detail
