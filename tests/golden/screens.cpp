// SPDX-License-Identifier: Apache-2.0
#include "screens.h"

#include <array>
#include <cstring>

#include "render/renderer.h"
#include "report/schemas.h"
#include "run/rows.h"
#include "synth/scenario.h"

namespace tcpdwell::test {
namespace {

using namespace std::chrono_literals;

event::Process process_named(std::uint32_t pid, std::string_view comm) {
    event::Process process;
    process.pid = pid;
    std::memcpy(process.comm_bytes.data(), comm.data(), comm.size());
    return process;
}

track::ConnectionIdentity identity(std::string_view local, tcp::Port local_port,
                                   std::string_view remote, tcp::Port remote_port,
                                   tcp::Family family, const event::Process& process) {
    track::ConnectionIdentity who;
    who.id = 0x0758a99c815c6efd;
    who.netns = 4026531833;
    who.tuple = {{tcp::IpAddress::parse(local).value(), local_port},
                 {tcp::IpAddress::parse(remote).value(), remote_port},
                 family};
    who.role = tcp::Role::server;
    who.process = process;
    return who;
}

} // namespace

std::string screen(bool connections, std::size_t width) {
    using enum tcp::State;
    const std::array ends{
        identity("10.0.0.1", 443, "10.0.0.7", 50123, tcp::Family::ipv4, process_named(7, "nginx")),
        identity("192.168.100.200", 65535, "203.0.113.199", 60001, tcp::Family::ipv4,
                 process_named(4194304, "a-long-name-her")),
        identity("2001:db8:1111:2222:3333:4444:5555:6666", 443, "::1", 50123, tcp::Family::ipv6,
                 process_named(1234, "Web Content")),
    };
    render::Output out(-1);
    const auto renderer =
        make_renderer(render::Format::table, out, {.width = width, .unicode = true});
    renderer->begin(connections ? report::connection_schema() : report::transition_schema());
    const MonoTime begin = synth::kTestClock.mono;
    const std::array<track::PathStep, 3> steps{
        {{SYN_RECV, 41'200ns}, {ESTABLISHED, 123s}, {TIME_WAIT, 60'420ms}}};
    for (const track::ConnectionIdentity& who : ends) {
        if (!connections) {
            renderer->row(
                report::transition_schema(),
                run::to_row(track::TransitionLine{begin, &who, ESTABLISHED, FIN_WAIT1, 3'050us},
                            synth::kTestClock,
                            {"/system.slice/a-service-with-a-name.service",
                             "a-service-with-a-name.service"}));
            continue;
        }
        track::ConnectionLine line;
        line.who = &who;
        line.opened = begin;
        line.states = steps;
        line.closed_first = tcp::ClosedFirst::local;
        line.ending = tcp::Ending::fin_wait2_expired;
        line.detail = tcp::EndingDetail::so_linger_zero;
        line.time_wait = {60'420ms, tcp::TimeWaitEnd::expired, 2};
        line.seen = tcp::Seen::whole;
        run::ConnectionCells cells;
        renderer->row(report::connection_schema(), run::to_row(line, synth::kTestClock, {}, cells));
    }
    renderer->finish();
    return out.buffer();
}

} // namespace tcpdwell::test
