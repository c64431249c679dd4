// SPDX-License-Identifier: Apache-2.0
#pragma once
// Principal axes of a matrix: the shared part of PCA and truncated SVD.

#include <cstdint>
#include <span>

#include <ATen/core/Tensor.h>

namespace headrace::learn::detail {

/// Right singular vectors of a matrix and its singular values, largest first.
struct PrincipalAxes {
  at::Tensor axes;     ///< [k, d], orthonormal rows; each row's entry of largest size is positive, so signs do not depend on the solver
  at::Tensor values;   ///< [k], singular values, >= 0
};

/// All min(n, d) axes of `x` [n, d] f64. With n >= d from the eigenvectors of x'x (cost n d^2 + d^3; directions whose singular value
/// is below 1e-8 of the largest are noise), else from the singular value decomposition of x.
PrincipalAxes principal_axes(const at::Tensor& x);

}  // namespace headrace::learn::detail
