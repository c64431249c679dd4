// SPDX-License-Identifier: Apache-2.0
#pragma once
// Small text helpers that messages need: joining, shortest numbers, nearest name, human sizes and times.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace headrace {

/// Prints a number with the fewest digits that read back to the same value ("0.1", "0.0001", "1e-07").
std::string number_text(double value);
std::string number_text(std::int64_t value);

namespace detail {
inline void append(std::string& out, std::string_view text) { out.append(text); }
inline void append(std::string& out, const char* text) { out.append(text); }
inline void append(std::string& out, const std::string& text) { out.append(text); }
inline void append(std::string& out, char character) { out.push_back(character); }
inline void append(std::string& out, bool value) { out.append(value ? "true" : "false"); }
inline void append(std::string& out, double value) { out.append(number_text(value)); }
inline void append(std::string& out, float value) { out.append(number_text(static_cast<double>(value))); }
template <class T>
  requires std::is_integral_v<T>
void append(std::string& out, T value) { out.append(std::to_string(value)); }
}  // namespace detail

/// Concatenates strings and numbers: `cat("row ", 7, " has ", 3, " fields")`.
template <class... Parts>
std::string cat(const Parts&... parts) {
  std::string out;
  (detail::append(out, parts), ...);
  return out;
}

std::string join(std::span<const std::string> parts, std::string_view separator);
std::vector<std::string> split(std::string_view text, char separator);
std::string_view trim(std::string_view text);

/// The candidate with the least edit distance to `name`; "" when that is over 2, a third of a long name or half of a short one.
std::string nearest(std::string_view name, std::span<const std::string> candidates);
/// "did you mean 'pca'?" or, when nothing is near, "known are: a, b, c" (at most 12 names).
std::string nearest_advice(std::string_view name, std::span<const std::string> candidates);

/// True for well-formed UTF-8; `bad` gets the offset of the first wrong byte.
bool is_utf8(std::string_view bytes, std::size_t* bad = nullptr);

/// "1.5 MB", "730 B"; "1.53 s", "12 ms", "2 min 5 s".
std::string bytes_text(std::uint64_t bytes);
std::string seconds_text(double seconds);

/// Escapes for use inside a JSON string (without the quotes) or HTML text.
std::string json_escape(std::string_view text);
std::string html_escape(std::string_view text);

}  // namespace headrace
