// SPDX-License-Identifier: Apache-2.0
// The numbers at the head of the page: what is wrong first, then how much was seen, and whether all of it was.
'use strict';

// `kind`: "critical", "warning" or "good" for a judgement; "some" for a number that is worth a look, "quiet" for none.
function tile(id, label, value, note, kind, href) {
    return el(
        'div',
        { class: 'tile ' + (kind || ''), 'data-tile': id },
        el('dt', null, href ? el('a', { href }, label) : label),
        el('dd', null, el('span', { class: 'value' }, value), note ? el('span', { class: 'note' }, note) : null),
    );
}

// "3 sent, 2 received" of [["sent", 3], ["received", 2], ["lost", 0]].
function amounts(list) {
    return list
        .filter(([, n]) => n > 0)
        .map(([words, n]) => formatCount(n) + ' ' + words)
        .join(', ');
}

function countTile(id, label, count, note, href) {
    return tile(id, label, count > 0 ? formatCount(count) : 'none', note, count > 0 ? 'some' : 'quiet', href);
}

function addressOf(report, section) {
    return listOf(report.sections).some((about) => about && about.id === section) && report[section]
        ? '#' + scoped(section)
        : null;
}

function findingsTile(report) {
    if (!Array.isArray(report.findings)) return null;
    const of = (severity) => report.findings.filter((each) => each && severityOf(each) === severity).length;
    const by = ['critical', 'warning', 'info'].map((severity) => [severity, of(severity)]);
    const worst = (by.find(([, count]) => count > 0) || ['good'])[0];
    const count = by.reduce((sum, [, each]) => sum + each, 0);
    const note = amounts(by.map(([severity, n]) => [severity === 'warning' && n !== 1 ? 'warnings' : severity, n]));
    return tile('findings', 'Findings', count ? formatCount(count) : 'none', note, worst, addressOf(report, 'findings'));
}

// How often connections ended in each way, over all services and programs; null if the report doesn't say.
function endingSums(report) {
    if (!Array.isArray(report.services)) return null;
    const sums = new Map();
    for (const row of report.services)
        for (const [ending, count] of entriesOf(row && row.endings))
            if (isNumber(count)) sums.set(ending, (sums.get(ending) || 0) + count);
    return (...endings) => endings.reduce((sum, ending) => sum + (sums.get(ending) || 0), 0);
}

function endingTiles(report) {
    const sum = endingSums(report);
    if (!sum) return [];
    const href = addressOf(report, 'endings');
    const ended = (report.quality || {}).ended;
    const resets = sum('reset_sent', 'reset_received');
    const ways = amounts([
        ['sent', sum('reset_sent')],
        ['received', sum('reset_received')],
    ]);
    const share = resets > 0 && ended > 0 ? formatShare(Math.min(resets, ended), ended) + ' of those that ended: ' : '';
    const failures = amounts([
        ['refused', sum('refused')],
        ['unanswered', sum('connect_failed')],
        ['handshakes', sum('handshake_failed')],
    ]);
    const timedOut = sum('timed_out');
    return [
        countTile('resets', 'Resets', resets, share + ways, href),
        countTile('failed', 'Failed to open', sum('refused', 'connect_failed', 'handshake_failed'), failures, href),
        timedOut > 0 ? countTile('timed_out', 'Timed out', timedOut, 'the peer no longer answered', href) : null,
    ];
}

function openIn(report, state) {
    const open = ((report.states || {})[state] || {}).open;
    return isNumber(open) ? open : null;
}

function closeWaitTile(report) {
    const count = openIn(report, 'CLOSE_WAIT');
    if (count === null) return null;
    const oldest = report.states.CLOSE_WAIT.oldest_ns;
    const note = isNumber(oldest) ? 'the oldest for ' + formatDuration(oldest) : '';
    return countTile('close_wait', 'In CLOSE_WAIT now', count, note, addressOf(report, 'states'));
}

// A connection in TIME_WAIT is over: it isn't counted among the open ones.
function connectionsTile(report) {
    const quality = report.quality || {};
    const waits = openIn(report, 'TIME_WAIT') || 0;
    const open = isNumber(quality.open) ? Math.max(0, quality.open - waits) : null;
    const note =
        formatCount(quality.ended) +
        ' ended, ' +
        formatCount(open) +
        ' open' +
        (waits > 0 ? ', ' + formatCount(waits) + ' in TIME_WAIT' : '');
    return tile('connections', 'Connections', formatCount(quality.connections), note);
}

function qualityTiles(quality) {
    const lost = quality.lost > 0,
        holes = quality.holes > 0,
        unseen = quality.unseen > 0,
        strange = quality.unexpected_edges > 0;
    const partly = amounts([
        ['joined midway', quality.joined],
        ['with gaps', quality.gap],
        ['given up for want of room', quality.evicted],
    ]);
    const missing = amounts([
        ['holes in the recording', quality.holes],
        ['not seen', quality.unseen],
    ]);
    return [
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
            missing || (lost ? 'numbers below are too small' : 'nothing is missing'),
            lost || holes ? 'bad' : unseen ? 'some' : '',
        ),
    ];
}

function tiles(report) {
    const meta = report.meta || {};
    return [
        el('dl', { class: 'tiles' }, findingsTile(report), endingTiles(report), closeWaitTile(report)),
        el(
            'dl',
            { class: 'tiles amounts' },
            connectionsTile(report),
            tile('duration', meta.interval ? 'Interval' : 'Duration', formatDuration(meta.duration_ns)),
            qualityTiles(report.quality || {}),
        ),
    ];
}
