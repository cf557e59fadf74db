// SPDX-License-Identifier: Apache-2.0
//
// The table of options, and the sample configuration that is made of it.
#include <fmt/format.h>

#include <algorithm>

#include "kvnode/server/config.h"

namespace metaring::server {
namespace {

using Kind = ConfigKind;

constexpr int64_t kKiB = int64_t{1} << 10;
constexpr int64_t kMiB = int64_t{1} << 20;
constexpr int64_t kGiB = int64_t{1} << 30;
constexpr int64_t kTiB = int64_t{1} << 40;
constexpr int64_t kHourMs = 3'600'000;
constexpr bool kReloadable = true;
constexpr bool kFixed = false;
constexpr size_t kColumns = 98;

std::vector<ConfigOption> NodeOptions() {
  return {
      {"node.data_directory", Kind::kPath, &Config::data_directory,
       "Where everything is kept. Made (mode 0700) when it is missing; its parent must exist. One "
       "node at a time has it open."},
      {"node.cluster_id", Kind::kText, &Config::cluster_id,
       "The cluster that the node belongs to, 32 hex digits. Empty: that of the data directory; a "
       "new directory gets a random one. A directory of another cluster is refused."},
      {"node.id", Kind::kNumber, &Config::node_id,
       "The node's number in its cluster, never used again by another. A data directory keeps the "
       "one that it was made with; with another one it is refused.",
       kFixed, 1, int64_t{1} << 40},
      {"node.name", Kind::kText, &Config::node_name,
       "The node's name. Empty: that in its certificate; otherwise it must be that one. In plain "
       "text, empty: \"node-\" and the id."},
      {"node.rack", Kind::kText, &Config::rack,
       "What fails together with this node: a rack, a room, a zone. For the placement of "
       "replicas."},
      {"listen.clients", Kind::kAddress, &Config::listen_clients,
       "Where clients connect: a numeric address and a port; port 0: any that is free."},
      {"listen.nodes", Kind::kAddress, &Config::listen_nodes,
       "Where other nodes connect. They have a listener and a thread of their own, so that they "
       "never wait behind clients."},
      {"listen.advertise", Kind::kText, &Config::advertise,
       "HOST:PORT that clients are told to connect to, a name or an address that the node's "
       "certificate is good for. Empty: listen.clients."},
  };
}

std::vector<ConfigOption> TlsOptions() {
  return {
      {"tls.ca", Kind::kPath, &Config::ca_file,
       "PEM file of the CA certificates that may sign clients and nodes. Its content, and that of "
       "the next three, is read again at every reload, for connections to come."},
      {"tls.certificate", Kind::kPath, &Config::certificate_file,
       "PEM file of the node's certificate, whose subject is O=Metaring, OU=node, CN=name."},
      {"tls.key", Kind::kPath, &Config::key_file,
       "PEM file of its key. It should be readable by the node's user alone."},
      {"tls.crl", Kind::kPath, &Config::crl_file,
       "PEM file of the revocation list. Empty: nothing is revoked. With one, each CA must have a "
       "list in it that has not expired."},
      {"tls.allow_tls12", Kind::kFlag, &Config::allow_tls12,
       "Also accept TLS 1.2, for clients that cannot do TLS 1.3."},
      {"tls.reload_seconds", Kind::kNumber, &Config::reload_seconds,
       "How often the files above are read again without being asked. 0: only on SIGHUP.",
       kReloadable, 0, 30 * 24 * 3600},
      {"tls.expiry_warning_days", Kind::kNumber, &Config::expiry_warning_days,
       "So long before the node's certificate or its revocation list expires the log says so, at "
       "every start and reload and once a day, and so do `kvctl health` and `kvctl status`.",
       kReloadable, 0, 3650},
      {"tls.insecure_plain_text", Kind::kFlag, &Config::insecure_plain_text,
       "INSECURE: no TLS and no certificates, and whoever can connect may do everything. For "
       "experiments on one machine: both listeners must be on loopback addresses, and the log "
       "warns at every start."},
  };
}

std::vector<ConfigOption> LimitOptions() {
  return {
      {"limits.frame_bytes_max", Kind::kBytes, &Config::frame_bytes_max,
       "The largest request. A value of 16 MiB needs a little more than that. An answer may have "
       "as much, and always 20 MiB, so that whatever the store holds can be read; one that would "
       "be larger is TOO_BIG instead.",
       kFixed, 64 * kKiB, 64 * kMiB},
      {"limits.connections_max", Kind::kNumber, &Config::connections_max,
       "Connections at a time, of each listener. Those over it are closed.", kFixed, 1, 1'000'000},
      {"limits.connections_per_address_max", Kind::kNumber, &Config::connections_per_address_max,
       "Of them, those of one address.", kFixed, 1, 1'000'000},
      {"limits.connections_reserved_for_nodes", Kind::kNumber,
       &Config::connections_reserved_for_nodes, "Of connections_max, only for nodes.", kFixed, 0,
       1'000'000},
      {"limits.handshakes_max", Kind::kNumber, &Config::handshakes_max,
       "Connections at a time that have not yet shown who they are.", kFixed, 1, 1'000'000},
      {"limits.requests_per_connection_max", Kind::kNumber, &Config::requests_per_connection_max,
       "Requests in flight on one connection. Those over it are answered BUSY.", kFixed, 1,
       1'000'000},
      {"limits.requests_max", Kind::kNumber, &Config::requests_max,
       "Requests in flight on all connections of a listener. Those over it are answered BUSY.",
       kFixed, 1, 10'000'000},
      {"limits.request_bytes_max", Kind::kBytes, &Config::request_bytes_max,
       "Bytes of requests that are being received or worked on, on all connections of a listener. "
       "What is over it is answered BUSY; one connection may have a quarter, and large requests "
       "leave a quarter to small ones. At least four times frame_bytes_max.",
       kFixed, kMiB, 64 * kGiB},
      {"limits.writes_max", Kind::kNumber, &Config::writes_max,
       "Writes in progress. Those over it are answered BUSY, with a hint when to retry.",
       kReloadable, 1, 1'000'000},
      {"limits.reads_queued_max", Kind::kNumber, &Config::reads_queued_max,
       "Scans and multi_gets that wait for a thread. Those over it are answered BUSY.", kReloadable,
       1, 1'000'000},
      {"limits.reply_bytes_per_connection_max", Kind::kBytes,
       &Config::reply_bytes_per_connection_max,
       "Bytes of answers that wait for a client to read them. Over it nothing more is read from "
       "the client until it has taken half of them.",
       kFixed, 64 * kKiB, kGiB},
      {"limits.handshake_ms", Kind::kNumber, &Config::handshake_ms,
       "In which a connection must have shown who it is.", kFixed, 10, kHourMs},
      {"limits.idle_ms", Kind::kNumber, &Config::idle_ms,
       "After which a connection without a request is closed, and one whose request never ends.",
       kFixed, 10, 24 * kHourMs},
      {"limits.write_ms", Kind::kNumber, &Config::write_ms,
       "In which a client must read 64 KiB of answers, or all that there are.", kFixed, 10,
       kHourMs},
      {"threads.io", Kind::kNumber, &Config::io_threads,
       "Threads that serve clients' connections and answer point reads.", kFixed, 1, 256},
      {"threads.reads", Kind::kNumber, &Config::read_threads, "Threads for scans and multi_gets.",
       kFixed, 1, 256},
  };
}

std::vector<ConfigOption> StorageOptions() {
  return {
      {"store.quota_bytes", Kind::kBytes, &Config::quota_bytes,
       "Bound of the data file. Over it writes are NO_SPACE; reads and deletes go on. 0: the disk "
       "is the bound.",
       kFixed, 0, 64 * kTiB},
      {"store.reserve_bytes", Kind::kBytes, &Config::reserve_bytes,
       "At the end of the quota, and of the disk, kept for deletes and the store itself.", kFixed,
       kMiB, kTiB},
      {"store.overlay_bytes_max", Kind::kBytes, &Config::overlay_bytes_max,
       "Changes that are collected in memory before they are written to the data file. Twice as "
       "many at most are in memory.",
       kFixed, 64 * kKiB, 4 * kGiB},
      {"store.overlay_age_ms", Kind::kNumber, &Config::overlay_age_ms,
       "After which they are written although they are fewer. Not about durability: the log is "
       "written before any answer.",
       kFixed, 1, kHourMs},
      {"store.map_bytes", Kind::kBytes, &Config::map_bytes,
       "Address space of the data file, which stays sparse; it can never become larger.", kFixed,
       64 * kMiB, 64 * kTiB},
      {"commit_log.segment_bytes", Kind::kBytes, &Config::segment_bytes,
       "Size of each preallocated file of the log.", kFixed, 4 * kMiB, kGiB},
      {"commit_log.queued_bytes_max", Kind::kBytes, &Config::queued_bytes_max,
       "Bytes that wait to be written to the log; then writers wait too.", kFixed, 4 * kMiB, kGiB},
      {"commit_log.spare_segments", Kind::kNumber, &Config::spare_segments,
       "Log files kept ahead, so that deletes find room on a full disk.", kFixed, 1, 64},
  };
}

std::vector<ConfigOption> ProcessOptions() {
  return {
      {"logging.level",
       Kind::kChoice,
       &Config::log_level,
       "The least that is logged.",
       kReloadable,
       0,
       0,
       {"debug", "info", "warn", "error"}},
      {"logging.format",
       Kind::kChoice,
       &Config::log_format,
       "text: for people, and with priorities where stderr is the journal; json: one object a "
       "line.",
       kFixed,
       0,
       0,
       {"text", "json"}},
      {"logging.file", Kind::kPath, &Config::log_file,
       "Appended to, and opened anew on SIGHUP, after it was renamed. Empty: stderr."},
      {"logging.slow_request_ms", Kind::kNumber, &Config::slow_request_ms,
       "Requests that took at least so long are logged, a few a second at most. 0: none.",
       kReloadable, 0, kHourMs},
      {"process.drain_ms", Kind::kNumber, &Config::drain_ms,
       "How long requests in flight may take to end after SIGTERM.", kReloadable, 0, kHourMs},
  };
}

std::string NumberText(const ConfigOption& option, int64_t value) {
  if (option.kind != Kind::kBytes || value == 0) return fmt::format("{}", value);
  for (const auto& [unit, letter] : {std::pair{kTiB, 'T'}, {kGiB, 'G'}, {kMiB, 'M'}, {kKiB, 'K'}}) {
    if (value % unit == 0) return fmt::format("\"{}{}\"", value / unit, letter);
  }
  return fmt::format("{}", value);
}

// What a value looks like, as the sample has it below the prose.
std::string ValuesText(const ConfigOption& option) {
  switch (option.kind) {
    case Kind::kText:
      return "Text.";
    case Kind::kPath:
      return "A path.";
    case Kind::kAddress:
      return "An address and a port.";
    case Kind::kChoice:
      return fmt::format("One of: {}.", fmt::join(option.choices, ", "));
    case Kind::kFlag:
      return "true or false.";
    case Kind::kNumber:
    case Kind::kBytes:
      return fmt::format("{} to {}.", NumberText(option, option.min),
                         NumberText(option, option.max));
  }
  return "";
}

// As comment lines.
std::string Wrapped(std::string_view text) {
  std::string out;
  std::string line = "#";
  while (!text.empty()) {
    const size_t space = std::min(text.find(' '), text.size());
    if (line.size() + 1 + space > kColumns) {
      out += line + "\n";
      line = "#";
    }
    line += " ";
    line += text.substr(0, space);
    text.remove_prefix(std::min(space + 1, text.size()));
  }
  return out + line + "\n";
}

constexpr std::string_view kSampleHead =
    R"(# SPDX-License-Identifier: Apache-2.0
#
# The configuration of a kvnode: every option, with its default. `kvnode --config FILE` reads it,
# then each conf.d/*.toml beside it in the order of their names; later ones override earlier ones.
# An unknown option is an error. `kvnode --config FILE --check-config` says whether it is good.
#
# Relative paths begin at the directory of FILE. SIGHUP, and a timer (tls.reload_seconds), read the
# certificates again and change the options that are marked "Reloaded."; all others take a restart.
)";

}  // namespace

const std::vector<ConfigOption>& ConfigOptions() {
  static const std::vector<ConfigOption> options = [] {
    std::vector<ConfigOption> all;
    for (const auto& part :
         {NodeOptions(), TlsOptions(), LimitOptions(), StorageOptions(), ProcessOptions()}) {
      all.insert(all.end(), part.begin(), part.end());
    }
    return all;
  }();
  return options;
}

const ConfigOption* FindConfigOption(std::string_view name) {
  const auto& options = ConfigOptions();
  const auto found = std::find_if(options.begin(), options.end(),
                                  [&](const ConfigOption& option) { return option.name == name; });
  return found == options.end() ? nullptr : &*found;
}

std::string ConfigValueText(const ConfigOption& option, const Config& config) {
  if (const auto* text = std::get_if<std::string Config::*>(&option.field)) {
    return fmt::format("\"{}\"", config.*(*text));
  }
  if (const auto* flag = std::get_if<bool Config::*>(&option.field)) {
    return config.*(*flag) ? "true" : "false";
  }
  return NumberText(option, config.*(std::get<int64_t Config::*>(option.field)));
}

void CopyConfigOption(const ConfigOption& option, const Config& from, Config& to) {
  std::visit([&](auto member) { to.*member = from.*member; }, option.field);
}

std::string SampleConfig() {
  std::string out(kSampleHead);
  std::string_view section;
  for (const ConfigOption& option : ConfigOptions()) {
    const size_t dot = option.name.find('.');
    if (option.name.substr(0, dot) != section) {
      section = option.name.substr(0, dot);
      out += fmt::format("\n[{}]\n", section);
    }
    out += "\n" + Wrapped(option.prose);
    out += Wrapped(ValuesText(option) + (option.reloadable ? " Reloaded." : ""));
    out += fmt::format("#{} = {}\n", option.name.substr(dot + 1), ConfigValueText(option, {}));
  }
  return out;
}

}  // namespace metaring::server
