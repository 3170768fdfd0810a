// SPDX-License-Identifier: Apache-2.0
// What a tracker full of connections weighs, and how fast it is then: a million of them at 10 000
// services, half of them in TIME_WAIT, first built up, then with others coming as they go. The
// records are made as they are needed, a batch at a time, so that what the process grows by is the
// tracker's (and the listener's). With --report all analyses of `tcpdwell report` listen, and a
// report is made in the end. Judges nothing.
//
//   tracker_memory [--report] [--connections N] [--services N] [--churn N] [--smoke]
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "analysis/report_maker.h"
#include "crowd.h"
#include "event/decode.h"
#include "render/report_formats.h"
#include "synth/setting.h"
#include "track/tracker.h"

namespace tcpdwell::bench {
namespace {

struct Options {
    CrowdOptions crowd;
    std::size_t churn = 1'000'000;
    bool report = false;
};

/// Of this process, in kB, from /proc/self/status: "VmRSS" now, "VmHWM" at its highest.
long memory_kb(const std::string& what) {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
        if (line.starts_with(what + ":")) return std::atol(line.c_str() + what.size() + 1);
    return 0;
}

/// CPU time of this process: others on the same machine cost it less than wall time.
double cpu_seconds() {
    timespec t{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

/// Feeds batches of generated records to decoder and tracker; the clock runs for these only.
class LineSource {
public:
    explicit LineSource(track::Tracker& tracker) : tracker_(tracker) {
        batch_.reserve(kBatch + 64);
    }

    Crowd::Sink sink() {
        return [this](const std::vector<std::byte>& record) {
            batch_.push_back(record);
            if (batch_.size() >= kBatch) grind();
        };
    }
    void grind() {
        const double start = cpu_seconds();
        for (const auto& record : batch_) {
            const auto event = decoder_.decode(record);
            if (!event) continue;
            tracker_.on_event(*event);
            ++events_;
        }
        const double taken = cpu_seconds() - start;
        seconds_ += taken;
        longest_ = std::max(longest_, taken);
        batch_.clear();
    }
    void tell(const char* phase) {
        grind();
        std::printf("%-8s %12zu events %10.0f/s %8.0f ns each, the slowest %zu took %.1f ms\n",
                    phase, events_, static_cast<double>(events_) / seconds_,
                    seconds_ * 1e9 / static_cast<double>(events_), kBatch, longest_ * 1e3);
        std::fflush(stdout);
        events_ = 0;
        seconds_ = longest_ = 0;
    }

private:
    static constexpr std::size_t kBatch = 4096;
    track::Tracker& tracker_;
    event::Decoder decoder_;
    std::vector<std::vector<std::byte>> batch_;
    std::size_t events_ = 0;
    double seconds_ = 0;
    double longest_ = 0;
};

/// Takes no notice.
class NullListener : public track::TrackerListener {
public:
    void on_transition(const track::TransitionLine&) override {}
    void on_connection(const track::ConnectionLine&) override {}
    void on_lost(const track::LostLine&) override {}
};

/// What `tcpdwell report` does in the end.
void report(analysis::ReportMaker& maker, const track::Tracker& tracker, MonoTime now) {
    const double start = cpu_seconds();
    const report::Report report = maker.make(tracker, event::DataQuality{}, analysis::HostFacts{},
                                             synth::kTestClock, {}, now);
    const double made = cpu_seconds();
    const std::size_t json = render::report_json(report).size();
    std::printf("report   made in %.0f ms, written as %zu bytes of JSON in %.0f ms\n",
                (made - start) * 1e3, json, (cpu_seconds() - made) * 1e3);
}

/// One run for one sort of consumer: `listener` takes what the tracker reports, `look` is called
/// before the end.
void run(const char* consumer, const Options& options, track::TrackerListener& listener,
         const std::function<void(const track::Tracker&, MonoTime)>& look) {
    std::printf("%s, %zu connections, %zu services\n", consumer, options.crowd.connections,
                options.crowd.services);
    const long before = memory_kb("VmRSS");
    const std::size_t room = options.crowd.connections + options.crowd.services + 100'000;
    track::Tracker tracker(listener, {.max_connections = room});
    LineSource mill(tracker);
    Crowd crowd(options.crowd);
    const auto sink = mill.sink();

    crowd.begin(sink);
    for (std::size_t i = 0; i < options.crowd.connections; ++i) crowd.fill(sink);
    mill.tell("filling");
    const long full = memory_kb("VmRSS");
    for (std::size_t i = 0; i < options.churn; ++i) crowd.churn(sink);
    mill.tell("churning");

    const double start = cpu_seconds();
    std::size_t waiting = 0;
    tracker.for_each_live(
        [&](const track::LiveSocket& s) { waiting += s.state == tcp::State::TIME_WAIT; });
    std::printf("live     %12zu, %zu of them in TIME_WAIT; a look at all of them takes %.0f ms\n",
                tracker.live(), waiting, (cpu_seconds() - start) * 1e3);
    if (const auto n = tracker.totals().unexpected; n != 0)
        std::printf("%zu events were unexpected\n", std::size_t(n));
    look(tracker, crowd.now());
    std::printf("memory   %12.1f MiB, %.0f bytes for each connection; %.1f MiB after churning, at "
                "most %.1f MiB, "
                "%.1f MiB before\n",
                static_cast<double>(full - before) / 1024,
                static_cast<double>(full - before) * 1024 /
                    static_cast<double>(options.crowd.connections),
                static_cast<double>(memory_kb("VmRSS") - before) / 1024,
                static_cast<double>(memory_kb("VmHWM")) / 1024, static_cast<double>(before) / 1024);
    tracker.finish(crowd.now());
}

Options parse(int argc, char** argv) {
    Options options;
    for (int i = 1; i < argc; ++i) {
        const std::string word = argv[i];
        const auto number = [&] { return std::strtoull(argv[++i], nullptr, 10); };
        if (word == "--connections" && i + 1 < argc)
            options.crowd.connections = number();
        else if (word == "--services" && i + 1 < argc)
            options.crowd.services = number();
        else if (word == "--churn" && i + 1 < argc)
            options.churn = number();
        else if (word == "--report")
            options.report = true;
        else if (word == "--smoke")
            options = {{.connections = 10'000, .services = 100}, 10'000, true};
        else
            options.crowd.services = 0;
    }
    if (options.crowd.connections < 1 || options.crowd.services < 1 ||
        options.crowd.services > 20'000) {
        std::fprintf(stderr, "usage: tracker_memory [--report] [--connections N] [--services N (up "
                             "to 20000)] [--churn N] "
                             "[--smoke]\n");
        std::exit(2);
    }
    return options;
}

} // namespace
} // namespace tcpdwell::bench

int main(int argc, char** argv) {
    const auto options = tcpdwell::bench::parse(argc, argv);
    // Each in a process of its own, for its own peak of memory.
    if (options.report) {
        tcpdwell::analysis::ReportMaker maker({}, tcpdwell::synth::kTestClock.mono);
        tcpdwell::bench::run(
            "tracker and report", options, maker,
            [&](const auto& tracker, auto now) { tcpdwell::bench::report(maker, tracker, now); });
    } else {
        tcpdwell::bench::NullListener nobody;
        tcpdwell::bench::run("the tracker alone", options, nobody, [](const auto&, auto) {});
    }
    return 0;
}
