// SPDX-License-Identifier: Apache-2.0
//
// Packets by hand, and what a replica answers to them.
#ifndef METARING_TESTS_UNIT_RAFT_PACKETS_H_
#define METARING_TESTS_UNIT_RAFT_PACKETS_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "tests/unit/raft/replica.h"

namespace metaring::raft {

inline Packet From(uint64_t from, uint64_t to, uint64_t term, decltype(Message::body) body) {
  return {{kGroup, NodeId(from), NodeId(to), Term(term), std::move(body)}, {}, {}};
}

inline VoteRequest Ask(uint64_t last_index, uint64_t last_term) {
  return {.last_index = LogIndex(last_index), .last_term = Term(last_term)};
}

// Entries of these terms behind (base, base_term), with values of their own.
inline Packet AppendFrom(uint64_t from, uint64_t to, uint64_t term, uint64_t base,
                         uint64_t base_term, const std::vector<uint64_t>& terms,
                         uint64_t commit = 0) {
  AppendRequest append;
  append.entries = LogView(LogIndex(base), Term(base_term));
  append.commit = LogIndex(commit);
  std::vector<Entry> entries;
  for (const uint64_t entry_term : terms) {
    append.entries.Append(Next(append.entries.last_index()), Term(entry_term));
    entries.push_back(
        {Term(entry_term), 1000 * entry_term + append.entries.last_index().value(), {}});
  }
  Packet packet = From(from, to, term, std::move(append));
  packet.entries = std::move(entries);
  return packet;
}

// What a replica has to send, of one kind; the rest is lost.
template <typename Body>
std::vector<Body> Sent(Replica& replica) {
  std::vector<Body> found;
  for (const Packet& packet : replica.TakePackets()) {
    if (const auto* body = std::get_if<Body>(&packet.message.body)) found.push_back(*body);
  }
  return found;
}

}  // namespace metaring::raft

#endif  // METARING_TESTS_UNIT_RAFT_PACKETS_H_
