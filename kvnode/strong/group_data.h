// SPDX-License-Identifier: Apache-2.0
//
// The data of one group in the store: all keys of its slot in the keyspaces that it has had (the
// scopes of state/layout.h, with outcome tables, chunks and uploads).
#ifndef METARING_KVNODE_STRONG_GROUP_DATA_H_
#define METARING_KVNODE_STRONG_GROUP_DATA_H_

#include <cstdint>
#include <vector>

#include "kvnode/base/bytes.h"
#include "kvnode/base/result.h"
#include "kvnode/store/store.h"
#include "kvnode/strong/group_record.h"

namespace metaring::strong {

// What all keys of this scope begin with.
Bytes ScopePrefix(GroupId group, KeyspaceId keyspace);

// Deletes keys of the group's data until they have `bytes_max` bytes. True: there is none left, and
// what the store knows of its keyspaces and its configuration is gone too.
Result<bool> EraseSome(store::Txn& txn, GroupId group, uint64_t bytes_max);

}  // namespace metaring::strong

#endif  // METARING_KVNODE_STRONG_GROUP_DATA_H_
