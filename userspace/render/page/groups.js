// SPDX-License-Identifier: Apache-2.0
// Rows of a long table that differ in little but the endpoint: one row with their sums for those of one network and
// port, of one host, or of one port.
'use strict';

const GROUPED_FROM = 40; // rows of a table
const LEAST_MEMBERS = 5; // of a group
const FEW_ROWS = 100; // a finer division is better, if it leaves no more

// The eight groups of an IPv6 address, or null.
function groupsOfIpv6(addr) {
    const halves = addr.split('%')[0].split('::');
    if (halves.length > 2) return null;
    const [front, back] = halves.map((half) => half.split(':').filter(Boolean));
    const missing = 8 - front.length - (back ? back.length : 0);
    if (missing < 0 || (!back && missing > 0)) return null;
    return back ? [...front, ...new Array(missing).fill('0'), ...back] : front;
}

// "10.1.2.0/24", "2001:db8:0:1::/64"; the address itself if it is neither.
function networkOf(addr) {
    const v4 = /^(?:::ffff:)?(\d+\.\d+\.\d+)\.\d+$/.exec(addr);
    if (v4) return v4[1] + '.0/24';
    const groups = addr.includes(':') ? groupsOfIpv6(addr) : null;
    return groups ? groups.slice(0, 4).join(':') + '::/64' : addr;
}

function withPort(place, port) {
    if (!isNumber(port)) return place;
    return (place.includes(':') ? '[' + place + ']' : place) + ':' + port;
}

// From the finest on: what endpoints have in common, as text.
const DIVISIONS = [
    (endpoint) => withPort(networkOf(endpoint.addr), endpoint.port),
    (endpoint) => endpoint.addr + ', any port',
    (endpoint) => (isNumber(endpoint.port) ? 'any host, port ' + endpoint.port : networkOf(endpoint.addr)),
    (endpoint) => (endpoint.addr.includes(':') ? 'any IPv6 host and port' : 'any IPv4 host and port'),
];

// What can be added up over rows: amounts of now and of events.
function canBeAdded(key) {
    return !/(^|_)(ns|share|limit|peak|netns|pid|port|uid)$/.test(key);
}

// The longest of several is the longest of all.
function isMaximum(key) {
    return /^(max|oldest|longest)_?/.test(key) && key.endsWith('_ns');
}

function sumOfNumbers(key, values) {
    const known = values.filter(isNumber);
    if (!known.length) return null;
    if (isMaximum(key)) return known.reduce((a, b) => Math.max(a, b));
    return canBeAdded(key) ? known.reduce((a, b) => a + b) : null;
}

// What a row for all of these has under `key`; null where that means nothing.
function sumOf(key, values) {
    if (key === 'peak') return null; // of different times
    const first = JSON.stringify(values[0] ?? null);
    const isCount = values.some(isNumber) && (canBeAdded(key) || isMaximum(key));
    if (!isCount && values.every((value) => JSON.stringify(value ?? null) === first) && !isNested(values[0]))
        return values[0] ?? null;
    if (values.every((value) => value === null || value === undefined || typeof value === 'number'))
        return sumOfNumbers(key, values);
    if (!values.every((value) => value && typeof value === 'object' && !Array.isArray(value))) return null;
    if (values.every(isProcess)) return { comm: values[0].comm, pid: null };
    if (values.some(isEndpoint)) return null;
    return sumOfRows(values);
}

function isNested(value) {
    return value !== null && typeof value === 'object' && !Array.isArray(value) && !isEndpoint(value) && !isProcess(value);
}

function sumOfRows(rows) {
    const keys = new Set(rows.flatMap((row) => Object.keys(row)));
    const sum = Object.create(null);
    for (const key of keys)
        sum[key] = sumOf(
            key,
            rows.map((row) => row[key]),
        );
    return sum;
}

// What rows must have in common besides: names and words, not amounts.
function likeness(row, named) {
    return JSON.stringify(
        Object.entries(row)
            .filter(([key]) => key !== named)
            .map(([key, value]) => {
                if (value && typeof value === 'object') {
                    if (isProcess(value)) return value.comm;
                    if (isEndpoint(value)) return formatEndpoint(value);
                    return null;
                }
                return typeof value === 'string' || key === 'netns' ? value : null;
            }),
    );
}

function divided(rows, named, division) {
    const groups = new Map();
    for (const row of rows) {
        const endpoint = row[named];
        const name = endpoint && endpoint.addr ? division({ ...endpoint, addr: String(endpoint.addr) }) : null;
        const key = name === null ? null : name + likeness(row, named);
        if (key === null || !groups.has(key)) groups.set(key ?? Symbol('alone'), { name, key, members: [row] });
        else groups.get(key).members.push(row);
    }
    return [...groups.values()].flatMap((group) =>
        group.members.length < LEAST_MEMBERS
            ? group.members
            : [{ ...sumOfRows(group.members), ...group, named }],
    );
}

// A function that puts like rows together (table.js), or null where there are few rows, or few that are alike.
function grouping(described, rows) {
    if (rows.length < GROUPED_FROM) return null;
    const named = ['remote', 'endpoint', 'local'].find((key) => described.some((column) => column.path === key));
    if (!named) return null;
    const results = DIVISIONS.map((division) => ({ division, size: divided(rows, named, division).length }));
    const few = results.find((each) => each.size <= FEW_ROWS && each.size <= rows.length / 2);
    const best = few || results.reduce((a, b) => (b.size < a.size ? b : a));
    if (best.size > rows.length / 2) return null;
    return (all) => divided(all, named, best.division);
}
