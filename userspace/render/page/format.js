// SPDX-License-Identifier: Apache-2.0
// Numbers, durations and times as people read them; durations are rounded as tcpdwell's text output rounds them.
'use strict';

const UNKNOWN = '–';
const SECOND = 1e9,
    MINUTE = 60 * SECOND,
    HOUR = 60 * MINUTE,
    DAY = 24 * HOUR;

function isNumber(value) {
    return typeof value === 'number' && Number.isFinite(value);
}

// "812", "9 512", "1 204 117": groups of three, kept on one line.
function formatCount(value) {
    if (!isNumber(value)) return UNKNOWN;
    const digits = String(Math.round(value));
    return digits.length < 4 ? digits : digits.replace(/\B(?=(\d{3})+$)/g, '\u202f');
}

// A number that needn't be whole: three significant digits, whole from 100 on.
function formatNumber(value) {
    if (!isNumber(value)) return UNKNOWN;
    if (Number.isInteger(value) || Math.abs(value) >= 100) return formatCount(value);
    return String(Number(value.toPrecision(3)));
}

function formatShare(part, whole) {
    if (!isNumber(part) || !isNumber(whole) || whole <= 0) return UNKNOWN;
    const percent = (100 * part) / whole;
    if (percent > 0 && percent < 1) return '<1%';
    if (percent > 99 && percent < 100) return '>99%';
    return Math.round(percent) + '%';
}

// In `unit`, with as many decimals as make `digits` significant digits. Halves are rounded up, and counted in whole
// steps, as toFixed() would round what binary fractions make of them.
function decimal(ns, unit, digits, name) {
    let decimals = digits - 1;
    const steps = () => Math.round(ns / (unit / 10 ** decimals));
    while (decimals > 0 && steps() >= 10 ** digits) --decimals;
    return (steps() / 10 ** decimals).toFixed(decimals) + name;
}

function pair(ns, large, largeName, small, smallName) {
    const value = Math.round(ns / small);
    const perLarge = large / small;
    return Math.floor(value / perLarge) + largeName + ' ' + String(value % perLarge).padStart(2, '0') + smallName;
}

// "812ns", "41.2µs", "3.05ms", "60.42s", "2m 03s", "1h 05m", "3d 04h". A unit ends where rounding would reach its next.
function formatDuration(ns) {
    if (!isNumber(ns)) return UNKNOWN;
    if (ns < 0) return '-' + formatDuration(-ns);
    if (ns < 999.5) return Math.round(ns) + 'ns';
    if (Math.round(ns / 1e3) < 1000) return decimal(ns, 1e3, 3, 'µs');
    if (Math.round(ns / 1e6) < 1000) return decimal(ns, 1e6, 3, 'ms');
    if (Math.round(ns / 1e8) < 1200) return decimal(ns, SECOND, 4, 's');
    if (Math.round(ns / SECOND) < 3600) return pair(ns, MINUTE, 'm', SECOND, 's');
    if (Math.round(ns / MINUTE) < 24 * 60) return pair(ns, HOUR, 'h', MINUTE, 'm');
    return pair(ns, DAY, 'd', HOUR, 'h');
}

// A round duration, on an axis: "60s", "1.5ms", "5m".
function formatTick(ns) {
    const units = [
        [DAY, 'd'],
        [HOUR, 'h'],
        [MINUTE, 'm'],
        [SECOND, 's'],
        [1e6, 'ms'],
        [1e3, 'µs'],
        [1, 'ns'],
    ];
    if (ns === 0) return '0';
    const ofMinutes = ns >= 2 * MINUTE && ns % MINUTE === 0;
    const [size, name] = units.find(([unit]) => ns >= unit && (unit < MINUTE || (ofMinutes && ns % unit === 0)));
    return String(Number((ns / size).toPrecision(6))) + name;
}

// "2026-11-21 14:51:58" of an RFC 3339 time in UTC.
function formatTime(text) {
    const match = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)/.exec(text || '');
    return match ? match[1] + ' ' + match[2] : text ? printable(text) : UNKNOWN;
}

// Time of day, UTC, of milliseconds since 1970.
function formatClock(ms, withFraction) {
    if (!isNumber(ms)) return UNKNOWN;
    const text = new Date(ms).toISOString();
    return text.slice(11, withFraction ? 21 : 19);
}

// "10.0.0.7:443", "[2001:db8::1]:443", "*:8080"; "" if nothing is known.
function formatEndpoint(endpoint) {
    if (!endpoint || (!endpoint.addr && !isNumber(endpoint.port))) return '';
    const addr = endpoint.addr ? String(endpoint.addr) : '*';
    const host = addr.includes(':') ? '[' + addr + ']' : addr;
    return isNumber(endpoint.port) ? host + ':' + endpoint.port : host;
}

// "closed_first_local" as words.
function formatKey(key) {
    return printable(key).replace(/_ns$/, '').replace(/[_.]/g, ' ');
}
