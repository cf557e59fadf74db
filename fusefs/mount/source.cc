// SPDX-License-Identifier: Apache-2.0
//
// Opening and making an embedded volume.
#include "fusefs/mount/source.h"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "fusefs/mount/mountpoint.h"

namespace metaring::fusefs::mount {
namespace {

constexpr std::string_view kEmbedded = "embedded:";
// umount(8) returns before the process behind the mount has ended; a mount right after it waits.
constexpr std::chrono::seconds kBusyWaitMax{10};
constexpr std::chrono::milliseconds kBusyPoll{50};

Result<std::unique_ptr<client::Kv>> OpenKeyspace(client::Embedded& store,
                                                 const MountOptions& options) {
  auto kv = store.Open(options.volume);
  if (kv || kv.error().code != ErrorCode::kNotFound) return kv;
  if (options.read_only) {
    return Fail(
        ErrorCode::kNotFound,
        fmt::format("there is no volume '{}', and none is made with -o ro", options.volume));
  }
  RETURN_IF_ERROR(store.Create(options.volume, client::VolumeKeyspaceOptions()));
  return store.Open(options.volume);
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

Result<std::string> ParseSource(const std::string& source) {
  if (!source.starts_with(kEmbedded) || source.size() == kEmbedded.size()) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("SOURCE '{}' is not of the form embedded:DIR", Escaped(source)));
  }
  std::error_code error;
  const auto path = std::filesystem::weakly_canonical(source.substr(kEmbedded.size()), error);
  if (error) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("SOURCE '{}': {}", Escaped(source), error.message()));
  }
  std::string text = std::filesystem::absolute(path).string();
  while (text.size() > 1 && text.back() == '/') text.pop_back();
  return text;
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

Result<OpenedVolume> OpenVolume(const std::string& directory, const MountOptions& options,
                                const Clock& clock) {
  OpenedVolume opened;
  const auto if_missing = options.read_only ? store::IfMissing::kFail : store::IfMissing::kCreate;
  ASSIGN_OR_RETURN(opened.store, OpenStore(directory, if_missing, clock));
  ASSIGN_OR_RETURN(opened.kv, OpenKeyspace(*opened.store, options));
  ASSIGN_OR_RETURN(opened.volume, LoadOrFormat(*opened.kv, options, clock));
  return opened;
}

}  // namespace metaring::fusefs::mount
