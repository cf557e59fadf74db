// SPDX-License-Identifier: Apache-2.0
#include "kvnode/ctl/store_access.h"

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <limits>
#include <nlohmann/json.hpp>

#include "kvnode/base/logging.h"
#include "kvnode/client/client_config.h"
#include "kvnode/ctl/declare.h"
#include "kvnode/ctl/exit_status.h"

namespace metaring::ctl {
namespace {

constexpr std::string_view kEmbedded = "embedded:";

std::string FromEnvironment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string GivenConfig(const StoreOptions& options) {
  return options.config->count() == 0 ? "" : options.config->as<std::string>();
}

// What the command line says, and the environment where that may complete it.
std::string Chosen(const StoreOptions& options, const std::string& given, const char* variable) {
  if (!given.empty() || !GivenConfig(options).empty()) return given;
  return FromEnvironment(variable);
}

std::string EndpointsOf(const StoreOptions& options) {
  return Chosen(options, options.endpoints, "METARING_ENDPOINTS");
}

// Everything that a file leaves open is empty. The default file need not be there.
Result<client::ClientConfig> LoadConfig(const StoreOptions& options) {
  std::string file = Chosen(options, GivenConfig(options), "METARING_CONFIG");
  const bool wanted = !file.empty();
  if (!wanted) file = client::DefaultClientConfigFile();
  if (file.empty()) return client::ClientConfig{};
  auto config = client::LoadClientConfig(file);
  const bool missing = !config && config.error().code == ErrorCode::kNotFound;
  if (missing && !wanted) return client::ClientConfig{};
  return config;
}

void DeclareOptions(CLI::App& command, StoreOptions& options, const char* where) {
  const CLI::App* root = &command;
  while (root->get_parent() != nullptr) root = root->get_parent();
  options.config = root->get_option("--config");
  AddOption(command, "-e,--endpoints", options.endpoints, where);
  AddOption(command, "--ca", options.ca_file, "CA certificates, PEM [METARING_CA]");
  AddOption(command, "--cert", options.certificate_file, "Own certificate [METARING_CERT]");
  AddOption(command, "--key", options.key_file, "Its key [METARING_KEY]");
  AddOption(command, "-o,--output", options.output, "table or json")
      ->check(OneOf({"table", "json"}))
      ->capture_default_str();
}

Status StartLogging() {
  return InitLogging("", LogLevel::kWarn);
}

}  // namespace

void DeclareConfigOption(CLI::App& root) {
  root.fallthrough();  // also behind the command's name
  AddOption(root, "--config",
            "Endpoints and certificates of a cluster, TOML "
            "[METARING_CONFIG, ~/.config/metaring/kvctl.toml]")
      ->type_name("FILE");
}

void DeclareStoreOptions(CLI::App& command, StoreOptions& options) {
  DeclareOptions(command, options,
                 "HOST:PORT[,HOST:PORT...] of a cluster, or embedded:DIR, a directory that nobody "
                 "has open [METARING_ENDPOINTS]");
}

void DeclareClusterOptions(CLI::App& command, StoreOptions& options) {
  DeclareOptions(command, options, "HOST:PORT[,HOST:PORT...] [METARING_ENDPOINTS]");
}

Result<client::RemoteOptions> ClusterOptionsOf(const StoreOptions& options) {
  ASSIGN_OR_RETURN(client::ClientConfig config, LoadConfig(options));
  if (const std::string endpoints = EndpointsOf(options); endpoints.starts_with(kEmbedded)) {
    return Fail(ErrorCode::kInvalidArgument, "only a cluster has this, not embedded:DIR");
  } else if (!endpoints.empty()) {
    auto parsed = client::ParseEndpoints(endpoints);
    if (!parsed) {
      return Fail(ErrorCode::kInvalidArgument,
                  "endpoints: neither embedded:DIR nor of a cluster: " + parsed.error().message);
    }
    config.endpoints = *std::move(parsed);
  }
  const auto set = [&](std::string& to, const std::string& given, const char* variable) {
    if (std::string chosen = Chosen(options, given, variable); !chosen.empty()) {
      to = std::move(chosen);
    }
  };
  set(config.ca_file, options.ca_file, "METARING_CA");
  set(config.certificate_file, options.certificate_file, "METARING_CERT");
  set(config.key_file, options.key_file, "METARING_KEY");
  if (config.endpoints.empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                "no store is named: -e embedded:DIR, -e HOST:PORT or --config FILE");
  }
  ASSIGN_OR_RETURN(client::RemoteOptions remote, client::RemoteOptionsOf(config));
  remote.nodes.client_name = "kvctl " METARING_VERSION;
  return remote;
}

Result<std::unique_ptr<Store>> OpenStore(const StoreOptions& options, store::IfMissing if_missing,
                                         const Clock& clock) {
  const std::string endpoints = EndpointsOf(options);
  if (endpoints.starts_with(kEmbedded)) {
    const std::string directory = endpoints.substr(kEmbedded.size());
    if (directory.empty()) {
      return Fail(ErrorCode::kInvalidArgument, "endpoints: embedded:DIR without DIR");
    }
    return OpenEmbeddedStore(directory, if_missing, clock);
  }
  ASSIGN_OR_RETURN(const client::RemoteOptions remote, ClusterOptionsOf(options));
  ASSIGN_OR_RETURN(auto cluster, ConnectCluster(remote));
  return MakeRemoteStore(std::move(cluster));
}

int RunOnStore(const StoreOptions& options, store::IfMissing if_missing,
               const std::function<Result<int>(Store& store)>& body) {
  const auto run = [&]() -> Result<int> {
    RETURN_IF_ERROR(StartLogging());
    const SystemClock clock;
    ASSIGN_OR_RETURN(const auto store, OpenStore(options, if_missing, clock));
    return body(*store);
  };
  return ExitStatusOf(run());
}

int RunOnKeyspace(const StoreOptions& options, const std::string& keyspace,
                  const std::function<Result<int>(client::Kv& kv)>& body) {
  return RunOnStore(options, store::IfMissing::kFail, [&](Store& store) -> Result<int> {
    ASSIGN_OR_RETURN(const auto kv, store.Open(keyspace));
    return body(*kv);
  });
}

int RunOnCluster(const StoreOptions& options,
                 const std::function<Result<int>(client::RemoteCluster& cluster)>& body) {
  const auto run = [&]() -> Result<int> {
    RETURN_IF_ERROR(StartLogging());
    ASSIGN_OR_RETURN(const client::RemoteOptions remote, ClusterOptionsOf(options));
    ASSIGN_OR_RETURN(const auto cluster, ConnectCluster(remote));
    return body(*cluster);
  };
  return ExitStatusOf(run());
}

int ExitStatusOf(const Result<int>& outcome) {
  if (outcome) return *outcome;
  PrintError(outcome.error());
  return outcome.error().code == ErrorCode::kInvalidArgument ? kExitUsage : kExitFailure;
}

void Print(const std::string& text) {
  (void)std::fwrite(text.data(), 1, text.size(), stdout);
}

void PrintError(const Error& error) {
  (void)std::fputs(
      fmt::format("kvctl: {} ({})\n", error.message, ErrorCodeName(error.code)).c_str(), stderr);
}

Status PrintJson(const nlohmann::json& value) {
  try {
    Print(value.dump() + "\n");
  } catch (const nlohmann::json::type_error&) {
    return Fail(ErrorCode::kInvalidArgument, "a key or value is not UTF-8: use --hex with -o json");
  }
  return {};
}

std::string Shown(ByteView bytes) {
  return Escaped(bytes, std::numeric_limits<size_t>::max());
}

}  // namespace metaring::ctl
