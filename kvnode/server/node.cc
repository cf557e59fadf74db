// SPDX-License-Identifier: Apache-2.0
#include "kvnode/server/node.h"

#include <fmt/format.h>

#include <algorithm>

#include "kvnode/base/check.h"
#include "kvnode/server/admin_service.h"
#include "kvnode/server/kv_service.h"

namespace metaring::server {
namespace {

constexpr unsigned kNodeThreads = 1;

std::chrono::milliseconds Millis(int64_t count) {
  return std::chrono::milliseconds(count);
}

rpc::ServerLimits LimitsOf(const Config& config) {
  const auto count = [](int64_t value) { return static_cast<size_t>(value); };
  rpc::ServerLimits limits;
  limits.frame_bytes_max = count(config.frame_bytes_max);
  // Whatever the store holds can be read, also where requests are kept smaller.
  limits.answer_bytes_max = std::max(limits.frame_bytes_max, limits.answer_bytes_max);
  limits.connections_max = count(config.connections_max);
  limits.connections_per_address_max = count(config.connections_per_address_max);
  limits.connections_reserved_for_nodes = count(config.connections_reserved_for_nodes);
  limits.handshakes_max = count(config.handshakes_max);
  limits.requests_per_connection_max = count(config.requests_per_connection_max);
  limits.requests_max = count(config.requests_max);
  limits.request_bytes_max = count(config.request_bytes_max);
  limits.reply_bytes_per_connection_max = count(config.reply_bytes_per_connection_max);
  limits.handshake_deadline = Millis(config.handshake_ms);
  limits.idle_deadline = Millis(config.idle_ms);
  limits.write_deadline = Millis(config.write_ms);
  return limits;
}

rpc::TlsOptions TlsOptionsOf(const Config& config) {
  return {config.ca_file, config.certificate_file, config.key_file, config.crl_file,
          config.allow_tls12};
}

rpc::ServerOptions ServerOptionsOf(const Config& config, const std::string& listen,
                                   const std::string& thread_name, unsigned threads) {
  const Address address = ParseAddress(listen);
  rpc::ServerOptions options;
  options.address = address.host;
  options.port = address.port;
  options.thread_name = thread_name;
  options.threads = threads;
  options.limits = LimitsOf(config);
  options.allow_insecure_plain_text = config.insecure_plain_text;
  if (!config.insecure_plain_text) options.tls = TlsOptionsOf(config);
  return options;
}

client::EmbeddedOptions StoreOptionsOf(const Config& config) {
  const auto bytes = [](int64_t value) { return static_cast<uint64_t>(value); };
  client::EmbeddedOptions options;
  options.own_commit_thread = true;
  options.log.segment_bytes = bytes(config.segment_bytes);
  options.log.queued_bytes_max = bytes(config.queued_bytes_max);
  options.log.spare_segments = bytes(config.spare_segments);
  options.store.overlay_bytes_max = bytes(config.overlay_bytes_max);
  options.store.overlay_age_max_nanos = config.overlay_age_ms * 1'000'000;
  options.store.map_bytes = bytes(config.map_bytes);
  options.store.quota_bytes = bytes(config.quota_bytes);
  options.store.reserve_bytes = bytes(config.reserve_bytes);
  return options;
}

void AddServer(NamedCounters& named, const std::string& listener, const rpc::ServerStats& stats) {
  const auto add = [&](const char* name, uint64_t value) {
    named[listener + "." + name] = static_cast<int64_t>(value);
  };
  add("connections", stats.connections);
  add("connections_refused", stats.connections_refused);
  add("handshakes_failed", stats.handshakes_failed);
  add("requests", stats.requests);
  add("requests_in_flight", stats.requests_in_flight);
  add("requests_refused", stats.requests_refused);
  add("request_bytes", stats.request_bytes);
  add("bytes_received", stats.bytes_received);
  add("bytes_sent", stats.bytes_sent);
}

void AddStore(NamedCounters& named, const client::EmbeddedStats& stats) {
  const auto add = [&](const char* name, uint64_t value) {
    named[name] = static_cast<int64_t>(value);
  };
  add("log.records", stats.log.records);
  add("log.syncs", stats.log.syncs);
  add("log.bytes", stats.log.bytes);
  add("log.segments", stats.log.segments);
  add("store.bytes_used", stats.store.bytes_used);
  add("store.bytes_quota", stats.store.bytes_quota);
  add("store.bytes_reserve", stats.store.bytes_reserve);
  add("store.overlay_bytes", stats.store.overlay_bytes);
  add("store.keys_flushed", stats.store.keys_flushed);
  add("store.disk_full", stats.store.disk_full ? 1 : 0);
}

}  // namespace

Node::Node(const Config& config, const Clock& clock)
    : config_(config), clock_(clock), reads_(static_cast<size_t>(config.reads_queued_max)) {}

Node::~Node() {
  CHECK(!started_);
}

Status Node::Start() {
  RETURN_IF_ERROR(TakeName());
  RETURN_IF_ERROR(OpenStore());
  fibers_.Start("fibers");
  reads_.Start(static_cast<unsigned>(config_.read_threads), "read");
  started_ = true;
  AddMethods();
  if (Status listening = Listen(); !listening) {
    Stop(Millis(0));
    return listening;
  }
  return {};
}

Status Node::TakeName() {
  facts_.name = config_.node_name;
  if (config_.insecure_plain_text) {
    if (facts_.name.empty()) facts_.name = fmt::format("node-{}", config_.node_id);
    return {};
  }
  if (facts_.name.empty()) {
    ASSIGN_OR_RETURN(const auto context, rpc::TlsContext::ForServer(TlsOptionsOf(config_)));
    facts_.name = context->identity().name;
  }
  return CheckCertificate();
}

Status Node::CheckCertificate() const {
  if (config_.insecure_plain_text) return {};
  ASSIGN_OR_RETURN(const auto context, rpc::TlsContext::ForServer(TlsOptionsOf(config_)));
  const rpc::Identity& own = context->identity();
  if (own.role == rpc::Role::kNode && own.name == facts_.name) return {};
  return Fail(
      ErrorCode::kInvalidArgument,
      fmt::format("{} is the certificate of {} \"{}\", and this is node \"{}\"",
                  config_.certificate_file, rpc::RoleName(own.role), own.name, facts_.name));
}

Status Node::OpenStore() {
  const std::string& directory = config_.data_directory;
  const NodeIdentity wanted{config_.cluster_id, static_cast<uint64_t>(config_.node_id)};
  RETURN_IF_ERROR(CheckIdentity(directory, wanted));
  ASSIGN_OR_RETURN(store_, client::OpenEmbedded(directory, StoreOptionsOf(config_), clock_));
  ASSIGN_OR_RETURN(facts_.identity, TakeIdentity(directory, wanted));
  system_ = store_->OpenSystem();
  keyspaces_ = std::make_unique<KeyspaceTable>(*store_);
  RETURN_IF_ERROR(keyspaces_->Load());
  grants_ = std::make_unique<Grants>(*system_);
  return grants_->Load();
}

void Node::AddMethods() {
  facts_.rack = config_.rack;
  facts_.software = kSoftware;
  facts_.frame_bytes_max = config_.frame_bytes_max;
  facts_.client_address = [this] { return ClientAddress(); };
  facts_.is_full = [this] { return store_->stats().store.Full(); };
  facts_.expiry_warnings = [this] { return expiry_warnings(); };
  facts_.counters = [this] { return AllCounters(); };
  front_ = std::make_unique<Front>(
      Front::Parts{*grants_, *keyspaces_, counters_, fibers_, reads_, clock_});
  Apply(config_);
  AddKvMethods(*front_, client_methods_);
  AddAdminMethods(*front_, client_methods_, *keyspaces_, *grants_);
  AddInfoMethods(*front_, client_methods_, facts_);
  AddNodeMethods(*front_, node_methods_, facts_);
  AddMethodsElsewhere(*front_, client_methods_, node_methods_);
}

Status Node::Listen() {
  clients_ =
      std::make_unique<rpc::Server>(ServerOptionsOf(config_, config_.listen_clients, "clients",
                                                    static_cast<unsigned>(config_.io_threads)),
                                    client_methods_);
  nodes_ = std::make_unique<rpc::Server>(
      ServerOptionsOf(config_, config_.listen_nodes, "nodes", kNodeThreads), node_methods_);
  RETURN_IF_ERROR(nodes_->Start());
  return clients_->Start();
}

void Node::Stop(std::chrono::milliseconds drain) {
  facts_.draining = true;
  if (clients_) clients_->Stop(drain);
  if (nodes_) nodes_->Stop(Millis(0));
  reads_.Stop();
  fibers_.Stop();
  front_.reset();
  keyspaces_.reset();
  grants_.reset();
  system_.reset();
  store_.reset();
  started_ = false;
}

Status Node::ReloadCertificates() {
  RETURN_IF_ERROR(CheckCertificate());
  RETURN_IF_ERROR(clients_->Reload());
  return nodes_->Reload();
}

void Node::Apply(const Config& config) {
  front_->limits().writes_max = static_cast<size_t>(config.writes_max);
  front_->limits().slow_request_ms = config.slow_request_ms;
  expiry_warning_days_ = config.expiry_warning_days;
  reads_.set_queued_max(static_cast<size_t>(config.reads_queued_max));
}

std::vector<ExpiryWarning> Node::expiry_warnings() const {
  const std::optional<rpc::TlsExpiry> expiry = clients_->tls_expiry();
  if (!expiry) return {};
  return ExpiryWarningsOf(*expiry, clock_.WallNanos() / 1'000'000'000, expiry_warning_days_);
}

CommitProgress Node::progress() const {
  const client::EmbeddedStats stats = store_->stats();
  return {fibers_.live() > 0 && !stats.store.disk_full, stats.log.syncs + counters_.ended()};
}

std::string Node::ClientAddress() const {
  if (!config_.advertise.empty()) return config_.advertise;
  return AddressText(ParseAddress(config_.listen_clients).host, clients_->port());
}

NamedCounters Node::AllCounters() const {
  NamedCounters named;
  counters_.AddTo(named);
  AddServer(named, "clients", clients_->stats());
  AddServer(named, "nodes", nodes_->stats());
  AddStore(named, store_->stats());
  const auto up = std::chrono::steady_clock::now() - facts_.started;
  named["uptime_seconds"] = std::chrono::duration_cast<std::chrono::seconds>(up).count();
  named["writes_in_progress"] = static_cast<int64_t>(fibers_.live());
  return named;
}

}  // namespace metaring::server
