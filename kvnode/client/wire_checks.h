// SPDX-License-Identifier: Apache-2.0
//
// How wire.cc and wire_admin.cc look at what came from outside. For the sources of this folder.
#ifndef METARING_KVNODE_CLIENT_WIRE_CHECKS_H_
#define METARING_KVNODE_CLIENT_WIRE_CHECKS_H_

#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>

#include "kvnode/base/result.h"

namespace metaring::client {

// An enum of Thrift holds whatever number came; as an enum it must not be looked at before.
template <typename Enum>
int32_t NumberOf(const Enum& value) {
  static_assert(sizeof(Enum) == sizeof(int32_t));
  int32_t number = 0;
  std::memcpy(&number, &value, sizeof(number));
  return number;
}

inline tl::unexpected<Error> Wrong(const std::string& field, const std::string& what) {
  return Fail(ErrorCode::kInvalidArgument, field + ": " + what);
}

// A number of [first, last] as an enum of ours.
template <typename To, typename From>
Result<To> EnumOf(const std::string& field, const From& from, To first, To last) {
  const int32_t number = NumberOf(from);
  if (number < static_cast<int32_t>(first) || number > static_cast<int32_t>(last)) {
    return Wrong(field, "unknown value " + std::to_string(number));
  }
  return static_cast<To>(number);
}

template <typename Number>
Result<std::make_unsigned_t<Number>> Unsigned(const std::string& field, Number value) {
  if (value < 0) return Wrong(field, "negative");
  return static_cast<std::make_unsigned_t<Number>>(value);
}

}  // namespace metaring::client

#endif  // METARING_KVNODE_CLIENT_WIRE_CHECKS_H_
