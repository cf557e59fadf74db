// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/server/test_node.h"

#include <filesystem>

#include "kvnode/base/check.h"

namespace metaring::server {
namespace {

rpc::Role RoleOf(const std::string& name) {
  if (name == "root") return rpc::Role::kAdmin;
  return name.starts_with("node") ? rpc::Role::kNode : rpc::Role::kClient;
}

}  // namespace

TestNode::TestNode() {
  pki_.Issue("node-1", rpc::Role::kNode);
  const rpc::TlsOptions tls = pki_.OptionsOf("node-1");
  config_.data_directory = pki_.PathOf("data");
  config_.ca_file = tls.ca_file;
  config_.certificate_file = tls.certificate_file;
  config_.key_file = tls.key_file;
  config_.listen_clients = "127.0.0.1:0";
  config_.listen_nodes = "127.0.0.1:0";
  threads_.Start("test", 1);
}

TestNode::~TestNode() {
  Stop();
  threads_.Stop();
}

Status TestNode::Start() {
  node_ = std::make_unique<Node>(config_, clock_);
  Status started = node_->Start();
  if (!started) node_.reset();
  return started;
}

void TestNode::Stop(std::chrono::milliseconds drain) {
  if (node_) node_->Stop(drain);
  node_.reset();
}

std::unique_ptr<TestClient> TestNode::Client(const std::string& name) {
  return Connect(name, node_->client_port());
}
std::unique_ptr<TestClient> TestNode::NodeClient(const std::string& name) {
  return Connect(name, node_->node_port());
}

std::unique_ptr<TestClient> TestNode::Connect(const std::string& name, uint16_t port) {
  if (!std::filesystem::exists(pki_.PathOf(name + ".crt"))) pki_.Issue(name, RoleOf(name));
  rpc::ChannelOptions options;
  options.host = "127.0.0.1";
  options.port = port;
  options.tls = pki_.ClientContext(name);
  return std::make_unique<TestClient>(threads_, options);
}

wire::Target TargetOf(const std::string& keyspace) {
  wire::Target target;
  target.__set_keyspace(keyspace);
  return target;
}

wire::PutRequest PutOf(const std::string& keyspace, Bytes key, Bytes value) {
  wire::PutRequest request;
  request.__set_target(TargetOf(keyspace));
  request.__set_key(key);
  request.__set_value(value);
  return request;
}

wire::GetRequest GetOf(const std::string& keyspace, Bytes key) {
  wire::GetRequest request;
  request.__set_target(TargetOf(keyspace));
  request.__set_key(key);
  return request;
}

wire::KeyspaceCreateRequest CreateOf(const std::string& keyspace) {
  wire::KeyspaceCreateRequest request;
  request.keyspace.__set_name(keyspace);
  request.__isset.keyspace = true;
  return request;
}

wire::GrantSetRequest GrantOf(const std::string& client, const std::string& keyspace,
                              std::optional<wire::Access::type> access) {
  wire::GrantSetRequest request;
  request.grant.__set_client(client);
  request.grant.__set_keyspace(keyspace);
  if (access) request.grant.__set_access(*access);
  request.__isset.grant = true;
  return request;
}

}  // namespace metaring::server
