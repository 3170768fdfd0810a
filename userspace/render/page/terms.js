// SPDX-License-Identifier: Apache-2.0
// What the words mean, as tooltips; `tcpdwell explain WORD` says more. The states' colours hang on their classes.
'use strict';

const TERMS = {
    // States
    LISTEN: 'Waits for connections on a port',
    SYN_SENT: 'Our SYN is out; the answer has not come',
    SYN_RECV: 'A SYN came in and was answered; the last ACK of the handshake has not come',
    ESTABLISHED: 'Open: data can flow both ways',
    FIN_WAIT1: 'We closed first; our FIN is not acknowledged yet',
    FIN_WAIT2: 'We closed first and the peer acknowledged it; the peer has not closed yet',
    CLOSING: 'Both sides closed at the same time; our FIN is not acknowledged yet',
    TIME_WAIT: 'Both sides closed, we first: the port pair is kept for 60 s so that late segments do no harm',
    CLOSE_WAIT: 'The peer closed; our program has not closed yet',
    LAST_ACK: 'The peer closed first and we after it; our FIN is not acknowledged yet',
    CLOSE: 'No connection',
    // Who closed first
    local: 'This side sent the first FIN or RST of the established connection',
    remote: 'The peer sent the first FIN or RST of the established connection',
    both: 'The FINs crossed',
    none: 'Nobody closed: timed out, never established, or still open',
    unknown: 'Not seen',
    // Endings
    fin: 'Both sides sent a FIN: the orderly end',
    reset_sent: 'We sent an RST',
    reset_received: 'The peer sent an RST',
    timed_out: 'Retransmissions, keepalives or the user timeout ran out',
    refused: 'An RST answered our SYN',
    connect_failed: 'The SYN timed out, the peer was unreachable, no local port was free, or the program gave up',
    handshake_failed: 'The last ACK of the handshake never came',
    fin_wait2_expired: 'We closed, and the FIN of the peer did not come within tcp_fin_timeout',
    open: 'Still open when tracing stopped',
    // Roles
    client: 'It connected (active open)',
    server: 'It accepted (passive open)',
    // Columns
    role: 'client: it connected; server: it accepted',
    connections: 'Connections that ended while they were traced, and those still open',
    socket_seconds: 'Sockets in TIME_WAIT, summed over time: 10 sockets for 60 s are 600',
    peak: 'The most at any one time',
    held: 'Local ports in use for this remote endpoint, and how many net.ipv4.ip_local_port_range has',
    // Latencies
    connect: 'From our SYN to the established connection',
    handshake: 'From the SYN of a client to the established connection',
    fin_acked: 'From our FIN to its acknowledgement',
    close_wait: 'From the FIN of the peer to our close',
    last_ack: 'From our FIN, the second, to its acknowledgement',
    // Kinds of edges
    rfc9293: 'RFC 9293 has this transition',
    linux_specific: 'Only Linux reports this transition',
    unexpected: 'No cause is known: events were lost, or the kernel is newer than tcpdwell',
};

function termTitle(word) {
    return Object.hasOwn(TERMS, word) ? TERMS[word] : null;
}

// The word, with its meaning as a tooltip where there is one.
function term(word, text) {
    const title = termTitle(word);
    return title ? el('abbr', { title }, text || printable(word)) : foreign(text || word);
}

function stateClass(state) {
    return STATES.includes(state) ? 'state-' + state : 'state-CLOSE';
}

// A state's name with its colour beside it.
function stateChip(state) {
    return el(
        'span',
        { class: 'state ' + stateClass(state) },
        el('i', { class: 'swatch', 'aria-hidden': 'true' }),
        term(state),
    );
}

function byLife(a, b) {
    return STATES.indexOf(a) - STATES.indexOf(b);
}
