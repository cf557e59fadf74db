// SPDX-License-Identifier: Apache-2.0
//
// LogView: the shape of a log, or of a stretch of one: which index has which term.
//
// Raft decides with indices and terms alone, so the core keeps no entry and no payload. Terms
// change seldom, so runs of equal terms are a few numbers for a log of any length. The same type is
// the core's log, and what an append says of the entries in it: its base is then the entry before
// them (prevLogIndex and prevLogTerm of Raft 5.3).
#ifndef METARING_KVNODE_RAFT_LOG_VIEW_H_
#define METARING_KVNODE_RAFT_LOG_VIEW_H_

#include <cstddef>
#include <optional>
#include <vector>

#include "kvnode/raft/ids.h"

namespace metaring::raft {

// From `first` on, to the next run, entries have this term.
struct TermRun {
  LogIndex first;
  Term term;
  friend bool operator==(const TermRun&, const TermRun&) = default;
};

// Of one log. A log that has so many takes no entry of a further term until it is compacted.
inline constexpr size_t kTermRunsMax = 4096;

// One caller. Invariants: base <= last; terms never fall; runs().front().first is the base.
class LogView {
 public:
  // An empty log behind entry (0, 0).
  LogView() : LogView(LogIndex(0), Term(0)) {}
  // An empty log behind the entry (base, base_term), which a snapshot covers.
  LogView(LogIndex base, Term base_term) : runs_{{base, base_term}}, last_(base) {}

  // From the wire: runs as runs() gives them. Nothing when they are no log (empty, out of order, a
  // term that falls, a run behind `last`, more than kTermRunsMax, a number over its bound).
  static std::optional<LogView> FromRuns(std::vector<TermRun> runs, LogIndex last);

  // The entry before the first: committed, and no longer there.
  LogIndex base() const { return runs_.front().first; }
  Term base_term() const { return runs_.front().term; }
  LogIndex last_index() const { return last_; }
  Term last_term() const { return runs_.back().term; }
  // The base's run first.
  const std::vector<TermRun>& runs() const { return runs_; }
  bool Empty() const { return last_ == base(); }

  // Of an index in [base, last]; nothing for any other.
  std::optional<Term> TermAt(LogIndex index) const;
  bool Matches(LogIndex index, Term term) const { return TermAt(index) == term; }
  // Whether a log that ends in (index, term) is at least as up to date as this one (Raft 5.4.1).
  bool IsUpToDate(LogIndex index, Term term) const;
  // The largest index in [base, index] whose term is at most `term`; the base when there is none.
  LogIndex LastAtMost(LogIndex index, Term term) const;
  // The first index in (after, other.last] at which this log has another term than `other`, or no
  // entry; Next(other.last_index()) when there is none. `after` is in both logs.
  LogIndex FirstDifference(const LogView& other, LogIndex after) const;
  // The entries (after, last] with `after` as their base; base <= after <= last <= last_index().
  LogView Slice(LogIndex after, LogIndex last) const;

  // Whether an entry of this term may be appended without passing kTermRunsMax.
  bool HasRoomFor(Term term) const { return term == last_term() || runs_.size() < kTermRunsMax; }
  // Adds entries of one term up to `last`; last > last_index(), term >= last_term().
  void Append(LogIndex last, Term term);
  // Removes `index` and what is behind it; base < index <= last.
  void TruncateFrom(LogIndex index);
  // Makes `index` the base, keeping what is behind it; base <= index <= last.
  void CompactTo(LogIndex index);

  friend bool operator==(const LogView&, const LogView&) = default;

 private:
  // The run that covers an index in [base, last].
  size_t RunOf(LogIndex index) const;
  // The last index of a run.
  LogIndex EndOf(size_t run) const;

  std::vector<TermRun> runs_;
  LogIndex last_;
};

}  // namespace metaring::raft

#endif  // METARING_KVNODE_RAFT_LOG_VIEW_H_
