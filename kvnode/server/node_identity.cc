// SPDX-License-Identifier: Apache-2.0
#include "kvnode/server/node_identity.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <optional>

#include "kvnode/base/disk.h"

namespace metaring::server {
namespace {

constexpr uint32_t kVersion = 1;
constexpr char kName[] = "NODE";
constexpr char kNewName[] = "NODE.new";
constexpr ByteView kHead = "metaring node ";
constexpr size_t kIdDigits = 32;
constexpr size_t kTextBytesMax = 4096;

// Takes `head` and what follows it in its line.
std::optional<ByteView> TakeLine(ByteView& text, ByteView head) {
  const size_t end = text.find('\n');
  if (!text.starts_with(head) || end == ByteView::npos) return std::nullopt;
  const ByteView rest = text.substr(head.size(), end - head.size());
  text.remove_prefix(end + 1);
  return rest;
}

template <typename Number>
std::optional<Number> NumberOf(const std::optional<ByteView>& digits) {
  Number number = 0;
  if (!digits) return std::nullopt;
  const char* const last = digits->data() + digits->size();
  const auto [end, error] = std::from_chars(digits->data(), last, number);
  if (error != std::errc() || end != last) return std::nullopt;
  return number;
}

Result<std::string> RandomId() {
  std::array<unsigned char, kIdDigits / 2> raw{};
  if (::getrandom(raw.data(), raw.size(), 0) != static_cast<ssize_t>(raw.size())) {
    return Fail(ErrnoError(errno, "getrandom"));
  }
  std::string id;
  for (const unsigned char byte : raw) id += fmt::format("{:02x}", byte);
  return id;
}

// Nothing when there is none.
Result<std::optional<NodeIdentity>> ReadIdentity(Disk& disk, const std::string& directory) {
  const auto file = disk.Open(kName);
  if (!file) {
    if (file.error().code == ErrorCode::kNotFound) return std::nullopt;
    return Fail(file.error());
  }
  ASSIGN_OR_RETURN(const Bytes text, (*file)->ReadAt(0, kTextBytesMax));
  ASSIGN_OR_RETURN(NodeIdentity identity, DecodeIdentity(directory, text));
  return identity;
}

Status WriteIdentity(Disk& disk, const NodeIdentity& identity) {
  if (Status removed = disk.Remove(kNewName);
      !removed && removed.error().code != ErrorCode::kNotFound) {
    return removed;
  }
  ASSIGN_OR_RETURN(const auto file, disk.Create(kNewName));
  RETURN_IF_ERROR(file->WriteAt(0, EncodeIdentity(identity)));
  RETURN_IF_ERROR(file->Sync());
  RETURN_IF_ERROR(disk.Rename(kNewName, kName));
  return disk.SyncDirectory();
}

Status Compare(const std::string& directory, const NodeIdentity& has, const NodeIdentity& wanted) {
  if (!wanted.cluster_id.empty() && has.cluster_id != wanted.cluster_id) {
    return Fail(ErrorCode::kFormatMismatch,
                fmt::format("{} belongs to cluster {}, and this node to cluster {}", directory,
                            has.cluster_id, wanted.cluster_id));
  }
  if (has.node_id != wanted.node_id) {
    return Fail(ErrorCode::kFormatMismatch,
                fmt::format("{} belongs to node {} of cluster {}, and this is node {}", directory,
                            has.node_id, has.cluster_id, wanted.node_id));
  }
  return {};
}

}  // namespace

Bytes EncodeIdentity(const NodeIdentity& identity) {
  const Bytes text = fmt::format("{}{}\ncluster {}\nid {}\n", kHead, kVersion, identity.cluster_id,
                                 identity.node_id);
  return text + fmt::format("sum {:016x}\n", Xxh3(text));
}

Result<NodeIdentity> DecodeIdentity(const std::string& where, ByteView text) {
  const ByteView whole = text;
  const auto version = NumberOf<uint32_t>(TakeLine(text, kHead));
  if (version && *version != kVersion) {
    return Fail(ErrorCode::kFormatMismatch,
                fmt::format("{}/NODE has format version {}, this program knows version {}", where,
                            *version, kVersion));
  }
  NodeIdentity identity;
  const auto cluster = TakeLine(text, "cluster ");
  const auto id = NumberOf<uint64_t>(TakeLine(text, "id "));
  if (version && cluster && cluster->size() == kIdDigits && id) {
    identity = {Bytes(*cluster), *id};
    if (EncodeIdentity(identity) == whole) return identity;
  }
  return Fail(ErrorCode::kFormatMismatch, fmt::format("{}/NODE is damaged", where));
}

Status CheckIdentity(const std::string& directory, const NodeIdentity& wanted) {
  std::error_code error;
  if (!std::filesystem::is_directory(directory, error)) return {};
  ASSIGN_OR_RETURN(const auto disk, OpenPosixDisk(directory));
  ASSIGN_OR_RETURN(const auto found, ReadIdentity(*disk, directory));
  if (!found) return {};
  return Compare(directory, *found, wanted);
}

Result<NodeIdentity> TakeIdentity(const std::string& directory, const NodeIdentity& wanted) {
  ASSIGN_OR_RETURN(const auto disk, OpenPosixDisk(directory));
  ASSIGN_OR_RETURN(const auto found, ReadIdentity(*disk, directory));
  if (found) {
    RETURN_IF_ERROR(Compare(directory, *found, wanted));
    return *found;
  }
  NodeIdentity made = wanted;
  if (made.cluster_id.empty()) {
    ASSIGN_OR_RETURN(made.cluster_id, RandomId());
  }
  RETURN_IF_ERROR(WriteIdentity(*disk, made));
  return made;
}

}  // namespace metaring::server
