// SPDX-License-Identifier: Apache-2.0
#include "kvnode/placement/rack_share.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <utility>

#include "kvnode/base/random.h"

namespace metaring::placement {
namespace {

// What a node has too much because its rack has counts against load_max, but its nodes cannot mend
// that: so much over the others of the rack is always allowed.
constexpr double kOwnLoadMax = 1.03;
// Of a token beside another one of its node: for a free one in parts of a share, else in replicas.
constexpr double kNeighbourCost = 0.1;
constexpr double kNeighbourReplicas = 0.5;
constexpr double kTokenWeight = 2;     // of first replicas against replicas, in what is made small
constexpr double kNoProgress = -1e-9;  // a change that is not less than this is rounding

struct Node {
  double fair_load;
  double fair_tokens;
  double load = 0;
  double tokens = 0;

  double LoadRatio() const { return load / fair_load; }
  double TokenRatio() const { return tokens / fair_tokens; }
  double Fullness() const { return LoadRatio() + TokenRatio(); }
  double Cost(double load_change, double token_change) const {
    const double loads = load + load_change - fair_load;
    const double count = tokens + token_change - fair_tokens;
    return loads * loads / fair_load + kTokenWeight * count * count / fair_tokens;
  }
};

class RackShare {
 public:
  RackShare(std::vector<RackToken> tokens, const RackShares& shares)
      : tokens_(std::move(tokens)), load_min_(shares.load_min) {
    double load = 0;
    for (const RackToken& token : tokens_) load += token.load;
    const double all = std::accumulate(shares.fair_loads.begin(), shares.fair_loads.end(), 0.0);
    // Nobody has anything of a rack without tokens; the smallest numbers do to divide by.
    load = std::max(1.0, load);
    const double count = std::max<double>(1, static_cast<double>(tokens_.size()));
    token_load_ = load / count;
    load_max_ = std::max(kOwnLoadMax, shares.load_max * all / load);
    tokens_max_ = std::max(kOwnLoadMax, shares.load_max * shares.fair_tokens / count);
    for (const double share : shares.fair_loads)
      nodes_.push_back({load * share / all, count * share / all});
    for (const RackToken& token : tokens_) {
      if (token.node != kNobody) Count(token, 1);
    }
  }

  std::vector<Member> Run() {
    for (size_t i = 0; i < tokens_.size(); ++i) {
      if (tokens_[i].node == kNobody) Give(i, ForFree(i));
    }
    FillShort();
    // Each step makes the sum of costs less; the bounds only end what would take long.
    for (size_t i = 0; i < 4 * nodes_.size() && Exchange(); ++i) {
    }
    for (size_t i = 0; i < 4 * nodes_.size(); ++i) {
      const Member fullest = Fullest();
      if (fullest == kNobody) break;
      if (!MoveOne(fullest, Extreme(-1, &Node::Fullness)) &&
          !MoveOne(fullest, Extreme(-1, &Node::TokenRatio))) {
        break;
      }
    }
    std::vector<Member> result;
    result.reserve(tokens_.size());
    for (const RackToken& token : tokens_) result.push_back(token.node);
    return result;
  }

 private:
  Member node_count() const { return static_cast<Member>(nodes_.size()); }
  void Count(const RackToken& token, int sign) {
    nodes_[token.node].load += sign * static_cast<double>(token.load);
    nodes_[token.node].tokens += sign;
  }
  void Give(size_t i, Member node) {
    if (tokens_[i].node != kNobody) Count(tokens_[i], -1);
    tokens_[i].node = node;
    Count(tokens_[i], 1);
  }
  // In tokens of the usual load.
  double Lacks(Member node) const {
    return (nodes_[node].fair_load - nodes_[node].load) / token_load_;
  }
  bool HasNeighbour(size_t i, Member node) const {
    const size_t size = tokens_.size();
    return tokens_[(i + 1) % size].node == node || tokens_[(i + size - 1) % size].node == node;
  }
  // The node with the highest (1) or lowest (-1) of a measure.
  Member Extreme(int sign, double (Node::*measure)() const) const {
    const auto found = std::max_element(nodes_.begin(), nodes_.end(),
                                        [sign, measure](const Node& a, const Node& b) {
                                          return sign * (a.*measure)() < sign * (b.*measure)();
                                        });
    return static_cast<Member>(found - nodes_.begin());
  }

  // The one that is most over what it may have, or kNobody. Half a token is rounding.
  Member Fullest() const {
    Member fullest = kNobody;
    double most = 1;
    for (Member i = 0; i < node_count(); ++i) {
      const Node& node = nodes_[i];
      const double tokens = (node.tokens - 0.5) / node.fair_tokens;
      const double over = std::max(node.LoadRatio() / load_max_, tokens / tokens_max_);
      if (over <= most) continue;
      fullest = i;
      most = over;
    }
    return fullest;
  }

  Member ForFree(size_t i) const {
    Member best = 0;
    double best_score = std::numeric_limits<double>::infinity();
    for (Member node = 0; node < node_count(); ++node) {
      const Node& to = nodes_[node];
      double score = (to.load + tokens_[i].load) / to.fair_load + (to.tokens + 1) / to.fair_tokens;
      if (HasNeighbour(i, node)) score += kNeighbourCost;
      // Equal ones are told apart by this, as in unit_ring.cc: up to 1e-7.
      score += static_cast<double>(Random(i << 16 | node).Next() >> 11) * 1e-23;
      if (score >= best_score) continue;
      best = node;
      best_score = score;
    }
    return best;
  }

  void FillShort() {
    std::vector<Member> short_nodes;
    for (Member node = 0; node < node_count(); ++node) {
      const bool is_short = nodes_[node].LoadRatio() < load_min_;
      if (is_short && Lacks(node) >= 1) short_nodes.push_back(node);
    }
    for (const Member node : short_nodes) {
      while (Lacks(node) > 0.5 && MoveOne(Extreme(1, &Node::Fullness), node)) {
      }
    }
  }

  // Of the tokens whose move helps, the one with about the load that `to` lacks for each token that
  // it lacks, so that loads and tokens are right together. False, and nothing is done, if none
  // does.
  bool MoveOne(Member from, Member to) {
    const double wanted = std::max(1.0, nodes_[to].fair_load - nodes_[to].load) /
                          std::max(0.5, nodes_[to].fair_tokens - nodes_[to].tokens);
    size_t best = tokens_.size();
    double best_score = std::numeric_limits<double>::infinity();
    for (size_t i = 0; i < tokens_.size(); ++i) {
      if (tokens_[i].node != from) continue;
      const double load = tokens_[i].load;
      const double change = nodes_[from].Cost(-load, -1) - nodes_[from].Cost(0, 0) +
                            nodes_[to].Cost(load, 1) - nodes_[to].Cost(0, 0);
      if (change >= kNoProgress) continue;
      const double score = std::abs(load - wanted) + (HasNeighbour(i, to) ? kNeighbourReplicas : 0);
      if (score >= best_score) continue;
      best = i;
      best_score = score;
    }
    if (best == tokens_.size()) return false;
    Give(best, to);
    return true;
  }

  // The node with too much load trades a token for a lighter one. False, and nothing is done, if no
  // node has too much or no trade helps.
  bool Exchange() {
    const Member from = Extreme(1, &Node::LoadRatio);
    if (nodes_[from].LoadRatio() <= load_max_) return false;
    std::vector<Member> others;
    for (Member node = 0; node < node_count(); ++node) {
      if (node != from) others.push_back(node);
    }
    std::stable_sort(others.begin(), others.end(), [this](Member a, Member b) {
      return nodes_[a].LoadRatio() < nodes_[b].LoadRatio();
    });
    return std::any_of(others.begin(), others.end(),
                       [this, from](Member other) { return ExchangeWith(from, other); });
  }

  bool ExchangeWith(Member a, Member b) {
    const auto of_a = FirstByLoad(a);
    const auto of_b = FirstByLoad(b);
    std::pair<size_t, size_t> best;
    double best_change = kNoProgress;
    for (const auto& [load_a, i] : of_a) {
      for (const auto& [load_b, j] : of_b) {
        const double more = double(load_b) - double(load_a);
        const double change = nodes_[a].Cost(more, 0) - nodes_[a].Cost(0, 0) +
                              nodes_[b].Cost(-more, 0) - nodes_[b].Cost(0, 0);
        if (change >= best_change) continue;
        best = {i, j};
        best_change = change;
      }
    }
    if (best_change == kNoProgress) return false;
    Give(best.first, b);
    Give(best.second, a);
    return true;
  }

  // One token of each load that `node` has.
  std::map<uint32_t, size_t> FirstByLoad(Member node) const {
    std::map<uint32_t, size_t> first;
    for (size_t i = 0; i < tokens_.size(); ++i) {
      if (tokens_[i].node == node) first.emplace(tokens_[i].load, i);
    }
    return first;
  }

  std::vector<RackToken> tokens_;
  std::vector<Node> nodes_;
  double token_load_;  // usual
  double load_min_;    // of what is fair within the rack
  double load_max_;    // the same
  double tokens_max_;  // of what is fair of its tokens
};

}  // namespace

std::vector<Member> ShareTokens(std::vector<RackToken> tokens, const RackShares& shares) {
  return RackShare(std::move(tokens), shares).Run();
}

}  // namespace metaring::placement
