// SPDX-License-Identifier: Apache-2.0
//
// As wire.h, for keyspaces, grants, and what nodes say of themselves.
#ifndef METARING_KVNODE_CLIENT_WIRE_ADMIN_H_
#define METARING_KVNODE_CLIENT_WIRE_ADMIN_H_

#include <kv_types.h>

#include "kvnode/base/result.h"
#include "kvnode/client/cluster_info.h"
#include "kvnode/client/keyspace_info.h"

namespace metaring::client {

wire::Keyspace ToWire(KeyspaceInfo info);
// What is absent has the default of KeyspaceOptions; the name must be there. Limits are
// ValidateKeyspaceOptions' to check.
Result<KeyspaceInfo> FromWire(wire::Keyspace&& from);

wire::Grant ToWire(Grant grant);
// Client and keyspace must be there.
Result<Grant> FromWire(wire::Grant&& from);

wire::HealthCheckReply ToWire(const HealthReport& report);
Result<HealthReport> FromWire(wire::HealthCheckReply&& from);

// Of a map what the IDL has: no tokens, no keyspaces, of nodes what clients need.
wire::ClusterMapReply ToWire(const ClusterMap& map);
Result<ClusterMap> FromWire(wire::ClusterMapReply&& from);

}  // namespace metaring::client

#endif  // METARING_KVNODE_CLIENT_WIRE_ADMIN_H_
