// SPDX-License-Identifier: Apache-2.0
// Values of the report as people read them: by their shape, and numbers by the last word of their keys.
'use strict';

const UNITLESS = /(^|[_.])(pid|port|netns|uid)$/; // numbers that name something

function formatByKey(key, number) {
    if (UNITLESS.test(key)) return String(number);
    if (key.endsWith('_ns')) return formatDuration(number);
    if (/(^|[_.])share$/.test(key) && number >= 0 && number <= 1) return formatShare(number, 1);
    return formatNumber(number);
}

function isTime(value) {
    return typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(value);
}

function isEndpoint(value) {
    return 'addr' in value && 'port' in value;
}

function isProcess(value) {
    return 'pid' in value && 'comm' in value;
}

function processName(process) {
    return [
        foreign(process.comm || UNKNOWN),
        isNumber(process.pid) ? el('span', { class: 'muted' }, ' ' + process.pid) : null,
    ];
}

// Numbers by name, the largest first; those that are 0 aren't there.
function countList(counts) {
    return entriesOf(counts)
        .filter(([, count]) => count > 0)
        .sort((a, b) => b[1] - a[1])
        .map(([word, count], i) => [
            i ? ' ' : '',
            el('span', { class: 'ending' }, term(word), ' ', formatByKey(word, count)),
        ]);
}

// A connection's way: states, each with the time in it.
function statePath(states) {
    return states.map((each, i) => [
        i ? ' → ' : '',
        stateChip(each.state),
        isNumber(each.dwell_ns) ? ' ' + formatDuration(each.dwell_ns) : null,
    ]);
}

function listNode(list) {
    const all = (is) => list.every((each) => each !== null && typeof each === 'object' && is(each));
    if (!list.length) return null;
    if (all((each) => 'state' in each)) return statePath(list);
    if (all(isProcess)) return list.map((each, i) => [i ? ', ' : '', processName(each)]);
    if (list.every((each) => typeof each === 'string')) return foreign(list.join(', '));
    return foreign(JSON.stringify(list));
}

function structureNode(value) {
    if (Array.isArray(value)) return listNode(value);
    if (isEndpoint(value)) {
        const text = formatEndpoint(value);
        return text ? el('span', { class: 'endpoint' }, foreign(text)) : null;
    }
    if (isProcess(value)) return processName(value);
    if (Object.values(value).every(isNumber)) return countList(value);
    return foreign(JSON.stringify(value));
}

// The display form of `value` under `key`; null if the value is unknown.
function valueNode(key, value) {
    if (value === null || value === undefined || value === '') return null;
    if (typeof value === 'number') return formatByKey(key, value);
    if (typeof value === 'boolean') return value ? 'yes' : 'no';
    if (typeof value === 'object') return structureNode(value);
    if (isTime(value)) return formatTime(value) + ' UTC';
    if (/(^|_)(state|from|to)$/.test(key) && isStateName(value)) return stateChip(value);
    return term(value.replace(/\t/g, ' ')); // sysctls have tabs
}

// What a column is sorted by: a number, a text or null.
function sortKey(value) {
    if (value === null || typeof value !== 'object') return typeof value === 'boolean' ? String(value) : value;
    if (Array.isArray(value)) return value.length;
    if (isEndpoint(value)) return formatEndpoint(value) || null;
    if (isProcess(value)) return value.comm;
    return Object.entries(value).reduce((best, each) => (each[1] > best[1] ? each : best), ['', 0])[0];
}

// What a filter looks for: texts and names, not amounts.
function searchText(key, value) {
    if (value === null || value === undefined) return '';
    if (typeof value === 'number') return UNITLESS.test(key) ? String(value) : '';
    if (typeof value !== 'object') return String(value);
    if (isEndpoint(value)) return formatEndpoint(value);
    if (isProcess(value)) return [value.comm, value.pid].filter((part) => part !== null).join(' ');
    return Object.keys(value).join(' ');
}

function capital(text) {
    return text.charAt(0).toUpperCase() + text.slice(1);
}
