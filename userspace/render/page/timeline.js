// SPDX-License-Identifier: Apache-2.0
// How many sockets were in each state over time: stacked areas, with a table that is legend, readout and alternative.
'use strict';

// Stacked in the order that the report has them in, from the bottom.
class Timeline {
    constructor(timeline, id) {
        this.id = id;
        this.begin = Date.parse(timeline.begin);
        this.step = isNumber(timeline.step_ns) && timeline.step_ns > 0 ? timeline.step_ns / 1e6 : 1000; // ms
        this.series = entriesOf(timeline.states)
            .filter(([, counts]) => listOf(counts).some((count) => count > 0))
            .map(([state, counts]) => ({ state, counts, shown: true, peakAt: indexOfLargest(counts) }));
        this.length = Math.max(0, ...this.series.map((each) => each.counts.length));
        this.cursor = null;
    }

    time(step) {
        const ms = this.begin + step * this.step;
        return Number.isFinite(ms) ? formatClock(ms, this.step < 1000) : '+' + formatDuration(step * this.step * 1e6);
    }

    element() {
        this.place = chart({
            title: 'Sockets in each state over time',
            wide: true,
            className: 'timeline',
            description: this.series
                .map(
                    (each) =>
                        each.state +
                        ' at most ' +
                        formatCount(each.counts[each.peakAt]) +
                        ' at ' +
                        this.time(each.peakAt),
                )
                .join('; '),
            draw: (svg, width) => this.draw(svg, width),
        });
        this.place.tabIndex = 0;
        this.place.addEventListener('keydown', (event) => this.key(event));
        this.place.addEventListener('blur', () => this.point(null));
        return el('div', { class: 'timeline-panel' }, this.place, this.table());
    }

    draw(svg, width) {
        const narrow = width < 560;
        const height = narrow ? 240 : 320;
        const box = (this.box = { left: 46, right: width - 14, top: 10, bottom: height - 26 });
        const shown = this.series.filter((each) => each.shown);
        const totals = Array.from({ length: this.length }, (_, i) =>
            shown.reduce((sum, s) => sum + (s.counts[i] || 0), 0),
        );
        const ticks = countTicks(Math.max(1, ...totals), narrow ? 4 : 6);
        const most = ticks[ticks.length - 1];
        this.x = (i) => box.left + (box.right - box.left) * (this.length > 1 ? i / (this.length - 1) : 0.5);
        const y = (count) => box.bottom - ((box.bottom - box.top) * count) / most;
        this.axes(svg, ticks, y, width);

        let lower = new Array(this.length).fill(0);
        for (const each of shown) {
            const upper = lower.map((base, i) => base + (each.counts[i] || 0));
            const there = upper.map((count, i) => this.x(i).toFixed(1) + ',' + y(count).toFixed(1));
            const back = lower.map((count, i) => this.x(i).toFixed(1) + ',' + y(count).toFixed(1)).reverse();
            const shape =
                this.length > 1
                    ? 'M' + there.join('L') + 'L' + back.join('L') + 'Z'
                    : 'M' + (this.x(0) - 8) + ',' + y(lower[0]) + 'h16V' + y(upper[0]) + 'h-16Z';
            svg.append(svgEl('path', { class: 'area ' + stateClass(each.state), d: shape }));
            lower = upper;
        }
        this.line = svgEl('line', { class: 'cursor', y1: box.top, y2: box.bottom, visibility: 'hidden' });
        // The empty title keeps the drawing's own from popping up under the pointer.
        svg.append(
            this.line,
            svgEl(
                'rect',
                {
                    class: 'catcher',
                    x: box.left,
                    y: box.top,
                    width: box.right - box.left,
                    height: box.bottom - box.top,
                    onpointermove: (event) => this.pointAt(event, svg),
                    onpointerdown: (event) => this.pointAt(event, svg),
                    onpointerleave: () => this.point(null),
                },
                svgEl('title'),
            ),
        );
        this.point(this.cursor);
        return height;
    }

    axes(svg, ticks, y, width) {
        const box = this.box;
        for (const tick of ticks) {
            svg.append(
                svgEl('line', { class: tick ? 'grid' : 'axis', x1: box.left, x2: box.right, y1: y(tick), y2: y(tick) }),
                svgEl(
                    'text',
                    { class: 'tick', x: box.left - 6, y: y(tick) + 4, 'text-anchor': 'end' },
                    formatCount(tick),
                ),
            );
        }
        if (this.length < 2) {
            svg.append(
                svgEl(
                    'text',
                    { class: 'tick', x: this.x(0), y: box.bottom + 17, 'text-anchor': 'middle' },
                    this.time(0),
                ),
            );
            return;
        }
        const begin = Number.isFinite(this.begin) ? this.begin * 1e6 : 0;
        const span = (this.length - 1) * this.step * 1e6;
        // Ticks at round times of day; counted from midnight, so that numbers stay exact.
        const offset = begin % DAY;
        const step = stepFrom(ROUND_DURATIONS, span / Math.max(2, Math.floor(width / 110)));
        for (const tick of multiples(offset, offset + span, step)) {
            const i = (tick - offset) / (this.step * 1e6);
            const x = this.x(i);
            svg.append(
                svgEl('line', { class: 'axis', x1: x, x2: x, y1: box.bottom, y2: box.bottom + 4 }),
                svgEl(
                    'text',
                    {
                        class: 'tick',
                        y: box.bottom + 17,
                        'text-anchor': 'middle',
                        x: Math.min(width - 28, Math.max(28, x)),
                    },
                    this.time(i),
                ),
            );
        }
    }

    table() {
        this.when = el('th', { scope: 'col', class: 'numeric' });
        const rows = this.series
            .slice()
            .reverse()
            .map((each) => {
                each.cell = el('td', { class: 'numeric' });
                const toggle = el(
                    'button',
                    {
                        type: 'button',
                        class: 'toggle',
                        'aria-pressed': 'true',
                        title: 'Show or hide. ' + (termTitle(each.state) || ''),
                        onclick: () => this.toggle(each, toggle),
                    },
                    el(
                        'span',
                        { class: 'state ' + stateClass(each.state) },
                        el('i', { class: 'swatch', 'aria-hidden': 'true' }),
                        printable(each.state),
                    ),
                );
                return el(
                    'tr',
                    null,
                    el('th', { scope: 'row' }, toggle),
                    each.cell,
                    el('td', { class: 'numeric' }, formatCount(each.counts[each.peakAt])),
                    el('td', { class: 'numeric muted' }, this.time(each.peakAt)),
                );
            });
        this.point(null);
        return el(
            'table',
            { id: this.id + '-table' },
            el('caption', null, 'Sockets in each state'),
            el(
                'thead',
                null,
                el(
                    'tr',
                    null,
                    el('th', { scope: 'col' }, 'State'),
                    this.when,
                    el('th', { scope: 'col', class: 'numeric' }, 'Peak'),
                    el('th', { scope: 'col', class: 'numeric' }, 'at (UTC)'),
                ),
            ),
            el('tbody', null, rows),
        );
    }

    toggle(each, button) {
        each.shown = !each.shown;
        button.setAttribute('aria-pressed', String(each.shown));
        this.place.chart.again();
    }

    pointAt(event, svg) {
        const bounds = svg.getBoundingClientRect();
        const x = ((event.clientX - bounds.left) * svg.viewBox.baseVal.width) / bounds.width;
        const share = (x - this.box.left) / (this.box.right - this.box.left);
        this.point(Math.min(this.length - 1, Math.max(0, Math.round(share * (this.length - 1)))));
    }

    key(event) {
        const last = this.length - 1;
        const now = this.cursor === null ? last : this.cursor;
        const page = Math.max(1, Math.round(last / 20));
        const to = {
            ArrowLeft: now - 1,
            ArrowRight: now + 1,
            PageUp: now - page,
            PageDown: now + page,
            Home: 0,
            End: last,
            Escape: null,
        }[event.key];
        if (to === undefined) return;
        event.preventDefault();
        this.point(to === null ? null : Math.min(last, Math.max(0, to)));
    }

    // Shows the numbers of one step; null: of the last.
    point(step) {
        this.cursor = step;
        const at = step === null ? this.length - 1 : step;
        if (this.when) this.when.textContent = step === null ? 'End' : this.time(at);
        for (const each of this.series) if (each.cell) each.cell.textContent = formatCount(each.counts[at]);
        if (!this.line) return;
        this.line.setAttribute('visibility', step === null ? 'hidden' : 'visible');
        this.line.setAttribute('x1', this.x(at));
        this.line.setAttribute('x2', this.x(at));
    }
}

function indexOfLargest(counts) {
    return counts.reduce((best, count, i) => (count > counts[best] ? i : best), 0);
}

function timelineView(about, body) {
    const timeline = new Timeline(body, about.id);
    if (!timeline.series.length) return el('p', { class: 'empty' }, 'No socket was in any of the states.');
    return [
        el(
            'p',
            { class: 'help' },
            'Point at the drawing, or use the arrow keys on it, to read the numbers; a state’s name hides it.',
        ),
        timeline.element(),
    ];
}
