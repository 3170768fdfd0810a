// SPDX-License-Identifier: Apache-2.0
// What each BPF program costs on this kernel: runs a second and nanoseconds a run, as the kernel
// counts them, while there are short connections, a busy bulk transfer, or both; and how much of
// the loads' speed is left with tracing. Prints tables; judges nothing. Needs root. The tracer is
// $TCPDWELL, with the probe set $TCPDWELL_PROBES or the types $TCPDWELL_BTF, if one of them is set,
// and of one connection in $TCPDWELL_SAMPLE (a million: nearly all are left out).
//
//   probe_cost [--connections N] [--seconds S] [--rounds R] [--smoke]
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "bulk_load.h"
#include "loopback_load.h"
#include "program_stats.h"
#include "tracer.h"

namespace {

using namespace std::chrono_literals;
using namespace tcpdwell::bench;
using Clock = std::chrono::steady_clock;
using Stats = std::map<std::uint32_t, ProgramStats>;

struct Options {
    int connections = 5000;
    std::chrono::milliseconds time = 5s; ///< of a bulk transfer alone
    int rounds = 3;
};

struct Load {
    const char* name;
    bool connections;
    bool bulk;
};
constexpr Load kLoads[] = {
    {"short connections", true, false}, {"bulk transfer", false, true}, {"both", true, true}};

struct Measured {
    double seconds = 0;
    double connections = 0; ///< a second
    double megabytes = 0;   ///< a second
};

[[noreturn]] void give_up(const char* why) {
    std::fprintf(stderr, "probe_cost: %s\n", why);
    std::exit(1);
}

/// $TCPDWELL, with the probe set or the types that the environment names.
std::vector<std::string> tracer_command() {
    std::vector<std::string> words{std::getenv("TCPDWELL"), "trace", "--connections", "--format",
                                   "jsonl"};
    if (const char* probes = std::getenv("TCPDWELL_PROBES"))
        words.insert(words.end(), {"--probes", probes});
    else if (const char* types = std::getenv("TCPDWELL_BTF"))
        words.insert(words.end(), {"--btf", types});
    if (const char* sample = std::getenv("TCPDWELL_SAMPLE"))
        words.insert(words.end(), {"--sample", sample});
    return words;
}

tcpdwell::test::Program start_tracing() {
    auto tracer = start_tracer(tracer_command());
    std::this_thread::sleep_for(1s); // what was there before is read
    return tracer;
}

/// In a namespace of its own, so that TIME_WAITs don't pile up.
void make_connections(int count) {
    const pid_t pid = ::fork();
    if (pid == 0)
        ::_exit(::unshare(CLONE_NEWNET) == 0 && run_loopback_load(count, false) > 0 ? 0 : 1);
    int status = 0;
    ::waitpid(pid, &status, 0);
    if (status != 0) give_up("the connections failed (root is needed, for a network namespace)");
}

Measured run(const Load& load, const Options& options) {
    std::unique_ptr<BulkLoad> bulk;
    if (load.bulk) {
        bulk = std::make_unique<BulkLoad>();
        std::this_thread::sleep_for(200ms); // it has begun
    }
    const std::uint64_t bytes = bulk ? bulk->bytes() : 0;
    const auto start = Clock::now();
    if (load.connections)
        make_connections(options.connections);
    else
        std::this_thread::sleep_for(options.time);
    Measured m;
    m.seconds = std::chrono::duration<double>(Clock::now() - start).count();
    if (load.connections) m.connections = options.connections / m.seconds;
    if (bulk) m.megabytes = static_cast<double>(bulk->bytes() - bytes) / 1e6 / m.seconds;
    if (bulk && m.megabytes <= 0)
        give_up("the bulk transfer failed (root is needed, for a network namespace)");
    return m;
}

/// What `after` has more than `before`; programs that were there before `others` was taken are left
/// out.
Stats difference(const Stats& before, const Stats& after, const Stats& others) {
    Stats result;
    for (const auto& [id, stats] : after) {
        if (others.contains(id)) continue;
        const auto earlier = before.find(id);
        ProgramStats d = stats;
        if (earlier != before.end()) {
            d.runs -= earlier->second.runs;
            d.nanoseconds -= earlier->second.nanoseconds;
        }
        if (d.runs > 0) result[id] = d;
    }
    return result;
}

void print_programs(const Load& load, const Measured& m, const Stats& stats) {
    std::printf("\n%s: %.1f s", load.name, m.seconds);
    if (load.connections) std::printf(", %.0f connections/s", m.connections);
    if (load.bulk) std::printf(", %.0f MB/s", m.megabytes);
    std::printf("\n  %-16s %12s %10s %12s\n", "PROGRAM", "RUNS/S", "NS/RUN", "CPU SHARE");
    double timers = 0;
    double share = 0;
    for (const auto& [id, s] : stats) {
        const double each = static_cast<double>(s.nanoseconds) / static_cast<double>(s.runs);
        std::printf("  %-16s %12.0f %10.0f %11.2f%%\n", s.name.c_str(),
                    static_cast<double>(s.runs) / m.seconds, each,
                    static_cast<double>(s.nanoseconds) / 1e7 / m.seconds);
        if (s.name.starts_with("on_timer")) timers += static_cast<double>(s.runs) / m.seconds;
        share += static_cast<double>(s.nanoseconds) / 1e7 / m.seconds;
    }
    std::printf("  %-16s %12.0f\n  %-16s %12s %10s %11.2f%%\n", "timer events", timers,
                "all programs", "", "", share);
}

void print_ratios(const Load& load, const Options& options) {
    std::vector<double> connections;
    std::vector<double> bulk;
    for (int round = 0; round < options.rounds; ++round) {
        Measured m[2];
        for (int i = 0; i < 2; ++i) { // each round begins with the other one
            const int traced = (i + round) % 2;
            std::optional<tcpdwell::test::Program> tracer;
            if (traced) tracer.emplace(start_tracing());
            m[traced] = run(load, options);
            if (tracer) stop_tracer(*tracer);
        }
        if (load.connections) connections.push_back(m[1].connections / m[0].connections);
        if (load.bulk) bulk.push_back(m[1].megabytes / m[0].megabytes);
    }
    const auto print = [&](const char* what, const std::vector<double>& ratios) {
        if (ratios.empty()) return;
        std::printf("  %-18s %-14s %7.3f  (%.3f to %.3f)\n", load.name, what, median(ratios),
                    *std::min_element(ratios.begin(), ratios.end()),
                    *std::max_element(ratios.begin(), ratios.end()));
    };
    print("connections/s", connections);
    print("MB/s", bulk);
}

Options parse(int argc, char** argv) {
    Options options;
    bool ok = true;
    for (int i = 1; i < argc; ++i) {
        const std::string word = argv[i];
        const int value = i + 1 < argc ? std::atoi(argv[i + 1]) : 0;
        if (word == "--smoke") {
            options = {.connections = 200, .time = 200ms, .rounds = 1};
            continue;
        }
        ok = ok && value > 0;
        if (word == "--connections")
            options.connections = value;
        else if (word == "--seconds")
            options.time = std::chrono::seconds(value);
        else if (word == "--rounds")
            options.rounds = value;
        else
            ok = false;
        ++i;
    }
    if (!ok || std::getenv("TCPDWELL") == nullptr) {
        std::fprintf(stderr, "usage: TCPDWELL=path probe_cost [--connections N] [--seconds S] "
                             "[--rounds R] [--smoke]\n");
        std::exit(2);
    }
    return options;
}

} // namespace

int main(int argc, char** argv) {
    const Options options = parse(argc, argv);
    const char* probes = std::getenv("TCPDWELL_PROBES");
    if (probes == nullptr && std::getenv("TCPDWELL_BTF") != nullptr) probes = "timer, types given";
    std::printf("%s, probes: %s, %d connections a run\n", this_host().c_str(),
                probes ? probes : "default", options.connections);
    {
        const Stats others = program_stats();
        auto tracer = start_tracing();
        const CountingRuns counting;
        for (const Load& load : kLoads) {
            const Stats before = program_stats();
            const Measured m = run(load, options);
            print_programs(load, m, difference(before, program_stats(), others));
            std::fflush(stdout);
        }
        stop_tracer(tracer);
    }
    std::printf("\nspeed with tracing / without: median of %d rounds\n", options.rounds);
    for (const Load& load : kLoads) {
        print_ratios(load, options);
        std::fflush(stdout);
    }
}
