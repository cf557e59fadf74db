// SPDX-License-Identifier: Apache-2.0
#include "kvnode/client/metaring/volume.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <thread>

#include "fusefs/meta/volume.h"
#include "kvnode/client/metaring/client.h"
#include "tests/unit/client/test_node.h"

namespace metaring {
namespace {

class VolumeTest : public ::testing::Test {
 protected:
  VolumeTest() {
    EXPECT_TRUE(node_.store().Create("vol", client::VolumeKeyspaceOptions()));
    const auto kv = node_.Open("vol");
    EXPECT_TRUE(fusefs::FormatVolume(*kv, {}, clock_));
    ClientOptions options;
    options.endpoints = {node_.endpoint().ToString()};
    options.insecure_plain_text = true;
    client_ = Client::Open(options);
    volume_ = Volume::Open(*client_, "vol");
    EXPECT_TRUE(volume_);
  }
  template <typename T>
  static ErrorCode CodeOf(const Result<T>& outcome) {
    EXPECT_FALSE(outcome);
    return outcome ? ErrorCode::kInternal : outcome.error().code;
  }

  const SystemClock clock_;
  client::TestNode node_;
  Result<Client> client_ = Fail(ErrorCode::kInternal, "");
  Result<Volume> volume_ = Fail(ErrorCode::kInternal, "");
};

TEST_F(VolumeTest, MakesListsAndRemoves) {
  EXPECT_TRUE(S_ISDIR(volume_->Stat("/")->mode));
  ASSERT_TRUE(volume_->Mkdir("/d", 0700));
  const auto made = volume_->Create("d/f", 0640);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->mode, S_IFREG | 0640U);
  EXPECT_EQ(volume_->Stat("/d/f")->ino, made->ino);
  EXPECT_EQ(CodeOf(volume_->Create("/d/f")), ErrorCode::kExists);
  EXPECT_EQ(CodeOf(volume_->Create("/none/f")), ErrorCode::kNotFound);
  EXPECT_EQ(CodeOf(volume_->Create("/x", 0100000)), ErrorCode::kInvalidArgument);
  EXPECT_EQ(CodeOf(volume_->Remove("/d")), ErrorCode::kNotEmpty);
  ASSERT_TRUE(volume_->Remove("/d/f"));
  ASSERT_TRUE(volume_->Remove("/d"));
  EXPECT_EQ(CodeOf(volume_->Stat("/d")), ErrorCode::kNotFound);
  EXPECT_TRUE(volume_->List("/")->empty());
}

TEST_F(VolumeTest, ListsManyEntriesWithAttributes) {
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(volume_->Create("f" + std::to_string(i)));
  const auto all = volume_->List("/");
  ASSERT_TRUE(all);
  EXPECT_EQ(all->size(), 300U);
  EXPECT_TRUE(std::all_of(all->begin(), all->end(),
                          [](const ListEntry& entry) { return S_ISREG(entry.stat.mode); }));
  EXPECT_EQ(CodeOf(volume_->List("/f1")), ErrorCode::kNotDirectory);
}

TEST_F(VolumeTest, HasExtendedAttributes) {
  ASSERT_TRUE(volume_->Create("f"));
  EXPECT_EQ(CodeOf(volume_->GetXattr("f", "user.a")), ErrorCode::kNoData);
  EXPECT_EQ(CodeOf(volume_->SetXattr("f", "user.a", "1", SetXattrMode::kReplace)),
            ErrorCode::kNoData);
  ASSERT_TRUE(volume_->SetXattr("f", "user.a", "1"));
  EXPECT_EQ(CodeOf(volume_->SetXattr("f", "user.a", "2", SetXattrMode::kCreate)),
            ErrorCode::kExists);
  EXPECT_EQ(*volume_->GetXattr("f", "user.a"), "1");
  EXPECT_EQ(*volume_->ListXattr("f"), std::vector<std::string>{"user.a"});
  ASSERT_TRUE(volume_->RemoveXattr("f", "user.a"));
  EXPECT_TRUE(volume_->ListXattr("f")->empty());
}

TEST_F(VolumeTest, Renames) {
  ASSERT_TRUE(volume_->Create("a"));
  ASSERT_TRUE(volume_->Create("b"));
  EXPECT_EQ(CodeOf(volume_->Rename("a", "b", Replace::kRefuse)), ErrorCode::kExists);
  ASSERT_TRUE(volume_->Rename("a", "b"));
  EXPECT_EQ(volume_->List("/")->size(), 1U);
  ASSERT_TRUE(volume_->Mkdir("d"));
  ASSERT_TRUE(volume_->Rename("b", "d/c"));
  EXPECT_TRUE(volume_->Stat("d/c"));
  EXPECT_EQ(CodeOf(volume_->Rename("d", "d/e")), ErrorCode::kInvalidArgument);
}

TEST_F(VolumeTest, OpensVolumesOnly) {
  ASSERT_TRUE(node_.store().Create("ks", {}));
  EXPECT_EQ(CodeOf(Volume::Open(*client_, "ks")), ErrorCode::kNotFound);
  EXPECT_EQ(CodeOf(Volume::Open(*client_, "none")), ErrorCode::kNotFound);
}

TEST_F(VolumeTest, AnOperationWhoseReplyIsLostIsDoneOnce) {
  node_.SpoilNext("transact", 1, {client::Spoil::How::kForget});
  std::thread restart([this] {
    node_.AwaitKept(1);
    node_.Kill();
    node_.Start();
  });
  const auto made = volume_->Create("f");
  restart.join();
  EXPECT_TRUE(made) << made.error().message;
  EXPECT_EQ(volume_->List("/")->size(), 1U);
}

}  // namespace
}  // namespace metaring
