// SPDX-License-Identifier: Apache-2.0
// A live view with a filter, and a replay of what it recorded meanwhile: the same lines, whatever
// the filter is, although the kernel lets more pass than the filter selects.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "event/decode.h"
#include "event/encode.h"
#include "event/filter_text.h"
#include "event/record.h"
#include "random_run.h"
#include "recording/recording_source.h"
#include "run/pipeline.h"
#include "run/recorder.h"
#include "run/selection.h"
#include "support/temporary_folder.h"
#include "tcp/flow.h"

namespace tcpdwell::test {
namespace {

/// Everything that a consumer gets, as text.
class Lines final : public run::Consumer {
public:
    void begin(const run::Context&) override {}
    Result<bool> flush(const run::RunState&) override { return true; }
    Result<void> finish() override { return {}; }
    void on_move(const track::StateMove& move) override {
        add("move", move.at, *move.who,
            fmt::format("{} {}", move.from ? name(*move.from) : "-",
                        move.to ? name(*move.to) : "-"));
    }
    void on_transition(const track::TransitionLine& line) override {
        add("transition", line.at, *line.who,
            fmt::format("{} {} {}", name(line.from), name(line.to),
                        line.dwell ? line.dwell->count() : -1));
    }
    void on_connection(const track::ConnectionLine& line) override {
        std::string steps = fmt::format("{} {}", name(line.ending), name(line.seen));
        for (const track::PathStep& step : line.states)
            steps += fmt::format(" {} {}", name(step.state), step.dwell ? step.dwell->count() : -1);
        add("connection", line.closed.value_or(MonoTime{}), *line.who, steps);
        ++connections;
    }
    void on_lost(const track::LostLine&) override {}

    std::vector<std::string> lines;
    std::size_t connections = 0;

private:
    void add(std::string_view what, MonoTime at, const track::ConnectionIdentity& who,
             std::string_view more) {
        lines.push_back(fmt::format(
            "{} {} {} {} {} {} {} {} {}", what, at.time_since_epoch().count(), who.id, who.netns,
            who.tuple.local.text(who.tuple.family), who.tuple.remote.text(who.tuple.family),
            name(who.role), who.process ? who.process->comm() : "", more));
    }
};

bool is_listed(const std::vector<std::uint32_t>& list, std::uint32_t netns) {
    return std::find(list.begin(), list.end(), netns) != list.end();
}

bool is_listed(const std::vector<event::PortRange>& list, tcp::Port port) {
    return std::any_of(list.begin(), list.end(), [&](const event::PortRange& range) {
        return range.first <= port && port <= range.last;
    });
}

bool is_listed(const std::vector<tcp::Cidr>& list, const tcp::IpAddress& address) {
    return std::any_of(list.begin(), list.end(),
                       [&](const auto& cidr) { return cidr.contains(address); });
}

/// As bpf/filter.bpf.h has it, tuple_excluded() and netns_passes().
bool kernel_excludes(const event::Filter& filter, std::uint32_t netns, const tcp::FourTuple& t) {
    const auto& networks = filter.addresses.excluded;
    return is_listed(filter.netns.excluded, netns) ||
           is_listed(filter.local_ports.excluded, t.local.port) ||
           is_listed(filter.remote_ports.excluded, t.remote.port) ||
           is_listed(filter.ports.excluded, t.local.port) ||
           is_listed(filter.ports.excluded, t.remote.port) ||
           (t.local.port != 0 && is_listed(networks, t.local.address)) ||
           (t.remote.port != 0 && is_listed(networks, t.remote.address));
}

/// The same, netns_passes() and tuple_passes().
bool kernel_passes(const event::Filter& filter, std::uint32_t netns, const tcp::FourTuple& t) {
    const auto& ports = filter.ports.wanted;
    const auto& local_ports = filter.local_ports.wanted;
    const auto& remote_ports = filter.remote_ports.wanted;
    const auto& networks = filter.addresses.wanted;
    if (!filter.netns.wanted.empty() && netns != 0 && !is_listed(filter.netns.wanted, netns))
        return false;
    if (filter.family && t.family != *filter.family) return false;
    if (t.local.port != 0 && t.remote.port != 0 && tcp::flow_of(t) % filter.sample != 0)
        return false;
    if (kernel_excludes(filter, netns, t)) return false;
    if (!local_ports.empty() && t.local.port != 0 && !is_listed(local_ports, t.local.port))
        return false;
    if (t.remote.port == 0) return true;
    if (!remote_ports.empty() && !is_listed(remote_ports, t.remote.port)) return false;
    if (!ports.empty() && t.local.port != 0 && !is_listed(ports, t.local.port) &&
        !is_listed(ports, t.remote.port))
        return false;
    return networks.empty() || is_listed(networks, t.local.address) ||
           is_listed(networks, t.remote.address);
}

std::vector<synth::WireRecord> passed_by_kernel(const std::vector<synth::WireRecord>& records,
                                                const event::Filter& filter) {
    event::Decoder decoder;
    std::vector<synth::WireRecord> passed;
    for (const synth::WireRecord& record : records) {
        const auto event = decoder.decode(record.bytes);
        const std::uint32_t netns = event::read_header(record.bytes).netns;
        const bool passes = !event || std::visit(
                                          [&](const auto& each) {
                                              if constexpr (requires { each.tuple; })
                                                  return kernel_passes(filter, netns, each.tuple);
                                              else
                                                  return true;
                                          },
                                          *event);
        if (passes) passed.push_back(record);
    }
    return passed;
}

/// Of what occurs in the traffic, and of what doesn't.
event::Filter random_filter(std::mt19937_64& random, const synth::GeneratedConnection& traffic) {
    const auto any = [&]() -> const synth::Outcome& {
        return traffic.outcomes[random() % traffic.outcomes.size()];
    };
    event::Filter filter;
    /// Wanted, excluded, or the list has both.
    const auto add = [&random](auto& list, auto value) {
        (random() % 3 == 0 ? list.excluded : list.wanted).push_back(value);
    };
    const auto range = [&random](tcp::Port port) -> event::PortRange {
        const auto above = static_cast<tcp::Port>(std::min(65535U - port, unsigned(random() % 9)));
        const auto below = static_cast<tcp::Port>(std::min(port - 1U, unsigned(random() % 9)));
        if (random() % 2 == 0) return port;
        return {static_cast<tcp::Port>(port - below), static_cast<tcp::Port>(port + above)};
    };
    for (std::size_t parts = 1 + random() % 3; parts > 0; --parts) {
        const synth::Outcome& o = any();
        const tcp::Endpoint& end = random() % 2 == 0 ? o.tuple.local : o.tuple.remote;
        const tcp::Port port = end.port != 0 ? end.port : tcp::Port{9};
        switch (random() % 14) {
        case 0:
            add(filter.ports, range(port));
            add(filter.ports, event::PortRange(7104));
            break;
        case 1: add(filter.local_ports, range(port)); break;
        case 2: add(filter.remote_ports, range(port)); break;
        case 3:
            add(filter.addresses,
                *tcp::Cidr::parse(
                    fmt::format("{}/{}", end.address.text(tcp::Family::ipv6), random() % 129)));
            break;
        case 4: add(filter.pids, o.process ? o.process->pid : 1); break;
        case 5:
            add(filter.comms,
                o.process ? std::string(o.process->comm().substr(0, 2)) + "*" : std::string("x"));
            break;
        case 6: add(filter.netns, o.netns); break;
        case 7: add(filter.cgroups, fmt::format("/app/{}", o.cgroup)); break;
        case 10: add(filter.containers, fmt::format("app-{}", o.cgroup)); break;
        case 8: filter.family = o.tuple.family; break;
        case 9: filter.role = o.role == tcp::Role::server ? o.role : tcp::Role::client; break;
        case 12: filter.sample = 2 + static_cast<std::uint32_t>(random() % 3); break;
        default: filter.ports = {7104}; break;
        }
    }
    return filter;
}

/// As the live kernel does it: facts first, then what has happened since the last call.
class Kernel final : public event::EventSource {
public:
    Kernel(std::vector<std::vector<std::byte>> facts, std::vector<synth::WireRecord> records)
        : facts_(std::move(facts)), records_(std::move(records)) {}

    Result<Status> poll(const event::RecordSink& sink) override {
        if (now_ == MonoTime{}) {
            now_ = synth::kTestClock.mono;
            sink(encode(event::ClockReading{synth::kTestClock}, synth::kTestClock));
            for (const auto& fact : facts_) sink(fact);
            return Status::more;
        }
        const bool is_over = next_ == records_.size();
        now_ = is_over ? now_ + std::chrono::milliseconds(100) : records_[next_].at;
        for (std::size_t i = 0; i < 20 && next_ < records_.size(); ++i) {
            now_ = records_[next_].at;
            sink(records_[next_++].bytes);
        }
        return is_over ? Status::finished : Status::more;
    }
    [[nodiscard]] bool ready() const override { return true; }
    [[nodiscard]] MonoTime now() const override { return now_; }
    void stop() override { next_ = records_.size(); }

private:
    std::vector<std::vector<std::byte>> facts_;
    std::vector<synth::WireRecord> records_;
    std::size_t next_ = 0;
    MonoTime now_{};
};

Lines lines_of(event::EventSource& source, const event::Filter& filter,
               const std::vector<event::Filter>& recorded, run::Recorder* recorder = nullptr) {
    Lines lines;
    run::Context context;
    run::Selection selection(filter, context, lines, recorded);
    run::PipelineOptions options;
    options.recorder = recorder;
    EXPECT_TRUE(run_pipeline(source, context, selection.entrance(), options, nullptr));
    return lines;
}

/// The first line that one of them has and the other hasn't; "": none.
std::string first_difference(const std::vector<std::string>& a, const std::vector<std::string>& b) {
    const auto [at, other] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
    if (at == a.end() && other == b.end()) return "";
    return fmt::format("line {}: {}\n instead of: {}", at - a.begin(), at == a.end() ? "none" : *at,
                       other == b.end() ? "none" : *other);
}

Lines replay_of(const std::string& path, bool with_filter) {
    auto source = recording::RecordingSource::open({path});
    EXPECT_TRUE(source);
    const std::vector<event::Filter> recorded = (*source)->head().filters;
    return lines_of(**source, {}, with_filter ? recorded : std::vector<event::Filter>());
}

TEST(FilterProperty, a_replay_shows_what_the_live_view_showed) {
    const TemporaryFolder folder;
    std::size_t streams = 0, ghosts = 0, shown = 0;
    for (const std::uint64_t seed : test::seeds(400)) {
        std::mt19937_64 random(seed * 31);
        synth::GeneratedConnection traffic = make_traffic(test::random_options(seed));
        const event::Filter filter = random_filter(random, traffic);
        std::vector<std::vector<std::byte>> paths;
        std::set<std::uint64_t> cgroups;
        for (const synth::Outcome& o : traffic.outcomes)
            if (o.cgroup != 0 && cgroups.insert(o.cgroup).second) {
                const std::uint64_t at = event::wire_ns(synth::kTestClock.mono);
                paths.push_back(
                    event::cgroup_record(at, o.cgroup, fmt::format("/app/{}", o.cgroup)));
                paths.push_back(
                    event::container_record(at, o.cgroup, fmt::format("app-{}", o.cgroup)));
            }
        const std::string path = folder.path() / fmt::format("{}.tdw", seed);
        auto recorder = run::Recorder::open(path, {.filter = "as given", .selection = filter});
        ASSERT_TRUE(recorder);
        Kernel kernel(paths, passed_by_kernel(traffic.records, filter));
        const Lines live = lines_of(kernel, filter, {}, recorder->get());
        const Lines replay = replay_of(path, true);
        ASSERT_EQ(first_difference(replay.lines, live.lines), "")
            << fmt::format("{}", fmt::join(event::filter_words(filter), " ")) << "; "
            << test::how_to_repeat(seed);
        ++streams;
        shown += live.connections;
        ghosts += replay_of(path, false).connections > live.connections ? 1 : 0;
        std::filesystem::remove(path);
    }
    if (streams < 100) return;
    EXPECT_GT(ghosts, streams / 10); // else nothing was tested
    EXPECT_GT(shown, streams / 10);
}

TEST(FilterProperty, the_kernel_drops_nothing_that_the_filter_selects) {
    std::size_t dropped = 0;
    for (const std::uint64_t seed : test::seeds(400)) {
        std::mt19937_64 random(seed * 37);
        const synth::GeneratedConnection traffic = make_traffic(test::random_options(seed));
        const event::Filter filter = random_filter(random, traffic);
        event::Filter of_tuples = filter; // what of it doesn't depend on the owner
        of_tuples.pids = {};
        of_tuples.comms = {};
        of_tuples.cgroups = {};
        of_tuples.containers = {};
        of_tuples.role.reset();
        const std::optional<event::Process> nobody;
        for (const synth::Outcome& o : traffic.outcomes) {
            if (kernel_passes(filter, o.netns, o.tuple)) continue;
            ++dropped;
            ASSERT_FALSE(
                of_tuples.matches({o.tuple, o.netns, o.role, nobody, nobody, std::nullopt}))
                << fmt::format("{}", fmt::join(event::filter_words(filter), " ")) << "; "
                << test::how_to_repeat(seed);
        }
    }
    EXPECT_GT(dropped, 0U);
}

std::string random_text(std::mt19937_64& random) {
    std::string text(1 + random() % 20, '\0');
    for (char& c : text) do
            c = static_cast<char>(random() % 4 == 0 ? random() : " ,%*-[]!a"[random() % 9]);
        while (c == '\0');
    return text;
}

TEST(FilterProperty, a_head_keeps_every_filter_exactly) {
    for (const std::uint64_t seed : test::seeds(3000)) {
        std::mt19937_64 random(seed);
        recording::Head head;
        for (std::size_t count = random() % 4; count > 0; --count) {
            event::Filter filter =
                random_filter(random, synth::make_traffic({.seed = seed, .stories = 1}));
            for (std::size_t i = random() % 3; i > 0; --i) {
                for (auto* list : {&filter.comms, &filter.cgroups, &filter.containers})
                    (random() % 2 == 0 ? list->wanted : list->excluded)
                        .push_back(random_text(random));
            }
            head.filters.push_back(std::move(filter));
        }
        const recording::Head read = recording::head_from_json(to_json(head));
        ASSERT_EQ(read.filters, head.filters) << test::how_to_repeat(seed);
    }
}

} // namespace
} // namespace tcpdwell::test
