// SPDX-License-Identifier: Apache-2.0
// The head of the page: where, when, how much.
'use strict';

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
    const meta = report.meta || {};
    return [
        el(
            'dl',
            { class: 'facts' },
            fact('Time', meta.begin ? spanText(meta) : null),
            fact('Kernel', [meta.kernel, meta.machine].filter(Boolean).join(' ')),
            fact('Source', { live: 'live kernel', recording: 'recording' }[meta.source] || meta.source),
            fact('Network namespaces', isNumber(meta.netns) ? formatCount(meta.netns) : null),
            fact('Filter', meta.filter),
            fact('Sample', isNumber(meta.sample) ? 'one connection in ' + formatCount(meta.sample) : null),
            fact('Version', meta.version && 'tcpdwell ' + meta.version),
        ),
        tiles(report),
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
