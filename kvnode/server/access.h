// SPDX-License-Identifier: Apache-2.0
//
// Who may call what: one row for each RPC, and what is not in a row is denied. Mutual TLS says who
// somebody is (kvnode/rpc/identity.h); this says what he may do. An RPC without a row does not
// compile: handlers are registered by `Rpc` (method.h), and the table has as many rows.
//
// Roles: admins may do all that clients may, without a grant; nodes talk to nodes, on the nodes'
// listener alone. Plain text proves nothing: it needs an option that says that whoever can connect
// may do everything, so there a row's listener is all that counts.
#ifndef METARING_KVNODE_SERVER_ACCESS_H_
#define METARING_KVNODE_SERVER_ACCESS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "kvnode/client/cluster_info.h"
#include "kvnode/rpc/identity.h"

namespace metaring::server {

enum class Rpc : uint8_t {
  kHello,
  kGet,
  kMultiGet,
  kScan,
  kPut,
  kDeleteKey,
  kTransact,
  kHealthCheck,
  kClusterMap,
  kStats,
  kKeyspaceCreate,
  kKeyspaceList,
  kKeyspaceDrop,
  kGrantSet,
  kGrantList,
  kIdentify,
  kHeartbeat,
  kDeliver,
};
inline constexpr size_t kRpcCount = static_cast<size_t>(Rpc::kDeliver) + 1;

using client::Access;

enum class Listener : uint8_t { kClients, kNodes };

enum class Right : uint8_t {
  kDenied,
  kAllowed,
  kByGrant,  // to who has `grant` in the keyspace of the request
};

struct AccessRow {
  Rpc rpc;
  std::string_view method;  // its name on the wire
  Listener listener;
  Right client;
  Right admin;
  Right node;
  std::optional<Access> grant = std::nullopt;
  bool is_admin_action = false;  // goes to the audit log, however it ends
};

inline constexpr std::array<AccessRow, kRpcCount> kAccessTable = [] {
  using enum Right;
  constexpr Listener kClients = Listener::kClients;
  constexpr Listener kNodes = Listener::kNodes;
  constexpr bool kAudited = true;
  return std::array<AccessRow, kRpcCount>{{
      // rpc                 method             listener  client    admin     node
      {Rpc::kHello, "hello", kClients, kAllowed, kAllowed, kAllowed},
      {Rpc::kGet, "get", kClients, kByGrant, kAllowed, kDenied, Access::kRead},
      {Rpc::kMultiGet, "multi_get", kClients, kByGrant, kAllowed, kDenied, Access::kRead},
      {Rpc::kScan, "scan", kClients, kByGrant, kAllowed, kDenied, Access::kRead},
      {Rpc::kPut, "put", kClients, kByGrant, kAllowed, kDenied, Access::kWrite},
      {Rpc::kDeleteKey, "delete_key", kClients, kByGrant, kAllowed, kDenied, Access::kWrite},
      {Rpc::kTransact, "transact", kClients, kByGrant, kAllowed, kDenied, Access::kWrite},
      {Rpc::kHealthCheck, "health_check", kClients, kAllowed, kAllowed, kAllowed},
      {Rpc::kClusterMap, "cluster_map", kClients, kAllowed, kAllowed, kAllowed},
      {Rpc::kStats, "stats", kClients, kDenied, kAllowed, kAllowed},
      {Rpc::kKeyspaceCreate, "keyspace_create", kClients, kByGrant, kAllowed, kDenied,
       Access::kAdmin, kAudited},
      // Clients see the keyspaces that they have a grant for.
      {Rpc::kKeyspaceList, "keyspace_list", kClients, kAllowed, kAllowed, kDenied},
      {Rpc::kKeyspaceDrop, "keyspace_drop", kClients, kByGrant, kAllowed, kDenied, Access::kAdmin,
       kAudited},
      {Rpc::kGrantSet, "grant_set", kClients, kDenied, kAllowed, kDenied, std::nullopt, kAudited},
      {Rpc::kGrantList, "grant_list", kClients, kDenied, kAllowed, kDenied},
      {Rpc::kIdentify, "identify", kNodes, kDenied, kDenied, kAllowed},
      {Rpc::kHeartbeat, "heartbeat", kNodes, kDenied, kDenied, kAllowed},
      {Rpc::kDeliver, "deliver", kNodes, kDenied, kDenied, kAllowed},
  }};
}();

constexpr bool EveryRpcHasItsRow() {
  for (size_t i = 0; i < kRpcCount; ++i) {
    const AccessRow& row = kAccessTable[i];
    if (row.rpc != static_cast<Rpc>(i) || row.method.empty()) return false;
    const bool needs_grant = row.client == Right::kByGrant || row.admin == Right::kByGrant ||
                             row.node == Right::kByGrant;
    if (needs_grant != row.grant.has_value()) return false;
  }
  return true;
}
static_assert(EveryRpcHasItsRow(), "kAccessTable has one row for each Rpc, in the enum's order");

constexpr const AccessRow& RowOf(Rpc rpc) {
  return kAccessTable[static_cast<size_t>(rpc)];
}

// `granted`: the caller's access in the keyspace of the request, if any.
constexpr bool IsAllowed(const AccessRow& row, rpc::Role role, std::optional<Access> granted) {
  const auto holds = [&](Right right) {
    return right == Right::kAllowed ||
           (right == Right::kByGrant && granted && *granted >= *row.grant);
  };
  switch (role) {
    case rpc::Role::kClient:
      return holds(row.client);
    case rpc::Role::kAdmin:
      return holds(row.admin);
    case rpc::Role::kNode:
      return holds(row.node);
    case rpc::Role::kNone:
      return true;
  }
  return false;
}

}  // namespace metaring::server

#endif  // METARING_KVNODE_SERVER_ACCESS_H_
