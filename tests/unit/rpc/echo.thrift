// SPDX-License-Identifier: Apache-2.0
//
// A service for tests and benchmarks of the transport alone.
namespace cpp metaring.echo

struct EchoRequest {
  1: optional binary payload
  2: optional i64 deadline_ms
}

struct EchoReply {
  1: optional binary payload
}

exception EchoError {
  1: optional i32 code            // an ErrorCode of kvnode/base
  2: optional string message
}

// Refers to itself, so that messages can be nested.
struct Nest {
  1: optional list<Nest> nests
}

service Echo {
  EchoReply echo(1: EchoRequest request) throws (1: EchoError error)
  i32 depth(1: Nest nest) throws (1: EchoError error)
  oneway void note(1: EchoRequest request)
}
