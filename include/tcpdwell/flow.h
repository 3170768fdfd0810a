/* SPDX-License-Identifier: Apache-2.0 */
/* A number for a flow: both ends of a connection, wherever they are, have the same one, so that
 * hosts that don't know of each other pick the same flows. It doesn't depend on which end is the
 * local one, nor on who is the client: that isn't known of every connection. Numbers of different
 * versions are compared with each other: the function never changes. Plain C of fixed-width
 * integers, for BPF programs too, which can't pass a structure to a function that isn't inlined. */
#ifndef TCPDWELL_FLOW_H
#define TCPDWELL_FLOW_H

#define TD_FLOW_INLINE static inline __attribute__((always_inline))

/* One end: the address as 16 bytes in network order, read as two big-endian numbers (IPv4 as
 * ::ffff:a.b.c.d, whatever the family of the socket), and the port in host order. */
struct td_flow_end {
    unsigned long long high;
    unsigned long long low;
    unsigned long long port;
};

TD_FLOW_INLINE unsigned long long td_flow_mix(unsigned long long x) {
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93ULL;
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93ULL;
    return x ^ (x >> 32);
}

TD_FLOW_INLINE unsigned long long td_flow_hash_end(struct td_flow_end end) {
    return td_flow_mix(end.low ^ td_flow_mix(end.high ^ td_flow_mix(end.port + 1)));
}

TD_FLOW_INLINE unsigned long long td_flow(struct td_flow_end one, struct td_flow_end other) {
    const unsigned long long a = td_flow_hash_end(one);
    const unsigned long long b = td_flow_hash_end(other);

    /* Symmetric, and unlike a ^ b not the same for all connections of an end to itself. */
    return td_flow_mix((a + b) ^ td_flow_mix(a ^ b));
}

#endif
