// SPDX-License-Identifier: Apache-2.0
#include "kvnode/server/admin_service.h"

#include <Kv.tcc>
#include <kv_types.tcc>

#include "kvnode/client/wire_admin.h"

namespace metaring::server {
namespace {

using client::FromWire;
using client::ToWire;

Result<wire::KeyspaceCreateReply> Create(KeyspaceTable& keyspaces,
                                         wire::KeyspaceCreateRequest& request) {
  if (request.keyspace.__isset.id) {
    return Fail(ErrorCode::kInvalidArgument, "keyspace.id: the cluster makes it");
  }
  ASSIGN_OR_RETURN(const client::KeyspaceInfo wanted, FromWire(std::move(request.keyspace)));
  ASSIGN_OR_RETURN(client::KeyspaceInfo made, keyspaces.Create(wanted.name, wanted.options));
  wire::KeyspaceCreateReply reply;
  reply.keyspace = client::ToWire(std::move(made));
  reply.__isset.keyspace = true;
  return reply;
}

// Clients see what they have a grant for.
wire::KeyspaceListReply List(const KeyspaceTable& keyspaces, const Grants& grants,
                             const rpc::Identity& peer) {
  wire::KeyspaceListReply reply;
  reply.__isset.keyspaces = true;
  for (client::KeyspaceInfo& info : keyspaces.List()) {
    if (peer.role == rpc::Role::kClient && !grants.Of(peer.name, info.name)) continue;
    reply.keyspaces.push_back(client::ToWire(std::move(info)));
  }
  return reply;
}

wire::GrantListReply ListGrants(const Grants& grants, const wire::GrantListRequest& request) {
  std::optional<std::string> client;
  if (request.__isset.client) client = request.client;
  wire::GrantListReply reply;
  reply.__isset.grants = true;
  for (Grant& grant : grants.List(client)) reply.grants.push_back(ToWire(std::move(grant)));
  return reply;
}

}  // namespace

void AddAdminMethods(Front& front, rpc::Dispatcher& dispatcher, KeyspaceTable& keyspaces,
                     Grants& grants) {
  front.Add<Rpc::kKeyspaceCreate>(
      dispatcher, Runs::kOnFiber,
      [&keyspaces](const Exchange&, wire::KeyspaceCreateRequest& request) {
        return Create(keyspaces, request);
      });
  front.Add<Rpc::kKeyspaceList>(
      dispatcher, Runs::kOnReadThread,
      [&keyspaces, &grants](const Exchange& exchange, wire::KeyspaceListRequest&) {
        return Result<wire::KeyspaceListReply>(List(keyspaces, grants, exchange.call.peer()));
      });
  front.Add<Rpc::kKeyspaceDrop>(
      dispatcher, Runs::kOnFiber,
      [&keyspaces](const Exchange&,
                   wire::KeyspaceDropRequest& request) -> Result<wire::KeyspaceDropReply> {
        RETURN_IF_ERROR(keyspaces.Drop(request.name));
        return wire::KeyspaceDropReply();
      });
  front.Add<Rpc::kGrantSet>(
      dispatcher, Runs::kOnFiber,
      [&grants](const Exchange&, wire::GrantSetRequest& request) -> Result<wire::GrantSetReply> {
        ASSIGN_OR_RETURN(const Grant grant, FromWire(std::move(request.grant)));
        RETURN_IF_ERROR(grants.Set(grant));
        return wire::GrantSetReply();
      });
  front.Add<Rpc::kGrantList>(dispatcher, Runs::kOnReadThread,
                             [&grants](const Exchange&, wire::GrantListRequest& request) {
                               return Result<wire::GrantListReply>(ListGrants(grants, request));
                             });
}

}  // namespace metaring::server
