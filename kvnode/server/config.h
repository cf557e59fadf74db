// SPDX-License-Identifier: Apache-2.0
//
// Config: all that can be set about a node. One table (ConfigOptions) says of each option its name,
// kind, limits and meaning; the parser, the check of unknown names, the sample configuration
// (packaging/kvnode.toml) and what a reload may change all go by it.
//
// The file is TOML: FILE, then each conf.d/*.toml beside it in the order of their names, the later
// ones overriding the earlier. What is not an option of the table, has another type or is outside
// its limits is an error that begins with "file:line: ".
#ifndef METARING_KVNODE_SERVER_CONFIG_H_
#define METARING_KVNODE_SERVER_CONFIG_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "kvnode/base/result.h"

namespace metaring::server {

// The values here are the defaults. Meanings and limits: config_table.cc.
struct Config {
  std::string data_directory = "/var/lib/metaring";
  std::string cluster_id;
  int64_t node_id = 1;
  std::string node_name;
  std::string rack;

  std::string listen_clients = "127.0.0.1:7400";
  std::string listen_nodes = "127.0.0.1:7401";
  std::string advertise;

  std::string ca_file = "/etc/metaring/ca.crt";
  std::string certificate_file = "/etc/metaring/node.crt";
  std::string key_file = "/etc/metaring/node.key";
  std::string crl_file;
  bool allow_tls12 = false;
  int64_t reload_seconds = 3600;
  int64_t expiry_warning_days = 30;
  bool insecure_plain_text = false;

  int64_t frame_bytes_max = 20 << 20;
  int64_t connections_max = 4096;
  int64_t connections_per_address_max = 4096;
  int64_t connections_reserved_for_nodes = 64;
  int64_t handshakes_max = 256;
  int64_t requests_per_connection_max = 1024;
  int64_t requests_max = 16'384;
  int64_t request_bytes_max = 512 << 20;
  int64_t writes_max = 4096;
  int64_t reads_queued_max = 1024;
  int64_t reply_bytes_per_connection_max = 32 << 20;
  int64_t handshake_ms = 10'000;
  int64_t idle_ms = 600'000;
  int64_t write_ms = 30'000;

  int64_t io_threads = 2;
  int64_t read_threads = 2;

  int64_t quota_bytes = 0;
  int64_t reserve_bytes = 32 << 20;
  int64_t overlay_bytes_max = 8 << 20;
  int64_t overlay_age_ms = 5000;
  int64_t map_bytes = int64_t{1} << 40;

  int64_t segment_bytes = 16 << 20;
  int64_t queued_bytes_max = 8 << 20;
  int64_t spare_segments = 1;

  std::string log_level = "info";
  std::string log_format = "text";
  std::string log_file;
  int64_t slow_request_ms = 1000;

  int64_t drain_ms = 10'000;
};

enum class ConfigKind {
  kText,
  kPath,     // relative to the directory of the configuration file
  kAddress,  // a numeric address and a port: "127.0.0.1:7400", "[::1]:7400"
  kChoice,   // one of `choices`
  kFlag,     // true or false
  kNumber,
  kBytes,  // a number, or a text with K, M, G or T (1024): "64M"
};

struct ConfigOption {
  std::string_view name;  // "section.key"
  ConfigKind kind;
  std::variant<std::string Config::*, bool Config::*, int64_t Config::*> field;
  std::string_view prose;
  bool reloadable = false;  // a reload changes it; else it takes a restart
  int64_t min = 0;          // of numbers
  int64_t max = 0;
  std::vector<std::string_view> choices = {};
};

// In the order of the sample; the options of a section are together.
const std::vector<ConfigOption>& ConfigOptions();
const ConfigOption* FindConfigOption(std::string_view name);

// As TOML has it: "text" in quotes, true, 4096.
std::string ConfigValueText(const ConfigOption& option, const Config& config);
void CopyConfigOption(const ConfigOption& option, const Config& from, Config& to);
// What packaging/kvnode.toml holds: every option, explained, commented out at its default.
std::string SampleConfig();

// "file:line" where each option was set, for the messages of who checks further.
using ConfigPlaces = std::map<std::string, std::string, std::less<>>;

struct LoadedConfig {
  Config config;
  ConfigPlaces places;
};

// kInvalidArgument with "file:line: ..."; kNotFound, kIo and kin when a file cannot be read.
Result<LoadedConfig> LoadConfig(const std::string& file);

// What options must be together; part of LoadConfig.
Status ValidateConfig(const LoadedConfig& loaded);

struct Address {
  std::string host;  // numeric
  uint16_t port = 0;
};
// Of a valid kAddress.
Address ParseAddress(std::string_view text);
bool IsLoopback(const Address& address);
// "127.0.0.1:7400", "[::1]:7400".
std::string AddressText(std::string_view host, uint16_t port);

}  // namespace metaring::server

#endif  // METARING_KVNODE_SERVER_CONFIG_H_
