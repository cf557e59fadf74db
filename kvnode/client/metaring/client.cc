// SPDX-License-Identifier: Apache-2.0
#include "kvnode/client/metaring/client.h"

#include <utility>

#include "kvnode/client/metaring/cores.h"
#include "kvnode/client/remote_admin.h"

namespace metaring {
namespace {

using client::RemoteAdmin;

// The file's, with what the program says instead.
Result<client::ClientConfig> ConfigOf(const ClientOptions& options) {
  client::ClientConfig config;
  if (!options.config_file.empty()) {
    ASSIGN_OR_RETURN(config, client::LoadClientConfig(options.config_file));
  }
  if (!options.endpoints.empty()) config.endpoints.clear();
  for (const std::string& text : options.endpoints) {
    ASSIGN_OR_RETURN(client::Endpoint endpoint, client::ParseEndpoint(text));
    config.endpoints.push_back(std::move(endpoint));
  }
  if (!options.ca_file.empty()) config.ca_file = options.ca_file;
  if (!options.certificate_file.empty()) config.certificate_file = options.certificate_file;
  if (!options.key_file.empty()) config.key_file = options.key_file;
  if (options.insecure_plain_text) config.insecure_plain_text = true;
  if (options.deadline.count() > 0) config.deadline = options.deadline;
  return config;
}

client::KeyspaceOptions OptionsOf(const KeyspaceProperties& properties) {
  client::KeyspaceOptions options;
  options.replicas = properties.replicas;
  if (properties.ack_by_all_in_sync) options.write_ack = client::WriteAck::kAllInSync;
  if (properties.place_by_parent) options.placement = client::Placement::kParent;
  if (properties.compress) options.compression = client::Compression::kZstd;
  options.compression_bytes_min = properties.compress_bytes_min;
  return options;
}

}  // namespace

std::string DefaultConfigFile() {
  return client::DefaultClientConfigFile();
}

Result<Client> Client::Open(const ClientOptions& options) {
  ASSIGN_OR_RETURN(const client::ClientConfig config, ConfigOf(options));
  ASSIGN_OR_RETURN(client::RemoteOptions remote, client::RemoteOptionsOf(config));
  remote.nodes.client_name = "libmetaring";
  remote.nodes.channels_per_node = options.connections_per_node;
  remote.nodes.io_threads = options.io_threads;
  remote.read_cache = {options.read_cache_bytes, options.read_cache_ttl};
  ASSIGN_OR_RETURN(auto cluster, client::RemoteCluster::Open(remote));
  return Client(std::make_shared<ClientCore>(std::move(cluster)));
}

Result<HealthStatus> Client::HealthCheck() {
  client::RemoteCluster& cluster = core_->cluster();
  ASSIGN_OR_RETURN(client::HealthReport report,
                   RemoteAdmin(cluster).HealthCheck(cluster.DefaultDeadline()));
  return HealthStatus{static_cast<HealthState>(report.health), std::move(report.message),
                      report.uptime, std::move(report.warnings)};
}

Result<std::map<std::string, int64_t>> Client::Stats() {
  client::RemoteCluster& cluster = core_->cluster();
  return RemoteAdmin(cluster).Stats(cluster.DefaultDeadline());
}

Result<Keyspace> Client::OpenKeyspace(const std::string& name) {
  client::RemoteCluster& cluster = core_->cluster();
  ASSIGN_OR_RETURN(const client::KeyspaceInfo info,
                   RemoteAdmin(cluster).FindKeyspace(name, cluster.DefaultDeadline()));
  return Keyspace(std::make_shared<KeyspaceCore>(core_, info));
}

Status Client::CreateKeyspace(const std::string& name, const KeyspaceProperties& properties) {
  client::RemoteCluster& cluster = core_->cluster();
  const auto made =
      RemoteAdmin(cluster).CreateKeyspace(name, OptionsOf(properties), cluster.DefaultDeadline());
  if (!made) return Fail(made.error());
  return {};
}

Status Client::DropKeyspace(const std::string& name) {
  client::RemoteCluster& cluster = core_->cluster();
  return RemoteAdmin(cluster).DropKeyspace(name, cluster.DefaultDeadline());
}

Result<std::vector<std::string>> Client::ListKeyspaces() {
  client::RemoteCluster& cluster = core_->cluster();
  ASSIGN_OR_RETURN(const auto all, RemoteAdmin(cluster).ListKeyspaces(cluster.DefaultDeadline()));
  std::vector<std::string> names;
  for (const client::KeyspaceInfo& info : all) names.push_back(info.name);
  return names;
}

Status Client::ReloadCertificates() {
  return core_->cluster().nodes().ReloadCertificates();
}

}  // namespace metaring
