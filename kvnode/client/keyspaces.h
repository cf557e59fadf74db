// SPDX-License-Identifier: Apache-2.0
//
// The catalog of keyspaces: records of keyspace 0, which is nobody else's.
//
//   key "keyspace/" name : format(u8 = 1) id(varint) compression(u8) compression_bytes_min(varint)
//   key "next_id"        : the next id, i64 little-endian (kAdd)
//   key "dropped/" id    : (decimal) a keyspace that has lost its name and is being emptied
#ifndef METARING_KVNODE_CLIENT_KEYSPACES_H_
#define METARING_KVNODE_CLIENT_KEYSPACES_H_

#include "kvnode/base/ids.h"
#include "kvnode/client/embedded.h"

namespace metaring::client {

struct Keyspace {
  KeyspaceId id;
  KeyspaceInfo info;
};

// kInvalidArgument, naming the limit.
Status ValidateKeyspaceName(const std::string& name);

// `system` is keyspace 0.
Status CreateKeyspace(Kv& system, const std::string& name, const KeyspaceOptions& options);
Result<Keyspace> FindKeyspace(Kv& system, const std::string& name);  // kNotFound
Result<std::vector<KeyspaceInfo>> ListKeyspaces(Kv& system);

// Takes the name away; what is in the keyspace is still to be erased. kNotFound.
Status UnnameKeyspace(Kv& system, const std::string& name);
// Those without a name, and the end of one, when it is empty.
Result<std::vector<KeyspaceId>> ListUnnamed(Kv& system);
Status ForgetUnnamed(Kv& system, KeyspaceId id);

}  // namespace metaring::client

#endif  // METARING_KVNODE_CLIENT_KEYSPACES_H_
