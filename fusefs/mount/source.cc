// SPDX-License-Identifier: Apache-2.0
//
// Opening and making a volume.
#include "fusefs/mount/source.h"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <filesystem>
#include <thread>

#include "fusefs/mount/mountpoint.h"
#include "kvnode/client/client_config.h"
#include "kvnode/client/remote_admin.h"

namespace metaring::fusefs::mount {
namespace {

constexpr std::string_view kEmbedded = "embedded:";
// umount(8) returns before the process behind the mount has ended; a mount right after it waits.
constexpr std::chrono::seconds kBusyWaitMax{10};
constexpr std::chrono::milliseconds kBusyPoll{50};

// Whether a keyspace that is not there is to be made.
Status MayMake(const std::string& volume, const MountOptions& options) {
  if (!options.read_only) return {};
  return Fail(ErrorCode::kNotFound,
              fmt::format("there is no volume '{}', and none is made with -o ro", volume));
}

Result<std::unique_ptr<client::Kv>> OpenKeyspace(client::Embedded& store, const std::string& volume,
                                                 const MountOptions& options) {
  auto kv = store.Open(volume);
  if (kv || kv.error().code != ErrorCode::kNotFound) return kv;
  RETURN_IF_ERROR(MayMake(volume, options));
  RETURN_IF_ERROR(store.Create(volume, client::VolumeKeyspaceOptions()));
  return store.Open(volume);
}

Result<std::unique_ptr<client::Kv>> OpenKeyspace(client::RemoteCluster& cluster,
                                                 const std::string& volume,
                                                 const MountOptions& options) {
  auto kv = client::OpenRemoteKv(cluster, volume);
  if (kv || kv.error().code != ErrorCode::kNotFound) return kv;
  RETURN_IF_ERROR(MayMake(volume, options));
  const auto made = client::RemoteAdmin(cluster).CreateKeyspace(
      volume, client::VolumeKeyspaceOptions(), cluster.DefaultDeadline());
  // Another mount may make it at this moment.
  if (!made && made.error().code == ErrorCode::kPermissionDenied) {
    return Fail(ErrorCode::kPermissionDenied,
                fmt::format("there is no volume '{}' that this certificate may use, and it may not "
                            "make one: see `kvctl volume create` and `kvctl grant`",
                            volume));
  }
  if (!made && made.error().code != ErrorCode::kExists) return Fail(made.error());
  return client::OpenRemoteKv(cluster, volume);
}

// What of -o and of the config file says how a cluster is reached; SOURCE says where.
Result<client::RemoteOptions> ClusterOptions(const Source& source, const MountOptions& options) {
  client::ClientConfig config;
  if (!options.config_file.empty()) {
    ASSIGN_OR_RETURN(config, client::LoadClientConfig(options.config_file));
  }
  config.endpoints = source.endpoints;
  if (!options.ca_file.empty()) config.ca_file = options.ca_file;
  if (!options.certificate_file.empty()) config.certificate_file = options.certificate_file;
  if (!options.key_file.empty()) config.key_file = options.key_file;
  ASSIGN_OR_RETURN(client::RemoteOptions remote, client::RemoteOptionsOf(config));
  remote.nodes.client_name = "fusefs " METARING_VERSION;
  remote.deadline = std::chrono::milliseconds(
      static_cast<int64_t>(std::lround(options.op_timeout_seconds * 1000)));
  return remote;
}

VolumeOptions NewVolumeOptions(const MountOptions& options) {
  VolumeOptions made;
  if (options.block_bytes) made.block_bytes = static_cast<uint32_t>(*options.block_bytes);
  if (options.small_bytes_max)
    made.small_bytes_max = static_cast<uint32_t>(*options.small_bytes_max);
  made.bytes_max = options.bytes_max.value_or(0);
  made.inodes_max = options.inodes_max.value_or(0);
  made.root_uid = ::getuid();
  made.root_gid = ::getgid();
  return made;
}

Status CheckFixed(std::string_view name, const std::optional<uint64_t>& wanted, uint64_t has) {
  if (!wanted || *wanted == has) return {};
  return Fail(
      ErrorCode::kInvalidArgument,
      fmt::format("option {}: the volume was made with {}, which cannot be changed", name, has));
}

Result<Volume> AdjustVolume(client::Kv& kv, Volume volume, const MountOptions& options) {
  RETURN_IF_ERROR(CheckFixed("block_size", options.block_bytes, volume.options.block_bytes));
  RETURN_IF_ERROR(
      CheckFixed("small_limit", options.small_bytes_max, volume.options.small_bytes_max));
  if (volume.read_only && !options.read_only) {
    return Fail(ErrorCode::kFormatMismatch,
                "the volume has features that this version may only read: mount it with -o ro");
  }
  const uint64_t bytes_max = options.bytes_max.value_or(volume.options.bytes_max);
  const uint64_t inodes_max = options.inodes_max.value_or(volume.options.inodes_max);
  if (bytes_max == volume.options.bytes_max && inodes_max == volume.options.inodes_max)
    return volume;
  if (options.read_only) {
    return Fail(ErrorCode::kInvalidArgument, "limits cannot be changed with -o ro");
  }
  RETURN_IF_ERROR(SetVolumeLimits(kv, bytes_max, inodes_max));
  return LoadVolume(kv);
}

Result<Volume> LoadOrFormat(client::Kv& kv, const MountOptions& options, const Clock& clock) {
  Result<Volume> volume = LoadVolume(kv);
  if (volume) return AdjustVolume(kv, *std::move(volume), options);
  if (volume.error().code != ErrorCode::kNotFound || options.read_only) return volume;
  constexpr uint64_t kU32Max = UINT32_MAX;
  if (options.block_bytes.value_or(0) > kU32Max || options.small_bytes_max.value_or(0) > kU32Max) {
    return Fail(ErrorCode::kInvalidArgument, "option block_size or small_limit is too large");
  }
  return FormatVolume(kv, NewVolumeOptions(options), clock);
}

}  // namespace

std::string VolumeOf(const Source& source, const MountOptions& options) {
  if (!source.embedded()) return source.volume;
  return options.volume.empty() ? "default" : options.volume;
}

std::string Source::ToString() const {
  if (embedded()) return std::string(kEmbedded) + directory;
  std::string text;
  for (const client::Endpoint& endpoint : endpoints) {
    if (!text.empty()) text += ',';
    text += endpoint.ToString();
  }
  return text + '/' + volume;
}

namespace {

Result<Source> ParseEmbedded(const std::string& text) {
  std::error_code error;
  const auto path = std::filesystem::weakly_canonical(text.substr(kEmbedded.size()), error);
  if (error) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("SOURCE '{}': {}", Escaped(text), error.message()));
  }
  Source source;
  source.directory = std::filesystem::absolute(path).string();
  while (source.directory.size() > 1 && source.directory.back() == '/') {
    source.directory.pop_back();
  }
  return source;
}

}  // namespace

Result<Source> ParseSource(const std::string& text) {
  if (text.starts_with(kEmbedded) && text.size() > kEmbedded.size()) return ParseEmbedded(text);
  const size_t slash = text.find('/');
  if (text.starts_with(kEmbedded) || slash == std::string::npos || slash == 0 ||
      slash + 1 == text.size()) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("SOURCE '{}' is neither embedded:DIR nor "
                                                         "HOST:PORT[,HOST:PORT...]/VOLUME",
                                                         Escaped(text)));
  }
  Source source;
  source.volume = text.substr(slash + 1);
  ASSIGN_OR_RETURN(source.endpoints, client::ParseEndpoints(text.substr(0, slash)));
  RETURN_IF_ERROR(client::ValidateKeyspaceName(source.volume));
  return source;
}

Result<std::unique_ptr<client::Embedded>> OpenStore(const std::string& directory,
                                                    store::IfMissing if_missing,
                                                    const Clock& clock) {
  client::EmbeddedOptions options;
  options.if_missing = if_missing;
  const auto deadline = std::chrono::steady_clock::now() + kBusyWaitMax;
  for (;;) {
    auto opened = client::OpenEmbedded(directory, options, clock);
    if (opened || opened.error().code != ErrorCode::kBusy) return opened;
    const bool mounted = IsMounted(std::string(kEmbedded) + directory, "");
    if (mounted || std::chrono::steady_clock::now() > deadline) return opened;
    std::this_thread::sleep_for(kBusyPoll);
  }
}

Result<OpenedVolume> OpenVolume(const Source& source, const MountOptions& options,
                                const Clock& clock) {
  OpenedVolume opened;
  const std::string volume = VolumeOf(source, options);
  if (source.embedded()) {
    const auto if_missing = options.read_only ? store::IfMissing::kFail : store::IfMissing::kCreate;
    ASSIGN_OR_RETURN(opened.store, OpenStore(source.directory, if_missing, clock));
    ASSIGN_OR_RETURN(opened.kv, OpenKeyspace(*opened.store, volume, options));
  } else {
    ASSIGN_OR_RETURN(const client::RemoteOptions remote, ClusterOptions(source, options));
    ASSIGN_OR_RETURN(opened.cluster, client::RemoteCluster::Open(remote));
    RETURN_IF_ERROR(opened.cluster->Connect(remote.deadline));
    ASSIGN_OR_RETURN(opened.kv, OpenKeyspace(*opened.cluster, volume, options));
  }
  ASSIGN_OR_RETURN(opened.volume, LoadOrFormat(*opened.kv, options, clock));
  return opened;
}

}  // namespace metaring::fusefs::mount
