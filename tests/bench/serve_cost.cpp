// SPDX-License-Identifier: Apache-2.0
// What `serve` costs more than `report`, and how long a scrape takes: the same generated records
// through decoder and tracker, with nobody who listens, with the analyses of a report, and with
// those and the metrics as the daemon has them, in turn in every round. CPU time of this process,
// so that others on the machine matter little. Judges nothing.
//
//   serve_cost [--rounds N] [--connections N] [--services N] [--smoke]
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "crowd.h"
#include "event/decode.h"
#include "render/metrics_text.h"
#include "render/report_formats.h"
#include "run/window_reports.h"
#include "synth/setting.h"
#include "tracer.h"
#include "track/tracker.h"

namespace tcpdwell::bench {
namespace {

struct CostOptions {
    int rounds = 5;
    std::size_t connections = 100'000; ///< of each run
    std::size_t services = 50;
};

double cpu_seconds_so_far() {
    timespec t{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

/// Takes no notice.
struct Nobody final : track::TrackerListener {
    void on_transition(const track::TransitionLine&) override {}
    void on_connection(const track::ConnectionLine&) override {}
    void on_lost(const track::LostLine&) override {}
};

/// As serve::Daemon has it.
struct Served final : track::TrackerListener {
    /// The generated time of a run is some windows, so that makers come and go.
    static constexpr Nanoseconds kWindow = std::chrono::seconds(2);

    explicit Served(std::size_t services)
        : metrics({.max_services = services + 1}), reports(options(), kWindow, context) {
        reports.begin(synth::kTestClock.mono);
    }
    analysis::ReportOptions options() {
        analysis::ReportOptions report;
        report.metrics = &metrics;
        return report;
    }
    void on_move(const track::StateMove& move) override {
        metrics.on_move(move);
        reports.on_move(move);
    }
    void on_transition(const track::TransitionLine& line) override {
        metrics.on_transition(line);
        reports.on_transition(line);
    }
    void on_connection(const track::ConnectionLine& line) override {
        metrics.on_connection(line);
        reports.on_connection(line);
    }
    void on_lost(const track::LostLine&) override {}

    run::Context context;
    analysis::Metrics metrics;
    run::WindowReports reports;
};

/// Microseconds of CPU.
struct Scrape {
    double prometheus = 0;
    double openmetrics = 0;
    double report = 0; ///< the report made and rendered as JSON
    std::size_t bytes = 0;
};

Scrape scrape(Served& served, const run::RunState& state) {
    Scrape taken;
    const double begin = cpu_seconds_so_far();
    const std::string text = render::prometheus_text(served.metrics.families(state.now, 0));
    const double then = cpu_seconds_so_far();
    taken.bytes = text.size();
    taken.prometheus = (then - begin) * 1e6;
    const std::string other = render::openmetrics_text(served.metrics.families(state.now, 0));
    const double now = cpu_seconds_so_far();
    taken.openmetrics = (now - then) * 1e6;
    const std::string json = render::report_json(report::ReportSet(served.reports.make(state)));
    taken.report = (cpu_seconds_so_far() - now) * 1e6;
    return taken;
}

/// Returns microseconds of CPU per connection. `served`: nullptr, or the listener as such.
double run_for(const CostOptions& options, track::TrackerListener& listener, Served* served,
               Scrape* scraped) {
    constexpr std::size_t kBatch = 1000; // connections between two looks at requests
    track::Tracker tracker(listener, {});
    event::Decoder decoder;
    Crowd crowd({options.connections / 5, options.services});
    std::vector<std::vector<std::byte>> batch;
    const Crowd::Sink sink = [&](const std::vector<std::byte>& record) { batch.push_back(record); };
    double seconds = 0;
    const auto grind = [&] {
        const double begin = cpu_seconds_so_far();
        for (const auto& record : batch)
            if (const auto event = decoder.decode(record)) tracker.on_event(*event);
        tracker.advance_to(crowd.now());
        const run::RunState state{tracker, decoder.quality(), crowd.now()};
        if (served != nullptr) served->reports.advance(state);
        seconds += cpu_seconds_so_far() - begin;
        batch.clear();
    };
    crowd.begin(sink);
    for (std::size_t i = 0; i < options.connections / 5; ++i) crowd.fill(sink);
    grind();
    seconds = 0; // how it begins isn't the question
    for (std::size_t i = 0; i < options.connections; ++i) {
        crowd.churn(sink);
        if (i % kBatch == kBatch - 1) grind();
    }
    grind();
    if (served != nullptr) *scraped = scrape(*served, {tracker, decoder.quality(), crowd.now()});
    return seconds * 1e6 / static_cast<double>(options.connections);
}

CostOptions parse(int argc, char** argv) {
    CostOptions options;
    for (int i = 1; i < argc; ++i) {
        const std::string word = argv[i];
        if (word == "--rounds" && i + 1 < argc)
            options.rounds = std::atoi(argv[++i]);
        else if (word == "--connections" && i + 1 < argc)
            options.connections = std::strtoul(argv[++i], nullptr, 10);
        else if (word == "--services" && i + 1 < argc)
            options.services = std::strtoul(argv[++i], nullptr, 10);
        else if (word == "--smoke")
            options.rounds = 1, options.connections = 5000;
    }
    if (options.rounds < 1 || options.connections < 1000 || options.services < 1) {
        std::fprintf(stderr, "usage: serve_cost [--rounds N] [--connections N] [--services N] "
                             "[--smoke]\n");
        std::exit(2);
    }
    return options;
}

} // namespace
} // namespace tcpdwell::bench

int main(int argc, char** argv) {
    using namespace tcpdwell;
    using namespace tcpdwell::bench;
    const CostOptions options = parse(argc, argv);
    std::printf("%s, %zu connections a run, %zu services\n", this_host().c_str(),
                options.connections, options.services);
    std::printf("CPU us per connection\n%8s %10s %10s %10s %14s\n", "round", "tracker", "report",
                "serve", "serve/report");
    std::vector<double> ratios;
    std::vector<Scrape> scrapes;
    for (int round = 0; round < options.rounds; ++round) {
        Nobody nobody;
        const double tracker = run_for(options, nobody, nullptr, nullptr);
        analysis::ReportMaker maker({}, synth::kTestClock.mono);
        const double report = run_for(options, maker, nullptr, nullptr);
        Served served(options.services);
        const double serve = run_for(options, served, &served, &scrapes.emplace_back());
        ratios.push_back(serve / report);
        std::printf("%8d %10.2f %10.2f %10.2f %14.3f\n", round + 1, tracker, report, serve,
                    ratios.back());
        std::fflush(stdout);
    }
    std::printf("%8s %10s %10s %10s %14.3f\n", "median", "", "", "", median(ratios));
    const auto middle = [&](double Scrape::*what) {
        std::vector<double> values;
        for (const Scrape& scrape : scrapes) values.push_back(scrape.*what);
        return median(values);
    };
    std::printf("a scrape of %zu bytes: %.0f us of CPU, as OpenMetrics %.0f us; a report made, as "
                "JSON: %.0f us\n",
                scrapes.back().bytes, middle(&Scrape::prometheus), middle(&Scrape::openmetrics),
                middle(&Scrape::report));
    return 0;
}
