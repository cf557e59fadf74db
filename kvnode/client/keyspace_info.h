// SPDX-License-Identifier: Apache-2.0
//
// What a keyspace is: its name, its id and the properties that it was made with. The names and
// meanings are those of the IDL (thrift/kv.thrift, Keyspace).
#ifndef METARING_KVNODE_CLIENT_KEYSPACE_INFO_H_
#define METARING_KVNODE_CLIENT_KEYSPACE_INFO_H_

#include <cstdint>
#include <string>

#include "kvnode/base/ids.h"
#include "kvnode/base/result.h"

namespace metaring::client {

enum class Mode : uint8_t { kStrong = 1, kEventual = 2 };
enum class WriteAck : uint8_t { kMajority = 1, kAllInSync = 2 };
enum class Placement : uint8_t {
  kKey = 1,     // the whole key is hashed
  kParent = 2,  // the key up to and with its last '/'
};
enum class Compression : uint8_t { kNone = 0, kZstd = 1 };

inline constexpr uint32_t kReplicasMax = 9;

// Who opens a keyspace may trust these: they were validated before they were stored.
struct KeyspaceOptions {
  Mode mode = Mode::kStrong;  // fixed at creation, as are placement and compression
  uint32_t replicas = 3;      // wanted, 1 to kReplicasMax; effective: no more than there are nodes
  WriteAck write_ack = WriteAck::kMajority;
  Placement placement = Placement::kKey;
  Compression compression = Compression::kNone;
  uint32_t compression_bytes_min = 512;  // smaller values are stored as they are
};

struct KeyspaceInfo {
  std::string name;  // 1 to 64 of a-z A-Z 0-9 . _ -, not starting with a dot
  KeyspaceId id;     // never used again, also not by one of the same name
  KeyspaceOptions options;
};

// Of a keyspace of files: the entries of one directory are together.
inline KeyspaceOptions VolumeKeyspaceOptions() {
  KeyspaceOptions options;
  options.placement = Placement::kParent;
  return options;
}

// kInvalidArgument, naming the property and its limit.
Status ValidateKeyspaceName(const std::string& name);
// The same; kUnsupported for Mode::kEventual, which no node serves yet.
Status ValidateKeyspaceOptions(const KeyspaceOptions& options);

}  // namespace metaring::client

#endif  // METARING_KVNODE_CLIENT_KEYSPACE_INFO_H_
