// SPDX-License-Identifier: Apache-2.0
// What tracing costs: short connections over loopback (connect, one byte each way, close; both ends
// on this host, both traced), with each tracer and without any, in turn in every round. Prints a
// table; judges nothing. Needs root.
//
//   connection_rate [--rounds N] [--connections N] [--mode pinned|free] [--smoke] [-- TRACER
//   [ARGUMENT...]]
//
// Without TRACER: the commands in kTraced of $TCPDWELL.
//
// pinned: the load is one thread on CPU 0, the tracer has CPU 1. free: client and server are two
// threads, the scheduler decides. Every run has a network namespace of its own, so that TIME_WAITs
// don't pile up. The tracer's output goes to /dev/null.
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <regex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "loopback_load.h"
#include "tracer.h"

namespace {

using namespace tcpdwell::bench;
using tcpdwell::test::Program;

/// A command that traces until SIGINT.
struct Traced {
    std::string name;
    std::vector<std::string> words;
};
const Traced kTraced[] = {
    {"trace", {"trace", "--connections", "--format", "jsonl"}},
    {"report", {"report"}},
    {"1 in 10", {"report", "--sample", "10"}},
    {"1 in 100", {"report", "--sample", "100"}},
    {"record", {"record", "-o", "/dev/null"}},
    {"serve", {"serve", "--listen", "127.0.0.1:0"}},
};

struct Options {
    int rounds = 5;
    int connections = 40'000;
    bool pinned = true;
    std::vector<Traced> tracers;
};

struct Measured {
    double rate = 0;          ///< connections per second
    double tracer_cpu_us = 0; ///< per connection, the tracer's children included
    long lost = 0;            ///< events, from the tracer's summary
};

void pin_to(int cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    ::sched_setaffinity(0, sizeof(set), &set);
}

std::string read_file(const std::string& path) {
    std::ifstream in(path);
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
}

/// User and system time of a process, from /proc/PID/stat.
double process_cpu(const std::string& pid) {
    const std::string stat = read_file("/proc/" + pid + "/stat");
    const auto after_name = stat.rfind(')');
    if (after_name == std::string::npos) return 0;
    std::istringstream fields(stat.substr(after_name + 2));
    std::string skipped;
    for (int i = 0; i < 11; ++i) fields >> skipped;
    double user = 0;
    double system = 0;
    fields >> user >> system;
    return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

/// CPU seconds so far, those of its children included; exact to a hundredth.
double cpu_seconds(const Program& tracer) {
    const std::string self = std::to_string(tracer.pid());
    double total = process_cpu(self);
    std::istringstream children(read_file("/proc/" + self + "/task/" + self + "/children"));
    for (std::string child; children >> child;) total += process_cpu(child);
    return total;
}

/// Events, from its summary.
long lost_by(const Program& tracer) {
    std::smatch match;
    const std::string text = tracer.said();
    return std::regex_search(text, match, std::regex("([0-9]+) EVENTS LOST")) ? std::stol(match[1])
                                                                              : 0;
}

/// One run in a namespace of its own, in a child process, which reports seconds through a pipe.
double run_load(const Options& options) {
    int ends[2];
    if (::pipe(ends) != 0) std::abort();
    const pid_t pid = ::fork();
    if (pid == 0) {
        if (options.pinned) pin_to(0);
        if (::unshare(CLONE_NEWNET) != 0) ::_exit(1);
        const double elapsed = run_loopback_load(options.connections, options.pinned);
        ::_exit(::write(ends[1], &elapsed, sizeof(elapsed)) == sizeof(elapsed) ? 0 : 1);
    }
    double elapsed = 0;
    ::close(ends[1]);
    const bool got = ::read(ends[0], &elapsed, sizeof(elapsed)) == sizeof(elapsed);
    ::close(ends[0]);
    int status = 0;
    ::waitpid(pid, &status, 0);
    if (!got || status != 0 || elapsed <= 0) {
        std::fprintf(stderr, "the load failed (root is needed, for a network namespace)\n");
        std::exit(1);
    }
    return elapsed;
}

/// `traced`: nullptr for the load alone.
Measured measure(const Options& options, const Traced* traced) {
    Measured m;
    if (!traced) {
        m.rate = options.connections / run_load(options);
        return m;
    }
    Program tracer = start_tracer(traced->words, [&options] {
        if (options.pinned) pin_to(1);
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    const double before = cpu_seconds(tracer);
    m.rate = options.connections / run_load(options);
    std::this_thread::sleep_for(std::chrono::milliseconds(
        500)); // what is in the buffer, and the TIME_WAITs' end, belong to the cost
    m.tracer_cpu_us = (cpu_seconds(tracer) - before) * 1e6 / options.connections;
    stop_tracer(tracer);
    m.lost = lost_by(tracer);
    return m;
}

/// Whether the binary has that command: its help is that of the command then, not that of the whole
/// program.
bool knows(const std::string& binary, const std::string& command) {
    FILE* pipe = ::popen(("'" + binary + "' " + command + " --help 2>&1").c_str(), "r");
    if (!pipe) return false;
    std::string help;
    for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) help += static_cast<char>(c);
    return ::pclose(pipe) == 0 &&
           std::regex_search(help, std::regex("Usage: \\S+ " + command + "\\b"));
}

/// The commands in kTraced, as far as the binary has them.
std::vector<Traced> tracers_of(const std::string& binary) {
    std::vector<Traced> list;
    for (Traced traced : kTraced) {
        if (!knows(binary, traced.words.front())) {
            std::printf("%s is left out: %s doesn't know it\n", traced.name.c_str(),
                        binary.c_str());
            continue;
        }
        traced.words.insert(traced.words.begin(), binary);
        list.push_back(traced);
    }
    return list;
}

Options parse(int argc, char** argv) {
    Options options;
    for (int i = 1; i < argc; ++i) {
        const std::string word = argv[i];
        if (word == "--rounds" && i + 1 < argc)
            options.rounds = std::atoi(argv[++i]);
        else if (word == "--connections" && i + 1 < argc)
            options.connections = std::atoi(argv[++i]);
        else if (word == "--mode" && i + 1 < argc)
            options.pinned = std::string(argv[++i]) == "pinned";
        else if (word == "--smoke")
            options.rounds = 1, options.connections = 500;
        else if (word == "--")
            options.tracers = {{"tracer", {argv + i + 1, argv + argc}}}, i = argc;
    }
    // By default the tracer of the build that this program belongs to (ctest sets the variable).
    if (const char* binary = std::getenv("TCPDWELL"); options.tracers.empty() && binary)
        options.tracers = tracers_of(binary);
    if (options.tracers.empty() || options.tracers[0].words.empty() || options.rounds < 1 ||
        options.connections < 1) {
        std::fprintf(stderr, "usage: connection_rate [--rounds N] [--connections N] [--mode "
                             "pinned|free] [--smoke] -- "
                             "TRACER [ARGUMENT...]\n");
        std::exit(2);
    }
    return options;
}

} // namespace

int main(int argc, char** argv) {
    const Options options = parse(argc, argv);
    std::printf("%s, %s, %d connections a run\n", this_host().c_str(),
                options.pinned ? "pinned" : "free", options.connections);
    std::printf("%8s %10s %10s %8s %18s %8s\n", "round", "", "conn/s", "ratio", "tracer us/conn",
                "lost");
    struct Sums {
        std::vector<double> ratios;
        std::vector<double> cpu;
        long lost = 0;
    };
    std::vector<Sums> sums(options.tracers.size());
    const std::size_t runs = options.tracers.size() + 1; // the last one is without a tracer
    for (int round = 0; round < options.rounds; ++round) {
        // Each round begins with another one, so that a drift of the machine's speed favours none.
        std::vector<Measured> measured(runs);
        for (std::size_t i = 0; i < runs; ++i) {
            const std::size_t run = (i + static_cast<std::size_t>(round)) % runs;
            measured[run] = measure(options, run + 1 < runs ? &options.tracers[run] : nullptr);
        }
        const double untraced = measured.back().rate;
        std::printf("%8d %10s %10.0f\n", round + 1, "untraced", untraced);
        for (std::size_t i = 0; i + 1 < runs; ++i) {
            const Measured& m = measured[i];
            sums[i].ratios.push_back(m.rate / untraced);
            sums[i].cpu.push_back(m.tracer_cpu_us);
            sums[i].lost += m.lost;
            std::printf("%8s %10s %10.0f %8.3f %18.2f %8ld\n", "", options.tracers[i].name.c_str(),
                        m.rate, m.rate / untraced, m.tracer_cpu_us, m.lost);
        }
        std::fflush(stdout);
    }
    for (std::size_t i = 0; i < sums.size(); ++i)
        std::printf("%8s %10s %10s %8.3f %18.2f %8ld\n", "median", options.tracers[i].name.c_str(),
                    "", median(sums[i].ratios), median(sums[i].cpu), sums[i].lost);
    return 0;
}
