// SPDX-License-Identifier: Apache-2.0
#include "learn/booster.h"

#include <xgboost/c_api.h>

#include <algorithm>
#include <cmath>
#include <utility>

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

Result<Booster> Booster::load(std::string_view bytes, std::int64_t width, std::int64_t outputs, int threads) {
  keep_quiet();
  BoosterHandle handle = nullptr;
  if (XGBoosterCreate(nullptr, 0, &handle) != 0) return last_error(Code::kTaskFailed, "making a model");
  Booster booster;
  booster.handle_ = own_booster(handle);
  booster.outputs_ = outputs;
  if (XGBoosterLoadModelFromBuffer(handle, bytes.data(), bytes.size()) != 0) return last_error(Code::kDamaged, "loading a model");
  bst_ulong features = 0;
  if (XGBoosterGetNumFeature(handle, &features) != 0 || static_cast<std::int64_t>(features) != width) {
    return Error(Code::kDamaged, cat("a tree model was made for another number of features: ", features, " where ", width, " belong"));
  }
  if (XGBoosterSetParam(handle, "nthread", cat(threads).c_str()) != 0) return last_error(Code::kTaskFailed, "setting nthread");
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

Result<std::string> Booster::save() const {
  bst_ulong size = 0;
  const char* bytes = nullptr;
  if (XGBoosterSaveModelToBuffer(handle_.get(), "{\"format\": \"ubj\"}", &size, &bytes) != 0) {
    return last_error(Code::kTaskFailed, "saving a model");
  }
  return std::string(bytes, size);
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
