// SPDX-License-Identifier: Apache-2.0
#include "analysis/both_ends.h"

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "base/hash.h"

namespace tcpdwell::analysis {
namespace {

constexpr std::int64_t kMostApart = BothEnds::kTolerance.count();
/// Of one four-tuple used again and again, so many partners before and behind a line are looked at.
constexpr std::ptrdiff_t kNearest = 4;
constexpr std::size_t kMostSamples = 100'000; ///< of the difference between two clocks

bool is_forward(const EndSummary& end) { return end.local < end.remote; }

std::uint64_t hash_of(const tcp::Endpoint& endpoint) {
    return mix64(endpoint.address.bytes, endpoint.port);
}

/// The same for a tuple and its mirror image.
std::uint64_t hash_of(const EndSummary& end) {
    const bool forward = is_forward(end);
    return mix64(hash_of(forward ? end.local : end.remote) * 3 +
                 hash_of(forward ? end.remote : end.local));
}

std::int64_t ns(WallTime at) { return at.time_since_epoch().count(); }

/// How far apart two lines are once `offset` (b's clock minus a's) is taken away; nullopt: they
/// can't be the same connection.
std::optional<std::int64_t> distance(const EndSummary& a, const EndSummary& b,
                                     std::int64_t offset) {
    if (a.has_opened() && b.has_opened()) return std::abs(b.opened_ns - a.opened_ns - offset);
    if (a.is_over() && b.is_over()) return std::abs(b.over_ns - a.over_ns - offset);
    return std::nullopt;
}

std::int64_t median(std::vector<std::int64_t>& values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

/// Whether `a` is the client's end of the two.
bool is_client(const EndSummary& a, const EndSummary& b) {
    if ((a.role == tcp::Role::client) != (b.role == tcp::Role::client))
        return a.role == tcp::Role::client;
    if ((a.role == tcp::Role::server) != (b.role == tcp::Role::server))
        return b.role == tcp::Role::server;
    return a.local.port > b.local.port || (a.local.port == b.local.port && b.local < a.local);
}

} // namespace

BothEnds::BothEnds(std::span<const EndSummaries> hosts) : hosts_(hosts) {
    for (const EndSummaries& host : hosts) has_partner_.emplace_back(host.size());
    const std::vector<Entry> entries = index();
    const auto for_each_group = [&](void (BothEnds::*act)()) {
        for (std::size_t begin = 0, end = 0; begin < entries.size(); begin = end) {
            while (end < entries.size() && entries[end].hash == entries[begin].hash) ++end;
            if (end - begin == 1) continue;
            gather(std::span(entries).subspan(begin, end - begin));
            (this->*act)();
        }
    };
    for_each_group(&BothEnds::sample_clocks);
    set_clocks();
    for_each_group(&BothEnds::join_group);
    std::sort(joined_.begin(), joined_.end());
}

std::vector<BothEnds::Entry> BothEnds::index() const {
    std::vector<Entry> entries;
    for (std::uint32_t host = 0; host < hosts_.size(); ++host)
        for (std::uint32_t line = 0; line < hosts_[host].size(); ++line)
            entries.push_back({hash_of(hosts_[host][line]), {host, line}});
    std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
        return std::tie(a.hash, a.end) < std::tie(b.hash, b.end);
    });
    return entries;
}

void BothEnds::gather(std::span<const Entry> group) {
    lines_.clear();
    sides_.clear();
    for (const Entry& entry : group) {
        const EndSummary& end = at(entry.end);
        const EndSummaries& host = hosts_[entry.end.host];
        lines_.push_back({entry.end, is_forward(end),
                          end.has_opened() ? end.opened_ns : ns(host.begin()),
                          end.is_over() ? end.over_ns : ns(host.end())});
    }
    const auto side = [](const Line& line) { return std::pair(line.end.host, line.forward); };
    std::sort(lines_.begin(), lines_.end(), [&](const Line& a, const Line& b) {
        return std::tuple(side(a), a.from, a.end.line) < std::tuple(side(b), b.from, b.end.line);
    });
    for (std::size_t begin = 0, end = 0; begin < lines_.size(); begin = end) {
        while (end < lines_.size() && side(lines_[end]) == side(lines_[begin])) ++end;
        sides_.push_back(std::span(lines_).subspan(begin, end - begin));
    }
}

/// Where both hosts saw a four-tuple equally often, the first use here is the first use there.
void BothEnds::sample_clocks() {
    const auto is_reported = [&](Side side) {
        return std::all_of(side.begin(), side.end(),
                           [&](const Line& l) { return at(l.end).has_opened(); });
    };
    for (const Side a : sides_)
        for (const Side b : sides_) {
            const std::uint32_t host = a.front().end.host;
            const std::uint32_t other = b.front().end.host;
            if (host >= other || a.front().forward == b.front().forward || a.size() != b.size())
                continue;
            if (!is_reported(a) || !is_reported(b)) continue;
            std::vector<std::int64_t>& samples = samples_[{host, other}];
            for (std::size_t i = 0; i < a.size() && samples.size() < kMostSamples; ++i)
                if (std::abs(b[i].from - a[i].from) <= kMostApart)
                    samples.push_back(b[i].from - a[i].from);
        }
}

void BothEnds::set_clocks() {
    for (auto& [hosts, samples] : samples_)
        if (!samples.empty()) clocks_[hosts] = median(samples);
    samples_.clear();
}

std::int64_t BothEnds::offset(std::uint32_t host, std::uint32_t other) const {
    const auto found = clocks_.find(std::minmax(host, other));
    if (found == clocks_.end()) return 0;
    return host < other ? found->second : -found->second;
}

Nanoseconds BothEnds::clock_difference(std::uint32_t host, std::uint32_t other) const {
    return Nanoseconds(offset(host, other));
}

void BothEnds::join_group() {
    candidates_.clear();
    for (const Side a : sides_)
        for (const Side b : sides_)
            if (a.front().forward && !b.front().forward) propose(a, b);
    std::sort(candidates_.begin(), candidates_.end()); // those within a host first
    for (const Candidate& candidate : candidates_) join(candidate.a, candidate.b);
}

void BothEnds::propose(Side a, Side b) {
    if (b.size() <= 4 * std::size_t{kNearest}) {
        for (const Line& line : a)
            for (const Line& other : b) consider(line, other);
        return;
    }
    std::vector<Line> by_end(b.begin(), b.end());
    std::stable_sort(by_end.begin(), by_end.end(),
                     [](const Line& x, const Line& y) { return x.until < y.until; });
    const bool needs_ends = std::any_of(
        b.begin(), b.end(), [&](const Line& line) { return !at(line.end).has_opened(); });
    const std::int64_t offset = this->offset(a.front().end.host, b.front().end.host);
    const auto consider_near = [&](const Line& line, Side sorted, std::int64_t Line::*key) {
        const auto place =
            std::lower_bound(sorted.begin(), sorted.end(), line.*key + offset,
                             [&](const Line& each, std::int64_t time) { return each.*key < time; });
        const auto first = place - std::min(place - sorted.begin(), kNearest);
        const auto last = place + std::min(sorted.end() - place, kNearest);
        for (auto other = first; other != last; ++other) consider(line, *other);
    };
    for (const Line& line : a) {
        consider_near(line, b, &Line::from);
        if (needs_ends || !at(line.end).has_opened()) consider_near(line, by_end, &Line::until);
    }
}

void BothEnds::consider(const Line& a, const Line& b) {
    const EndSummary& end = at(a.end);
    const EndSummary& other = at(b.end);
    if (end.local != other.remote || end.remote != other.local)
        return; // the hash is the same, no more
    const std::int64_t offset = this->offset(a.end.host, b.end.host);
    auto far = distance(end, other, offset);
    // Nothing to compare: on both hosts at the same time it can't be two connections. Anything
    // better comes first.
    if (!far && a.from + offset <= b.until && b.from <= a.until + offset) far = kMostApart;
    if (far && *far <= kMostApart)
        candidates_.push_back({a.end.host != b.end.host, *far, a.end, b.end});
}

void BothEnds::join(EndRef a, EndRef b) {
    if (has_partner(a) || has_partner(b)) return;
    has_partner_[a.host][a.line] = has_partner_[b.host][b.line] = true;
    if (a.host == b.host) return;
    if (is_client(at(a), at(b)))
        joined_.push_back({a, b});
    else
        joined_.push_back({b, a});
}

} // namespace tcpdwell::analysis
