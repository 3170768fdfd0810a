// SPDX-License-Identifier: Apache-2.0
// Gives each story a stage that nobody else uses at the time, then merges the records.
#include "synth/traffic.h"

#include <algorithm>
#include <random>
#include <vector>

#include "synth/scenario.h"

namespace tcpdwell::synth {
namespace {

constexpr std::uint32_t kFirstNamespace = 4026531840;
/// Time before a four-tuple is used again: sooner, the next connection could be why the last one's
/// TIME_WAIT was killed.
constexpr Nanoseconds kRest = std::chrono::milliseconds(50);

tcp::FourTuple make_tuple(std::size_t number) {
    const auto at = [](const std::string& address, std::size_t port) {
        return tcp::Endpoint{*tcp::IpAddress::parse(address), static_cast<tcp::Port>(port)};
    };
    const tcp::Family family = number % 3 == 0
                                   ? tcp::Family::ipv4
                                   : tcp::Family::ipv6; // 1: IPv6, 2: IPv4 in an IPv6 socket
    const bool v6 = number % 3 == 1;
    return {at(v6 ? "fd00::1" : "10.0.0.1", 1024 + number),
            at(v6 ? "fd00::2" : "10.0.0.2", 20000 + number), family};
}

/// The four-tuples of one namespace, and from when on each is free. Local ports differ, so that a
/// listener serves one story only.
class Tuples {
public:
    explicit Tuples(std::size_t count) : free_from_(count, MonoTime::min()) {}

    std::size_t take(MonoTime now) {
        const auto longest_free = std::min_element(free_from_.begin(), free_from_.end());
        const auto number = static_cast<std::size_t>(longest_free - free_from_.begin());
        if (*longest_free <= now) return number;
        free_from_.push_back(now);
        return free_from_.size() - 1;
    }
    void occupy(std::size_t number, MonoTime until) { free_from_[number] = until; }

private:
    std::vector<MonoTime> free_from_;
};

} // namespace

GeneratedConnection make_traffic(const TrafficOptions& options) {
    std::vector<Scenario> repertoire = all_scenarios();
    std::erase_if(repertoire, [&](const Scenario& s) {
        return (options.only_ending && !s.ends) || (options.only_single && s.connections > 1);
    });
    std::mt19937_64 random(options.seed);
    std::vector<Nanoseconds> starts(options.stories);
    std::uniform_int_distribution<std::int64_t> moment(1, options.spread.count());
    for (Nanoseconds& start : starts) start = Nanoseconds(moment(random));
    std::sort(starts.begin(), starts.end());

    KernelMemory memory;
    std::vector<Tuples> tuples(options.namespaces, Tuples(options.tuples));
    GeneratedConnection traffic;
    for (std::size_t i = 0; i < starts.size(); ++i) {
        const auto netns = static_cast<std::uint32_t>(random() % options.namespaces);
        Setting stage;
        stage.kernel = options.kernel;
        stage.netns = kFirstNamespace + netns;
        stage.start = kTestClock.mono + starts[i];
        const std::size_t number = tuples[netns].take(stage.start);
        stage.tuple = make_tuple(number);
        stage.seed = random() | 1;
        stage.first_pid = static_cast<std::uint32_t>(1000 + 3 * i);
        const Scenario& scenario = repertoire[random() % repertoire.size()];
        GeneratedConnection story = tell(scenario, stage, memory);
        tuples[netns].occupy(number,
                             scenario.ends ? story.records.back().at + kRest : MonoTime::max());
        std::move(story.records.begin(), story.records.end(), std::back_inserter(traffic.records));
        std::move(story.outcomes.begin(), story.outcomes.end(),
                  std::back_inserter(traffic.outcomes));
    }
    std::stable_sort(traffic.records.begin(), traffic.records.end(),
                     [](const WireRecord& a, const WireRecord& b) { return a.at < b.at; });
    return traffic;
}

} // namespace tcpdwell::synth
