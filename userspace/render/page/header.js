// SPDX-License-Identifier: Apache-2.0
// The head of the page: where, when, how much, and whether all of it was seen.
'use strict';

function tile(id, label, value, note, kind) {
    return el(
        'div',
        { class: 'tile ' + (kind || ''), 'data-tile': id },
        el('dt', null, label),
        el('dd', null, el('span', { class: 'value' }, value), note ? el('span', { class: 'note' }, note) : null),
    );
}

function fact(label, value) {
    return value === null || value === undefined || value === ''
        ? null
        : el('div', null, el('dt', null, label), el('dd', null, foreign(value)));
}

function spanText(meta) {
    const begin = formatTime(meta.begin),
        end = formatTime(meta.end);
    const sameDay = begin.slice(0, 10) === end.slice(0, 10);
    return begin + ' to ' + (sameDay ? end.slice(11) : end) + ' UTC';
}

function brand() {
    return el('p', { class: 'brand' }, 'tcpdwell', el('span', null, ' where TCP connections spend their time'));
}

function renderHeader(report) {
    const host = (report.meta || {}).host || 'unknown host';
    document.title = 'tcpdwell: ' + printable(host);
    append(document.getElementById('header'), [brand(), el('h1', null, foreign(host)), aboutHost(report)]);
}

// Where, when, how much.
function aboutHost(report) {
    const meta = report.meta || {},
        quality = report.quality || {};
    const lost = quality.lost > 0,
        holes = quality.holes > 0,
        strange = quality.unexpected_edges > 0;
    const partly = [
        ['joined midway', quality.joined],
        ['with gaps', quality.gap],
        ['given up for want of room', quality.evicted],
    ]
        .filter(([, n]) => n > 0)
        .map(([words, n]) => formatCount(n) + ' ' + words)
        .join(', ');
    return [
        el(
            'dl',
            { class: 'facts' },
            fact('Time', meta.begin ? spanText(meta) : null),
            fact('Kernel', [meta.kernel, meta.machine].filter(Boolean).join(' ')),
            fact('Source', { live: 'live kernel', recording: 'recording' }[meta.source] || meta.source),
            fact('Network namespaces', isNumber(meta.netns) ? formatCount(meta.netns) : null),
            fact('Filter', meta.filter),
            fact('Version', meta.version && 'tcpdwell ' + meta.version),
        ),
        el(
            'dl',
            { class: 'tiles' },
            tile('duration', meta.interval ? 'Interval' : 'Duration', formatDuration(meta.duration_ns)),
            tile(
                'connections',
                'Connections',
                formatCount(quality.connections),
                formatCount(quality.ended) + ' ended, ' + formatCount(quality.open) + ' still open',
            ),
            tile('whole', 'Seen from their birth', formatShare(quality.whole, quality.connections), partly || null),
            tile(
                'transitions',
                'Transitions',
                formatCount(quality.transitions),
                strange ? formatCount(quality.unexpected_edges) + ' unexpected' : 'all of them known',
                strange ? 'bad' : '',
            ),
            tile(
                'lost',
                'Events lost',
                lost ? formatCount(quality.lost) : isNumber(quality.lost) ? 'none' : UNKNOWN,
                holes
                    ? formatCount(quality.holes) + ' holes in the recording'
                    : lost
                      ? 'numbers below are too small'
                      : 'nothing is missing',
                lost || holes ? 'bad' : '',
            ),
        ),
    ];
}

// Links to sections, by their headings.
function linksTo(sections) {
    return [...sections].map((each) => el('a', { href: '#' + each.id }, each.querySelector('h1, h2').textContent));
}

// Links to the sections that are there.
function renderContents() {
    append(document.getElementById('contents'), linksTo(document.querySelectorAll('main > section')));
}
