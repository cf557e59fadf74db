// SPDX-License-Identifier: Apache-2.0
//
// The catalog of keyspaces: records of keyspace 0, which is nobody else's.
//
//   key "keyspace/" name : format(u8 = 2) id(varint) mode(u8) replicas(u8) write_ack(u8)
//                          placement(u8) compression(u8) compression_bytes_min(varint)
//                          or, from before there was more, with the defaults for the rest:
//                          format(u8 = 1) id(varint) compression(u8) compression_bytes_min(varint)
//   key "next_id"        : the next id, i64 little-endian (kAdd)
//   key "dropped/" id    : (decimal) a keyspace that has lost its name and is being emptied
//
// Example, keyspace 5 with all defaults: 02 05 01 03 01 01 00 80 04
#ifndef METARING_KVNODE_CLIENT_KEYSPACES_H_
#define METARING_KVNODE_CLIENT_KEYSPACES_H_

#include <vector>

#include "kvnode/client/keyspace_info.h"
#include "kvnode/client/kv.h"

namespace metaring::client {

// `system` is keyspace 0. Errors of both Validate functions, kExists, kConflict.
Result<KeyspaceInfo> CreateKeyspace(Kv& system, const std::string& name,
                                    const KeyspaceOptions& options);
Result<KeyspaceInfo> FindKeyspace(Kv& system, const std::string& name);  // kNotFound
Result<std::vector<KeyspaceInfo>> ListKeyspaces(Kv& system);

// Takes the name away; what is in the keyspace is still to be erased. kNotFound.
Status UnnameKeyspace(Kv& system, const std::string& name);
// Those without a name, and the end of one, when it is empty.
Result<std::vector<KeyspaceId>> ListUnnamed(Kv& system);
Status ForgetUnnamed(Kv& system, KeyspaceId id);

}  // namespace metaring::client

#endif  // METARING_KVNODE_CLIENT_KEYSPACES_H_
