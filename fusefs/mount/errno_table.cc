// SPDX-License-Identifier: Apache-2.0
//
// A switch without default, so that a new code does not build until it has its errno.
#include "fusefs/mount/errno_table.h"

#include <cerrno>

namespace metaring::fusefs::mount {

int ToErrno(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return EINVAL;
    case ErrorCode::kNotFound:
      return ENOENT;
    case ErrorCode::kExists:
      return EEXIST;
    case ErrorCode::kPermissionDenied:
      return EACCES;
    case ErrorCode::kNotPermitted:
      return EPERM;
    case ErrorCode::kNotDirectory:
      return ENOTDIR;
    case ErrorCode::kIsDirectory:
      return EISDIR;
    case ErrorCode::kNotEmpty:
      return ENOTEMPTY;
    case ErrorCode::kNameTooLong:
      return ENAMETOOLONG;
    case ErrorCode::kTooManyLinks:
      return EMLINK;
    case ErrorCode::kNoData:
      return ENODATA;
    case ErrorCode::kOutOfRange:
      return ERANGE;
    case ErrorCode::kTooBig:
      return E2BIG;
    case ErrorCode::kFileTooBig:
      return EFBIG;
    case ErrorCode::kNoSpace:
      return ENOSPC;
    case ErrorCode::kReadOnly:
      return EROFS;
    case ErrorCode::kStale:
      return ESTALE;
    case ErrorCode::kUnsupported:
      return EOPNOTSUPP;
    case ErrorCode::kConflict:
      return EAGAIN;
    case ErrorCode::kBusy:
      return EBUSY;
    case ErrorCode::kUnavailable:
      return EIO;
    case ErrorCode::kDeadlineExceeded:
      return ETIMEDOUT;
    case ErrorCode::kCancelled:
      return EINTR;
    case ErrorCode::kUnknownOutcome:
    case ErrorCode::kCorrupt:
    case ErrorCode::kIo:
    case ErrorCode::kFormatMismatch:
    case ErrorCode::kInternal:
      return EIO;
  }
  return EIO;
}

}  // namespace metaring::fusefs::mount
