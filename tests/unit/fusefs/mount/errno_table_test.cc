// SPDX-License-Identifier: Apache-2.0
#include "fusefs/mount/errno_table.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace metaring::fusefs::mount {
namespace {

TEST(ErrnoTable, NamespaceErrorsAreThoseOfPosix) {
  EXPECT_EQ(ToErrno(ErrorCode::kNotFound), ENOENT);
  EXPECT_EQ(ToErrno(ErrorCode::kExists), EEXIST);
  EXPECT_EQ(ToErrno(ErrorCode::kNotEmpty), ENOTEMPTY);
  EXPECT_EQ(ToErrno(ErrorCode::kNameTooLong), ENAMETOOLONG);
  EXPECT_EQ(ToErrno(ErrorCode::kTooManyLinks), EMLINK);
  EXPECT_EQ(ToErrno(ErrorCode::kStale), ESTALE);
}

TEST(ErrnoTable, WhatIsWrongWithOurOwnStateIsEio) {
  for (const ErrorCode code : {ErrorCode::kCorrupt, ErrorCode::kIo, ErrorCode::kInternal,
                               ErrorCode::kFormatMismatch, ErrorCode::kUnknownOutcome}) {
    EXPECT_EQ(ToErrno(code), EIO);
  }
}

TEST(ErrnoTable, XattrErrorsAreThoseOfTheManual) {
  EXPECT_EQ(ToErrno(ErrorCode::kNoData), ENODATA);
  EXPECT_EQ(ToErrno(ErrorCode::kOutOfRange), ERANGE);
  EXPECT_EQ(ToErrno(ErrorCode::kTooBig), E2BIG);
  EXPECT_EQ(ToErrno(ErrorCode::kUnsupported), EOPNOTSUPP);
}

TEST(ErrnoTable, EveryCodeHasAnErrno) {
  for (int code = 1; code <= static_cast<int>(ErrorCode::kInternal); ++code) {
    EXPECT_GT(ToErrno(static_cast<ErrorCode>(code)), 0);
  }
}

}  // namespace
}  // namespace metaring::fusefs::mount
