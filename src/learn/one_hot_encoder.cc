// SPDX-License-Identifier: Apache-2.0
#include "headrace/base/text.h"
#include "learn/categorical.h"

namespace headrace::learn {
namespace {

class OneHotEncoder final : public CategoryEncoder {
  Result<Block> encode(const exec::Context& context, const std::string& name, const FittedCategories& known,
                       std::span<const std::int64_t> codes) const override {
    constexpr std::int64_t kCategoriesMax = 10'000;
    if (known.count() > kCategoriesMax) {
      return Error(Code::kTooLarge, cat("a column has too many categories to become one column each: '", name, "' has ", known.count(),
                                        ", the bound is ", kCategoriesMax), "use ordinal_encoder, or leave the column out");
    }
    const std::string& drop = context.string("drop");
    const std::int64_t first = drop == "first" || (drop == "if_binary" && known.count() == 2) ? 1 : 0;
    Block block;
    for (std::int64_t category = first; category < known.count(); ++category) {
      const bool missing = category == known.missing_code();
      block.names.push_back(cat(name, "_", missing ? std::string("missing") : known.names[static_cast<std::size_t>(category)]));
      block.columns.emplace_back(codes.size(), 0.0);
    }
    for (std::size_t row = 0; row < codes.size(); ++row) {
      if (codes[row] >= first) block.columns[static_cast<std::size_t>(codes[row] - first)][row] = 1.0;
    }
    return block;
  }

  bool allows_unknown(const exec::Context& context) const override { return context.string("handle_unknown") == "ignore"; }
};

HEADRACE_ESTIMATOR(
    OneHotEncoder,
    {.name = "one_hot_encoder",
     .doc = "Turns each category into a column of 0 and 1, in the place of its source; a missing value is a category of its own. "
            "scikit-learn: OneHotEncoder (dense).",
     .options = {config::choice("handle_unknown", "error", {"error", "ignore"},
                                "a value not seen in the fit is an error, or gives zeros only"),
                 config::choice("drop", "none", {"none", "first", "if_binary"},
                                "leave out the first category of each column, or of columns with two"),
                 columns_option("all text and category columns")},
     .fits = true,
     .refuses_missing = false,
     .numeric_only = false});

}  // namespace
}  // namespace headrace::learn
