// SPDX-License-Identifier: Apache-2.0
//
// Looking at requests and replies with the structures of linux/fuse.h.
#include "fusefs/mount/kernel_io.h"

#include <linux/fuse.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

namespace metaring::fusefs::mount {
namespace {

constexpr uint32_t kWantedFlags =
    FUSE_HANDLE_KILLPRIV_V2 | FUSE_SETXATTR_EXT | FUSE_PARALLEL_DIROPS;

// A copy of the argument behind the header, when the request is long enough to have it.
template <typename T>
bool LoadArgument(const char* buffer, size_t length, T& argument) {
  if (length < sizeof(fuse_in_header) + sizeof(T)) return false;
  std::memcpy(&argument, buffer + sizeof(fuse_in_header), sizeof(T));
  return true;
}

void InspectInit(const char* buffer, size_t length, uint64_t unique, RequestExtras& extras) {
  fuse_init_in init{};
  std::memcpy(&init, buffer + sizeof(fuse_in_header),
              std::min(sizeof(init), length - sizeof(fuse_in_header)));
  extras.init_unique = unique;
  extras.init_offered = init.flags;
}

struct OpcodeName {
  uint32_t opcode;
  std::string_view name;
};
constexpr OpcodeName kOpcodeNames[] = {
    {FUSE_LOOKUP, "LOOKUP"},
    {FUSE_FORGET, "FORGET"},
    {FUSE_GETATTR, "GETATTR"},
    {FUSE_SETATTR, "SETATTR"},
    {FUSE_READLINK, "READLINK"},
    {FUSE_SYMLINK, "SYMLINK"},
    {FUSE_MKNOD, "MKNOD"},
    {FUSE_MKDIR, "MKDIR"},
    {FUSE_UNLINK, "UNLINK"},
    {FUSE_RMDIR, "RMDIR"},
    {FUSE_RENAME, "RENAME"},
    {FUSE_LINK, "LINK"},
    {FUSE_OPEN, "OPEN"},
    {FUSE_READ, "READ"},
    {FUSE_WRITE, "WRITE"},
    {FUSE_STATFS, "STATFS"},
    {FUSE_RELEASE, "RELEASE"},
    {FUSE_FSYNC, "FSYNC"},
    {FUSE_SETXATTR, "SETXATTR"},
    {FUSE_GETXATTR, "GETXATTR"},
    {FUSE_LISTXATTR, "LISTXATTR"},
    {FUSE_REMOVEXATTR, "REMOVEXATTR"},
    {FUSE_FLUSH, "FLUSH"},
    {FUSE_INIT, "INIT"},
    {FUSE_OPENDIR, "OPENDIR"},
    {FUSE_READDIR, "READDIR"},
    {FUSE_RELEASEDIR, "RELEASEDIR"},
    {FUSE_FSYNCDIR, "FSYNCDIR"},
    {FUSE_ACCESS, "ACCESS"},
    {FUSE_CREATE, "CREATE"},
    {FUSE_INTERRUPT, "INTERRUPT"},
    {FUSE_DESTROY, "DESTROY"},
    {FUSE_IOCTL, "IOCTL"},
    {FUSE_BATCH_FORGET, "BATCH_FORGET"},
    {FUSE_FALLOCATE, "FALLOCATE"},
    {FUSE_READDIRPLUS, "READDIRPLUS"},
    {FUSE_RENAME2, "RENAME2"},
    {FUSE_LSEEK, "LSEEK"},
    {FUSE_COPY_FILE_RANGE, "COPY_FILE_RANGE"},
};

std::string_view NameOf(uint32_t opcode) {
  for (const OpcodeName& known : kOpcodeNames) {
    if (known.opcode == opcode) return known.name;
  }
  return "OTHER";
}

}  // namespace

// With FUSE_SETXATTR_EXT the argument has 8 bytes more than libfuse expects before the name.
size_t KernelIo::InspectSetxattr(char* buffer, size_t length, RequestExtras& extras) {
  fuse_setxattr_in argument{};
  if (!setxattr_extended_ || !LoadArgument(buffer, length, argument)) return length;
  extras.acl_kill_sgid = (argument.setxattr_flags & FUSE_SETXATTR_ACL_KILL_SGID) != 0;
  constexpr size_t kExtra = sizeof(fuse_setxattr_in) - FUSE_COMPAT_SETXATTR_IN_SIZE;
  const size_t rest = sizeof(fuse_in_header) + sizeof(fuse_setxattr_in);
  std::memmove(buffer + rest - kExtra, buffer + rest, length - rest);
  length -= kExtra;
  const auto shorter = static_cast<uint32_t>(length);
  std::memcpy(buffer + offsetof(fuse_in_header, len), &shorter, sizeof(shorter));
  return length;
}

size_t KernelIo::Inspect(char* buffer, size_t length, RequestExtras& extras) {
  extras = {};
  fuse_in_header header{};
  if (length < sizeof(header)) return length;
  std::memcpy(&header, buffer, sizeof(header));
  counts_[std::min<size_t>(header.opcode, kOpcodesMax - 1)].fetch_add(1, std::memory_order_relaxed);
  bool& kill = extras.kill_suidgid;
  switch (header.opcode) {
    case FUSE_INIT:
      InspectInit(buffer, length, header.unique, extras);
      return length;
    case FUSE_SETXATTR:
      return InspectSetxattr(buffer, length, extras);
    case FUSE_WRITE:
      if (fuse_write_in in{}; LoadArgument(buffer, length, in)) {
        kill = (in.write_flags & FUSE_WRITE_KILL_SUIDGID) != 0;
      }
      return length;
    case FUSE_SETATTR:
      if (fuse_setattr_in in{}; LoadArgument(buffer, length, in)) {
        kill = (in.valid & FATTR_KILL_SUIDGID) != 0;
      }
      return length;
    case FUSE_OPEN:
      if (fuse_open_in in{}; LoadArgument(buffer, length, in)) {
        kill = (in.open_flags & FUSE_OPEN_KILL_SUIDGID) != 0;
      }
      return length;
    case FUSE_CREATE:
      if (fuse_create_in in{}; LoadArgument(buffer, length, in)) {
        kill = (in.open_flags & FUSE_OPEN_KILL_SUIDGID) != 0;
      }
      return length;
    default:
      return length;
  }
}

void KernelIo::Amend(const iovec* parts, int count, const RequestExtras& extras) {
  if (extras.init_unique == 0 || count < 2) return;
  fuse_out_header header{};
  if (parts[0].iov_len < sizeof(header)) return;
  std::memcpy(&header, parts[0].iov_base, sizeof(header));
  if (header.unique != extras.init_unique || header.error != 0) return;
  if (parts[1].iov_len < sizeof(fuse_init_out)) return;
  fuse_init_out out{};
  std::memcpy(&out, parts[1].iov_base, sizeof(out));
  const uint32_t agreed = kWantedFlags & extras.init_offered;
  out.flags |= agreed;
  std::memcpy(parts[1].iov_base, &out, sizeof(out));
  killpriv_agreed_ = (agreed & FUSE_HANDLE_KILLPRIV_V2) != 0;
  setxattr_extended_ = (agreed & FUSE_SETXATTR_EXT) != 0;
}

std::string KernelIo::DescribeCounts() const {
  std::vector<std::pair<uint64_t, uint32_t>> busy;
  for (uint32_t opcode = 0; opcode < kOpcodesMax; ++opcode) {
    if (const uint64_t n = counts_[opcode]; n > 0) busy.emplace_back(n, opcode);
  }
  std::sort(busy.rbegin(), busy.rend());
  std::string text;
  for (const auto& [n, opcode] : busy) {
    if (!text.empty()) text += ' ';
    text += NameOf(opcode);
    text += ' ';
    text += std::to_string(n);
  }
  return text;
}

}  // namespace metaring::fusefs::mount
