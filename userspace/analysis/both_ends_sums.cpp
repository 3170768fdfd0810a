// SPDX-License-Identifier: Apache-2.0
#include "analysis/both_ends_sums.h"

#include <algorithm>
#include <tuple>

#include "analysis/likely_client.h"

namespace tcpdwell::analysis {
namespace {

class EndsAdder {
public:
    EndsAdder(std::span<const EndSummaries> hosts, const BothEnds& both, Weight weight)
        : hosts_(hosts), both_(both), weight_(weight) {}

    BothEndsSums sum_up() {
        std::map<std::tuple<std::uint32_t, std::uint32_t, tcp::Endpoint>, std::vector<JoinedEnds>>
            served;
        std::map<std::pair<std::uint32_t, std::uint32_t>, std::vector<JoinedEnds>> between;
        for (const JoinedEnds& ends : both_.joined()) {
            if (!at(ends.client).selected && !at(ends.server).selected) continue;
            served[{ends.client.host, ends.server.host, at(ends.server).local}].push_back(ends);
            between[{ends.client.host, ends.server.host}].push_back(ends);
        }
        for (const auto& [hosts, list] : between) add_pair(hosts.first, hosts.second, list);
        for (const auto& [key, list] : served) add_server(std::get<2>(key), list);
        for (std::uint32_t host = 0; host < hosts_.size(); ++host) add_alone(host);
        for (auto& [hosts, pair] : pairs_) sums_.pairs.push_back(std::move(pair));
        std::stable_sort(sums_.servers.begin(), sums_.servers.end(),
                         [](const ServedPair& a, const ServedPair& b) {
                             return std::pair(a.count(Agreement::disagree), a.connections) >
                                    std::pair(b.count(Agreement::disagree), b.connections);
                         });
        return std::move(sums_);
    }

private:
    [[nodiscard]] const EndSummary& at(EndRef end) const { return hosts_[end.host][end.line]; }

    HostPair& pair(std::uint32_t client_host, std::uint32_t server_host) {
        HostPair& found = pairs_[{client_host, server_host}];
        found.client_host = client_host;
        found.server_host = server_host;
        return found;
    }

    static std::optional<Nanoseconds> median(std::vector<std::int64_t> values) {
        if (values.empty()) return std::nullopt;
        const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
        std::nth_element(values.begin(), middle, values.end());
        return Nanoseconds(*middle);
    }

    void add_pair(std::uint32_t client_host, std::uint32_t server_host,
                  const std::vector<JoinedEnds>& list) {
        HostPair& sum = pair(client_host, server_host);
        sum.joined = list.size() * weight_;
        std::vector<std::int64_t> differences;
        for (const JoinedEnds& ends : list) {
            const EndSummary& client = at(ends.client);
            const EndSummary& server = at(ends.server);
            if (client.has_opened() && server.has_opened())
                differences.push_back(server.opened_ns - client.opened_ns);
            if (agreement(client, server) == Agreement::disagree) sum.disagreements.push_back(ends);
        }
        sum.clock_difference = median(std::move(differences));
        const std::size_t shown = std::min(sum.disagreements.size(), HostPair::kMostExamples);
        std::partial_sort(sum.disagreements.begin(),
                          sum.disagreements.begin() + static_cast<std::ptrdiff_t>(shown),
                          sum.disagreements.end(), [&](const JoinedEnds& a, const JoinedEnds& b) {
                              return std::pair(at(a.client).opened_ns, a) <
                                     std::pair(at(b.client).opened_ns, b);
                          });
        sum.disagreements.resize(shown);
        sum.disagreements.shrink_to_fit();
    }

    void add_server(const tcp::Endpoint& server, const std::vector<JoinedEnds>& list) {
        ServedPair sum{list.front().client.host, list.front().server.host, server,
                       at(list.front().server).family};
        sum.connections = list.size() * weight_;
        const EndSummaries& client_host = hosts_[sum.client_host];
        const EndSummaries& server_host = hosts_[sum.server_host];
        std::vector<std::int64_t> by_client;
        std::vector<std::int64_t> by_server;
        for (const JoinedEnds& ends : list) {
            const EndSummary& c = at(ends.client);
            const EndSummary& s = at(ends.server);
            sum.agreements[agreement(c, s)] += weight_;
            if (const auto time = client_host.time_in(c, tcp::State::ESTABLISHED))
                by_client.push_back(time->count());
            if (const auto time = server_host.time_in(s, tcp::State::ESTABLISHED))
                by_server.push_back(time->count());
            sum.time_wait[(client_host.has_been_in(c, tcp::State::TIME_WAIT) ? 1U : 0U) +
                          (server_host.has_been_in(s, tcp::State::TIME_WAIT) ? 2U : 0U)] += weight_;
        }
        sum.client_established = median(std::move(by_client));
        sum.server_established = median(std::move(by_server));
        sums_.servers.push_back(sum);
    }

    /// Lines to addresses of other hosts (and of no namespace of this one) that found no partner
    /// there.
    void add_alone(std::uint32_t host) {
        const EndSummaries& own = hosts_[host];
        for (std::uint32_t line = 0; line < own.size(); ++line) {
            const EndSummary& end = own[line];
            if (!end.selected || both_.has_partner({host, line}) || own.owns(end.remote.address))
                continue;
            for (std::uint32_t other = 0; other < hosts_.size(); ++other) {
                if (other == host || !hosts_[other].owns(end.remote.address)) continue;
                UnmatchedEnds& alone = is_likely_client(end.role, end.local.port, end.remote.port)
                                           ? pair(host, other).only_client
                                           : pair(other, host).only_server;
                alone.connections += weight_;
                if (is_outside(end, own, other, host)) alone.outside += weight_;
            }
        }
    }

    [[nodiscard]] bool is_outside(const EndSummary& end, const EndSummaries& own,
                                  std::uint32_t other, std::uint32_t host) const {
        const Nanoseconds offset = both_.clock_difference(host, other);
        const WallTime from = end.has_opened() ? WallTime(Nanoseconds(end.opened_ns)) : own.begin();
        const WallTime until = end.is_over() ? WallTime(Nanoseconds(end.over_ns)) : own.end();
        return until + offset < hosts_[other].begin() || from + offset > hosts_[other].end();
    }

    std::span<const EndSummaries> hosts_;
    const BothEnds& both_;
    Weight weight_;
    std::map<std::pair<std::uint32_t, std::uint32_t>, HostPair> pairs_;
    BothEndsSums sums_;
};

} // namespace

BothEndsSums sum_up(std::span<const EndSummaries> hosts, const BothEnds& both, Weight weight) {
    return EndsAdder(hosts, both, weight).sum_up();
}

} // namespace tcpdwell::analysis
