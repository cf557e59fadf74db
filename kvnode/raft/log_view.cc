// SPDX-License-Identifier: Apache-2.0
#include "kvnode/raft/log_view.h"

#include <algorithm>

#include "kvnode/base/check.h"

namespace metaring::raft {

std::optional<LogView> LogView::FromRuns(std::vector<TermRun> runs, LogIndex last) {
  if (runs.empty() || runs.size() > kTermRunsMax || runs.back().first > last) return std::nullopt;
  if (last.value() > kLogIndexMax || runs.back().term.value() > kTermMax) return std::nullopt;
  for (size_t i = 1; i < runs.size(); ++i) {
    if (runs[i].first <= runs[i - 1].first || runs[i].term <= runs[i - 1].term) return std::nullopt;
  }
  LogView view;
  view.runs_ = std::move(runs);
  view.last_ = last;
  return view;
}

size_t LogView::RunOf(LogIndex index) const {
  const auto after =
      std::upper_bound(runs_.begin(), runs_.end(), index,
                       [](LogIndex wanted, const TermRun& run) { return wanted < run.first; });
  return static_cast<size_t>(after - runs_.begin()) - 1;
}

LogIndex LogView::EndOf(size_t run) const {
  return run + 1 < runs_.size() ? Previous(runs_[run + 1].first) : last_;
}

std::optional<Term> LogView::TermAt(LogIndex index) const {
  if (index < base() || index > last_) return std::nullopt;
  return runs_[RunOf(index)].term;
}

bool LogView::IsUpToDate(LogIndex index, Term term) const {
  return term > last_term() || (term == last_term() && index >= last_);
}

LogIndex LogView::LastAtMost(LogIndex index, Term term) const {
  if (index < base()) return base();
  size_t run = RunOf(std::min(index, last_));
  if (runs_[run].term <= term) return std::min(index, last_);
  while (run > 0 && runs_[run].term > term) --run;
  return runs_[run].term <= term ? EndOf(run) : base();
}

LogIndex LogView::FirstDifference(const LogView& other, LogIndex after) const {
  LogIndex index = Next(after);
  while (index <= other.last_) {
    if (index > last_) return index;
    const size_t mine = RunOf(index);
    const size_t theirs = other.RunOf(index);
    if (runs_[mine].term != other.runs_[theirs].term) return index;
    index = Next(std::min(EndOf(mine), other.EndOf(theirs)));
  }
  return index;
}

LogView LogView::Slice(LogIndex after, LogIndex last) const {
  CHECK(base() <= after && after <= last && last <= last_);
  const size_t first_run = RunOf(after);
  LogView slice(after, runs_[first_run].term);
  for (size_t run = first_run + 1; run < runs_.size() && runs_[run].first <= last; ++run) {
    slice.runs_.push_back(runs_[run]);
  }
  slice.last_ = last;
  return slice;
}

void LogView::Append(LogIndex last, Term term) {
  CHECK(last > last_ && term >= last_term());
  if (term > last_term()) runs_.push_back({Next(last_), term});
  last_ = last;
}

void LogView::TruncateFrom(LogIndex index) {
  CHECK(index > base() && index <= last_);
  last_ = Previous(index);
  runs_.resize(RunOf(last_) + 1);
}

void LogView::CompactTo(LogIndex index) {
  CHECK(index >= base() && index <= last_);
  const auto run = static_cast<std::ptrdiff_t>(RunOf(index));
  // Into a vector of its own size: most groups are idle, and a few runs are all that is left.
  std::vector<TermRun> kept(runs_.begin() + run, runs_.end());
  kept.front().first = index;
  runs_ = std::move(kept);
}

}  // namespace metaring::raft
