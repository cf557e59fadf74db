// SPDX-License-Identifier: Apache-2.0
#include "kvnode/client/remote_admin.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "kvnode/base/bytes.h"
#include "kvnode/client/await.h"
#include "kvnode/client/decoding_kv.h"
#include "kvnode/client/typed_call.h"
#include "kvnode/client/wire_admin.h"

namespace metaring::client {
namespace {

// Asks and waits. `Convert` as TypedCall's.
template <typename T, typename MethodOf, typename Convert>
Result<T> Ask(RemoteCluster& cluster, const MethodOf& method, typename MethodOf::Request request,
              Repeatable repeatable, RemoteCluster::TimePoint deadline, Convert convert) {
  return Await<T>(cluster.nodes(), [&](auto done) {
    return BeginCall(cluster.nodes(), method, std::move(request), repeatable, deadline,
                     std::move(convert), std::move(done));
  });
}

// The reply of what only says that it was done.
struct Done {};
constexpr auto kNothing = [](const auto&) -> Result<Done> { return Done{}; };

template <typename T, typename From>
Result<std::vector<T>> ListFromWire(std::vector<From>&& from) {
  std::vector<T> to;
  to.reserve(from.size());
  for (From& item : from) {
    ASSIGN_OR_RETURN(T converted, FromWire(std::move(item)));
    to.push_back(std::move(converted));
  }
  return to;
}

Status Ended(const Result<Done>& outcome) {
  if (!outcome) return Fail(outcome.error());
  return {};
}

}  // namespace

Result<HealthReport> RemoteAdmin::HealthCheck(TimePoint deadline) {
  return Ask<HealthReport>(
      cluster_, kHealthCheck, {}, Repeatable::kAlways, deadline,
      [](wire::HealthCheckReply&& reply) { return FromWire(std::move(reply)); });
}

Result<ClusterMap> RemoteAdmin::GetClusterMap(TimePoint deadline) {
  return Ask<ClusterMap>(cluster_, kClusterMap, {}, Repeatable::kAlways, deadline,
                         [](wire::ClusterMapReply&& reply) { return FromWire(std::move(reply)); });
}

Result<std::map<std::string, int64_t>> RemoteAdmin::Stats(TimePoint deadline) {
  using Counters = std::map<std::string, int64_t>;
  return Ask<Counters>(
      cluster_, kStats, {}, Repeatable::kAlways, deadline,
      [](wire::StatsReply&& reply) -> Result<Counters> { return std::move(reply.counters); });
}

// --- keyspaces -----------------------------------------------------------------------------------

Result<KeyspaceInfo> RemoteAdmin::CreateKeyspace(const std::string& name,
                                                 const KeyspaceOptions& options,
                                                 TimePoint deadline) {
  wire::KeyspaceCreateRequest request;
  request.__set_keyspace(ToWire(KeyspaceInfo{name, KeyspaceId{}, options}));
  return Ask<KeyspaceInfo>(
      cluster_, kKeyspaceCreate, std::move(request), Repeatable::kIfNotBegun, deadline,
      [](wire::KeyspaceCreateReply&& reply) { return FromWire(std::move(reply.keyspace)); });
}

Result<std::vector<KeyspaceInfo>> RemoteAdmin::ListKeyspaces(TimePoint deadline) {
  return Ask<std::vector<KeyspaceInfo>>(
      cluster_, kKeyspaceList, {}, Repeatable::kAlways, deadline,
      [](wire::KeyspaceListReply&& reply) {
        return ListFromWire<KeyspaceInfo>(std::move(reply.keyspaces));
      });
}

Result<KeyspaceInfo> RemoteAdmin::FindKeyspace(const std::string& name, TimePoint deadline) {
  ASSIGN_OR_RETURN(std::vector<KeyspaceInfo> all, ListKeyspaces(deadline));
  const auto found = std::find_if(all.begin(), all.end(),
                                  [&](const KeyspaceInfo& info) { return info.name == name; });
  if (found != all.end()) return std::move(*found);
  return Fail(ErrorCode::kNotFound,
              fmt::format("there is no keyspace '{}' that this client may use", Escaped(name)));
}

Status RemoteAdmin::DropKeyspace(const std::string& name, TimePoint deadline) {
  wire::KeyspaceDropRequest request;
  request.__set_name(name);
  return Ended(Ask<Done>(cluster_, kKeyspaceDrop, std::move(request), Repeatable::kIfNotBegun,
                         deadline, kNothing));
}

// --- grants --------------------------------------------------------------------------------------

Status RemoteAdmin::SetGrant(const Grant& grant, TimePoint deadline) {
  wire::GrantSetRequest request;
  request.__set_grant(ToWire(grant));
  return Ended(Ask<Done>(cluster_, kGrantSet, std::move(request), Repeatable::kIfNotBegun, deadline,
                         kNothing));
}

Result<std::vector<Grant>> RemoteAdmin::ListGrants(const std::string& client, TimePoint deadline) {
  wire::GrantListRequest request;
  if (!client.empty()) request.__set_client(client);
  return Ask<std::vector<Grant>>(
      cluster_, kGrantList, std::move(request), Repeatable::kAlways, deadline,
      [](wire::GrantListReply&& reply) { return ListFromWire<Grant>(std::move(reply.grants)); });
}

// --- opening -------------------------------------------------------------------------------------

Result<OpenedRemote> OpenRemote(RemoteCluster& cluster, const std::string& name,
                                RemoteCluster::TimePoint deadline) {
  ASSIGN_OR_RETURN(KeyspaceInfo info, RemoteAdmin(cluster).FindKeyspace(name, deadline));
  auto kv = std::make_unique<RemoteKv>(cluster, name, info.id);
  return OpenedRemote{std::move(info), std::move(kv)};
}

Result<std::unique_ptr<Kv>> OpenRemoteKv(RemoteCluster& cluster, const std::string& name) {
  ASSIGN_OR_RETURN(OpenedRemote opened, OpenRemote(cluster, name, cluster.DefaultDeadline()));
  return std::make_unique<DecodingKv>(std::move(opened.kv), opened.info.options);
}

}  // namespace metaring::client
