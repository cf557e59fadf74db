// SPDX-License-Identifier: Apache-2.0
#include "kvnode/base/result.h"

#include <cerrno>
#include <cstring>

namespace metaring {

std::string_view ErrorCodeName(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return "invalid_argument";
    case ErrorCode::kNotFound:
      return "not_found";
    case ErrorCode::kExists:
      return "exists";
    case ErrorCode::kPermissionDenied:
      return "permission_denied";
    case ErrorCode::kNotPermitted:
      return "not_permitted";
    case ErrorCode::kNotDirectory:
      return "not_directory";
    case ErrorCode::kIsDirectory:
      return "is_directory";
    case ErrorCode::kNotEmpty:
      return "not_empty";
    case ErrorCode::kNameTooLong:
      return "name_too_long";
    case ErrorCode::kTooManyLinks:
      return "too_many_links";
    case ErrorCode::kNoData:
      return "no_data";
    case ErrorCode::kOutOfRange:
      return "out_of_range";
    case ErrorCode::kTooBig:
      return "too_big";
    case ErrorCode::kFileTooBig:
      return "file_too_big";
    case ErrorCode::kNoSpace:
      return "no_space";
    case ErrorCode::kReadOnly:
      return "read_only";
    case ErrorCode::kStale:
      return "stale";
    case ErrorCode::kUnsupported:
      return "unsupported";
    case ErrorCode::kConflict:
      return "conflict";
    case ErrorCode::kBusy:
      return "busy";
    case ErrorCode::kUnavailable:
      return "unavailable";
    case ErrorCode::kDeadlineExceeded:
      return "deadline_exceeded";
    case ErrorCode::kCancelled:
      return "cancelled";
    case ErrorCode::kUnknownOutcome:
      return "unknown_outcome";
    case ErrorCode::kCorrupt:
      return "corrupt";
    case ErrorCode::kIo:
      return "io";
    case ErrorCode::kFormatMismatch:
      return "format_mismatch";
    case ErrorCode::kInternal:
      return "internal";
  }
  return "unnamed";
}

Error ErrnoError(int error_number, std::string_view what) {
  auto code = ErrorCode::kIo;
  switch (error_number) {
    case ENOSPC:
    case EDQUOT:
      code = ErrorCode::kNoSpace;
      break;
    case EACCES:
    case EPERM:
      code = ErrorCode::kPermissionDenied;
      break;
    case ENOENT:
      code = ErrorCode::kNotFound;
      break;
    case EEXIST:
      code = ErrorCode::kExists;
      break;
    case EROFS:
      code = ErrorCode::kReadOnly;
      break;
    default:
      break;
  }
  return Error{code, std::string(what) + ": " + std::strerror(error_number)};
}

}  // namespace metaring
