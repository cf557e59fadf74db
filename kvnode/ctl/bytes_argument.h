// SPDX-License-Identifier: Apache-2.0
//
// Bytes on a command line: as text, as hexadecimal digits, from a file or from stdin.
#ifndef METARING_KVNODE_CTL_BYTES_ARGUMENT_H_
#define METARING_KVNODE_CTL_BYTES_ARGUMENT_H_

#include <string>
#include <string_view>

#include "kvnode/base/bytes.h"
#include "kvnode/base/result.h"

namespace metaring::ctl {

// An even number of digits of either case, blanks between bytes allowed. kInvalidArgument.
Result<Bytes> ParseHex(std::string_view digits);
std::string ToHex(ByteView bytes);

// The text itself, or with `hex` what its digits say.
Result<Bytes> ParseBytes(const std::string& text, bool hex);

// A file's content, "-" is stdin. kTooBig beyond `bytes_max`, of which no more is read.
Result<Bytes> ReadBytes(const std::string& file, size_t bytes_max);

}  // namespace metaring::ctl

#endif  // METARING_KVNODE_CTL_BYTES_ARGUMENT_H_
