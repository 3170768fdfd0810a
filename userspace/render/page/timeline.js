// SPDX-License-Identifier: Apache-2.0
// How many sockets were in each state over time: a small area for each state, with a scale of its own, so that few in one
// state are seen beside thousands in another; and a table that is readout and alternative.
'use strict';

// One under the other in the order that the report has them in.
class Timeline {
    constructor(timeline, id) {
        this.id = id;
        this.begin = Date.parse(timeline.begin);
        this.step = isNumber(timeline.step_ns) && timeline.step_ns > 0 ? timeline.step_ns / 1e6 : 1000; // ms
        this.series = entriesOf(timeline.states)
            .filter(([, counts]) => listOf(counts).some((count) => count > 0))
            .map(([state, counts]) => ({ state, counts, peakAt: indexOfLargest(counts) }));
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
            printed: 900,
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
        const many = this.series.length > 5;
        const band = { label: 17, height: many ? 32 : 44, gap: 5 };
        const each = band.label + band.height + band.gap;
        const box = (this.box = { left: 8, right: width - 8, top: 0, bottom: each * this.series.length });
        this.x = (i) => box.left + (box.right - box.left) * (this.length > 1 ? i / (this.length - 1) : 0.5);
        this.timeAxis(svg, width);
        this.series.forEach((series, i) => this.drawBand(svg, series, i * each + band.label, band.height));
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
        return box.bottom + 24;
    }

    drawBand(svg, series, top, height) {
        const { left, right } = this.box;
        const bottom = top + height;
        const most = Math.max(1, series.counts[series.peakAt] || 0);
        const y = (count) => bottom - (height * (count || 0)) / most;
        const points = series.counts.map((count, i) => this.x(i).toFixed(1) + ',' + y(count).toFixed(1));
        const shape =
            this.length > 1
                ? 'M' + [this.x(0) + ',' + bottom, ...points, this.x(points.length - 1) + ',' + bottom].join('L') + 'Z'
                : 'M' + (this.x(0) - 8) + ',' + bottom + 'h16V' + y(series.counts[0]) + 'h-16Z';
        svg.append(
            svgEl('line', { class: 'grid', x1: left, x2: right, y1: top, y2: top }),
            svgEl('path', { class: 'area ' + stateClass(series.state), d: shape }),
            svgEl('line', { class: 'axis', x1: left, x2: right, y1: bottom, y2: bottom }),
            svgEl('text', { class: 'band-name', x: left, y: top - 4 }, printable(series.state)),
            svgEl(
                'text',
                { class: 'tick', x: right, y: top - 4, 'text-anchor': 'end' },
                'most ' + formatCount(series.counts[series.peakAt]),
            ),
        );
    }

    timeAxis(svg, width) {
        const box = this.box;
        if (this.length < 2) {
            const place = { class: 'tick', x: this.x(0), y: box.bottom + 17, 'text-anchor': 'middle' };
            svg.append(svgEl('text', place, this.time(0)));
            return;
        }
        const ticks = clockTicks(this.begin, (this.length - 1) * this.step, width);
        drawTicks(svg, ticks, (ms) => this.x(ms / this.step), box);
    }

    table() {
        this.when = el('th', { scope: 'col', class: 'numeric' });
        const rows = this.series.map((each) => {
            each.cell = el('td', { class: 'numeric' });
            return el(
                'tr',
                null,
                el('th', { scope: 'row' }, stateChip(each.state)),
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
                    el('th', { scope: 'col', class: 'numeric' }, 'Most'),
                    el('th', { scope: 'col', class: 'numeric' }, 'at (UTC)'),
                ),
            ),
            el('tbody', null, rows),
        );
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
            'Each state has a scale of its own. Point at the drawing, or use the arrow keys on it, to read the numbers.',
        ),
        timeline.element(),
    ];
}
