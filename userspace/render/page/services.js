// SPDX-License-Identifier: Apache-2.0
// What is drawn in tables of services, remote servers and ports: who closed first, how much of a limit is held.
'use strict';

// The sides that the columns have, in the order of the bar: "both" between the two.
function sidesOf(columns) {
    const sides = columns.map((column) => column.id.split('.')).filter(([key, side]) => key === 'closed_first' && side);
    const known = ['local', 'both', 'remote'];
    const place = (side) => placeOf(known, side);
    return sides.map(([, side]) => side).sort((a, b) => place(a) - place(b));
}

function closedFirst(row) {
    return row.closed_first || {};
}

// The bar of who closed first, in the order of `sides`. One element: there may be thousands of rows.
function closedBar(row, sides) {
    const counts = sides.map((side) => closedFirst(row)[side] || 0);
    const total = counts.reduce((a, b) => a + b, 0);
    if (!total) return null;
    const text = sides
        .map((side, i) => counts[i] && side + ' ' + formatCount(counts[i]))
        .filter(Boolean)
        .join(', ');
    let end = 0;
    const stops = sides
        .map((side, i) => {
            const begin = end;
            end += (100 * counts[i]) / total;
            return 'var(--' + side + ') ' + begin.toFixed(2) + '% ' + end.toFixed(2) + '%';
        })
        .filter((stop, i) => counts[i]);
    const bar = el('span', {
        class: 'closed-bar',
        role: 'img',
        'aria-label': 'Closed first: ' + text,
        title: text,
    });
    // The page's policy forbids style attributes in markup, but not this.
    bar.style.backgroundImage = 'linear-gradient(to right, ' + stops.join(', ') + ')';
    return bar;
}

function closedLegend(sides) {
    return el(
        'p',
        { class: 'legend', 'aria-hidden': 'true' },
        'Closed first: ',
        sides.map((side) => el('span', { title: termTitle(side) }, el('i', { class: 'swatch side-' + side }), side)),
    );
}

function shareOf(row, side) {
    const counts = closedFirst(row);
    const total = Object.values(counts).reduce((sum, each) => sum + (each || 0), 0);
    return total ? (counts[side] || 0) / total : null;
}

// Before the columns of who closed first, where these are of this host's connections: the bar, sorted by the share of
// the first.
function addClosedShare(columns, sides) {
    const at = columns.findIndex((column) => column.id.startsWith('closed_first.'));
    if (at < 0) return;
    const first = columns[at].id.split('.')[1];
    columns.splice(at, 0, {
        id: 'share',
        title: 'share',
        group: columns[at].group,
        help: 'Ordered by the share of ' + first,
        numeric: true,
        value: (row) => shareOf(row, first),
        cell: (row) => closedBar(row, sides),
    });
}

// A program that connected has many local ports, and a row of its own.
function outgoing() {
    return el('span', { class: 'muted' }, 'outgoing');
}

function cgroupNote(row) {
    const text = row.container || (row.cgroup !== '/' && row.cgroup);
    return text
        ? el('span', { class: 'cgroup', title: printable(row.cgroup || text) }, foreign(shortPath(printable(text))))
        : null;
}

// The end of a long path is the most specific part.
function shortPath(path) {
    const characters = [...path];
    return characters.length > 32 ? '…' + characters.slice(-31).join('') : path;
}

// How full it is, as a bar and in words.
function meterCell(row) {
    if (!isNumber(row.limit) || row.limit <= 0) return null;
    const share = Math.min(1, (row.held || 0) / row.limit);
    const text = formatShare(row.held || 0, row.limit);
    return el(
        'span',
        { class: 'meter' + (share >= 0.8 ? ' high' : '') },
        svgEl(
            'svg',
            { viewBox: '0 0 100 10', preserveAspectRatio: 'none', role: 'img', 'aria-label': text + ' in use' },
            svgEl('rect', { class: 'meter-all', width: 100, height: 10 }),
            svgEl('rect', { class: 'meter-held', width: (100 * share).toFixed(2), height: 10 }),
        ),
        text,
    );
}

function addMeter(columns) {
    const at = columns.findIndex((column) => column.id === 'held');
    if (at < 0 || !columns.some((column) => column.id === 'limit')) return;
    columns.splice(at, 0, {
        id: 'share',
        title: 'In use',
        help: 'Held, of the limit',
        numeric: true,
        value: (row) => (row.limit > 0 ? (row.held || 0) / row.limit : null),
        cell: meterCell,
    });
}
