// SPDX-License-Identifier: Apache-2.0
// The same traffic as the client's host and as the server's host see it, each in a recording.
#pragma once

#include <fcntl.h>

#include <filesystem>
#include <stdexcept>
#include <string>

#include "../unit/analysis/connection_mix.h"
#include "event/encode.h"
#include "event/record.h"
#include "recording/head.h"
#include "recording/writer.h"

namespace tcpdwell::test {

/// A host to be recorded.
struct RecordedHost {
    std::string name;
    std::string boot_id;
    ClockAnchor clock = synth::kTestClock; ///< at the beginning of the recording
    std::uint64_t run = 7;
};

inline constexpr Nanoseconds kServerIsAhead = std::chrono::milliseconds(3250);
inline const RecordedHost kClientHost{"client-1", "11111111-1111-4111-8111-111111111111"};
inline const RecordedHost kServerHost{"server-1", "22222222-2222-4222-8222-222222222222",
                                      ClockAnchor{synth::kTestClock.mono,
                                                  synth::kTestClock.wall + kServerIsAhead,
                                                  synth::kTestClock.jiffies, synth::kTestClock.hz}};

/// Writes what the host's kernel reported in 40 s.
inline void record(const std::filesystem::path& file, const RecordedHost& host,
                   const synth::GeneratedConnection& story) {
    using namespace std::chrono_literals;
    const auto must = [](const auto& result) {
        if (!result) throw std::runtime_error(result.error().message);
    };
    recording::Head head;
    head.host = host.name;
    head.kernel = "6.18.0";
    head.boot_id = host.boot_id;
    head.clock = host.clock;
    Fd fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    auto writer = recording::RecordingWriter::begin(std::move(fd), file.string(), to_json(head),
                                                    host.run, 0, {});
    must(writer);
    must((*writer)->write(encode(event::ClockReading{host.clock}, host.clock)));
    const auto now = static_cast<std::uint64_t>(host.clock.mono.time_since_epoch().count());
    for (const auto& [key, value] :
         {std::pair("version", std::string("0.0.0")), std::pair("host", host.name),
          std::pair("kernel", head.kernel)})
        must((*writer)->write(event::fact_record(now, 0, key, value)));
    const MonoTime end = host.clock.mono + 40s;
    MonoTime reported = host.clock.mono;
    must((*writer)->mark(reported));
    for (const synth::WireRecord& record : story.records) {
        if (record.at >= end) break;
        for (; reported + 1s <= record.at; reported += 1s) must((*writer)->mark(reported + 1s));
        must((*writer)->write(record.bytes));
    }
    must((*writer)->mark(end));
    must((*writer)->end());
}

/// Connections from 10.1.0.1 to 10.1.0.2: 12 that the client closes first and 5 that the server
/// does, one that something between them cut off by telling each that the other had closed, two
/// that stay open; and some that only one of the hosts knows of.
class TwoHosts {
public:
    TwoHosts() {
        using namespace std::chrono_literals;
        const synth::Scenario serves{"serves",
                                     [](synth::RecordGenerator& t) {
                                         open_as_server(t);
                                         t.stays_open({tcp::ClosedFirst::none, tcp::Ending::open});
                                     },
                                     false};
        both("client_first_fin_with_ack", scenario("served"), 1s, 40'000, 80, 12);
        both("remote_first_shutdown_then_close", scenario("server_first"), 2s, 41'000, 80, 5);
        both("remote_first_shutdown_then_close", scenario("served"), 3s, 42'000, 443, 1);
        both("still_established", serves, 4s, 43'000, 5432, 2);
        client_.add(scenario("connect_times_out"),
                    stage(tuple("10.1.0.1", 44'000, "10.1.0.2", 9200), 5s), 3,
                    ConnectionMix::Vary::local_port);
        server_.add(scenario("handshake_reset"),
                    stage(tuple("10.1.0.2", 80, "10.1.0.1", 45'000), 6s), 2,
                    ConnectionMix::Vary::remote_port);
    }

    /// client.tdw and server.tdw
    void record(const std::filesystem::path& folder) {
        test::record(folder / "client.tdw", kClientHost, client_.tell());
        test::record(folder / "server.tdw", kServerHost, server_.tell());
    }

private:
    static synth::Setting stage(const tcp::FourTuple& ends, Nanoseconds start) {
        return synth::Setting{.tuple = ends, .start = synth::kTestClock.mono + start};
    }
    /// The server has been listening for a tenth of a second when the SYN arrives.
    void both(std::string_view at_client, const synth::Scenario& at_server, Nanoseconds start,
              tcp::Port from, tcp::Port to, std::size_t count) {
        constexpr Nanoseconds later =
            std::chrono::microseconds(150) - std::chrono::milliseconds(100);
        client_.add(scenario(at_client), stage(tuple("10.1.0.1", from, "10.1.0.2", to), start),
                    count, ConnectionMix::Vary::local_port);
        server_.add(at_server, stage(tuple("10.1.0.2", to, "10.1.0.1", from), start + later), count,
                    ConnectionMix::Vary::remote_port);
    }

    ConnectionMix client_;
    ConnectionMix server_;
};

} // namespace tcpdwell::test
