// SPDX-License-Identifier: Apache-2.0
//
// What tests of wire structs have in common: numbers that no enum has, and why a struct is refused.
#ifndef METARING_TESTS_UNIT_CLIENT_WIRE_OUTCOME_H_
#define METARING_TESTS_UNIT_CLIENT_WIRE_OUTCOME_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <string>

#include "kvnode/base/result.h"

namespace metaring::client {

// What Thrift makes of a number that its enum does not have.
template <typename Enum>
Enum Unknown(int32_t number) {
  Enum value;
  std::memcpy(&value, &number, sizeof(value));
  return value;
}

// Of what must be refused as kInvalidArgument.
template <typename T>
std::string MessageOf(const Result<T>& result) {
  EXPECT_FALSE(result);
  if (result) return "";
  EXPECT_EQ(result.error().code, ErrorCode::kInvalidArgument);
  return result.error().message;
}

}  // namespace metaring::client

#endif  // METARING_TESTS_UNIT_CLIENT_WIRE_OUTCOME_H_
