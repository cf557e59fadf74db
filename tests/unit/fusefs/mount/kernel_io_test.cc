// SPDX-License-Identifier: Apache-2.0
#include "fusefs/mount/kernel_io.h"

#include <gtest/gtest.h>
#include <linux/fuse.h>

#include <cstring>
#include <string>

namespace metaring::fusefs::mount {
namespace {

template <typename Argument>
std::string Request(uint32_t opcode, const Argument& argument, const std::string& rest = "") {
  fuse_in_header header{};
  header.opcode = opcode;
  header.unique = 2;
  header.len = static_cast<uint32_t>(sizeof(header) + sizeof(argument) + rest.size());
  std::string raw(reinterpret_cast<const char*>(&header), sizeof(header));
  raw.append(reinterpret_cast<const char*>(&argument), sizeof(argument));
  return raw + rest;
}

// INIT with these flags offered; the flags that the reply has after ours were added.
uint32_t Negotiate(KernelIo& io, uint32_t offered, int32_t error = 0) {
  fuse_init_in in{};
  in.major = 7;
  in.minor = 38;
  in.flags = offered;
  std::string request = Request(FUSE_INIT, in);
  RequestExtras extras;
  io.Inspect(request.data(), request.size(), extras);
  fuse_out_header header{};
  header.unique = 2;
  header.error = error;
  fuse_init_out out{};
  out.flags = FUSE_BIG_WRITES;
  const iovec parts[2] = {{&header, sizeof(header)}, {&out, sizeof(out)}};
  io.Amend(parts, 2, extras);
  return out.flags;
}

TEST(KernelIo, AsksForWhatTheKernelOffersAndNoMore) {
  KernelIo io;
  EXPECT_EQ(Negotiate(io, FUSE_ASYNC_READ), uint32_t{FUSE_BIG_WRITES});
  EXPECT_FALSE(io.handles_killpriv());
  EXPECT_EQ(Negotiate(io, FUSE_HANDLE_KILLPRIV_V2 | FUSE_SETXATTR_EXT | FUSE_ASYNC_READ),
            FUSE_BIG_WRITES | FUSE_HANDLE_KILLPRIV_V2 | FUSE_SETXATTR_EXT);
  EXPECT_TRUE(io.handles_killpriv());
  EXPECT_EQ(Negotiate(io, FUSE_PARALLEL_DIROPS), FUSE_BIG_WRITES | FUSE_PARALLEL_DIROPS);
}

TEST(KernelIo, AFailedInitIsLeftAlone) {
  KernelIo io;
  EXPECT_EQ(Negotiate(io, FUSE_HANDLE_KILLPRIV_V2, -EPROTO), uint32_t{FUSE_BIG_WRITES});
  EXPECT_FALSE(io.handles_killpriv());
}

TEST(KernelIo, KillFlagsReachTheHandlerOfThatRequestOnly) {
  KernelIo io;
  RequestExtras extras;
  fuse_write_in write{};
  write.write_flags = FUSE_WRITE_KILL_SUIDGID;
  std::string request = Request(FUSE_WRITE, write, "data");
  EXPECT_EQ(io.Inspect(request.data(), request.size(), extras), request.size());
  EXPECT_TRUE(extras.kill_suidgid);
  write.write_flags = 0;
  request = Request(FUSE_WRITE, write, "data");
  io.Inspect(request.data(), request.size(), extras);
  EXPECT_FALSE(extras.kill_suidgid);
}

TEST(KernelIo, SetattrAndOpenCarryTheKillFlagToo) {
  KernelIo io;
  RequestExtras extras;
  fuse_setattr_in setattr{};
  setattr.valid = FATTR_SIZE | FATTR_KILL_SUIDGID;
  std::string request = Request(FUSE_SETATTR, setattr);
  io.Inspect(request.data(), request.size(), extras);
  EXPECT_TRUE(extras.kill_suidgid);
  fuse_open_in open{};
  open.open_flags = FUSE_OPEN_KILL_SUIDGID;
  request = Request(FUSE_OPEN, open);
  io.Inspect(request.data(), request.size(), extras);
  EXPECT_TRUE(extras.kill_suidgid);
}

TEST(KernelIo, TheExtendedSetxattrIsGivenToLibfuseInItsOldForm) {
  KernelIo io;
  RequestExtras extras;
  Negotiate(io, FUSE_SETXATTR_EXT);
  fuse_setxattr_in in{};
  in.size = 5;
  in.setxattr_flags = FUSE_SETXATTR_ACL_KILL_SGID;
  const std::string rest("user.a\0value", 12);
  std::string request = Request(FUSE_SETXATTR, in, rest);
  const size_t length = io.Inspect(request.data(), request.size(), extras);
  EXPECT_TRUE(extras.acl_kill_sgid);
  EXPECT_EQ(length, request.size() - 8);
  uint32_t in_header = 0;
  std::memcpy(&in_header, request.data(), sizeof(in_header));
  EXPECT_EQ(in_header, length);
  const size_t name_at = sizeof(fuse_in_header) + FUSE_COMPAT_SETXATTR_IN_SIZE;
  EXPECT_EQ(request.substr(name_at, rest.size()), rest);
}

TEST(KernelIo, WithoutTheExtensionSetxattrIsLeftAlone) {
  KernelIo io;
  RequestExtras extras;
  fuse_setxattr_in in{};
  std::string request = Request(FUSE_SETXATTR, in, std::string("user.a\0v", 8));
  const std::string before = request;
  EXPECT_EQ(io.Inspect(request.data(), request.size(), extras), before.size());
  EXPECT_EQ(request, before);
}

TEST(KernelIo, TruncatedRequestsAreLeftAlone) {
  KernelIo io;
  RequestExtras extras;
  Negotiate(io, FUSE_SETXATTR_EXT | FUSE_HANDLE_KILLPRIV_V2);
  fuse_write_in write{};
  write.write_flags = FUSE_WRITE_KILL_SUIDGID;
  for (const uint32_t opcode : {uint32_t{FUSE_WRITE}, uint32_t{FUSE_SETXATTR}, uint32_t{FUSE_INIT},
                                uint32_t{FUSE_SETATTR}, uint32_t{9999}}) {
    const std::string whole = Request(opcode, write);
    for (size_t length = 0; length < sizeof(fuse_in_header) + 8; ++length) {
      std::string request = whole.substr(0, length);
      EXPECT_EQ(io.Inspect(request.data(), length, extras), length);
      EXPECT_FALSE(extras.kill_suidgid);
    }
  }
}

TEST(KernelIo, RequestsAreCountedByOpcode) {
  KernelIo io;
  RequestExtras extras;
  const std::string whole = Request(FUSE_GETATTR, fuse_getattr_in{});
  for (int i = 0; i < 3; ++i) {
    std::string request = whole;
    io.Inspect(request.data(), request.size(), extras);
  }
  EXPECT_EQ(io.DescribeCounts(), "GETATTR 3");
}

}  // namespace
}  // namespace metaring::fusefs::mount
