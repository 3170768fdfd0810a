// SPDX-License-Identifier: Apache-2.0
// What a recording costs: CPU time and bytes of writing one at several levels and sizes of blocks,
// how fast it is read, and where the time of a replay goes, each side by side from one run. The
// traffic is generated: servers with very many connections (crowd.h). Judges nothing.
//
//   recording [--connections N] [--smoke]
//
// With $TCPDWELL, also replays by the program itself.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "analysis/report_maker.h"
#include "crowd.h"
#include "event/decode.h"
#include "recording/reader.h"
#include "recording/writer.h"
#include "synth/setting.h"
#include "tcpdwell/wire.h"
#include "track/tracker.h"

namespace tcpdwell::bench {
namespace {

using Bytes = std::vector<std::byte>;
using recording::RecordingReader;
using recording::RecordingWriter;
using recording::WriterOptions;

constexpr std::size_t kBatch = 400; ///< records between two marks, as a busy host has

double cpu_seconds() {
    timespec t{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

/// All records of a run, one after the other.
struct Traffic {
    Bytes bytes;
    std::size_t records = 0;
    std::size_t transitions = 0;
    std::size_t connections = 0;
};

template <class Act>
void for_each_record(std::span<const std::byte> rest, Act act) {
    while (!rest.empty()) {
        td_header header;
        std::memcpy(&header, rest.data(), sizeof(header));
        act(header, rest.first(header.size));
        rest = rest.subspan(header.size);
    }
}

Traffic make_traffic(std::size_t connections) {
    Traffic traffic{.connections = connections};
    Crowd crowd({.connections = connections / 2, .services = 100});
    const Crowd::Sink sink = [&](const Bytes& record) {
        traffic.bytes.insert(traffic.bytes.end(), record.begin(), record.end());
        ++traffic.records;
        if (record[2] == std::byte{TD_STATE}) ++traffic.transitions;
    };
    crowd.begin(sink);
    for (std::size_t i = 0; i < connections / 2; ++i) crowd.fill(sink);
    for (std::size_t i = 0; i < connections / 2; ++i) crowd.churn(sink);
    return traffic;
}

struct Written {
    Fd file;
    double seconds = 0;
    std::size_t bytes = 0;
};

void insist(bool condition) {
    if (condition) return;
    std::fprintf(stderr, "writing or reading failed\n");
    std::exit(1);
}

Written write_recording(const Traffic& traffic, const recording::WriterOptions& options) {
    Written written{.file = Fd(::memfd_create("recording", 0))};
    const double start = cpu_seconds();
    auto writer = recording::RecordingWriter::begin(Fd(::dup(written.file.get())), "memory",
                                                    "{\"hz\":250}", 77, 0, options);
    insist(writer.has_value());
    std::size_t reported = 0;
    for_each_record(traffic.bytes, [&](const td_header& header, std::span<const std::byte> record) {
        insist((*writer)->write(record).has_value());
        if (++reported % kBatch == 0)
            insist((*writer)
                       ->mark(MonoTime(Nanoseconds(static_cast<std::int64_t>(header.time_ns))))
                       .has_value());
    });
    insist((*writer)->end().has_value());
    written.seconds = cpu_seconds() - start;
    written.bytes = (*writer)->totals().file_bytes;
    return written;
}

/// Reads it all; the CPU time that this takes, what `act` does included.
double read_recording(const Written& written,
                      const std::function<void(std::span<const std::byte> block)>& act) {
    ::lseek(written.file.get(), 0, SEEK_SET);
    const double start = cpu_seconds();
    auto reader = recording::RecordingReader::begin(Fd(::dup(written.file.get())), "memory");
    insist(reader.has_value());
    while (true) {
        const auto block = (*reader)->next();
        insist(block.has_value());
        if (!*block) break;
        act(**block);
    }
    insist(!(*reader)->damage().any());
    return cpu_seconds() - start;
}

void compare_variants(const Traffic& traffic) {
    const auto records = static_cast<double>(traffic.records);
    std::printf("\n%7s %6s %10s %8s %8s %8s %10s %8s %12s\n", "block", "level", "us/conn", "ns/rec",
                "CPU", "B/trans", "B/rec", "size", "read rec/s");
    struct Variant {
        std::size_t block;
        int level;
    };
    double usual_seconds = 0;
    for (const auto& [block, level] :
         {Variant{1 << 20, 3}, Variant{1 << 20, 1}, Variant{1 << 20, 9}, Variant{64 << 10, 3},
          Variant{256 << 10, 3}, Variant{4 << 20, 3}}) {
        const Written written = write_recording(
            traffic, {.level = level, .block_bytes = block, .block_time = std::chrono::hours(1)});
        const double read = read_recording(written, [](auto) {});
        if (usual_seconds == 0) usual_seconds = written.seconds;
        const auto bytes = static_cast<double>(written.bytes);
        std::printf("%6zuK %6d %10.2f %8.0f %7.2fx %8.2f %10.2f %7.1f%% %12.0f\n", block >> 10,
                    level, written.seconds * 1e6 / static_cast<double>(traffic.connections),
                    written.seconds * 1e9 / records, written.seconds / usual_seconds,
                    bytes / static_cast<double>(traffic.transitions), bytes / records,
                    100 * bytes / static_cast<double>(traffic.bytes.size()), records / read);
        std::fflush(stdout);
    }
}

class NullListener : public track::TrackerListener {
public:
    void on_transition(const track::TransitionLine&) override {}
    void on_connection(const track::ConnectionLine&) override {}
    void on_lost(const track::LostLine&) override {}
};

/// Each row does what the one before does and something more.
void take_apart(const Traffic& traffic, const Written& written) {
    std::printf("\n%-44s %10s %8s %12s\n", "replay, step by step", "ns/rec", "share", "rec/s");
    std::vector<std::pair<const char*, double>> steps;
    steps.emplace_back("blocks read and unpacked", read_recording(written, [](auto) {}));
    const auto with = [&](auto&& feed) {
        event::Decoder decoder;
        return read_recording(written, [&](std::span<const std::byte> block) {
            for_each_record(block, [&](const td_header& header, std::span<const std::byte> record) {
                if (header.kind == TD_NOW)
                    feed(nullptr, MonoTime(Nanoseconds(static_cast<std::int64_t>(header.time_ns))));
                else if (const auto event = decoder.decode(record))
                    feed(&*event, MonoTime{});
            });
        });
    };
    steps.emplace_back("and records made into events", with([](const event::Event*, MonoTime) {}));
    const auto track = [&](track::TrackerListener& listener) {
        track::Tracker tracker(listener, {.max_connections = traffic.connections + 1000});
        return with([&](const event::Event* event, MonoTime now) {
            if (event)
                tracker.on_event(*event);
            else
                tracker.advance_to(now);
        });
    };
    NullListener nobody;
    steps.emplace_back("and connections followed", track(nobody));
    analysis::ReportMaker maker({}, synth::kTestClock.mono);
    steps.emplace_back("and all analyses of a report", track(maker));
    double before = 0;
    const auto records = static_cast<double>(traffic.records);
    for (const auto& [what, seconds] : steps) {
        std::printf("%-44s %10.0f %7.0f%% %12.0f\n", what, (seconds - before) * 1e9 / records,
                    100 * (seconds - before) / steps.back().second, records / seconds);
        before = seconds;
    }
}

/// CPU seconds of `binary WORDS... -r FILE`, its output thrown away.
double run(const char* binary, const std::vector<std::string>& words, const std::string& file) {
    const pid_t pid = ::fork();
    if (pid == 0) {
        const int null = ::open("/dev/null", O_RDWR);
        ::dup2(null, STDOUT_FILENO);
        ::dup2(null, STDERR_FILENO);
        std::vector<char*> argv{const_cast<char*>(binary)};
        for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
        argv.push_back(const_cast<char*>(file.c_str()));
        argv.push_back(nullptr);
        ::execv(binary, argv.data());
        ::_exit(127);
    }
    int status = 0;
    rusage used{};
    insist(::wait4(pid, &status, 0, &used) == pid && status == 0);
    const auto seconds = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
    };
    return seconds(used.ru_utime) + seconds(used.ru_stime);
}

void replay(const char* binary, const Traffic& traffic, const Written& written) {
    const std::string file =
        "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(written.file.get());
    std::printf("\n%-44s %10s %8s %12s\n", "replay by the program, from end to end", "ns/rec",
                "ratio", "rec/s");
    const auto records = static_cast<double>(traffic.records);
    double report = 0;
    for (const std::vector<std::string>& words :
         std::vector<std::vector<std::string>>{{"report", "-r"},
                                               {"trace", "-f", "jsonl", "-r"},
                                               {"trace", "-c", "-f", "jsonl", "-r"},
                                               {"info"}}) {
        const double seconds = run(binary, words, file);
        if (report == 0) report = seconds;
        std::string line = "tcpdwell";
        for (const std::string& word : words) line += " " + word;
        std::printf("%-44s %10.0f %7.2fx %12.0f\n", line.c_str(), seconds * 1e9 / records,
                    seconds / report, records / seconds);
    }
}

std::size_t parse(int argc, char** argv) {
    std::size_t connections = 200'000;
    for (int i = 1; i < argc; ++i) {
        const std::string word = argv[i];
        if (word == "--connections" && i + 1 < argc)
            connections = std::strtoull(argv[++i], nullptr, 10);
        else
            connections = word == "--smoke" ? 4000 : 0;
    }
    if (connections < 2) {
        std::fprintf(stderr, "usage: recording [--connections N] [--smoke]\n");
        std::exit(2);
    }
    return connections;
}

} // namespace
} // namespace tcpdwell::bench

int main(int argc, char** argv) {
    using namespace tcpdwell::bench;
    const Traffic traffic = make_traffic(parse(argc, argv));
    std::printf("%zu connections, %zu transitions, %zu records of %.1f bytes, %.1f MB\n",
                traffic.connections, traffic.transitions, traffic.records,
                static_cast<double>(traffic.bytes.size()) / static_cast<double>(traffic.records),
                static_cast<double>(traffic.bytes.size()) * 1e-6);
    compare_variants(traffic);
    const Written usual = write_recording(traffic, {});
    take_apart(traffic, usual);
    if (const char* binary = std::getenv("TCPDWELL")) replay(binary, traffic, usual);
    return 0;
}
