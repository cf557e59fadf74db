// SPDX-License-Identifier: Apache-2.0
#include "kvnode/store/directory.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/unit/store/model.h"

namespace metaring::store {
namespace {

namespace fs = std::filesystem;

std::string ReadFile(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

void WriteFile(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}

size_t CountNames(const std::string& path) {
  return static_cast<size_t>(std::distance(fs::directory_iterator(path), fs::directory_iterator()));
}

class DirectoryTest : public testing::Test {
 protected:
  ErrorCode OpenError(IfMissing if_missing = IfMissing::kCreate) {
    const auto opened = OpenDirectory(path_, if_missing);
    EXPECT_FALSE(opened.has_value());
    message_ = opened ? "" : opened.error().message;
    return opened ? ErrorCode{} : opened.error().code;
  }

  TemporaryDirectory parent_;
  const std::string path_ = parent_.path() + "/data";
  const std::string format_ = path_ + "/FORMAT";
  std::string message_;
};

TEST_F(DirectoryTest, IsMadeForItsOwnerOnlyAndKeepsItsId) {
  std::string id;
  {
    const auto made = OpenDirectory(path_, IfMissing::kCreate);
    ASSERT_TRUE(made.has_value()) << made.error().message;
    id = (*made)->id();
    EXPECT_EQ((*made)->path(), path_);
  }
  EXPECT_EQ(id.size(), 32u);
  struct stat st {};
  ASSERT_EQ(::stat(path_.c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 0700u);
  const auto again = OpenDirectory(path_, IfMissing::kFail);
  ASSERT_TRUE(again.has_value()) << again.error().message;
  EXPECT_EQ((*again)->id(), id);
}

TEST_F(DirectoryTest, TwoDirectoriesHaveDifferentIds) {
  const auto one = OpenDirectory(path_, IfMissing::kCreate);
  const auto other = OpenDirectory(path_ + "2", IfMissing::kCreate);
  ASSERT_TRUE(one && other);
  EXPECT_NE((*one)->id(), (*other)->id());
}

TEST_F(DirectoryTest, IsLockedWhileItIsOpenAndTheMessageNamesTheProcess) {
  {
    const auto held = OpenDirectory(path_, IfMissing::kCreate);
    ASSERT_TRUE(held.has_value());
    EXPECT_EQ(OpenError(), ErrorCode::kBusy);
    EXPECT_NE(message_.find(fmt::format("in use by process {}", ::getpid())), std::string::npos)
        << message_;
  }
  EXPECT_TRUE(OpenDirectory(path_, IfMissing::kFail).has_value());
}

TEST_F(DirectoryTest, MissingIsNotFoundWhenItMustBeThere) {
  EXPECT_EQ(OpenError(IfMissing::kFail), ErrorCode::kNotFound);
  EXPECT_FALSE(fs::exists(path_));
  fs::create_directory(path_);
  EXPECT_EQ(OpenError(IfMissing::kFail), ErrorCode::kNotFound);
  EXPECT_EQ(CountNames(path_), 0u);
}

TEST_F(DirectoryTest, AMissingParentIsNotFound) {
  EXPECT_FALSE(OpenDirectory(path_ + "/a/b", IfMissing::kCreate).has_value());
}

TEST_F(DirectoryTest, AForeignDirectoryStaysAsItIs) {
  fs::create_directory(path_);
  WriteFile(path_ + "/holiday.jpg", "x");
  EXPECT_EQ(OpenError(), ErrorCode::kFormatMismatch);
  EXPECT_NE(message_.find("holiday.jpg"), std::string::npos) << message_;
  EXPECT_EQ(CountNames(path_), 1u);
}

TEST_F(DirectoryTest, AFreshFilesystemsLostAndFoundIsNoHindrance) {
  fs::create_directories(path_ + "/lost+found");
  EXPECT_TRUE(OpenDirectory(path_, IfMissing::kCreate).has_value());
}

TEST_F(DirectoryTest, WhatAnInterruptedCreationLeftIsNoHindrance) {
  fs::create_directory(path_);
  WriteFile(path_ + "/LOCK", "");
  WriteFile(path_ + "/FORMAT.new", "metaring dir");
  EXPECT_TRUE(OpenDirectory(path_, IfMissing::kCreate).has_value());
}

TEST_F(DirectoryTest, AFileIsNotADirectory) {
  WriteFile(path_, "x");
  EXPECT_EQ(OpenError(), ErrorCode::kNotDirectory);
  EXPECT_EQ(ReadFile(path_), "x");
}

TEST_F(DirectoryTest, AnotherVersionIsRefusedWithBothNumbers) {
  ASSERT_TRUE(OpenDirectory(path_, IfMissing::kCreate).has_value());
  const std::string text = ReadFile(format_);
  const std::string head = "metaring directory 1";
  ASSERT_TRUE(text.starts_with(head));
  const std::string newer = "metaring directory 23" + text.substr(head.size());
  WriteFile(format_, newer);
  EXPECT_EQ(OpenError(), ErrorCode::kFormatMismatch);
  EXPECT_NE(message_.find("version 23"), std::string::npos) << message_;
  EXPECT_NE(message_.find("version 1"), std::string::npos) << message_;
  EXPECT_EQ(ReadFile(format_), newer);
}

TEST_F(DirectoryTest, EveryDamagedByteOfFormatIsFound) {
  ASSERT_TRUE(OpenDirectory(path_, IfMissing::kCreate).has_value());
  const std::string good = ReadFile(format_);
  for (size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 0x11);
    WriteFile(format_, bad);
    EXPECT_EQ(OpenError(), ErrorCode::kFormatMismatch) << "byte " << i;
    WriteFile(format_, good.substr(0, i));
    EXPECT_EQ(OpenError(), ErrorCode::kFormatMismatch) << "cut at " << i;
  }
  WriteFile(format_, good + "x");
  EXPECT_EQ(OpenError(), ErrorCode::kFormatMismatch);
  WriteFile(format_, good);
  EXPECT_TRUE(OpenDirectory(path_, IfMissing::kFail).has_value());
}

}  // namespace
}  // namespace metaring::store
