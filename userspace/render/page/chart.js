// SPDX-License-Identifier: Apache-2.0
// What all drawings share: they are drawn as wide as their place is (so that text keeps its size), and their axes.
'use strict';

const charts = [];
let chartCount = 0;

// A drawing that fills the width of its place. draw(svg, width) returns its height; `title` and `description` are for
// screen readers. `printed`: how wide it is drawn for paper, in CSS pixels; else as it is on the screen.
function chart({ title, description, draw, printed, className }) {
    const place = el('div', { class: 'chart ' + (className || '') });
    const id = 'chart-' + ++chartCount;
    const self = { place, printed, width: 0 };
    self.redraw = (width) => {
        if (width === self.width) return;
        self.width = width;
        const svg = drawing(id, title, description);
        const height = draw(svg, width);
        svg.setAttribute('viewBox', '0 0 ' + width + ' ' + height);
        place.replaceChildren(svg);
    };
    self.again = () => {
        const width = self.width;
        self.width = 0;
        self.redraw(width);
    };
    charts.push(self);
    place.chart = self;
    return place;
}

// An empty <svg> with title and description.
function drawing(id, title, description) {
    return svgEl(
        'svg',
        { role: 'img', 'aria-labelledby': id + '-title ' + id + '-description' },
        svgEl('title', { id: id + '-title' }, title),
        svgEl('desc', { id: id + '-description' }, description),
    );
}

// Draws all of them once they are in the page, and again when their width changes. In a closed <details> there is no
// width yet.
function drawCharts() {
    const fit = (self) => self.redraw(Math.max(240, Math.floor(self.place.clientWidth) || 480));
    const widths = charts.map((self) => self.place.clientWidth); // all measured before anything is drawn
    charts.forEach((self, i) => self.redraw(Math.max(240, Math.floor(widths[i]) || 480)));
    let printing = false;
    if (window.ResizeObserver) {
        const observer = new ResizeObserver((entries) => {
            // Not at once: drawing changes sizes, and an observer may not do that to what it observes.
            requestAnimationFrame(() => {
                if (printing) return;
                for (const entry of entries) if (entry.target.clientWidth) fit(entry.target.chart);
            });
        });
        charts.forEach((self) => observer.observe(self.place));
    }
    window.addEventListener('beforeprint', () => {
        printing = true;
        charts.filter((self) => self.printed).forEach((self) => self.redraw(self.printed));
    });
    window.addEventListener('afterprint', () => {
        printing = false;
        charts.filter((self) => self.printed).forEach(fit);
    });
}

// The numbers of `steps` (ascending) that begin with the first that isn't smaller than `least`.
function stepFrom(steps, least) {
    return steps.find((step) => step >= least) || steps[steps.length - 1];
}

const ROUND_DURATIONS = (() => {
    const steps = [];
    for (let unit = 1; unit < SECOND; unit *= 10) steps.push(unit, 2 * unit, 5 * unit);
    for (const s of [1, 2, 5, 10, 20, 30]) steps.push(s * SECOND);
    for (const m of [1, 2, 5, 10, 20, 30]) steps.push(m * MINUTE);
    for (const h of [1, 2, 6, 12]) steps.push(h * HOUR);
    for (const d of [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]) steps.push(d * DAY);
    return steps;
})();
const DECADES = [
    1,
    10,
    100,
    1e3,
    1e4,
    1e5,
    1e6,
    1e7,
    1e8,
    1e9,
    1e10,
    MINUTE,
    10 * MINUTE,
    HOUR,
    10 * HOUR,
    DAY,
    10 * DAY,
    100 * DAY,
];

// Multiples of `step` in [low, high].
function multiples(low, high, step) {
    const ticks = [];
    for (let i = Math.ceil(low / step - 1e-9); i * step <= high * (1 + 1e-12) && ticks.length < 1000; ++i)
        ticks.push(i * step);
    return ticks;
}

// An axis of durations from `low` to `high` ns over `width` pixels: at(ns) -> pixels, low, high, ticks. Logarithmic
// where the values spread over more than a factor of 8.
function durationAxis(low, high, width) {
    const log = low > 0 && high / low > 8;
    const most = Math.max(2, Math.floor(width / 64));
    const scale = log ? Math.log : (value) => value;
    const [from, to] = [scale(low), scale(high)];
    const at = (ns) => (width * (scale(Math.min(high, Math.max(low, ns))) - from)) / (to - from || 1);
    if (!log) {
        const ticks = multiples(low, high, stepFrom(ROUND_DURATIONS, (high - low) / most));
        return { at, low, high, ticks };
    }
    const inside = (list) => list.filter((ns) => ns >= low * 0.999 && ns <= high * 1.001);
    const decades = inside(DECADES);
    const finer = inside(ROUND_DURATIONS);
    return { at, low, high, ticks: apart(decades.length < 3 ? finer : decades, at, 46) };
}

// Those ticks that are at least so many pixels apart from the one before.
function apart(ticks, at, pixels) {
    const kept = [];
    for (const tick of ticks) if (!kept.length || at(tick) - at(kept[kept.length - 1]) >= pixels) kept.push(tick);
    return kept;
}

// Ticks {at: ms from the beginning, label} of an axis of that many ms, at round times of day (UTC).
function clockTicks(begin, range, width) {
    const from = Number.isFinite(begin) ? (begin * 1e6) % DAY : 0; // from midnight, so that numbers stay exact
    const step = stepFrom(ROUND_DURATIONS, (range * 1e6) / Math.max(2, Math.floor(width / 110)));
    return multiples(from, from + range * 1e6, step).map((tick) => {
        const at = (tick - from) / 1e6;
        return {
            at,
            label: Number.isFinite(begin) ? clockLabel(begin + at, step) : '+' + formatDuration(tick),
        };
    });
}

// With as many digits as ticks of that distance (ns) need.
function clockLabel(ms, step) {
    const text = new Date(ms).toISOString();
    return step >= SECOND ? text.slice(11, 19) : text.slice(11, step >= 1e8 ? 21 : 23);
}

// The same of an axis of durations.
function durationTicks(range, width) {
    const step = stepFrom(ROUND_DURATIONS, (range * 1e6) / Math.max(2, Math.floor(width / 80)));
    return multiples(0, range * 1e6, step).map((tick) => ({ at: tick / 1e6, label: formatTick(tick) }));
}

// Ticks under a drawing, with faint lines through it.
function drawTicks(svg, ticks, x, box) {
    for (const tick of ticks) {
        const at = x(tick.at);
        svg.append(
            svgEl('line', { class: 'grid', x1: at, x2: at, y1: box.top, y2: box.bottom }),
            svgEl('line', { class: 'axis', x1: at, x2: at, y1: box.bottom, y2: box.bottom + 4 }),
            svgEl(
                'text',
                {
                    class: 'tick',
                    y: box.bottom + 17,
                    'text-anchor': 'middle',
                    x: Math.min(box.right - 14, Math.max(box.left + 10, at)),
                },
                tick.label,
            ),
        );
    }
}

// Round numbers from 0 to `high` or a little more.
function countTicks(high, most) {
    let step = 1;
    const factors = [2, 2.5, 2];
    for (let i = 0; high / step > most; ++i) step *= factors[i % 3];
    const ticks = [];
    for (let tick = 0; tick < high + step * 0.999; tick += step) ticks.push(tick);
    return ticks;
}
