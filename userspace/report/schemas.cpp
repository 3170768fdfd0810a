// SPDX-License-Identifier: Apache-2.0
// Columns of transitions, connections and losses. Widths fit IPv4.
#include "report/schemas.h"

namespace tcpdwell::report {
namespace {

constexpr int kTimeWidth = 15;     // 12:34:56.123456
constexpr int kTimeLeast = 8;      // 12:34:56
constexpr int kEndpointWidth = 21; // 255.255.255.255:65535
constexpr int kEndpointLeast = 17; // 10.123.45.67:5432
constexpr int kStateWidth = 11;    // ESTABLISHED
constexpr int kProcessWidth = 18;  // 12345/process-name

// Columns that transitions and connections have in common.
constexpr Column kConn = {
    .id = "conn",
    .title = "CONN",
    .help =
        "Identifier of the connection, 16 hex digits; the same in a live run and in its recording.",
    .width = 16};
constexpr Column kNetns = {.id = "netns",
                           .title = "NETNS",
                           .help = "Inode of the network namespace, as `lsns -t net` shows it.",
                           .width = 10};
constexpr Column kFamily = {
    .id = "family",
    .title = "FAMILY",
    .help =
        "ipv4 or ipv6: the family of the socket; a v4-mapped connection of an IPv6 socket is ipv6.",
    .width = 6};
constexpr Column kLocal = {.id = "local",
                           .title = "LOCAL",
                           .help = "Address and port of this end.",
                           .width = kEndpointWidth,
                           .shape = Shape::endpoint,
                           .least = kEndpointLeast,
                           .keep = Keep::back};
constexpr Column kRemote = {.id = "remote",
                            .title = "REMOTE",
                            .help = "Address and port of the other end; a listener has none.",
                            .width = kEndpointWidth,
                            .shape = Shape::endpoint,
                            .least = kEndpointLeast,
                            .keep = Keep::back};
constexpr Column kRole = {.id = "role",
                          .title = "ROLE",
                          .help = "client (active open), server (passive open) or unknown.",
                          .width = 7};
constexpr Column kProcess = {.id = "process",
                             .title = "PROCESS",
                             .help = "Process that connected, accepted or listens, by its id in "
                                     "the initial pid namespace and its name.",
                             .width = kProcessWidth,
                             .shape = Shape::process};
constexpr Column kCgroup = {.id = "cgroup",
                            .title = "CGROUP",
                            .help = "Path of the socket's cgroup (version 2).",
                            .width = 20,
                            .keep = Keep::back};
constexpr Column kContainer = {
    .id = "container",
    .title = "CONTAINER",
    .help = "Container, in Kubernetes as NAMESPACE/POD/CONTAINER, machine or systemd unit whose "
            "cgroup it is.",
    .width = 20,
    .keep = Keep::back};
constexpr Column kUid = {.id = "uid",
                         .title = "UID",
                         .help = "User id that owns the socket.",
                         .width = 6,
                         .align = Align::right};
constexpr Column kCookie = {.id = "cookie",
                            .title = "COOKIE",
                            .help = "Socket cookie in hex, as `ss -e` prints it after sk:.",
                            .width = 8};

constexpr Column kTransitionColumns[] = {
    {.id = "time",
     .title = "TIME",
     .help = "When the state was left.",
     .width = kTimeWidth,
     .least = kTimeLeast},
    kConn,
    kNetns,
    kFamily,
    kLocal,
    kRemote,
    kRole,
    {.id = "from", .title = "FROM", .help = "State that was left.", .width = kStateWidth},
    {.id = "to", .title = "TO", .help = "State that was entered.", .width = kStateWidth},
    {.id = "dwell_ns",
     .title = "DWELL",
     .help = "Time spent in the state that was left, in nanoseconds; null where its beginning "
             "wasn't seen.",
     .width = 7,
     .align = Align::right},
    kProcess,
    kCgroup,
    kUid,
    kCookie,
    kContainer,
};

constexpr std::string_view kTransitionTable[] = {
    "time", "local",   "remote", "from",  "to",        "dwell_ns",
    "role", "process", "conn",   "netns", "container", "cgroup",
};
constexpr std::string_view kTransitionsByImportance[] = {
    "time",    "local", "to",        "remote", "from",  "dwell_ns",
    "process", "role",  "container", "conn",   "netns", "cgroup",
};

constexpr Column kConnectionColumns[] = {
    kConn,
    kNetns,
    kFamily,
    kLocal,
    kRemote,
    kRole,
    kProcess,
    kCgroup,
    kUid,
    {.id = "opened",
     .title = "OPENED",
     .help = "When the connection left CLOSE or LISTEN; null where that wasn't seen.",
     .width = kTimeWidth,
     .least = kTimeLeast},
    {.id = "closed",
     .title = "CLOSED",
     .help = "When its last trace left the kernel; null while it is there.",
     .width = kTimeWidth,
     .least = kTimeLeast},
    {.id = "states",
     .title = "STATES",
     .help = "States in order, each with the time spent in it in nanoseconds, or the time "
             "that it lasted at least.",
     .width = 40,
     .least = 20},
    {.id = "closed_first",
     .title = "CLOSED_FIRST",
     .help = "Who sent the first FIN or RST: local, remote, both (FINs crossed), none (nobody "
             "closed) or unknown.",
     .width = 12},
    {.id = "ending",
     .title = "ENDING",
     .help = "How the connection ended.",
     .width = 14,
     .least = 14},
    {.id = "ending_detail",
     .title = "DETAIL",
     .help = "What is known beyond the ending.",
     .width = 14},
    {.id = "time_wait",
     .title = "TIME_WAIT",
     .help = "Time spent in TIME_WAIT in nanoseconds, what ended it, and how often its timer was "
             "restarted.",
     .width = 14,
     .shape = Shape::time_wait},
    {.id = "seen",
     .title = "SEEN",
     .help = "whole: from its birth; joined: already open when tracing began; gap: events were "
             "lost in between.",
     .width = 6},
    {.id = "closed_by",
     .title = "CLOSED_BY",
     .help = "Process that closed this end, where a process did.",
     .width = kProcessWidth,
     .shape = Shape::process},
    kCookie,
    {.id = "accept",
     .title = "ACCEPT",
     .help = "Of a passive open: the time from ESTABLISHED until accept() returned, in "
             "nanoseconds, and whether a process has taken it from the queue.",
     .width = 20,
     .shape = Shape::accept},
    {.id = "bytes",
     .title = "BYTES",
     .help = "Payload sent (retransmissions included), acknowledged and received; not yet sent, "
             "not acknowledged and not read at the end.",
     .width = 40,
     .shape = Shape::bytes},
    {.id = "segments",
     .title = "SEGMENTS",
     .help = "Segments sent, received and retransmitted.",
     .width = 24,
     .shape = Shape::segments},
    {.id = "rtt",
     .title = "RTT",
     .help = "Smallest and smoothed round-trip time in nanoseconds, as the kernel measured them.",
     .width = 20,
     .shape = Shape::rtt},
    {.id = "limited_ns",
     .title = "LIMITED",
     .help = "How long sending was limited by the receiver's window and by the send buffer, in "
             "nanoseconds.",
     .width = 20,
     .shape = Shape::limited},
    {.id = "idle",
     .title = "IDLE",
     .help = "Time since the last segment with data or an ACK was received, and since data was "
             "sent, in nanoseconds, at the end or now.",
     .width = 20,
     .shape = Shape::idle},
    {.id = "transport",
     .title = "TRANSPORT",
     .help = "tcp, or mptcp for a subflow of an MPTCP connection.",
     .width = 9},
    {.id = "holders",
     .title = "HOLDERS",
     .help = "Of a connection that is still open: the processes that have a descriptor of it; "
             "nobody ([]) where it waits for accept() or has been closed.",
     .width = 20},
    {.id = "mptcp_state",
     .title = "MPTCP_STATE",
     .help = "State of the MPTCP socket above a subflow, at its end or when it was listed last.",
     .width = kStateWidth},
    {.id = "peer_window",
     .title = "PEER_WINDOW",
     .help = "Window that the peer had left open, in bytes (snd_wnd of tcp_info).",
     .width = 11,
     .align = Align::right},
    {.id = "retransmits",
     .title = "RETRANSMITS",
     .help = "How often in a row the retransmission timer had run out (tcpi_retransmits).",
     .width = 11,
     .align = Align::right},
    {.id = "probes",
     .title = "PROBES",
     .help = "Probes of a zero window or by keepalive in a row, not answered (tcpi_probes).",
     .width = 6,
     .align = Align::right},
    kContainer,
};

constexpr std::string_view kConnectionTable[] = {
    "opened",        "local",     "remote",  "role", "closed_first", "ending",
    "ending_detail", "time_wait", "process", "seen", "states",
};
constexpr std::string_view kConnectionsByImportance[] = {
    "local",     "ending",        "remote", "closed_first", "opened", "process",
    "time_wait", "ending_detail", "role",   "states",       "seen",
};

constexpr Column kLostColumns[] = {
    {.id = "time", .title = "TIME", .help = "When the loss was noticed.", .width = kTimeWidth},
    {.id = "events",
     .title = "EVENTS",
     .help = "Number of events lost since the last such row; null: a recording lacks what happened "
             "before.",
     .width = 8,
     .align = Align::right},
};

constexpr Column kStrayResetColumns[] = {
    {.id = "time", .title = "TIME", .help = "When the RST was sent.", .width = kTimeWidth},
    kNetns,
    kLocal,
    kRemote,
    {.id = "reason",
     .title = "REASON",
     .help = "Why the kernel sent it, in its own words (enum sk_rst_reason).",
     .width = 12},
    kProcess,
    {.id = "left_out",
     .title = "LEFT_OUT",
     .help = "Others just before it, that have no line: beyond 32 a second on each CPU only some "
             "have.",
     .width = 8,
     .align = Align::right},
};

} // namespace

const Schema& transition_schema() {
    static constexpr Schema schema = {"transition", kTransitionColumns, kTransitionTable,
                                      kTransitionsByImportance};
    return schema;
}

const Schema& connection_schema() {
    static constexpr Schema schema = {"connection", kConnectionColumns, kConnectionTable,
                                      kConnectionsByImportance};
    return schema;
}

const Schema& lost_schema() {
    static constexpr Schema schema = {"lost", kLostColumns, {}};
    return schema;
}

const Schema& stray_reset_schema() {
    static constexpr Schema schema = {"stray_reset", kStrayResetColumns, {}};
    return schema;
}

} // namespace tcpdwell::report
