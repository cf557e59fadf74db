// SPDX-License-Identifier: Apache-2.0
//
// Compression of values. The client compresses and decompresses; the state machine decodes only to
// compare values.
#ifndef METARING_KVNODE_STATE_CODEC_H_
#define METARING_KVNODE_STATE_CODEC_H_

#include "kvnode/base/result.h"
#include "kvnode/state/command.h"

namespace metaring::state {

struct Encoded {
  Bytes value;
  Codec codec = Codec::kNone;
};

// Compressed with zstd level 1 when that saves at least an eighth, else as it is.
Encoded Compress(ByteView value);

// kInvalidArgument for an unknown codec, or a value that is, or says that it decodes to, more than
// kValueBytesMax. What comes from a client is checked by this before it is stored.
Status ValidateEncoded(Codec codec, ByteView value);

// kCorrupt for a value that does not decode, or that claims more than kValueBytesMax.
Result<Bytes> Decode(Codec codec, ByteView value);

}  // namespace metaring::state

#endif  // METARING_KVNODE_STATE_CODEC_H_
