// SPDX-License-Identifier: Apache-2.0
// LIBSVM (SVMlight) text: "label [qid:group] index:value ... [# comment]" a line, indices rising. The table is dense; what a line
// does not mention is zero.
#include <algorithm>
#include <charconv>
#include <cmath>

#include "data/file_bytes.h"
#include "headrace/base/text.h"
#include "headrace/data/formats.h"

namespace headrace::data {
namespace {

constexpr std::int64_t kFeaturesMax = 1'000'000;
constexpr std::int64_t kCellsMax = std::int64_t{1} << 28;   // 2 GiB of doubles

struct Cell {
  std::int64_t row;
  std::int32_t feature;
  double value;
};

struct Rows {
  std::vector<double> labels;
  std::vector<double> groups;   ///< one a row, or empty
  std::vector<Cell> cells;
  std::int64_t features = 0;
};

class LineParser {
 public:
  LineParser(std::string_view name, std::int64_t features, bool zero_based, Rows& rows)
      : name_(name), features_(features), zero_based_(zero_based), rows_(&rows) {}

  Status line(std::string_view text, std::int64_t number) {
    line_ = number;
    text = trim(text.substr(0, text.find('#')));
    if (text.empty()) return {};
    const std::string_view label_text = word(text);
    double label = 0;
    if (!real(label_text, label)) {
      return bad(cat("'", shown(label_text), "' is no label"),
                 label_text.find(',') != std::string_view::npos ? "rows with several labels are not read" : "a line starts with a number");
    }
    const auto row = static_cast<std::int64_t>(rows_->labels.size());
    std::int64_t last = -1;
    double group = std::nan("");
    while (!text.empty()) {
      const std::string_view pair = word(text);
      const std::size_t colon = pair.find(':');
      if (colon == std::string_view::npos) return bad(cat("'", shown(pair), "' is not index:value"));
      double value = 0;
      if (!real(pair.substr(colon + 1), value)) return bad(cat("'", shown(pair), "' has no number behind the colon"));
      if (pair.substr(0, colon) == "qid") {
        group = value;
        continue;
      }
      std::int64_t index = 0;
      const auto end = std::from_chars(pair.data(), pair.data() + colon, index);
      if (end.ec != std::errc() || end.ptr != pair.data() + colon || index < 0)
        return bad(cat("'", shown(pair), "' has no index before the colon"));
      if (!zero_based_ && index-- == 0) return bad("index 0 in a file that counts from 1", "set zero_based: true");
      if (index <= last)
        return bad(cat("index ", pair.substr(0, colon), " does not rise"), "sort the pairs of each line, and give each index once");
      if (features_ > 0 && index >= features_)
        return bad(cat("index ", pair.substr(0, colon), " is beyond the ", features_, " features asked for"));
      if (index >= kFeaturesMax)
        return Error(Code::kTooLarge, cat("'", name_, "' line ", line_, ": index ", index, " is beyond ", kFeaturesMax, " features"));
      last = index;
      rows_->features = std::max(rows_->features, index + 1);
      rows_->cells.push_back({row, static_cast<std::int32_t>(index), value});
    }
    rows_->labels.push_back(label);
    const bool grouped = !std::isnan(group);
    if (grouped != !rows_->groups.empty() && row > 0) return bad("some lines have a qid and others none");
    if (grouped) rows_->groups.push_back(group);
    return {};
  }

 private:
  static std::string_view word(std::string_view& text) {
    const std::size_t end = std::min(text.find_first_of(" \t"), text.size());
    const std::string_view out = text.substr(0, end);
    text = trim(text.substr(end));
    return out;
  }
  static bool real(std::string_view text, double& out) {
    if (!text.empty() && text.front() == '+') text.remove_prefix(1);
    const auto end = std::from_chars(text.data(), text.data() + text.size(), out);
    return !text.empty() && end.ec == std::errc() && end.ptr == text.data() + text.size();
  }
  static std::string shown(std::string_view text) {   // hostile text is shown short, and only where it is text
    return is_utf8(text)
               ? std::string(text.substr(0, text.size() > 40 && is_utf8(text.substr(0, 40)) ? 40 : std::min<std::size_t>(text.size(), 80)))
               : std::string("...");
  }
  Error bad(std::string message, std::string advice = {}) const {
    return Error(Code::kBadData, std::move(message), std::move(advice),
                 Position{std::string(name_), static_cast<int>(std::min<std::int64_t>(line_, INT32_MAX)), 0});
  }

  std::string_view name_;
  std::int64_t features_;
  bool zero_based_;
  Rows* rows_;
  std::int64_t line_ = 0;
};

Result<std::shared_ptr<const Table>> with_integers(std::shared_ptr<const Table> table, std::string name, Role role,
                                                   const std::vector<double>& values) {
  const bool whole =
      std::all_of(values.begin(), values.end(), [](double value) { return std::abs(value) < 9e15 && value == std::trunc(value); });
  if (!whole) return table->with_column(std::move(name), role, values);
  Tensor column(DType::kI64, {static_cast<std::int64_t>(values.size()), 1});
  std::transform(values.begin(), values.end(), column.mutable_span<std::int64_t>().begin(),
                 [](double value) { return static_cast<std::int64_t>(value); });
  const std::string names[] = {std::move(name)};
  HEADRACE_ASSIGN(const auto one, Table::from_matrix(column, names));
  const std::pair<int, Role> roles[] = {{0, role}};
  HEADRACE_ASSIGN(const auto marked, one->with_roles(roles));
  return Table::beside(*table, *marked, false);
}

}  // namespace

Result<std::shared_ptr<const Table>> parse_libsvm(std::string_view bytes, std::string_view name, int features, bool zero_based) {
  if (features < 0 || features > kFeaturesMax)
    return Error(Code::kBadValue, cat("a number of features of ", features, " is outside 0 to ", kFeaturesMax));
  Rows rows;
  LineParser parser(name, features, zero_based, rows);
  std::int64_t number = 0;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t end = std::min(bytes.find('\n', at), bytes.size());
    HEADRACE_TRY(parser.line(bytes.substr(at, end - at), ++number));
    at = end + 1;
  }
  const auto count = static_cast<std::int64_t>(rows.labels.size());
  if (count == 0) return Error(Code::kBadData, cat("'", name, "' has no rows"));
  const std::int64_t width = features > 0 ? features : rows.features;
  if (width > 0 && count > kCellsMax / width) {
    return Error(Code::kTooLarge, cat("'", name, "' has ", count, " rows of ", width, " features: too many for a dense table"),
                 "split the file, or read fewer features");
  }
  Tensor matrix(DType::kF64, {count, width});
  double* to = matrix.mutable_span<double>().data();
  for (const Cell& cell : rows.cells) to[cell.row * width + cell.feature] = cell.value;
  HEADRACE_ASSIGN(auto table, Table::from_matrix(matrix));
  if (!rows.groups.empty()) {
    HEADRACE_ASSIGN(table, with_integers(std::move(table), "qid", Role::kGroup, rows.groups));
  }
  return with_integers(std::move(table), "target", Role::kTarget, rows.labels);
}

Result<std::shared_ptr<const Table>> read_libsvm(const std::string& path, int features, bool zero_based) {
  HEADRACE_ASSIGN(const auto buffer, detail::read_unpacked(path));
  return parse_libsvm(std::string_view(*buffer), path, features, zero_based);
}

}  // namespace headrace::data
