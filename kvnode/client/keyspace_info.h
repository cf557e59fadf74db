// SPDX-License-Identifier: Apache-2.0
//
// What a keyspace is, as clients and nodes speak of it: the vocabulary of the cluster map
// (kvnode/placement/keyspace.h), and what may be made of it here and now.
#ifndef METARING_KVNODE_CLIENT_KEYSPACE_INFO_H_
#define METARING_KVNODE_CLIENT_KEYSPACE_INFO_H_

#include <string>

#include "kvnode/base/result.h"
#include "kvnode/placement/keyspace.h"

namespace metaring::client {

using placement::Compression;
using placement::KeyspaceInfo;
using placement::KeyspaceOptions;
using placement::kReplicasMax;
using placement::Mode;
using placement::Placement;
using placement::ValidateKeyspaceName;
using placement::WriteAck;

// Of a keyspace of files: the entries of one directory are together.
inline KeyspaceOptions VolumeKeyspaceOptions() {
  KeyspaceOptions options;
  options.placement = Placement::kParent;
  return options;
}

// As placement::ValidateKeyspaceProperties, with the largest value as the limit of
// compression_bytes_min; kUnsupported for Mode::kEventual, which no node serves yet.
Status ValidateKeyspaceOptions(const KeyspaceOptions& options);

}  // namespace metaring::client

#endif  // METARING_KVNODE_CLIENT_KEYSPACE_INFO_H_
