// SPDX-License-Identifier: Apache-2.0
// How the report came about: its quality, the host's settings, the rules' thresholds.
'use strict';

const QUALITY = {
    lost: 'Events lost between kernel and tcpdwell',
    holes: 'Holes in the recording',
    connections: 'Connections, ended and open',
    ended: 'Connections that ended',
    open: 'Connections still open',
    whole: 'Connections seen from their birth',
    joined: 'Connections that were open when tracing began',
    gap: 'Connections with events lost in between',
    transitions: 'State transitions',
    unexpected_edges: 'Transitions for which no cause is known',
    evicted: 'Connections given up for lack of room',
    malformed: 'Records that could not be read',
    unknown_records: 'Records of unknown kinds',
    quantile_error: 'Relative error of the quantiles, at most',
};

function pairs(id, caption, entries) {
    if (!entries.length) return null;
    return el(
        'table',
        { id, class: 'pairs' },
        el('caption', null, caption),
        el(
            'tbody',
            null,
            entries.map(([name, value]) => el('tr', null, el('th', { scope: 'row' }, name), el('td', null, value))),
        ),
    );
}

function valueText(value) {
    if (value === null || value === undefined || value === '') return UNKNOWN;
    if (typeof value === 'number') return formatNumber(value);
    if (typeof value === 'object') return foreign(JSON.stringify(value));
    return foreign(String(value).replace(/\t/g, ' ')); // sysctls have tabs
}

function detailsSection(report) {
    const meta = report.meta || {};
    const quality = entriesOf(report.quality).map(([key, value]) => [QUALITY[key] || formatKey(key), valueText(value)]);
    const named = (object) =>
        entriesOf(object).map(([key, value]) => [el('code', null, foreign(key)), valueText(value)]);
    const run = ['version', 'host', 'kernel', 'machine', 'source', 'begin', 'end', 'filter', 'probes']
        .filter((key) => key in meta)
        .map((key) => [formatKey(key), valueText(meta[key])]);
    return section(
        'about',
        'About this report',
        null,
        details('quality', 'Quality of the data', pairs('quality-table', 'Quality of the data', quality)),
        details(
            'sysctls',
            'Settings of the kernel (sysctls)',
            pairs('sysctls-table', 'Settings of the kernel', named(meta.sysctls)),
        ),
        details(
            'thresholds',
            'Thresholds of the findings',
            pairs('thresholds-table', 'Thresholds of the findings', named(meta.thresholds)),
        ),
        details('run', 'The run', pairs('run-table', 'The run', run)),
    );
}
