// SPDX-License-Identifier: Apache-2.0
// The connections of a finding over time: a bar for each, in the colours of the states that it was in.
'use strict';

const LIVES_SHOWN = 20;
const LIFE = { row: 19, bar: 11, axis: 24 };

// One connection: {conn, label, spans: [{state, begin, end}]} with times in ms; null if no time is known.
function lifeOf(each, now) {
    const spans = listOf(each && each.states)
        .filter((span) => span && typeof span === 'object')
        .map((span) => ({
            state: String(span.state),
            begin: Date.parse(span.begin),
            exact: span.begin_exact !== false,
            end: Date.parse(span.end),
        }));
    spans.forEach((span, i) => {
        const isLast = i + 1 === spans.length;
        span.open = isLast && !Number.isFinite(span.end) && !each.ending;
        if (!Number.isFinite(span.end)) span.end = span.open ? now : isLast ? span.begin : spans[i + 1].begin;
    });
    const known = spans.filter((span) => Number.isFinite(span.begin) && Number.isFinite(span.end));
    if (!known.length) return null;
    const end = Math.max(...known.map((span) => span.end));
    return { ...each, spans: known, begin: known[0].begin, end, open: known[known.length - 1].open };
}

// By the remote end, or by the local one where all are connected to the same.
function lifeLabels(lives) {
    const remotes = new Set(lives.map((life) => formatEndpoint(life.remote)));
    const end = remotes.size > 1 || lives.length < 2 ? 'remote' : 'local';
    return { end, of: (life) => printable(formatEndpoint(life[end]) || life.conn || UNKNOWN) };
}

function spanWords(span) {
    const lasted = formatDuration((span.end - span.begin) * 1e6);
    return (span.exact ? '' : 'at least ') + lasted + (span.open ? ' so far' : '');
}

function lifeWords(life) {
    return life.spans.map((span) => printable(span.state) + ' ' + spanWords(span)).join(', ');
}

class LivesChart {
    constructor(lives, labels) {
        this.lives = lives;
        this.labels = labels;
        const begin = Math.min(...lives.map((life) => life.begin));
        const range = Math.max(...lives.map((life) => life.end)) - begin;
        const longest = Math.max(...lives.map((life) => life.end - life.begin));
        // Short lives far apart would be dots: then each begins at the left.
        this.aligned = lives.length > 1 && longest * 8 < range;
        this.begin = this.aligned ? 0 : begin;
        this.range = (this.aligned ? longest : range) || 1;
    }

    draw(svg, width) {
        const widest = Math.max(...this.lives.map((life) => this.labels.of(life).length));
        const left = Math.min(width * 0.42, Math.max(60, widest * 7 + 12));
        const right = width - 12;
        const bottom = this.lives.length * LIFE.row + 4;
        const x = (ms) => left + ((right - left) * (ms - this.begin)) / this.range;
        this.axis(svg, x, { left, right, bottom });
        this.lives.forEach((life, i) => this.row(svg, life, x, i * LIFE.row + 4, left));
        return bottom + LIFE.axis;
    }

    row(svg, life, x, top, left) {
        const fits = Math.floor((left - 12) / 7);
        const label = this.labels.of(life);
        const group = svgEl(
            'g',
            { class: 'life' },
            svgEl('title', null, label + ': ' + lifeWords(life)),
            svgEl(
                'text',
                { class: 'life-label', x: left - 8, y: top + LIFE.bar - 1, 'text-anchor': 'end' },
                label.length > fits ? '…' + label.slice(label.length - fits + 1) : label,
            ),
        );
        const shift = this.aligned ? -life.begin : 0;
        for (const span of life.spans) {
            const from = x(span.begin + shift);
            const to = x(span.end + shift);
            group.append(
                svgEl('rect', {
                    class: 'span ' + stateClass(span.state) + (span.exact ? '' : ' inexact'),
                    x: from.toFixed(1),
                    y: top,
                    width: Math.max(2, to - from).toFixed(1),
                    height: LIFE.bar,
                }),
            );
        }
        const end = x(life.end + shift);
        if (life.open)
            group.append(
                svgEl('path', {
                    class: 'still',
                    d: 'M' + (end + 2).toFixed(1) + ' ' + top + 'l6 ' + LIFE.bar / 2 + 'l-6 ' + LIFE.bar / 2 + 'z',
                }),
            );
        svg.append(group);
    }

    axis(svg, x, box) {
        const ticks = this.aligned
            ? durationTicks(this.range, box.right - box.left)
            : clockTicks(this.begin, this.range, box.right - box.left);
        svg.append(svgEl('line', { class: 'axis', x1: box.left, x2: box.right, y1: box.bottom, y2: box.bottom }));
        drawTicks(svg, ticks, (ms) => x(this.begin + ms), { top: 0, ...box });
    }
}

// The states that the bars show, in words.
function livesLegend(lives) {
    const states = [...new Set(lives.flatMap((life) => life.spans.map((span) => span.state)))];
    return el(
        'p',
        { class: 'legend' },
        states.map((state) => stateChip(state)),
        lives.some((life) => life.open) ? el('span', null, '▸ still there') : null,
        lives.some((life) => life.spans.some((span) => !span.exact))
            ? el('span', null, 'dashed outline: longer than was seen')
            : null,
    );
}

function livesInWords(lives, labels) {
    return el(
        'table',
        { class: 'pairs' },
        el('caption', null, 'States of each connection'),
        el(
            'tbody',
            null,
            lives.map((life) =>
                el(
                    'tr',
                    null,
                    el('th', { scope: 'row' }, el('code', null, foreign(life.conn || UNKNOWN)), ' ', labels.of(life)),
                    el(
                        'td',
                        null,
                        life.spans.map((span, i) => [i ? ' → ' : '', stateChip(span.state), ' ', spanWords(span)]),
                        life.ending ? [' → ', term(life.ending)] : null,
                    ),
                ),
            ),
        ),
    );
}

// null if nothing is known of them.
function livesView(finding, report) {
    const now = Date.parse((report.meta || {}).end);
    const lives = listOf(finding.timeline)
        .slice(0, LIVES_SHOWN)
        .map((each) => lifeOf(each, now))
        .filter(Boolean)
        .sort((a, b) => a.begin - b.begin);
    if (!lives.length) return null;
    const labels = lifeLabels(lives);
    const drawn = new LivesChart(lives, labels);
    const title =
        'When ' +
        (lives.length === 1 ? 'a connection' : lives.length + ' of the connections') +
        ' had which state' +
        (drawn.aligned ? ', each from its beginning on' : ' (UTC)');
    return el(
        'figure',
        { class: 'lives' },
        el('figcaption', null, title, ', by ' + labels.end + ' end'),
        chart({
            title,
            description: lives.map((life) => labels.of(life) + ': ' + lifeWords(life)).join('; '),
            draw: (svg, width) => drawn.draw(svg, width),
            printed: 620,
        }),
        livesLegend(lives),
        el(
            'details',
            { class: 'minor screen-only' },
            el('summary', null, 'The same in words'),
            livesInWords(lives, labels),
        ),
    );
}
