// SPDX-License-Identifier: Apache-2.0
// Makes all_kinds.hro and all_kinds_unsummed.hro in the current folder, which tests/test_objects.py reads. Run it again when the encoding
// changes: g++ -std=c++20 -Iinclude python/tests/data/all_kinds.cc -L build/release/lib -lheadrace_data -lheadrace_config -lheadrace_base
#include <fstream>

#include "headrace/data/object.h"

int main() {
  using namespace headrace;
  using namespace headrace::data;
  const double values[] = {1, 2, 3};
  TensorSet tensors;
  tensors.set("w", Tensor::of<double>({3}, values));
  tensors.set("none", Tensor(DType::kBF16, {0, 4}));
  Model part;
  part.op = "part";
  part.meta = config::Value(config::Map{});
  Model model;
  model.op = "python";
  model.version = 3;
  model.meta.set("k", config::Value(config::List{config::Value(1), config::Value(), config::Value(2.5), config::Value("\xc3\xbc\"\\\n")}));
  model.tensors = tensors;
  model.blobs = {{"b\x01", std::string("\0\1\2", 3)}};
  model.parts = {std::make_shared<const Model>(part)};
  Metrics scores;
  scores.values = {{"accuracy", 0.5}};
  scores.rows = 4;
  scores.classes = {"a"};
  scores.confusion = {4};
  const Object all = Object::tuple({Object::bytes(""), Object(model), Object(scores), Object::tuple({Object(tensors)})});
  std::ofstream("all_kinds.hro", std::ios::binary) << encode(all).value();
  std::ofstream unsummed("all_kinds_unsummed.hro", std::ios::binary);
  const Status written = Encoding::of(all).value().write([&](std::string_view piece) {
    unsummed << piece;
    return Status();
  });
  return written.ok() ? 0 : 1;
}
