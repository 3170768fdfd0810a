// SPDX-License-Identifier: Apache-2.0
// Keys and columns of trace, census and report. In JSON what isn't known is null; times are RFC
// 3339, UTC.
#include "explain/texts.h"

namespace tcpdwell::explain::texts {
namespace {

constexpr std::string_view kUs = "tcpdwell"; // the source of what only tcpdwell decides

constexpr Explanation column(std::string_view word, std::string_view summary, std::string_view text,
                             std::string_view source = kUs) {
    return {.word = word,
            .topic = Topic::column,
            .summary = summary,
            .text = text,
            .sysctls = {},
            .source = source};
}

constexpr Explanation kColumns[] = {
    // trace: what all lines have
    column("conn", "identifier of the connection, 16 hex digits",
           "The same for all lines of one end of one connection, in a live run and in its "
           "recording. Each end has "
           "its own."),
    column("time", "when the state was left",
           "A transition's own time, from the kernel. Lines come in the order in which they are "
           "known; a "
           "mini-socket's FIN_WAIT2 -> TIME_WAIT can be known late, but has its true time."),
    column("netns", "inode of the network namespace",
           "As lsns -t net and readlink /proc/PID/ns/net show it. The kernel gives numbers out "
           "again after a namespace "
           "has ended.",
           "network_namespaces(7)"),
    column("family", "ipv4 or ipv6: the family of the socket",
           "An IPv4 client of an IPv6 listener has an ipv6 socket at the server; its address is "
           "shown there as the kernel has it, ::ffff:192.0.2.1."),
    column("local", "address and port of this end",
           "With both ends on one host, each has its own lines."),
    column("remote", "address and port of the other end", "A listener has none."),
    column("process", "who connected, accepted or listens",
           "Id in the initial pid namespace, and name. Before accept() it is the listener's owner. "
           "null if it wasn't "
           "seen: never the process that a softirq happened to interrupt. It is remembered for "
           "TIME_WAIT, where the "
           "kernel has forgotten it."),
    column("closed_by", "process that closed this end, where one did",
           "It differs from process when sockets are handed on: pre-fork servers, systemd sockets. "
           "null if this end "
           "was closed by the kernel or by the peer's RST."),
    column("cgroup", "path of the socket's cgroup (version 2)",
           "The cgroup in which the socket was made: names the service or container. A child of a "
           "listener has the "
           "listener's.",
           "cgroups(7)"),
    column(
        "container", "container, machine or systemd unit that the socket belongs to",
        "In Kubernetes NAMESPACE/POD/CONTAINER, elsewhere the container's name (docker, podman, "
        "nerdctl, LXC, systemd-nspawn), or the innermost systemd unit. The path of the cgroup "
        "has the id of the container or the name of the machine or unit; names of containers are "
        "read from the runtime's files on this host: the bundle's config.json, docker's "
        "config.v2.json, podman's containers.json, and the links in /var/log/containers. Twelve "
        "hex digits: the id of a container that none of them knows. null: the cgroup, or whose "
        "it is, isn't known; then its path, in cgroup, is all there is. The first lines of a "
        "container that has just started may be without it. Recordings have the names in them.",
        "cgroups(7)"),
    column("uid", "user id that owns the socket",
           "Before accept() it is the listener's. Mini-sockets have none of their own; it is "
           "remembered."),
    column("cookie", "socket cookie in hex, as ss -e prints it after sk:",
           "Joins lines with ss and with other tools. null on kernels that don't hand it to "
           "tracing programs, such as "
           "5.10.",
           "bpf-helpers(7), bpf_get_socket_cookie"),
    column(
        "role", "client, server or unknown",
        "client called connect(), server was connected to. It says nothing about who closes first.",
        "RFC 9293, section 3.5"),
    // trace: transitions
    column("from", "the state that was left",
           "The state that the endpoint was truly in, wherever the kernel keeps it: request "
           "socket, full socket or "
           "mini-socket."),
    column("to", "the state that was entered",
           "CLOSE is printed at the true end, not when a mini-socket takes over."),
    column("dwell_ns", "time spent in the state that was left, in nanoseconds",
           "DWELL in the table. null if its beginning wasn't seen: the first line of a connection, "
           "one that is older "
           "than the trace, a handshake under SYN cookies, or after lost events. It is never a "
           "made-up 0."),
    // trace: connections
    column("opened", "when the connection left CLOSE or LISTEN", "null if that wasn't seen."),
    column("closed", "when its last trace left the kernel",
           "The end of TIME_WAIT if there was one: a minute after the last packet. null while it "
           "is there."),
    column("states", "states in order, each with its dwell; in a report: histograms",
           "trace --connections: the path of one connection, TIME_WAIT included. report: for each "
           "state the "
           "distribution of dwells, in the order of a connection's life."),
    column("closed_first", "who closed first; in a report: how many by whom",
           "Who sent the first FIN or RST on the established connection, as this end sees it: "
           "local, remote, both, "
           "none or unknown. A later reset doesn't change it.",
           "RFC 9293, section 3.6"),
    column("ending", "how the connection ended; endings in a report: how many of each",
           "fin, reset_sent, reset_received, timed_out, refused, connect_failed, handshake_failed, "
           "fin_wait2_expired, dropped_silently, open or unknown. Concluded from evidence, never "
           "guessed."),
    column("ending_detail", "what is known beyond the ending",
           "For example keepalive for timed_out. tcpdwell explain WORD has each; null: nothing "
           "more is known."),
    column("time_wait", "length of TIME_WAIT, its end and restarts; in a report: sockets",
           "trace: dwell_ns, end and restarts, or null if there was none. report: now, peak and "
           "socket_seconds."),
    column("restarts", "time_wait: how often its 60 s began anew",
           "The peer repeated its FIN, or sent something else that had to be answered. Only "
           "restarts that moved the "
           "timer to another bucket can be seen: a lower bound.",
           "tcp_timewait_state_process() in net/ipv4/tcp_minisocks.c"),
    column("accept", "how long it waited for accept(), and whether it was accepted",
           "delay_ns: from ESTABLISHED until accept() returned. accepted: false for one that no "
           "process has taken from the queue. null for a connection that was opened from here."),
    column("delay_ns", "accept: time in the accept queue, in nanoseconds",
           "null if it wasn't accepted, or if one of the two moments wasn't seen."),
    column("accepted", "accept: whether a process has taken the connection from the queue",
           "The peer believes in the connection either way."),
    column("bytes", "payload that was carried, and what was left",
           "Carried: sent, acked, received. Left: unsent, unacked, unread. As tcp_info counts them "
           "(sent includes retransmissions), but without SYN and FIN. "
           "Read when the full socket closes: what arrives in TIME_WAIT isn't counted.",
           "tcp_get_info() in net/ipv4/tcp.c"),
    column("segments", "segments sent, received and retransmitted",
           "Retransmitted: of those sent, how many were sent again."),
    column("retransmitted", "RETRANS: segments that were sent again",
           "A number in segments, in the lines of report -i and in top (there of open connections, "
           "when they were looked at last); in the report's table of transfers a share of the "
           "segments sent, retransmitted_share."),
    column("rtt", "round-trip time: min_ns, smoothed_ns",
           "null where none was measured. min_ns is the smallest of the last "
           "tcp_min_rtt_wlen seconds.",
           "RFC 6298; tcp_rtt_estimator() in net/ipv4/tcp_input.c"),
    column("limited_ns", "how long sending was held up: receiver, send_buffer",
           "receiver: the peer didn't read fast enough. send_buffer: this end's buffer was too "
           "small. In nanoseconds, to a jiffy.",
           "tcp_chrono_stop() in net/ipv4/tcp_output.c"),
    column("idle", "time since something was received, and since data was sent",
           "since_received_ns: since the last segment with data or an ACK. At the end, or when the "
           "socket was listed last. To a jiffy."),
    column("at_least_ns", "how long a state lasted at least",
           "Where its beginning or its end wasn't seen: by the segments that came in it, as the "
           "kernel has stamped them, and by the listing that showed the socket first."),
    column("holders", "of an open connection: who has a descriptor of it",
           "Looked up in /proc for sockets that wait: with data that nobody has read or "
           "acknowledged, closed by one side, not accepted yet, or idle. Unlike process, which "
           "stays the one that connected or accepted: children inherit descriptors, and "
           "processes pass them on. [] if nobody has it: it waits for accept(), or has been "
           "closed. The first 16 by pid."),
    column("transport", "tcp, or mptcp for a subflow of an MPTCP connection", "RFC 8684."),
    column(
        "mptcp_state", "state of the MPTCP socket above a subflow",
        "At the end of the subflow, or when it was listed last: CLOSE_WAIT says that the peer has "
        "closed the connection (DATA_FIN), and the program here hasn't. null for tcp, and where "
        "there is none (any more).",
        "RFC 8684, section 3.3.3"),
    column(
        "peer_window", "window that the peer has left open, in bytes",
        "At the end, or when the socket was listed last; snd_wnd of ss -i. 0: the peer's program "
        "doesn't read, and what is unsent waits for it."),
    column(
        "retransmits", "how often in a row the retransmission timer ran out",
        "At the end, or when the socket was listed last; retrans of ss -i, before the slash. Above "
        "0 the peer, or the way to it, doesn't answer."),
    column("probes", "unanswered probes in a row: of a zero window, or keepalive",
           "At the end, or when the socket was listed last (tcpi_probes).",
           "RFC 9293, section 3.8.6"),
    column("thread", "name of the thread, where it isn't that of the process",
           "comm is the name of the process: of its group leader."),
    column("how", "closed_by: close, shutdown, exit, signal or abort",
           "What made the process close: a call of close() or shutdown(), its exit, or a signal "
           "that killed it. abort: disconnected, or killed by ss -K."),
    column("signal", "closed_by: the number of the signal that killed the process",
           "See 'kill -l'. null if none did."),
    column("seen", "how much of the connection's life was seen", "whole, joined or gap."),
    // lost
    column("events", "lost: how many events since the last such line",
           "Null where a recording has a hole. The line stands where the loss was noticed. "
           "Connections that may be "
           "affected say seen: gap."),
    // census
    column("without_file", "census: sockets that no process can hold",
           "NO-FILE: mini-sockets, orphans after close(), and connections that nobody has accepted "
           "yet."),
    column("queued", "census: connections that wait for accept()",
           "If it is often near queue_limit, the program accepts too slowly; above the limit, SYNs "
           "are dropped.",
           "ss(8); tcp_conn_request() in net/ipv4/tcp_input.c"),
    column("queue_limit", "census: how many connections may wait for accept()",
           "LIMIT: the backlog that the program gave to listen(), at most somaxconn.", "listen(2)"),
    // report: quality
    column("quality", "report: how far the numbers can be trusted",
           "lost events; connections by what was seen of them (whole, joined, gap); evicted, "
           "malformed and "
           "unknown_records; dropped; quantile_error. All zeros but the counts of connections is "
           "what you "
           "want."),
    column("unexpected_edges", "quality: transitions that neither RFC nor Linux has",
           "A fault of tcpdwell, or a kernel that does something new. Worth a report."),
    column(
        "unseen", "quality: events that were missed and not counted, at least",
        "A connection went on, or was gone, without the event that it takes. Some virtual machines "
        "run no BPF program while a task of their own agent is current: what a softirq does that "
        "interrupts it is missing, and the kernel counts no loss. The connections have `seen: "
        "gap`."),
    column("evicted", "quality: connections given up for want of room",
           "There were more at a time than --max-connections; the longest idle went first."),
    column("malformed", "quality: records that could not be understood", "A damaged recording."),
    column("unknown_records", "quality: records of a kind that this version doesn't know",
           "The recording was made by a newer tcpdwell. They are skipped."),
    column("dropped", "quality: records, or what they said, for which there was no room",
           "Facts of more than 2 MiB, paths of cgroups of more than 24 MiB, or events of more than "
           "8192 network namespaces: no host has so many, a recording may claim them."),
    column("quantile_error", "quality: how far a quantile may be off, as a share",
           "0.008 means 0.8 % of the value. min, max, mean and counts are exact."),
    // report: distributions
    column("count", "how many",
           "Of dwells in a distribution: those that are over. Those still under way are open."),
    column("mean_ns", "mean of the dwells, in nanoseconds", "Exact. null if count is 0."),
    column("min_ns", "shortest dwell, in nanoseconds (max_ns: longest)",
           "Exact. null if count is 0."),
    column("p50_ns", "median; p90_ns, p99_ns, p999_ns: 90 %, 99 %, 99.9 % are shorter",
           "In nanoseconds, within quantile_error. A high p99 with a low median is a few "
           "connections that behave "
           "otherwise: split with --by service or --by remote. null if count is 0."),
    column("oldest_ns", "how long the oldest one still open has lasted, at least",
           "In nanoseconds. A high value in CLOSE_WAIT is a leak. At least, because what was there "
           "before tracing "
           "began could be older."),
    column("nominal_ns", "what the dwell should be by the book",
           "60 s for TIME_WAIT. The real one is later by the coarseness of the kernel's timer, or "
           "sooner if it was "
           "reused, recycled, reset or killed."),
    column("buckets", "histogram: [from, to, how many], in nanoseconds",
           "to is excluded. Empty buckets are left out."),
    column("latencies", "report: waits that a user feels, by what is waited for",
           "connect: SYN to SYN-ACK. handshake: SYN to the client's ACK, at the server. fin_acked: "
           "FIN to its ACK. "
           "close_wait: how long the program takes to close after the peer. last_ack: its FIN to "
           "the last ACK."),
    column("kind", "transitions: rfc9293, linux_specific or unexpected",
           "Whether the edge is in the RFC's diagram, one that only Linux takes, or neither.",
           "RFC 9293, section 3.3.2, figure 5"),
    // report: services, remotes, ports
    column(
        "CONNS", "connections that ended, or are open",
        "A column of the tables of reports and of top. In JSON the key is connections; that of a "
        "finding has ids of some of those behind it."),
    column("services", "report: connections by local port and program",
           "Those that close first stand on top. For role client a line is a program, and address "
           "and port are "
           "null."),
    column("accept_queues", "report: listeners, and what waits for accept() there",
           "How long connections were in the accept queue until accept() returned, how many are "
           "there now, the oldest for how long, and the queue's length and limit at the last look. "
           "accept_delays has the histograms."),
    column("accept_delays", "report: time until accept(), by listening endpoint",
           "From ESTABLISHED until accept() returned."),
    column("endings", "report: how connections ended, with the detail",
           "By listening endpoint (role server), and by program and remote endpoint (role client). "
           "In services and remotes: counts without details."),
    column("transfers", "report: bytes, segments, retransmissions and RTT",
           "Of ended connections, by listening and by remote endpoint. retransmitted_share is of "
           "the segments sent; rtt_p50_ns the median of the smoothed round-trip times at the end."),
    column("subject", "findings: the service or process concerned",
           "In the words of its sentence."),
    column("because", "findings: another finding that explains this one",
           "Its id and subject; null where there is none."),
    column("remotes", "report: this host's connects, by remote address and port",
           "Shows which server closes first on you, refuses or doesn't answer."),
    column("now", "time_wait: how many there are at the end of the report",
           "Mini-sockets in TIME_WAIT."),
    column("peak", "the most there were at a time",
           "time_wait: mini-sockets in TIME_WAIT. ports: local ports held. It may have been higher "
           "before tracing "
           "began."),
    column("socket_seconds", "time_wait: sum of the time spent in TIME_WAIT, in seconds",
           "What a service costs: 100 sockets for 60 s are 6000. Divide by the length of the "
           "report to get how many "
           "there were on average."),
    column(
        "ports", "report: local ports in use towards one remote endpoint",
        "By local address, remote address and port, the fullest first. This is what runs out: see "
        "ephemeral_ports_low."),
    column("held", "ports: local ports in use now",
           "By connections in any state, TIME_WAIT included."),
    column("limit", "ports: how many there can be",
           "The size of ip_local_port_range. null if it isn't known."),
    column("per_second", "ports: connects per second", "Over the length of the report."),
    // report: findings
    column("severity", "findings: info, warning or critical",
           "critical: something fails now. warning: it will, or costs you. info: good to know."),
    column("evidence", "findings: the numbers behind it, by name",
           "With up to a few connections, as trace calls them (conn)."),
    column("advice", "findings: what to do",
           "tcpdwell explain ID says more, and what doesn't help."),
    column("thresholds", "report: from where on a finding is reported",
           "Set with --threshold NAME=VALUE, for example --threshold close_wait_leak.age=10s."),
    column(
        "counters", "report, trace: what the kernel counted itself",
        "By how much counters of /proc/net/snmp (Tcp) and netstat (TcpExt) grew in each network "
        "namespace, by all of its connections, whatever the filter. trace prints a line for each "
        "namespace at the end (jsonl).",
        "nstat(8)"),
    column("both_ends_here", "report: connections within this host, by both ends",
           "Over all network namespaces: what clients here count against what the server here "
           "counts, by the endpoint that is connected to. Without those whose address is "
           "translated in between."),
    column("client_connections", "both_ends_here: connections, by the clients' ends",
           "Ended or open, connects without an answer included."),
    column("server_connections", "both_ends_here: connections, by the server's ends",
           "Ended or open, handshakes that failed included."),
    column("client_reset_sent", "both_ends_here: clients' ends that an own RST ended",
           "By which cause, the endings say."),
    column("client_reset_received", "both_ends_here: clients' ends that received an RST",
           "Refused connects included."),
    column("server_reset_sent", "both_ends_here: server's ends that an own RST ended",
           "By which cause, the endings say."),
    column("server_reset_received", "both_ends_here: server's ends that received an RST",
           "Handshakes included."),
    column("client_process", "both_ends_here: who connects",
           "pid is null where there are several."),
    column("server_process", "both_ends_here: who accepts", "pid is null where there are several."),
    column("only_client", "both_ends_here: so many more the clients have",
           "Connects that got no answer or were refused; connections that are established for the "
           "client only, because the server's accept queue was full; those that ended before "
           "tracing for the server only."),
    column("stray_resets", "report: RSTs for segments that belong to no connection",
           "A segment came for a connection that this host doesn't know (any more): it was dropped "
           "without a word (TCP_REPAIR, a state table that forgot it), closed long ago, or never "
           "was here. In trace -f jsonl a line of type stray_reset each. Before Linux 6.10 only "
           "those that listeners send are seen. Refused connects and resets of handshakes aren't "
           "among them.",
           "tcp_v4_send_reset()"),
    column("reason", "stray_reset: why the kernel sent it",
           "no_socket: no socket has that address and port. tcp_flags: a listener has, and the "
           "segment belongs to none of its connections. other: see enum sk_rst_reason. null before "
           "Linux 6.10."),
    column("left_out", "stray_reset: others just before it, without a line",
           "Each CPU gives 32 of a second a line; of those beyond, the 64th, 128th, 256th ... and "
           "each 1024th."),
    column("counter", "counters: name, as in Tcp.OutRsts or TcpExt.ListenOverflows",
           "The group and the name that /proc/net/snmp and netstat have."),
    column(
        "timeline", "report: sockets in each state over time",
        "At equal steps of step_ns from begin on. In a finding: when which of "
        "the connections behind it, at most 20, were in which state; end is null while it lasts."),
    column("begin_exact", "timeline of a finding: begin is when the state was entered",
           "false: it was in that state by then, and its beginning wasn't seen."),
};

} // namespace

std::span<const Explanation> columns() { return kColumns; }

} // namespace tcpdwell::explain::texts
