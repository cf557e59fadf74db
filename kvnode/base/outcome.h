// SPDX-License-Identifier: Apache-2.0
//
// Result<T>: the one way in which an operation of Metaring fails.
//
// Every fallible function returns Result<T> (or Status, which is Result<void>). Absence is not an
// error: it is std::optional inside the Result. The codes are one enum for the whole project, so
// that an error keeps its meaning from LMDB to the mount; errno is made from it in fusefs/mount
// alone.
//
// The outcome of a write is one of three: done (a value), refused (any code but kUnknownOutcome: it
// is surely not applied) and unknown (kUnknownOutcome: it may be applied; only a retry under the
// same request id is safe).
//
// Programs see this file as <metaring/result.h>: it includes nothing of ours.
#ifndef METARING_KVNODE_BASE_OUTCOME_H_
#define METARING_KVNODE_BASE_OUTCOME_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace metaring {

enum class ErrorCode : uint8_t {
  kInvalidArgument = 1,  // the request itself is wrong; the message names the field and the limit
  kNotFound,             // a thing that the request names does not exist (a path, a keyspace)
  kExists,               // a thing that must not exist does
  kPermissionDenied,     // the caller lacks the right (EACCES)
  kNotPermitted,         // nobody may do this to this object (EPERM)
  kNotDirectory,
  kIsDirectory,
  kNotEmpty,
  kNameTooLong,
  kTooManyLinks,
  kNoData,       // no such extended attribute
  kOutOfRange,   // the caller's buffer is too small
  kTooBig,       // an argument or result over a fixed limit (E2BIG)
  kFileTooBig,   // beyond the largest file size (EFBIG)
  kNoSpace,      // the quota or the disk is full; deletes and reads go on
  kReadOnly,     // mounted or opened read-only
  kStale,        // the object is gone
  kUnsupported,  // a flag or an operation that is not honoured here
  kConflict,     // lost against concurrent writers more often than the retry bound
  kBusy,         // over a bound of the server or in use; retry later
  kUnavailable,  // cannot be reached now
  kDeadlineExceeded,
  kCancelled,       // the caller gave up (EINTR)
  kUnknownOutcome,  // a write that may or may not be applied
  kCorrupt,         // own state whose checksum or structure is wrong
  kIo,              // the disk or the system failed
  kFormatMismatch,  // a directory or record of another format or version
  kInternal,        // a broken invariant of our own
};

// The code's name in snake_case, as logs, JSON output and the documentation have it: "no_space".
std::string_view ErrorCodeName(ErrorCode code);

struct [[nodiscard]] Error {
  ErrorCode code;
  std::string message;  // one sentence for a person, without the code's name
};

template <typename T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
};

using Status = Result<void>;

// Makes the failed side of any Result: return Fail(ErrorCode::kNoSpace, "...").
inline tl::unexpected<Error> Fail(ErrorCode code, std::string message) {
  return tl::unexpected<Error>(Error{code, std::move(message)});
}
inline tl::unexpected<Error> Fail(Error error) {
  return tl::unexpected<Error>(std::move(error));
}

}  // namespace metaring

#endif  // METARING_KVNODE_BASE_OUTCOME_H_
