// SPDX-License-Identifier: Apache-2.0
//
// What a cluster says of itself and who may do what in it: the names and meanings are those of the
// IDL (thrift/kv.thrift: Grant, HealthCheckReply). The cluster map is placement's.
#ifndef METARING_KVNODE_CLIENT_CLUSTER_INFO_H_
#define METARING_KVNODE_CLIENT_CLUSTER_INFO_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "kvnode/placement/cluster_map.h"

namespace metaring::client {

using placement::ClusterMap;
using placement::ClusterNode;

// Each level has those before it.
enum class Access : uint8_t { kRead = 1, kWrite = 2, kAdmin = 3 };

struct Grant {
  std::string client;            // the CN of its certificate
  std::string keyspace;          // a name, or "*": every keyspace
  std::optional<Access> access;  // nothing: the grant is taken away
};

enum class Health : uint8_t {
  kOk = 1,
  kReadOnly = 2,  // reads and deletes go on: the store is full
  kDraining = 3,  // it is about to stop
};

struct HealthReport {
  Health health = Health::kOk;
  std::string message;  // for a person; empty: nothing to say
  std::chrono::seconds uptime{0};
  std::vector<std::string> warnings{};  // what is well and will not stay so, a sentence each
};

}  // namespace metaring::client

#endif  // METARING_KVNODE_CLIENT_CLUSTER_INFO_H_
