// SPDX-License-Identifier: Apache-2.0
// Findings: problems, with advice. What another finding explains stands under that one.
'use strict';

const SEVERITIES = {
    critical: { word: 'Critical', shape: 'M6 1h8l5 5v8l-5 5H6l-5-5V6z', mark: 'M10 5v6M10 14.2v.2' },
    warning: { word: 'Warning', shape: 'M10 1.5 19 18H1z', mark: 'M10 7v5M10 14.8v.2' },
    info: { word: 'Info', shape: 'M10 1a9 9 0 1 0 .01 0z', mark: 'M10 9.5V14M10 6v.2' },
    good: { word: 'Nothing found', shape: 'M10 1a9 9 0 1 0 .01 0z', mark: 'M6 10.5l3 3 5-6' },
};

const HELPS = JSON.parse(document.getElementById('helps').textContent);

function severityOf(finding) {
    return Object.hasOwn(SEVERITIES, finding.severity) && finding.severity !== 'good' ? finding.severity : 'info';
}

function severityBadge(severity) {
    const look = SEVERITIES[severity] || SEVERITIES.info;
    return el(
        'span',
        { class: 'severity' },
        svgEl(
            'svg',
            { viewBox: '0 0 20 20', width: 18, height: 18, 'aria-hidden': 'true' },
            svgEl('path', { class: 'shape', d: look.shape }),
            svgEl('path', { class: 'mark', d: look.mark }),
        ),
        look.word,
    );
}

function findingAddress(number) {
    return '#' + scoped('finding-' + number);
}

// The ids of the connections, and the command that shows all of their lives.
function connectionList(finding, report) {
    const ids = listOf(finding.connections || (finding.evidence && finding.evidence.connections));
    if (!ids.length) return null;
    const source = (report.meta || {}).source;
    const file = !source || source === 'live' ? 'FILE' : /^[\w./@%+,:-]+$/.test(source) ? source : 'FILE';
    return el(
        'p',
        { class: 'connections' },
        'Among the connections behind it: ',
        ids.map((id, i) => [i ? ' ' : '', el('code', null, foreign(id))]),
        el('br'),
        'All of the life of one: ',
        el('kbd', null, foreign('tcpdwell trace -r ' + file + ' --conn ' + ids[0])),
    );
}

// "Means: ..." with its first words in bold.
function helpParagraph(text) {
    const lead = /^(Reported when|Means:|What helps[^:]*:|What doesn.t[^:]*:)/.exec(text);
    return el('p', null, lead ? el('strong', null, lead[0]) : null, printable(lead ? text.slice(lead[0].length) : text));
}

function thresholdsTable(thresholds) {
    if (!thresholds.length) return null;
    return el(
        'table',
        { class: 'pairs' },
        el('caption', null, 'Thresholds that apply here (--threshold NAME=VALUE)'),
        el(
            'tbody',
            null,
            thresholds.map((each) =>
                el(
                    'tr',
                    null,
                    el('th', { scope: 'row' }, el('code', null, printable(each.name))),
                    el(
                        'td',
                        null,
                        printable(each.value),
                        each.preset ? ' (preset ' + printable(each.preset) + ')' : null,
                    ),
                    el('td', { class: 'muted' }, printable(each.help)),
                ),
            ),
        ),
    );
}

// What `tcpdwell report --explain ID` prints; null where the page has no explanation of it.
function explanation(finding) {
    const help = Object.hasOwn(HELPS, finding.id) ? HELPS[finding.id] : null;
    if (!help) return null;
    return el(
        'details',
        { class: 'minor explanation screen-only' },
        el('summary', null, 'What ', el('code', null, printable(finding.id)), ' means'),
        el('p', null, capital(printable(help.summary)), '.'),
        String(help.text).split('\n').map(helpParagraph),
        thresholdsTable(listOf(help.thresholds)),
        el('p', { class: 'muted' }, 'Source: ' + printable(help.source)),
    );
}

// Of a consequence: where its root stands. `root`: null if the report hasn't got it.
function reasonNote(finding, root) {
    const because = finding.because;
    if (!because) return null;
    const name = [
        el('code', null, foreign(because.id || UNKNOWN)),
        because.subject ? [' of ', foreign(because.subject)] : null,
    ];
    return el(
        'p',
        { class: 'because' },
        '↳ Follows from ',
        root ? el('a', { href: findingAddress(root.number) }, name) : name,
    );
}

// Of a root: its consequences, which stand under it.
function consequencesNote(consequences) {
    if (!consequences.length) return null;
    return el(
        'p',
        { class: 'explains' },
        'Explains ',
        consequences.map((each, i) => [
            i ? ', ' : '',
            el('a', { href: findingAddress(each.number) }, foreign(each.finding.id || UNKNOWN)),
        ]),
        ', below.',
    );
}

function adviceList(finding) {
    const advice = String(finding.advice || '')
        .split('\n')
        .map((line) => line.trim())
        .filter(Boolean);
    if (!advice.length) return null;
    return el(
        'div',
        { class: 'advice' },
        el('h4', null, 'What to do'),
        el(
            'ul',
            null,
            advice.map((line) => el('li', null, foreign(line))),
        ),
    );
}

function findingCard(node, about, report) {
    const finding = node.finding;
    const severity = severityOf(finding);
    return [
        el(
            'article',
            { class: 'finding ' + severity, id: 'finding-' + node.number, 'data-finding': finding.id },
            el('header', null, severityBadge(severity), el('code', { class: 'finding-id' }, foreign(finding.id || ''))),
            reasonNote(finding, node.root),
            el('h3', null, foreign(finding.what || finding.id || '')),
            el(
                'div',
                { class: 'finding-body' },
                evidenceTable(about, finding),
                el('div', null, adviceList(finding), livesView(finding, report)),
            ),
            connectionList(finding, report),
            consequencesNote(node.consequences),
            explanation(finding),
        ),
        node.consequences.length
            ? el(
                  'div',
                  { class: 'consequences' },
                  node.consequences.map((each) => findingCard(each, about, report)),
              )
            : null,
    ];
}

// Nodes {finding, number, root, consequences} in the order of the report, each consequence in its root's. `because`
// names the root by id and subject. What would be its own root, also over others, has none.
function findingTree(findings) {
    const nodes = findings.map((finding, i) => ({ finding, number: i + 1, root: null, consequences: [] }));
    const isAbove = (above, node) => node !== null && (node === above || isAbove(above, node.root));
    for (const node of nodes) {
        const because = node.finding.because;
        if (!because) continue;
        const same = (other) => other.finding.id === because.id && other.finding.subject === because.subject;
        const root = nodes.find((other) => other !== node && same(other));
        if (!root || isAbove(node, root)) continue;
        node.root = root;
        root.consequences.push(node);
    }
    return nodes;
}

// Where there are many: all of them in a line each.
function findingsOverview(nodes) {
    if (nodes.length < 4) return null;
    return el(
        'ol',
        { class: 'overview' },
        nodes.map((node) =>
            el(
                'li',
                { class: 'finding-line ' + severityOf(node.finding) + (node.root ? ' consequence' : '') },
                severityBadge(severityOf(node.finding)),
                ' ',
                el('a', { href: findingAddress(node.number) }, foreign(node.finding.what || node.finding.id || UNKNOWN)),
            ),
        ),
    );
}

function findingsView(about, body, report) {
    const findings = listOf(body).filter((finding) => finding && typeof finding === 'object');
    const seen = report.quality && report.quality.connections > 0;
    if (findings.length) {
        const nodes = findingTree(findings);
        return [
            findingsOverview(nodes),
            nodes.filter((node) => !node.root).map((node) => findingCard(node, about, report)),
        ];
    }
    return el(
        'article',
        { class: 'finding good', id: about.id + '-none' },
        el('header', null, severityBadge('good')),
        el(
            'p',
            null,
            seen
                ? 'No rule of tcpdwell’s found anything amiss among the connections that were seen.'
                : 'No connections were seen, so there was nothing to judge.',
        ),
    );
}
