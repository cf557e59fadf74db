// SPDX-License-Identifier: Apache-2.0
#include "fusefs/mount/calling_syscall.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <thread>

namespace metaring::fusefs::mount {
namespace {

std::string Line(long number, const std::string& arguments) {
  return std::to_string(number) + " " + arguments + " 0x7ffd0 0x7f00\n";
}

TEST(NamesDescriptorChange, FchmodAndFchownDo) {
  EXPECT_TRUE(NamesDescriptorChange(Line(SYS_fchmod, "0x3 0x1a4 0x0 0x0 0x0 0x0")));
  EXPECT_TRUE(NamesDescriptorChange(Line(SYS_fchown, "0x3 0x1 0x2 0x0 0x0 0x0")));
}

TEST(NamesDescriptorChange, UtimensatDoesWithoutAPathOnly) {
  EXPECT_TRUE(NamesDescriptorChange(Line(SYS_utimensat, "0x3 0x0 0x7ffe 0x0 0x0 0x0")));
  EXPECT_FALSE(NamesDescriptorChange(Line(SYS_utimensat, "0xffffff9c 0x7f31 0x7ffe 0x0 0x0 0x0")));
}

TEST(NamesDescriptorChange, ChangesByPathDoNot) {
  for (const long number : {SYS_chmod, SYS_fchmodat, SYS_chown, SYS_fchownat, SYS_truncate}) {
    EXPECT_FALSE(NamesDescriptorChange(Line(number, "0x0 0x0 0x0 0x0 0x0 0x0"))) << number;
  }
}

TEST(NamesDescriptorChange, WhatIsNotASystemCallDoesNot) {
  for (const char* line : {"", "\n", "running\n", "-1 0x7ffd0 0x7f00\n", "91x 0x0", "0x5b 0x0"}) {
    EXPECT_FALSE(NamesDescriptorChange(line)) << line;
  }
}

TEST(CallsThroughDescriptor, NoSuchThreadDoesNot) {
  EXPECT_FALSE(CallsThroughDescriptor(0));
  EXPECT_FALSE(CallsThroughDescriptor(-1));
  EXPECT_FALSE(CallsThroughDescriptor(1 << 29));
}

// The requests of FUSE carry thread ids; a thread's own call must be found, not its process's.
TEST(CallsThroughDescriptor, AThreadIdNamesThatThreadsCall) {
  int pipe_fds[2];
  ASSERT_EQ(::pipe(pipe_fds), 0);
  std::atomic<pid_t> tid{0};
  std::thread reader([&] {
    tid = static_cast<pid_t>(::syscall(SYS_gettid));
    char byte = 0;
    EXPECT_EQ(::read(pipe_fds[0], &byte, 1), 1);
  });
  while (tid == 0) std::this_thread::yield();
  // Blocked in read, or on its way there: in neither case a change through a descriptor.
  EXPECT_FALSE(CallsThroughDescriptor(tid));
  const std::string path = "/proc/" + std::to_string(tid) + "/syscall";
  EXPECT_EQ(::access(path.c_str(), F_OK), 0);
  EXPECT_EQ(::write(pipe_fds[1], "x", 1), 1);
  reader.join();
  ::close(pipe_fds[0]);
  ::close(pipe_fds[1]);
}

}  // namespace
}  // namespace metaring::fusefs::mount
