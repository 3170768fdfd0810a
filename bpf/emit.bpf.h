/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The ring buffer: reserve a record or count its loss, and wake the reader only when the buffer
 * fills up. A wake-up per record would cost ten times as much as the record itself; the reader
 * drains by time instead.
 */
#ifndef TCPDWELL_EMIT_BPF_H
#define TCPDWELL_EMIT_BPF_H

#include <bpf/bpf_helpers.h>
#include <tcpdwell/wire.h>

#include "config.bpf.h"

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 1 << 24); /* user space sets its own */
} records SEC(".maps");

/* Programs are attached and detached one after the other. Records of some but not all of them would
 * be misleading (a TIME_WAIT without its start looks like none), so all begin and end at once: user
 * space sets and clears this. */
volatile bool is_recording = false;

/* Records that found no room, since the start; user space reads them directly as well
 * (memory-mapped). */
__u64 lost_total[TD_PROBE_COUNT] = {};
__u64 lost_events = 0;   /* sum of the above */
__u64 lost_reported = 0; /* lost_events when the last td_lost was written */

/* Longer than any record. */
#define LONGEST_RECORD 512

/* The buffer's fill is looked at by one record in each so many bytes, since that takes a call, and
 * the cache line that the reader writes: by the first to begin there. Where that is depends on
 * where the buffer lies, which is the same for all. */
static __always_inline void submit(void *record)
{
    __u64 place = (__u64)record - (__u64)&is_recording;

    if (((place & (wake_bytes / 16 - 1)) < LONGEST_RECORD) &&
        bpf_ringbuf_query(&records, BPF_RB_AVAIL_DATA) >= wake_bytes)
        bpf_ringbuf_submit(record, BPF_RB_FORCE_WAKEUP);
    else
        bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
}

static __always_inline void fill_header(struct td_header *h, __u16 size, __u8 kind, __u32 netns)
{
    h->size = size;
    h->kind = kind;
    h->flags = 0;
    h->netns = netns;
    h->time_ns = bpf_ktime_get_ns();
}

/* Writes down how much has been lost, at the place where it happened: before the first record that
 * fits again. Totals, not differences, so that two CPUs doing this at once do no harm. */
static __noinline int report_loss(void)
{
    __u64 events = lost_events;
    struct td_lost *lost = bpf_ringbuf_reserve(&records, sizeof(*lost), 0);

    if (!lost) return 0;
    fill_header(&lost->h, sizeof(*lost), TD_LOST, 0);
    for (int i = 0; i < TD_PROBE_COUNT; i++) lost->total[i] = lost_total[i];
    lost_reported = events;
    bpf_ringbuf_submit(lost, BPF_RB_NO_WAKEUP);
    return 0;
}

/* Room for one record, or NULL: with the loss counted for `probe`, or because nothing is to be
 * recorded. */
static __always_inline void *reserve(__u64 size, enum td_probe probe)
{
    if (!is_recording) return NULL;
    if (lost_events != lost_reported) report_loss();

    void *record = bpf_ringbuf_reserve(&records, size, 0);
    if (!record) {
        __sync_fetch_and_add(&lost_total[probe], 1);
        __sync_fetch_and_add(&lost_events, 1);
    }
    return record;
}

#endif
