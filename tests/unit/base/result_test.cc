// SPDX-License-Identifier: Apache-2.0
#include "kvnode/base/result.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <set>

namespace metaring {
namespace {

Result<int> Half(int v) {
  if (v % 2 != 0) return Fail(ErrorCode::kInvalidArgument, "odd");
  return v / 2;
}

Status CheckPositive(int v) {
  if (v <= 0) return Fail(ErrorCode::kOutOfRange, "not positive");
  return {};
}

Result<std::unique_ptr<int>> QuarterOf(int v) {
  RETURN_IF_ERROR(CheckPositive(v));
  ASSIGN_OR_RETURN(const int half, Half(v));
  ASSIGN_OR_RETURN(int quarter, Half(half));
  return std::make_unique<int>(quarter);
}

TEST(Result, HasAValueOrAnError) {
  EXPECT_EQ(*Half(4), 2);
  const auto failed = Half(3);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(failed.error().message, "odd");
}

TEST(Result, MacrosPassErrorsOn) {
  EXPECT_EQ(**QuarterOf(8), 2);
  EXPECT_EQ(QuarterOf(-1).error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(QuarterOf(3).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(QuarterOf(6).error().message, "odd");
}

TEST(ErrorCodeNames, AreAllDifferentSnakeCase) {
  std::set<std::string_view> names;
  for (auto code = static_cast<uint8_t>(ErrorCode::kInvalidArgument);
       code <= static_cast<uint8_t>(ErrorCode::kInternal); ++code) {
    const std::string_view name = ErrorCodeName(static_cast<ErrorCode>(code));
    EXPECT_NE(name, "unnamed") << int{code};
    EXPECT_EQ(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), std::string_view::npos)
        << name;
    EXPECT_TRUE(names.insert(name).second) << name;
  }
  EXPECT_EQ(ErrorCodeName(ErrorCode::kNoSpace), "no_space");
}

TEST(Errno, HasItsCode) {
  EXPECT_EQ(ErrnoError(ENOSPC, "x").code, ErrorCode::kNoSpace);
  EXPECT_EQ(ErrnoError(EDQUOT, "x").code, ErrorCode::kNoSpace);
  EXPECT_EQ(ErrnoError(EACCES, "x").code, ErrorCode::kPermissionDenied);
  EXPECT_EQ(ErrnoError(ENOENT, "x").code, ErrorCode::kNotFound);
  EXPECT_EQ(ErrnoError(EEXIST, "x").code, ErrorCode::kExists);
  EXPECT_EQ(ErrnoError(EROFS, "x").code, ErrorCode::kReadOnly);
  EXPECT_EQ(ErrnoError(EIO, "x").code, ErrorCode::kIo);
  EXPECT_EQ(ErrnoError(EIO, "write f").message, "write f: Input/output error");
}

}  // namespace
}  // namespace metaring
