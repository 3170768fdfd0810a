// SPDX-License-Identifier: Apache-2.0
#include "store/table.h"

namespace tcpdwell::store {
namespace {

using enum ColumnKind;

constexpr ExportColumn kHost = {"host", word, false, "Name of the host."};
constexpr ExportColumn kBoot = {"boot", word, false, "Its /proc/sys/kernel/random/boot_id."};
constexpr ExportColumn kZone = {"zone", word, false, "What --zone said."};
constexpr ExportColumn kService = {"service", word, false,
                                   "PROGRAM:PORT of a listener, PROGRAM of what connects."};

// As FlatJson writes them; nothing that a connection may have only while it is open (holders).
constexpr ExportColumn kEnds[] = {
    {"time", seconds, false, "When it ended, without its TIME_WAIT."},
    kHost,
    kBoot,
    kZone,
    kService,
    {"flow", u64, false, "A hash of addresses and ports: the same at both ends."},
    {"weight", u32, false, "How many ends the row stands for, where only a sample was exported."},
    {"conn", u64, false, "Unique with `boot`; lower(hex(conn)) is what tcpdwell prints."},
    {"netns", u32, true},
    {"family", word},
    {"local_addr", text},
    {"local_port", u16, true},
    {"remote_addr", text},
    {"remote_port", u16, true},
    {"role", word},
    {"process_pid", u32, true},
    {"process_comm", word},
    {"process_thread", word},
    {"cgroup", word},
    {"uid", u32, true},
    {"opened_ns", i64, true},
    {"closed_ns", i64, true},
    {"states.state", words},
    {"states.dwell_ns", known_numbers},
    {"states.at_least_ns", numbers},
    {"closed_first", word},
    {"ending", word},
    {"ending_detail", word},
    {"time_wait_dwell_ns", u64, true},
    {"time_wait_end", word},
    {"time_wait_restarts", u32, true},
    {"seen", word},
    {"closed_by_pid", u32, true},
    {"closed_by_comm", word},
    {"closed_by_thread", word},
    {"closed_by_how", word},
    {"closed_by_signal", u8, true},
    {"cookie", u64, true},
    {"accept_delay_ns", u64, true},
    {"accept_accepted", u8, true},
    {"bytes_sent", u64, true},
    {"bytes_acked", u64, true},
    {"bytes_received", u64, true},
    {"bytes_unsent", u64, true},
    {"bytes_unacked", u64, true},
    {"bytes_unread", u64, true},
    {"segments_sent", u32, true},
    {"segments_received", u32, true},
    {"segments_retransmitted", u32, true},
    {"rtt_min_ns", u64, true},
    {"rtt_smoothed_ns", u64, true},
    {"limited_ns_receiver", u64, true},
    {"limited_ns_send_buffer", u64, true},
    {"idle_since_received_ns", u64, true},
    {"idle_since_sent_ns", u64, true},
    {"transport", word},
    {"mptcp_state", word},
    {"peer_window", u32, true},
    {"retransmits", u32, true},
    {"probes", u32, true},
    {"container", word},
};

constexpr ExportColumn kMinutes[] = {
    {"time", seconds, false, "When the minute began."},
    {"began_ns", u64, false, "The same by CLOCK_MONOTONIC: unique with `boot`."},
    {"ended_ns", u64, false, "When it ended, or tracing did."},
    {"seconds", real, false, "How much of it was traced."},
    {"filter", word, false, "What was traced of it, where that isn't everything."},
    kHost,
    kBoot,
    kZone,
    kService,
    {"container", word},
    {"role", word},
    {"state", word},
    {"weight", u32, false, "What a connection stands for, where only a sample was traced."},
    {"socket_seconds", real, false, "Time that sockets have spent in the state, summed up."},
    {"peak", u32, false, "Sockets in it at the same time, at most."},
    {"entered", u64, false, "Sockets that entered it."},
    {"opened", u64, false, "Connections that began with it."},
    {"dwell_seconds", real, false, "Sum of the dwell times of those that left it."},
    {"dwell_counts", numbers, false,
     "How many of them dwelt for 10 us, 100 us, 1 ms, 5 ms, 10 ms, 50 ms, 100 ms, 500 ms, 1 s, "
     "5 s, 10 s, 30 s, 59 s, 60 s, 61 s, 62 s, 65 s, 2 min, 5 min, 15 min, 1 h at most and "
     "longer than the one before, and for longer than all."},
    {"ended.closed_first", words, false, "Connections whose last state it was: who closed first,"},
    {"ended.ending", words, false, "how they ended,"},
    {"ended.connections", numbers, false, "and how many."},
};

constexpr ExportColumn kFindings[] = {
    {"time", seconds, false, "When the time that the report covers ended."},
    {"began_ns", u64, false, "When it began, by CLOCK_MONOTONIC."},
    {"seconds", real, false, "How long it is."},
    kHost,
    kBoot,
    kZone,
    {"finding", word, false, "Its id."},
    {"severity", word},
    {"subject", text, false, "Program, service or endpoint that it is about."},
    {"because", word, false, "The finding that explains it."},
    {"what", text, false, "What happened, in a sentence."},
    {"advice", text},
};

} // namespace

const ExportTable& ends_table() {
    static constexpr ExportTable table = {"ends", "an end of a connection that has ended", kEnds,
                                          "service, time, flow, host, boot, conn", "flow"};
    return table;
}

const ExportTable& minutes_table() {
    static constexpr ExportTable table = {
        "minutes", "a minute of a service on a host, by role and state", kMinutes,
        "service, time, role, state, host, boot, container, began_ns, ended_ns, filter",
        "cityHash64(host)"};
    return table;
}

const ExportTable& findings_table() {
    static constexpr ExportTable table = {"findings", "a finding of a report", kFindings,
                                          "finding, time, host, boot, subject, began_ns",
                                          "cityHash64(host)"};
    return table;
}

std::array<const ExportTable*, 3> tables() {
    return {&ends_table(), &minutes_table(), &findings_table()};
}

} // namespace tcpdwell::store
