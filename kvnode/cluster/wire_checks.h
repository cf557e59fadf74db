// SPDX-License-Identifier: Apache-2.0
//
// Checks: looks at the numbers of a struct that came from outside, and remembers the first that is
// wrong. So a decoder is a list of fields, and asks once. For the sources of this folder.
#ifndef METARING_KVNODE_CLUSTER_WIRE_CHECKS_H_
#define METARING_KVNODE_CLUSTER_WIRE_CHECKS_H_

#include <fmt/format.h>

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "kvnode/base/result.h"

namespace metaring::cluster {

// One caller. After the first wrong value every further check gives zero.
class Checks {
 public:
  // Fields are now those of `list`[index]; empty: of the message itself.
  void At(std::string_view list, size_t index = 0) {
    list_ = list;
    index_ = index;
  }

  // A number of 0 to `max`.
  uint64_t Number(std::string_view field, int64_t value, uint64_t max = INT64_MAX) {
    if (value >= 0 && static_cast<uint64_t>(value) <= max) return static_cast<uint64_t>(value);
    Wrong(field, fmt::format("is {}; it must be 0 to {}", value, max));
    return 0;
  }
  // An id of ours.
  template <typename Id>
  Id IdOf(std::string_view field, int64_t value, uint64_t max = INT64_MAX) {
    return Id(static_cast<typename Id::Integer>(Number(field, value, max)));
  }
  // An enum of Thrift holds whatever number came, so it is never looked at as an enum.
  template <typename To, typename From>
  To Enum(std::string_view field, const From& value, To first, To last) {
    static_assert(std::is_integral_v<From> || sizeof(From) == sizeof(int32_t));
    std::conditional_t<std::is_integral_v<From>, From, int32_t> number = 0;
    std::memcpy(&number, &value, sizeof(number));
    if (number >= static_cast<int>(first) && number <= static_cast<int>(last)) {
      return static_cast<To>(number);
    }
    Wrong(field, fmt::format("there is no value {}", static_cast<int64_t>(number)));
    return first;
  }
  void AtMost(std::string_view field, uint64_t count, uint64_t max) {
    if (count > max) Wrong(field, fmt::format("has {}; the limit is {}", count, max));
  }
  void Equal(std::string_view field, uint64_t count, uint64_t other) {
    if (count != other) Wrong(field, fmt::format("has {}; it must have {}", count, other));
  }
  void Wrong(std::string_view field, std::string_view what) {
    if (error_) return;
    std::string place = list_.empty() ? "" : fmt::format("{}[{}].", list_, index_);
    error_ = Error{ErrorCode::kInvalidArgument, fmt::format("{}{}: {}", place, field, what)};
  }

  bool ok() const { return !error_; }
  Status Take() {
    if (!error_) return {};
    return Fail(*std::exchange(error_, std::nullopt));
  }

 private:
  std::string_view list_;
  size_t index_ = 0;
  std::optional<Error> error_;
};

}  // namespace metaring::cluster

#endif  // METARING_KVNODE_CLUSTER_WIRE_CHECKS_H_
