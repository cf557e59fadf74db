// SPDX-License-Identifier: Apache-2.0
#include "kvnode/client/keyspace_info.h"

#include <fmt/format.h>

#include "kvnode/state/command.h"

namespace metaring::client {

Status ValidateKeyspaceOptions(const KeyspaceOptions& options) {
  RETURN_IF_ERROR(placement::ValidateKeyspaceProperties(options));
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
