// SPDX-License-Identifier: Apache-2.0
//
// The one assertion that every test of an operation needs: that it failed, and with which code.
#ifndef METARING_TESTS_UNIT_FUSEFS_OPS_EXPECT_H_
#define METARING_TESTS_UNIT_FUSEFS_OPS_EXPECT_H_

#include <gtest/gtest.h>

#include "kvnode/base/result.h"

namespace metaring::fusefs {

// "ok", or the code's name.
template <typename T>
std::string CodeOf(const Result<T>& result) {
  return result ? "ok" : std::string(ErrorCodeName(result.error().code));
}

}  // namespace metaring::fusefs

#define EXPECT_CODE(expr, code) \
  EXPECT_EQ(::metaring::fusefs::CodeOf(expr), ::metaring::ErrorCodeName(code))
#define EXPECT_OK(expr) EXPECT_EQ(::metaring::fusefs::CodeOf(expr), "ok")
#define ASSERT_OK(expr) ASSERT_EQ(::metaring::fusefs::CodeOf(expr), "ok")

#endif  // METARING_TESTS_UNIT_FUSEFS_OPS_EXPECT_H_
