// SPDX-License-Identifier: Apache-2.0
#include "learn/booster.h"

#include <xgboost/c_api.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "headrace/base/text.h"

namespace headrace::learn::detail {
namespace {

// XGBoost's text is "[time] file:line: Check failed: condition: what" and a stack trace; people need `what`.
Error last_error(Code code, std::string_view doing) {
  std::string_view text = XGBGetLastError();
  text = text.substr(0, text.find('\n'));
  if (const auto bracket = text.find("] "); text.starts_with('[') && bracket != text.npos) text.remove_prefix(bracket + 2);
  if (const auto place = text.find(": "); place != text.npos && text.find(".cc:") < place) text.remove_prefix(place + 2);
  return Error(code, cat("XGBoost failed: ", doing, ": ", trim(text)));
}

// The verbosity is a setting of the calling thread.
void keep_quiet() { static_cast<void>(XGBSetGlobalConfig("{\"verbosity\": 0}")); }

std::shared_ptr<void> own_booster(BoosterHandle handle) {
  return {handle, [](void* booster) { static_cast<void>(XGBoosterFree(booster)); }};
}

// One tree as XGBoost numbers its nodes; nodes that pruning cut off are still there.
struct SavedTree {
  std::map<std::string, std::vector<double>, std::less<>> arrays;   // int32 and float32 are exact in double

  const std::vector<double>& array(std::string_view name) const {
    static const std::vector<double> none;
    const auto found = arrays.find(name);
    return found == arrays.end() ? none : found->second;
  }
};

// Takes the trees out of XGBoost's saved model as it streams by: {"learner": {"gradient_booster": {"model": {"trees": [{"left_children":
// [...], "right_children": [...], "split_indices": [...], "split_conditions": [...], "default_left": [...]}, ...], "tree_info": [...]}}}}.
// A leaf has no children and holds its value as its condition.
class SavedTrees {
 public:
  using number_integer_t = nlohmann::json::number_integer_t;
  using number_unsigned_t = nlohmann::json::number_unsigned_t;
  using number_float_t = nlohmann::json::number_float_t;
  using string_t = nlohmann::json::string_t;
  using binary_t = nlohmann::json::binary_t;

  bool null() { return true; }
  bool boolean(bool value) { return number(value ? 1.0 : 0.0); }
  bool number_integer(number_integer_t value) { return number(static_cast<double>(value)); }
  bool number_unsigned(number_unsigned_t value) { return number(static_cast<double>(value)); }
  bool number_float(number_float_t value, const string_t&) { return number(value); }
  bool string(string_t&) { return true; }
  bool binary(binary_t&) { return true; }
  bool key(string_t& name) {
    if (name == "trees") in_trees_ = true;
    if (name == "tree_info") in_trees_ = false;
    key_ = name;
    return true;
  }
  bool start_object(std::size_t) {
    if (in_trees_ && ++depth_ == 1) trees_.emplace_back();
    return true;
  }
  bool end_object() {
    if (in_trees_ && --depth_ < 0) in_trees_ = false;
    return true;
  }
  bool start_array(std::size_t) { return true; }
  bool end_array() { return true; }
  bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception&) { return false; }

  Result<Trees> take() const {
    Trees trees;
    for (std::size_t i = 0; i < trees_.size(); ++i) {
      if (i >= outputs_.size() || !append(trees_[i], trees))
        return Error(Code::kTaskFailed, "XGBoost failed: its model has another form than 1.7's");
      trees.start.push_back(static_cast<std::int64_t>(trees.left.size()));
      trees.output.push_back(static_cast<std::int32_t>(outputs_[i]));
    }
    return trees;
  }

 private:
  bool number(double value) {
    if (in_trees_ && depth_ == 1) trees_.back().arrays[key_].push_back(value);
    if (key_ == "tree_info") outputs_.push_back(value);
    return true;
  }

  // Renumbers breadth first from the root, so that children follow their parents and each other.
  static bool append(const SavedTree& saved, Trees& trees) {
    const auto& left = saved.array("left_children");
    const auto& right = saved.array("right_children");
    const auto& feature = saved.array("split_indices");
    const auto& value = saved.array("split_conditions");
    const auto& missing_left = saved.array("default_left");
    const std::size_t count = left.size();
    if (count == 0 || right.size() != count || feature.size() != count || value.size() != count || missing_left.size() != count)
      return false;
    std::vector<std::size_t> order = {0};
    for (std::size_t next = 0; next < order.size(); ++next) {
      const std::size_t node = order[next];
      const bool leaf = left[node] < 0.0;
      trees.left.push_back(leaf ? 0 : static_cast<std::int32_t>(order.size()));
      trees.feature.push_back(leaf ? 0 : static_cast<std::int32_t>(feature[node]));
      trees.value.push_back(static_cast<float>(value[node]));
      trees.missing_left.push_back(!leaf && missing_left[node] != 0.0 ? 1 : 0);
      if (leaf) continue;
      for (const double child : {left[node], right[node]}) {
        if (!(child > 0.0 && child < static_cast<double>(count)) || order.size() >= count) return false;
        order.push_back(static_cast<std::size_t>(child));
      }
    }
    return true;
  }

  std::vector<SavedTree> trees_;
  std::vector<double> outputs_;
  std::string key_;
  bool in_trees_ = false;
  int depth_ = 0;   // objects open inside "trees"
};

}  // namespace

Result<BoosterMatrix> BoosterMatrix::make(const double* values, std::int64_t rows, std::int64_t width, int threads) {
  keep_quiet();
  const std::string array = cat("{\"data\": [", reinterpret_cast<std::uintptr_t>(values), ", true], \"shape\": [", rows, ", ", width,
                                "], \"typestr\": \"<f8\", \"version\": 3}");
  const std::string config = cat("{\"missing\": NaN, \"nthread\": ", threads, "}");
  DMatrixHandle handle = nullptr;
  if (XGDMatrixCreateFromDense(array.c_str(), config.c_str(), &handle) != 0) {
    Error error = last_error(Code::kTaskFailed, "reading the features");
    error.advice = "trees hold features in 32 bits: scale values beyond 1e38";
    return error;
  }
  BoosterMatrix matrix;
  matrix.handle_ = {handle, [](void* owned) { static_cast<void>(XGDMatrixFree(owned)); }};
  matrix.rows_ = rows;
  return matrix;
}

Result<Booster> Booster::make(const BoosterMatrix& matrix, std::int64_t outputs, int threads, const BoosterOptions& options) {
  keep_quiet();
  DMatrixHandle handles[] = {matrix.handle()};
  BoosterHandle handle = nullptr;
  if (XGBoosterCreate(handles, 1, &handle) != 0) return last_error(Code::kTaskFailed, "making a model");
  Booster booster;
  booster.handle_ = own_booster(handle);
  booster.outputs_ = outputs;
  // The objective only tells XGBoost how many scores a row has: gradients come from us, scores go out as they are.
  BoosterOptions all = {{"objective", outputs == 1 ? "reg:squarederror" : "multi:softprob"},
                        {"base_score", "0"},
                        {"nthread", cat(threads)},
                        {"verbosity", "0"},
                        {"disable_default_eval_metric", "1"}};
  if (outputs > 1) all.emplace_back("num_class", cat(outputs));
  all.insert(all.end(), options.begin(), options.end());
  for (const auto& [name, value] : all) {
    if (XGBoosterSetParam(handle, name.c_str(), value.c_str()) != 0) return last_error(Code::kTaskFailed, cat("setting ", name));
  }
  return booster;
}

Status Booster::grow(const BoosterMatrix& matrix, std::span<const float> gradients, std::span<const float> curvatures) {
  HEADRACE_CHECK(gradients.size() == curvatures.size(), "gradients and curvatures differ in length");
  HEADRACE_CHECK(static_cast<std::int64_t>(gradients.size()) == matrix.rows() * outputs_, "gradients do not fill rows x outputs");
  keep_quiet();
  // The call takes mutable pointers and copies from them.
  if (XGBoosterBoostOneIter(handle_.get(), matrix.handle(), const_cast<float*>(gradients.data()), const_cast<float*>(curvatures.data()),
                            gradients.size()) != 0) {
    return last_error(Code::kTaskFailed, "growing trees");
  }
  return {};
}

Result<std::vector<float>> Booster::scores(const BoosterMatrix& matrix) const {
  keep_quiet();
  constexpr const char* kMargins =
      "{\"type\": 1, \"training\": false, \"iteration_begin\": 0, \"iteration_end\": 0, \"strict_shape\": true}";
  const bst_ulong* shape = nullptr;
  bst_ulong rank = 0;
  const float* values = nullptr;
  if (XGBoosterPredictFromDMatrix(handle_.get(), matrix.handle(), kMargins, &shape, &rank, &values) != 0) {
    return last_error(Code::kTaskFailed, "predicting");
  }
  bst_ulong count = 1;
  for (bst_ulong axis = 0; axis < rank; ++axis) count *= shape[axis];
  if (static_cast<std::int64_t>(count) != matrix.rows() * outputs_) {
    return Error(Code::kDamaged, cat("a tree model gives another number of scores: ", count, " for ", matrix.rows(), " rows"));
  }
  return std::vector<float>(values, values + count);
}

Result<Trees> Booster::trees() const {
  bst_ulong size = 0;
  const char* bytes = nullptr;
  if (XGBoosterSaveModelToBuffer(handle_.get(), "{\"format\": \"ubj\"}", &size, &bytes) != 0) {
    return last_error(Code::kTaskFailed, "giving the trees away");
  }
  SavedTrees saved;
  if (!nlohmann::json::sax_parse(bytes, bytes + size, &saved, nlohmann::json::input_format_t::ubjson)) {
    return Error(Code::kTaskFailed, "XGBoost failed: its model does not read as UBJSON");
  }
  return saved.take();
}

void quantize(std::span<float> values) {
  float largest = 0.0F;
  for (const float value : values) largest = std::max(largest, std::abs(value));
  if (!(largest > 0.0F) || !std::isfinite(largest)) return;
  int exponent = 0;
  std::frexp(largest, &exponent);  // largest < 2^exponent
  const int shift = 24 - exponent;
  for (float& value : values) value = static_cast<float>(std::ldexp(std::nearbyint(std::ldexp(static_cast<double>(value), shift)), -shift));
}

}  // namespace headrace::learn::detail
