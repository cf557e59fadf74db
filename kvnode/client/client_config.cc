// SPDX-License-Identifier: Apache-2.0
#include "kvnode/client/client_config.h"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <utility>

#include "kvnode/base/bytes.h"
#include "kvnode/client/toml_file.h"
#include "kvnode/client/wire.h"

namespace metaring::client {
namespace {

constexpr int64_t kDeadlineMsMax = kRequestDeadlineMax.count();

// Where a value is, for messages.
struct Place {
  std::string file;
  const toml::value& value;
};

tl::unexpected<Error> Wrong(const Place& at, const std::string& what) {
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("{}:{}: {}", at.file, at.value.location().line(), what));
}

Result<std::string> StringAt(const Place& at, const std::string& key) {
  if (!at.value.is_string()) return Wrong(at, key + " is a string");
  std::string text = at.value.as_string().str;
  if (text.empty()) return Wrong(at, key + " is empty");
  return text;
}

// A path is relative to the directory of the file that names it.
Status SetPath(const Place& at, const std::string& key, std::string& to) {
  ASSIGN_OR_RETURN(const std::string text, StringAt(at, key));
  const auto directory = std::filesystem::path(at.file).parent_path();
  to = (directory / text).lexically_normal().string();
  return {};
}

Status SetEndpoints(const Place& at, std::vector<Endpoint>& to) {
  if (!at.value.is_array()) return Wrong(at, "endpoints is a list of \"HOST:PORT\"");
  for (const toml::value& item : at.value.as_array()) {
    ASSIGN_OR_RETURN(const std::string text, StringAt({at.file, item}, "an endpoint"));
    Result<Endpoint> endpoint = ParseEndpoint(text);
    if (!endpoint) return Wrong({at.file, item}, endpoint.error().message);
    to.push_back(std::move(*endpoint));
  }
  if (to.empty() || to.size() > kEndpointsMax) {
    return Wrong(at, fmt::format("endpoints are 1 to {}", kEndpointsMax));
  }
  return {};
}

Status SetDeadline(const Place& at, std::chrono::milliseconds& to) {
  if (!at.value.is_integer() || at.value.as_integer() < 1 ||
      at.value.as_integer() > kDeadlineMsMax) {
    return Wrong(at, fmt::format("deadline_ms is a number of 1 to {}", kDeadlineMsMax));
  }
  to = std::chrono::milliseconds(at.value.as_integer());
  return {};
}

Status SetKey(const Place& at, const std::string& key, ClientConfig& to) {
  const std::map<std::string, std::string*> paths = {{"ca", &to.ca_file},
                                                     {"cert", &to.certificate_file},
                                                     {"key", &to.key_file},
                                                     {"crl", &to.crl_file}};
  const std::map<std::string, std::string*> texts = {{"server_name", &to.server_name},
                                                     {"cluster_id", &to.cluster_id}};
  if (const auto path = paths.find(key); path != paths.end()) {
    return SetPath(at, key, *path->second);
  }
  if (const auto text = texts.find(key); text != texts.end()) {
    ASSIGN_OR_RETURN(*text->second, StringAt(at, key));
    return {};
  }
  if (key == "endpoints") return SetEndpoints(at, to.endpoints);
  if (key == "deadline_ms") return SetDeadline(at, to.deadline);
  if (key == "insecure_plain_text") {
    if (!at.value.is_boolean()) return Wrong(at, key + " is true or false");
    to.insecure_plain_text = at.value.as_boolean();
    return {};
  }
  return Wrong(at, fmt::format("there is no key '{}'", Escaped(key)));
}

}  // namespace

Result<ClientConfig> LoadClientConfig(const std::string& file) {
  ASSIGN_OR_RETURN(const toml::value root, ReadTomlFile(file));
  ClientConfig config;
  for (const auto& [key, value] : root.as_table()) {
    RETURN_IF_ERROR(SetKey({file, value}, key, config));
  }
  return config;
}

std::string DefaultClientConfigFile() {
  if (const char* xdg = std::getenv("XDG_CONFIG_HOME"); xdg != nullptr && *xdg == '/') {
    return fmt::format("{}/metaring/kvctl.toml", xdg);
  }
  const char* home = std::getenv("HOME");
  if (home == nullptr || *home == '\0') return "";
  return fmt::format("{}/.config/metaring/kvctl.toml", home);
}

Result<RemoteOptions> RemoteOptionsOf(const ClientConfig& config) {
  RemoteOptions options;
  options.deadline = config.deadline;
  options.nodes.endpoints = config.endpoints;
  options.nodes.server_name = config.server_name;
  options.nodes.cluster_id = config.cluster_id;
  options.nodes.allow_insecure_plain_text = config.insecure_plain_text;
  if (config.endpoints.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "no endpoints of the cluster are given");
  }
  const bool any = !config.ca_file.empty() || !config.certificate_file.empty() ||
                   !config.key_file.empty() || !config.crl_file.empty();
  const bool all =
      !config.ca_file.empty() && !config.certificate_file.empty() && !config.key_file.empty();
  if (config.insecure_plain_text && any) {
    return Fail(ErrorCode::kInvalidArgument, "insecure_plain_text goes without ca, cert and key");
  }
  if (!config.insecure_plain_text && !all) {
    return Fail(ErrorCode::kInvalidArgument, "ca, cert and key must be given, all three");
  }
  if (all) {
    options.nodes.tls =
        rpc::TlsOptions{config.ca_file, config.certificate_file, config.key_file, config.crl_file};
  }
  return options;
}

}  // namespace metaring::client
