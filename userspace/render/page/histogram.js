// SPDX-License-Identifier: Apache-2.0
// Histograms of durations. The area of a bar is its share of the samples, on the axis as drawn.
'use strict';

const BAR_WIDTH = 4; // pixels, at least
const HALF_CHARACTER = 4; // pixels; wide system fonts need as much

// Buckets [lo, hi, n] within [min, max]; the outermost begin and end where samples do.
function bucketsOf(distribution) {
    const min = distribution.min_ns,
        max = distribution.max_ns;
    return listOf(distribution.buckets)
        .filter((bucket) => Array.isArray(bucket) && bucket.length >= 3 && bucket.every(isNumber) && bucket[2] > 0)
        .map(([low, high, count]) => ({
            low: isNumber(min) ? Math.max(low, Math.min(min, high)) : low,
            high: isNumber(max) ? Math.min(high, Math.max(max, low)) : high,
            count,
        }))
        .sort((a, b) => a.low - b.low);
}

// What the axis spans: the samples, and the nominal length.
function rangeOf(buckets, nominal) {
    let low = buckets[0].low,
        high = buckets[buckets.length - 1].high;
    if (isNumber(nominal) && nominal > 0) {
        low = Math.min(low, nominal);
        high = Math.max(high, nominal);
    }
    low = Math.max(low, 1);
    if (high / low > 8) return [low / 1.15, high * 1.15];
    const margin = Math.max((high - low) * 0.04, high * 0.002, 1);
    return [Math.max(0, low - margin), high + margin];
}

// How many bars suit so many samples: few samples don't show a finer shape than wide bars do.
function suitableBars(count, width) {
    return Math.round(Math.max(12, Math.min(width / BAR_WIDTH, 4 * Math.cbrt(count))));
}

// Bars {x0, x1, height (0 to 1), low, high, count}: the buckets themselves, or where most of these are too narrow,
// equal stretches of the axis over which their samples are spread.
function barsOf(buckets, axis, width) {
    const spans = buckets.map((bucket) => ({ ...bucket, x0: axis.at(bucket.low), x1: axis.at(bucket.high) }));
    let bars = spans;
    const number = suitableBars(
        buckets.reduce((sum, bucket) => sum + bucket.count, 0),
        width,
    );
    const size = width / number;
    const narrow = spans.filter((span) => span.x1 - span.x0 < size).length;
    if (spans.length > 1 && narrow > spans.length / 2) {
        const bins = Array.from({ length: number }, (_, i) => ({
            x0: i * size,
            x1: (i + 1) * size,
            low: Infinity,
            high: -Infinity,
            count: 0,
        }));
        const binAt = (x) => Math.min(bins.length - 1, Math.max(0, Math.floor(x / size)));
        for (const span of spans) {
            const first = binAt(span.x0),
                last = Math.max(first, binAt(span.x1 - 1e-6));
            for (let i = first; i <= last; ++i) {
                const overlap = Math.min(span.x1, bins[i].x1) - Math.max(span.x0, bins[i].x0);
                const share = first === last ? 1 : overlap / (span.x1 - span.x0);
                bins[i].count += span.count * share;
                bins[i].low = Math.min(bins[i].low, span.low);
                bins[i].high = Math.max(bins[i].high, span.high);
            }
        }
        bars = bins.filter((bin) => bin.count > 0);
    }
    for (const bar of bars) {
        // a bucket of one value has no width of its own
        const missing = 2 - (bar.x1 - bar.x0);
        if (missing > 0) {
            bar.x0 = Math.max(0, bar.x0 - missing / 2);
            bar.x1 = bar.x0 + 2;
        }
        bar.density = bar.count / (bar.x1 - bar.x0);
    }
    const most = Math.max(...bars.map((bar) => bar.density));
    for (const bar of bars) bar.height = bar.density / most;
    return bars;
}

function barShapes(bars, left, bottom, height, gap) {
    return bars.map((bar) => {
        const tall = Math.max(1.5, bar.height * height);
        const inset = bar.x1 - bar.x0 > 3 ? gap : 0;
        return svgEl('rect', {
            class: 'bar',
            x: (left + bar.x0 + inset / 2).toFixed(1),
            y: (bottom - tall).toFixed(1),
            width: Math.max(1, bar.x1 - bar.x0 - inset).toFixed(1),
            height: tall.toFixed(1),
        });
    });
}

// Texts over vertical lines, left out where they would touch one before.
function drawMarkers(svg, markers, axis, { left, right, top, bottom }) {
    const taken = [];
    for (const { ns, label, className } of markers.filter(
        (marker) => marker.ns >= axis.low && marker.ns <= axis.high,
    )) {
        const x = left + axis.at(ns);
        const half = label.length * HALF_CHARACTER + 3;
        const middle = Math.min(right - half, Math.max(left + half, x));
        const closest = half * 0.82; // usual fonts are narrower
        const free = taken.every(([from, to]) => middle + closest < from || middle - closest > to);
        svg.append(svgEl('line', { class: 'marker ' + className, x1: x, x2: x, y1: free ? top - 4 : top, y2: bottom }));
        if (!free) continue;
        taken.push([middle - closest, middle + closest]);
        svg.append(
            svgEl(
                'text',
                { class: 'marker-label ' + className, x: middle, y: top - 8, 'text-anchor': 'middle' },
                label,
            ),
        );
    }
}

function drawHistogram(svg, width, distribution, className) {
    const buckets = bucketsOf(distribution);
    const left = 10,
        right = width - 10,
        top = 24,
        bottom = 118;
    const axis = durationAxis(...rangeOf(buckets, distribution.nominal_ns), right - left);
    const bars = barsOf(buckets, axis, right - left);
    const group = svgEl('g', { class: className });
    barShapes(bars, left, bottom, bottom - top, 1).forEach((shape, i) => {
        const bar = bars[i];
        shape.append(
            svgEl(
                'title',
                null,
                formatDuration(bar.low) +
                    ' to ' +
                    formatDuration(bar.high) +
                    ': ' +
                    formatCount(bar.count) +
                    ' (' +
                    formatShare(bar.count, distribution.count) +
                    ')',
            ),
        );
        group.append(shape);
    });
    svg.append(group, svgEl('line', { class: 'axis', x1: left, x2: right, y1: bottom + 0.5, y2: bottom + 0.5 }));
    for (const tick of axis.ticks) {
        const x = left + axis.at(tick);
        svg.append(svgEl('line', { class: 'axis', x1: x, x2: x, y1: bottom, y2: bottom + 4 }));
        const label = formatTick(tick);
        const half = label.length * HALF_CHARACTER;
        svg.append(
            svgEl(
                'text',
                {
                    class: 'tick',
                    y: bottom + 16,
                    'text-anchor': 'middle',
                    x: Math.min(width - half, Math.max(half, x)),
                },
                label,
            ),
        );
    }
    const markers = [];
    const add = (ns, name, kind) =>
        isNumber(ns) && markers.push({ ns, label: name + ' ' + formatDuration(ns), className: kind });
    if (isNumber(distribution.nominal_ns))
        markers.push({
            ns: distribution.nominal_ns,
            label: 'nominal ' + formatTick(distribution.nominal_ns),
            className: 'nominal',
        });
    add(distribution.p50_ns, 'p50', 'quantile');
    add(distribution.p99_ns, 'p99', 'quantile');
    drawMarkers(svg, markers, axis, { left, right, top, bottom });
    return bottom + 22;
}

function describe(distribution) {
    return (
        formatCount(distribution.count) +
        ' samples; shortest ' +
        formatDuration(distribution.min_ns) +
        ', median ' +
        formatDuration(distribution.p50_ns) +
        ', 99% at most ' +
        formatDuration(distribution.p99_ns) +
        ', longest ' +
        formatDuration(distribution.max_ns)
    );
}

// A card with the histogram of one distribution; null where there is nothing to draw.
function histogramCard(id, distribution, className, heading) {
    if (!bucketsOf(distribution).length) return null;
    return el(
        'figure',
        { class: 'histogram', 'data-of': id },
        el('figcaption', null, heading, el('span', { class: 'samples' }, formatCount(distribution.count) + ' samples')),
        chart({
            title: 'How long: ' + id,
            description: describe(distribution),
            draw: (svg, width) => drawHistogram(svg, width, distribution, className),
        }),
    );
}

// A histogram without axis, for a cell; `range` is common to those that are to be compared.
function sparkHistogram(distribution, className) {
    const buckets = bucketsOf(distribution);
    if (!buckets.length) return null;
    const width = 120,
        height = 22;
    const axis = durationAxis(...rangeOf(buckets, null), width);
    return svgEl(
        'svg',
        {
            class: 'spark ' + className,
            viewBox: '0 0 ' + width + ' ' + height,
            role: 'img',
            'aria-label': describe(distribution),
        },
        barShapes(barsOf(buckets, axis, width), 0, height, height - 1, 0.5),
    );
}
