// SPDX-License-Identifier: Apache-2.0
//
// What a keyspace is: its name, its id and the properties that it was made with. The names and
// meanings are those of the IDL (thrift/kv.thrift, Keyspace). It stands here, below everything that
// serves or uses keyspaces, because they are a part of the cluster map.
#ifndef METARING_KVNODE_PLACEMENT_KEYSPACE_H_
#define METARING_KVNODE_PLACEMENT_KEYSPACE_H_

#include <cstdint>
#include <string>

#include "kvnode/base/ids.h"
#include "kvnode/base/result.h"

namespace metaring::placement {

enum class Mode : uint8_t { kStrong = 1, kEventual = 2 };
enum class WriteAck : uint8_t { kMajority = 1, kAllInSync = 2 };
enum class Placement : uint8_t {
  kKey = 1,     // the whole key is hashed
  kParent = 2,  // the key up to and with its last '/'
};
enum class Conflict : uint8_t { kLww = 1, kSiblings = 2 };
enum class Compression : uint8_t { kNone = 0, kZstd = 1 };

inline constexpr uint32_t kReplicasMax = 9;

// Who opens a keyspace may trust these: they were validated before they were stored.
struct KeyspaceOptions {
  Mode mode = Mode::kStrong;  // fixed at creation, as are placement, conflict and compression
  uint32_t replicas = 3;      // wanted, 1 to kReplicasMax; effective: no more than there are nodes
  WriteAck write_ack = WriteAck::kMajority;
  Placement placement = Placement::kKey;
  Conflict conflict = Conflict::kLww;  // of mode eventual; mode strong has only the default
  Compression compression = Compression::kNone;
  uint32_t compression_bytes_min = 512;  // smaller values are stored as they are
};

struct KeyspaceInfo {
  std::string name;  // 1 to 64 of a-z A-Z 0-9 . _ -, not starting with a dot
  KeyspaceId id;     // never used again, also not by one of the same name
  KeyspaceOptions options;
};

// kInvalidArgument, naming the property and its limit.
Status ValidateKeyspaceName(const std::string& name);
// The same. That compression_bytes_min is no larger than a value can be is for whoever knows
// values.
Status ValidateKeyspaceProperties(const KeyspaceOptions& options);

}  // namespace metaring::placement

#endif  // METARING_KVNODE_PLACEMENT_KEYSPACE_H_
