// SPDX-License-Identifier: Apache-2.0
#include <limits>

#include "learn/categorical.h"

namespace headrace::learn {
namespace {

class OrdinalEncoder final : public CategoryEncoder {
  Result<Block> encode(const exec::Context& context, const std::string& name, const FittedCategories& known,
                       std::span<const std::int64_t> codes) const override {
    constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();
    const double unknown = allows_unknown(context) ? context.real("unknown_value") : kMissing;
    Block block{.columns = {std::vector<double>(codes.size())}, .names = {name}};
    for (std::size_t row = 0; row < codes.size(); ++row) {
      const bool missing = known.missing && codes[row] == known.missing_code();
      block.columns[0][row] = missing ? kMissing : codes[row] < 0 ? unknown : static_cast<double>(codes[row]);
    }
    return block;
  }

  bool allows_unknown(const exec::Context& context) const override { return context.string("handle_unknown") == "use_unknown_value"; }
};

HEADRACE_ESTIMATOR(
    OrdinalEncoder,
    {.name = "ordinal_encoder",
     .doc = "Turns categories into their number in sorted order; a missing value stays missing. scikit-learn: OrdinalEncoder.",
     .options = {config::choice("handle_unknown", "error", {"error", "use_unknown_value"},
                                "a value not seen in the fit is an error, or becomes unknown_value"),
                 config::real("unknown_value", -1.0, "number of values not seen in the fit"),
                 columns_option("all text and category columns")},
     .fits = true,
     .refuses_missing = false,
     .numeric_only = false});

}  // namespace
}  // namespace headrace::learn
