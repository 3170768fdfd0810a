// SPDX-License-Identifier: Apache-2.0
#include "analysis/link_rules.h"

namespace tcpdwell::analysis {
namespace {

constexpr Words kConnectFailed = {
    "Just before ", ", a connect of the same process had failed.",
    "The process closes because it can't reach the server behind it: the cure lies there. A proxy "
    "that answers with an error, reads to the end and closes then lets its clients know."};
constexpr Words kTunnelFailed = {
    "Just before ", ", a connect of a process that it is connected to had failed.",
    "It passes on what that process connects to, as a tunnel does: the cure lies there."};
constexpr Words kOtherSideGone = {
    "With ", ", a connection on the other side of the same process had lost its peer.",
    "Nothing has to be done here: what was left was for, or from, a peer that had gone."};

constexpr Words kHeldByLeak = {
    {},
    {},
    "The sockets of that leak hold these ports: they are free once its program closes them."};

/// The kernel drops the ACK that completes a handshake (tcp_check_req() in
/// net/ipv4/tcp_minisocks.c, where syn_recv_sock() finds the queue full), and after
/// tcp_synack_retries the handshake itself.
constexpr std::string_view kDroppedAck =
    "while its accept queue was full, the listener dropped what completes their handshakes";
constexpr Words kWaitForRoom = {
    {},
    {},
    "The clients believe that they are connected: only a time-out of their own for the answer lets "
    "them notice. The cure lies with the listener.",
    kDroppedAck};
constexpr Words kForgotten = {
    {},
    {},
    "The clients believed that they were connected, the listener had forgotten them, and what they "
    "sent was answered by RSTs: the cure lies with the listener.",
    kDroppedAck};

constexpr Words kDroppedSyn = {{},
                               {},
                               "The cure lies with the listener.",
                               "while its accept queue was full, the listener dropped their SYNs"};

constexpr LinkRule kLinkRules[] = {
    // What isn't closed keeps its port.
    {"ephemeral_ports_low", "close_wait_leak", Link::same_remote, &kHeldByLeak},
    {"ephemeral_ports_low", "descriptor_inherited", Link::same_remote, &kHeldByLeak},
    // A process that waits for a service behind it doesn't notice that its own clients have gone.
    {"close_wait_leak", "peers_gone", Link::its_process},
    {"close_wait_leak", "connects_unanswered", Link::its_process},
    {"close_wait_leak", "accept_queue_full", Link::upstream},
    {"close_wait_leak", "accept_stalled", Link::upstream},
    {"close_wait_leak", "close_wait_leak", Link::upstream},
    {"close_wait_leak", "descriptor_inherited", Link::upstream},
    {"accept_stalled", "peers_gone", Link::its_process},
    {"accept_stalled", "connects_unanswered", Link::its_process},
    {"accept_stalled", "accept_queue_full", Link::upstream},
    {"accept_stalled", "accept_stalled", Link::upstream},
    {"accept_stalled", "close_wait_leak", Link::upstream},
    {"accept_queue_full", "peers_gone", Link::its_process},
    {"accept_queue_full", "connects_unanswered", Link::its_process},
    {"accept_queue_full", "accept_queue_full", Link::upstream},
    {"accept_queue_full", "accept_stalled", Link::upstream},
    {"accept_queue_full", "close_wait_leak", Link::upstream},
    // A listener whose queue is full drops SYNs and ACKs, or answers with RSTs
    // (tcp_abort_on_overflow).
    {"connects_unanswered", "accept_queue_full", Link::its_clients},
    {"connects_delayed", "accept_queue_full", Link::its_clients, &kDroppedSyn},
    {"handshakes_failing", "accept_queue_full", Link::same_service},
    {"peers_gone", "accept_queue_full", Link::its_clients, &kWaitForRoom},
    {"stray_resets", "accept_queue_full", Link::same_service, &kForgotten},
    {"connections_reset", "accept_queue_full", Link::its_clients},
    {"connections_reset", "accept_queue_full", Link::same_service},
    // Who has closed waits for the FIN, or the window, of who doesn't.
    {"fin_wait2_pileup", "descriptor_inherited", Link::other_ends},
    {"fin_wait2_pileup", "close_wait_leak", Link::other_ends},
    {"fin_wait2_pileup", "accept_stalled", Link::other_ends},
    {"fin_wait2_pileup", "accept_queue_full", Link::other_ends},
    {"closing_stuck", "accept_stalled", Link::its_clients},
    {"closing_stuck", "accept_queue_full", Link::its_clients},
    {"closing_stuck", "close_wait_leak", Link::its_clients},
    // Clients that gave up are answered when it is over.
    {"connections_reset", "accept_stalled", Link::its_clients},
    // Clients see what a server does.
    {"idle_close_race", "idle_close_race", Link::its_clients},
    {"idle_close_race", "process_died", Link::its_clients},
    {"idle_close_race", "turned_away", Link::its_clients},
    {"idle_close_race", "stray_resets", Link::its_clients},
    {"idle_close_race", "accept_queue_full", Link::its_clients},
    {"connections_reset", "idle_close_race", Link::its_clients},
    {"connections_reset", "answered_unread", Link::its_clients},
    {"connections_reset", "turned_away", Link::its_clients},
    {"connections_reset", "listener_closed", Link::its_clients},
    {"connections_reset", "process_died", Link::other_ends},
    // Of a stray reset's connections the clients' are known by what they connect to.
    {"connections_reset", "stray_resets", Link::its_clients},
    {"peers_gone", "stray_resets", Link::its_clients},
    // RSTs that don't get through.
    {"peers_gone", "process_died", Link::its_clients},
    // Who gets no answer on its connections gets none to new ones.
    {"connects_unanswered", "peers_gone", Link::same_host},
    {"connects_delayed", "peers_gone", Link::same_host},
    // Of those whose SYNs are lost some are answered, at a later one.
    {"connects_delayed", "connects_unanswered", Link::same_remote},
    {"connects_delayed", "handshakes_failing", Link::its_clients},
    // What one end doesn't hear the other one sends in vain.
    {"peers_gone", "peers_gone", Link::other_ends},
    {"connects_refused", "process_died", Link::its_clients},
    {"connects_refused", "listener_closed", Link::its_clients},
    // The listener ends with its process.
    {"listener_closed", "process_died", Link::same_service},
    // A proxy that is silent for its limit closes both sides.
    {"connections_reset", "idle_close_race", Link::same_process},
    // A proxy that can't reach the server behind it closes its client's connection.
    {"answered_unread", "connects_refused", Link::after_each, &kConnectFailed},
    {"answered_unread", "connects_unanswered", Link::after_each, &kConnectFailed},
    {"turned_away", "connects_refused", Link::after_each, &kConnectFailed},
    {"turned_away", "connects_unanswered", Link::after_each, &kConnectFailed},
    {"connections_reset", "connects_refused", Link::after_each, &kConnectFailed},
    {"connections_reset", "connects_unanswered", Link::after_each, &kConnectFailed},
    // Or the process at the other end of a tunnel can't (ssh -L).
    {"answered_unread", "connects_refused", Link::behind_each, &kTunnelFailed},
    {"answered_unread", "connects_unanswered", Link::behind_each, &kTunnelFailed},
    {"turned_away", "connects_refused", Link::behind_each, &kTunnelFailed},
    {"turned_away", "connects_unanswered", Link::behind_each, &kTunnelFailed},
    {"connections_reset", "connects_refused", Link::behind_each, &kTunnelFailed},
    {"connections_reset", "connects_unanswered", Link::behind_each, &kTunnelFailed},
    // One that has lost the peer on one side closes the other.
    {"connections_reset", "peers_gone", Link::with_each, &kOtherSideGone, true},
    {"answered_unread", "peers_gone", Link::with_each, &kOtherSideGone, true},
};

} // namespace

std::span<const LinkRule> link_rules() { return kLinkRules; }

} // namespace tcpdwell::analysis
