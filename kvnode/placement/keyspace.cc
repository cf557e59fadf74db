// SPDX-License-Identifier: Apache-2.0
#include "kvnode/placement/keyspace.h"

#include <fmt/format.h>

#include "kvnode/base/bytes.h"

namespace metaring::placement {
namespace {

constexpr size_t kNameBytesMax = 64;
constexpr char kNameCharacters[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

template <typename Enum>
Status OneOf(const char* property, Enum value, Enum first, Enum second) {
  if (value == first || value == second) return {};
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("keyspace.{}: there is no value {}", property, unsigned(value)));
}

}  // namespace

Status ValidateKeyspaceName(const std::string& name) {
  const bool allowed = name.find_first_not_of(kNameCharacters) == std::string::npos;
  if (!name.empty() && name.size() <= kNameBytesMax && allowed && name[0] != '.') return {};
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("keyspace name \"{}\" must be 1 to {} of a-z A-Z 0-9 . _ - and not start "
                          "with a dot",
                          Escaped(name), kNameBytesMax));
}

Status ValidateKeyspaceProperties(const KeyspaceOptions& options) {
  RETURN_IF_ERROR(OneOf("mode", options.mode, Mode::kStrong, Mode::kEventual));
  RETURN_IF_ERROR(OneOf("write_ack", options.write_ack, WriteAck::kMajority, WriteAck::kAllInSync));
  RETURN_IF_ERROR(OneOf("placement", options.placement, Placement::kKey, Placement::kParent));
  RETURN_IF_ERROR(OneOf("conflict", options.conflict, Conflict::kLww, Conflict::kSiblings));
  RETURN_IF_ERROR(
      OneOf("compression", options.compression, Compression::kNone, Compression::kZstd));
  if (options.replicas < 1 || options.replicas > kReplicasMax) {
    return Fail(
        ErrorCode::kInvalidArgument,
        fmt::format("keyspace.replicas is {}; it must be 1 to {}", options.replicas, kReplicasMax));
  }
  if (options.mode == Mode::kStrong && options.conflict != Conflict::kLww) {
    return Fail(ErrorCode::kInvalidArgument, "keyspace.conflict is only for mode eventual");
  }
  return {};
}

}  // namespace metaring::placement
