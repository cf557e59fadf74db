// SPDX-License-Identifier: Apache-2.0
#include "kvnode/client/keyspace_info.h"

#include <fmt/format.h>

#include "kvnode/base/bytes.h"
#include "kvnode/state/command.h"

namespace metaring::client {
namespace {

constexpr size_t kNameBytesMax = 64;
constexpr char kNameCharacters[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

template <typename Enum>
bool IsOneOf(Enum value, Enum first, Enum second) {
  return value == first || value == second;
}

Status Unknown(const char* property, unsigned value) {
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("keyspace.{}: there is no value {}", property, value));
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

Status ValidateKeyspaceOptions(const KeyspaceOptions& options) {
  const auto value = [](auto property) { return static_cast<unsigned>(property); };
  if (!IsOneOf(options.mode, Mode::kStrong, Mode::kEventual)) {
    return Unknown("mode", value(options.mode));
  }
  if (!IsOneOf(options.write_ack, WriteAck::kMajority, WriteAck::kAllInSync)) {
    return Unknown("write_ack", value(options.write_ack));
  }
  if (!IsOneOf(options.placement, Placement::kKey, Placement::kParent)) {
    return Unknown("placement", value(options.placement));
  }
  if (!IsOneOf(options.compression, Compression::kNone, Compression::kZstd)) {
    return Unknown("compression", value(options.compression));
  }
  if (options.replicas < 1 || options.replicas > kReplicasMax) {
    return Fail(
        ErrorCode::kInvalidArgument,
        fmt::format("keyspace.replicas is {}; it must be 1 to {}", options.replicas, kReplicasMax));
  }
  if (options.compression_bytes_min > state::kValueBytesMax) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("keyspace.compression_bytes_min is {}; the limit is {}",
                            options.compression_bytes_min, state::kValueBytesMax));
  }
  if (options.mode == Mode::kEventual) {
    return Fail(ErrorCode::kUnsupported,
                "keyspaces of mode eventual are not served yet: use mode strong");
  }
  return {};
}

}  // namespace metaring::client
