// SPDX-License-Identifier: Apache-2.0
#include "fusefs/mount/options.h"

#include <gtest/gtest.h>

#include <set>

namespace metaring::fusefs::mount {
namespace {

MountOptions Parsed(std::string_view text) {
  MountOptions options;
  const Status status = ParseMountOptions(text, options);
  EXPECT_TRUE(status) << (status ? "" : status.error().message);
  return options;
}

std::string Refusal(std::string_view text) {
  MountOptions options;
  const Status status = ParseMountOptions(text, options);
  if (status) return "";
  EXPECT_EQ(status.error().code, ErrorCode::kInvalidArgument);
  return status.error().message;
}

TEST(MountOptions, NothingGivesTheDefaults) {
  const MountOptions options = Parsed("");
  EXPECT_EQ(options.volume, "");
  EXPECT_FALSE(options.read_only);
  EXPECT_FALSE(options.suid);
  EXPECT_TRUE(options.atime);
  EXPECT_FALSE(options.attr_timeout_seconds);
  EXPECT_FALSE(options.bytes_max.has_value());
}

TEST(MountOptions, EachKindIsRead) {
  const MountOptions options = Parsed(
      "volume=home,ro,allow_other,attr_timeout=1.5,max_bytes=10G,max_inodes=1000,threads=4,"
      "log_level=debug,noatime,suid,noexec");
  EXPECT_EQ(options.volume, "home");
  EXPECT_TRUE(options.read_only);
  EXPECT_TRUE(options.allow_other);
  EXPECT_EQ(options.attr_timeout_seconds, 1.5);
  EXPECT_EQ(options.bytes_max, uint64_t{10} << 30);
  EXPECT_EQ(options.inodes_max, 1000u);
  EXPECT_EQ(options.threads, 4u);
  EXPECT_EQ(options.log_level, LogLevel::kDebug);
  EXPECT_FALSE(options.atime);
  EXPECT_TRUE(options.suid);
  EXPECT_FALSE(options.exec);
}

TEST(MountOptions, TheLaterOfTwoWins) {
  EXPECT_FALSE(Parsed("ro,rw").read_only);
  EXPECT_TRUE(Parsed("noatime,relatime").atime);
}

TEST(MountOptions, ACommaInAValueIsEscaped) {
  EXPECT_EQ(Parsed(R"(fsname=a\,b,ro)").fsname, "a,b");
}

TEST(MountOptions, AnUnknownOneIsRefusedByName) {
  EXPECT_NE(Refusal("rw,frobnicate").find("frobnicate"), std::string::npos);
  EXPECT_NE(Refusal("attr_timeout2=1").find("attr_timeout2"), std::string::npos);
}

TEST(MountOptions, AWrongValueIsRefusedByName) {
  for (const char* text :
       {"attr_timeout=", "attr_timeout=x", "attr_timeout=-1", "attr_timeout=nan",
        "attr_timeout=1e30", "attr_timeout", "max_bytes=1X", "max_bytes=99999999T", "threads=0",
        "threads=100000", "log_level=loud", "ro=1", "volume="}) {
    EXPECT_NE(Refusal(text).find(std::string_view(text).substr(0, 2)), std::string::npos) << text;
  }
}

TEST(MountOptions, WhatMountPassesOnForItselfIsAccepted) {
  EXPECT_EQ(Refusal("defaults,auto,nofail,_netdev,x-systemd.automount"), "");
}

TEST(MountOptions, TheTableNamesEachOnceAndTheHelpHasThemAll) {
  std::set<std::string_view> names;
  const std::string help = DescribeMountOptions();
  for (const OptionInfo& info : MountOptionTable()) {
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    EXPECT_NE(help.find(info.name), std::string::npos);
    EXPECT_FALSE(info.help.empty());
  }
}

TEST(ParseBytes, UnitsAreOf1024) {
  EXPECT_EQ(ParseBytes("0"), 0u);
  EXPECT_EQ(ParseBytes("64K"), 65'536u);
  EXPECT_EQ(ParseBytes("1m"), uint64_t{1} << 20);
  EXPECT_EQ(ParseBytes("2T"), uint64_t{2} << 40);
  for (const char* text : {"", "K", "1KB", "-1", " 1", "18446744073709551616", "16777216T"}) {
    EXPECT_FALSE(ParseBytes(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace metaring::fusefs::mount
