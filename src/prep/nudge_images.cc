// SPDX-License-Identifier: Apache-2.0
// Nudge images: five times as many, each also moved by one pixel up, left, right and down; what moves in is zero.
// Source: scikit-learn's example plot_rbm_logistic_classification, whose order of blocks this keeps.
#include "headrace/base/text.h"
#include "prep/columns.h"

namespace headrace::prep {
namespace {

struct Shift {
  std::int64_t down;
  std::int64_t right;
};
constexpr Shift kShifts[] = {{-1, 0}, {0, -1}, {0, 1}, {1, 0}};   // scikit-learn's direction_vectors, as convolve turns them
constexpr std::int64_t kBlocks = 1 + std::size(kShifts);

void move(const double* from, double* to, std::int64_t height, std::int64_t width, Shift shift) {
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      const std::int64_t from_y = y - shift.down, from_x = x - shift.right;
      const bool inside = from_y >= 0 && from_y < height && from_x >= 0 && from_x < width;
      to[y * width + x] = inside ? from[from_y * width + from_x] : 0.0;
    }
  }
}

class NudgeImages final : public TableTransform {
  Result<TablePointer> apply(const exec::Context& context, const TablePointer& table) const override {
    const std::int64_t height = context.integer("height"), width = context.integer("width"), pixels = height * width;
    const std::vector<int> features = table->features();
    if (static_cast<std::int64_t>(features.size()) != pixels) {
      return Error(Code::kShape, cat("images of ", height, " x ", width, " need ", pixels, " features, and there are ", features.size()),
                   "check height and width, and mark the target as such");
    }
    HEADRACE_ASSIGN(const data::Tensor images, table->matrix(features));
    const std::int64_t rows = table->rows();
    data::Tensor out(data::DType::kF64, {rows * kBlocks, pixels});
    const auto from = images.span<double>();
    double* to = out.mutable_span<double>().data();
    std::copy(from.begin(), from.end(), to);
    for (const Shift& shift : kShifts) {
      HEADRACE_TRY(context.check_stop());
      to += rows * pixels;
      for (std::int64_t row = 0; row < rows; ++row) move(from.data() + row * pixels, to + row * pixels, height, width, shift);
    }
    std::vector<std::string> names;
    for (const int column : features) names.push_back(table->columns()[static_cast<std::size_t>(column)].name);
    const std::vector<TablePointer> copies(kBlocks, table);
    HEADRACE_ASSIGN(const TablePointer carried, data::Table::stack(copies));
    return carried->with_features(out, names);
  }
};

HEADRACE_OPERATOR(NudgeImages, transform_row("nudge_images",
                                             "Makes five images of each: itself, and moved by one pixel up, left, right and down. "
                                             "scikit-learn: nudge_dataset of plot_rbm_logistic_classification.",
                                             {config::integer("height", 8, "rows of an image").at_least(1).at_most(10'000).in("pixels"),
                                              config::integer("width", 8, "columns of an image").at_least(1).at_most(10'000).in("pixels")},
                                             /*keeps_rows=*/false));

}  // namespace
}  // namespace headrace::prep
