// SPDX-License-Identifier: Apache-2.0
// Evidence of findings: numbers and names, by the words and units that the report has for their keys.
'use strict';

function formatBytes(value) {
    if (!isNumber(value)) return UNKNOWN;
    if (value < 1024) return formatCount(value) + (value === 1 ? ' byte' : ' bytes');
    const units = ['KiB', 'MiB', 'GiB', 'TiB'];
    let scaled = value / 1024;
    while (scaled >= 1023.5 && units.length > 1) {
        scaled /= 1024;
        units.shift();
    }
    return formatNumber(scaled) + ' ' + units[0];
}

const UNITS = {
    count: formatNumber,
    duration: formatDuration,
    seconds: (value) => formatDuration(value * SECOND),
    share: (value) => formatShare(value, 1),
    bytes: formatBytes,
    rate: (value) => formatNumber(value) + ' a second',
    name: String,
};

// What the report says of `key` in findings of that id: {title, unit}.
function evidenceWords(about, finding, key) {
    const all = listOf(about.evidence).filter((words) => words && words.id === key);
    const words = all.find((each) => each.finding === finding.id) || all.find((each) => !each.finding);
    return words || { title: capital(formatKey(key)), unit: null };
}

function evidenceValue(unit, key, value) {
    if (typeof value === 'string') return isStateName(value) ? stateChip(value) : foreign(value); // else somebody's name
    if (isNumber(value) && Object.hasOwn(UNITS, unit)) return UNITS[unit](value);
    return valueNode(key, value);
}

function evidenceRow(about, finding, key, value) {
    const words = evidenceWords(about, finding, key);
    const shown = evidenceValue(words.unit, key, value);
    if (shown === null) return null;
    return el('tr', null, el('th', { scope: 'row' }, foreign(words.title || key)), el('td', null, shown));
}

// What isn't known is left out.
function evidenceTable(about, finding) {
    const rows = entriesOf(finding.evidence)
        .filter(([key, value]) => key !== 'connections' && value !== null && value !== '')
        .map(([key, value]) => evidenceRow(about, finding, key, value))
        .filter(Boolean);
    if (!rows.length) return null;
    return el('table', { class: 'evidence' }, el('caption', null, 'Evidence'), el('tbody', null, rows));
}
