// SPDX-License-Identifier: Apache-2.0
//
// Result<T> (outcome.h), with what makes it short to write inside the project.
#ifndef METARING_KVNODE_BASE_RESULT_H_
#define METARING_KVNODE_BASE_RESULT_H_

#include <string_view>
#include <utility>

#include "kvnode/base/outcome.h"

namespace metaring {

// The error of a failed system call: kNoSpace for ENOSPC and EDQUOT, kPermissionDenied for EACCES,
// kNotFound for ENOENT, kExists for EEXIST, otherwise kIo. The message is "WHAT: strerror".
Error ErrnoError(int error_number, std::string_view what);

}  // namespace metaring

#define METARING_CONCAT_INNER(a, b) a##b
#define METARING_CONCAT(a, b) METARING_CONCAT_INNER(a, b)

// Returns the error of a Result or Status expression from the enclosing function.
#define RETURN_IF_ERROR(expr)                              \
  do {                                                     \
    if (auto status_ = (expr); !status_) [[unlikely]]      \
      return ::metaring::Fail(std::move(status_).error()); \
  } while (false)

// ASSIGN_OR_RETURN(auto value, Function()): the value, or return of the error.
#define ASSIGN_OR_RETURN(lhs, expr) \
  ASSIGN_OR_RETURN_IMPL(METARING_CONCAT(result_, __LINE__), lhs, expr)
// NOLINTBEGIN(bugprone-macro-parentheses): `result` is the name of a variable that is declared, and
// `lhs` may declare one too.
#define ASSIGN_OR_RETURN_IMPL(result, lhs, expr)        \
  auto result = (expr);                                 \
  if (!result) [[unlikely]]                             \
    return ::metaring::Fail(std::move(result).error()); \
  lhs = std::move(*result)
// NOLINTEND(bugprone-macro-parentheses)

#endif  // METARING_KVNODE_BASE_RESULT_H_
