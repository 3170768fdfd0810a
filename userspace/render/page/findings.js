// SPDX-License-Identifier: Apache-2.0
// Findings: problems, with advice.
'use strict';

const SEVERITIES = {
    critical: { word: 'Critical', shape: 'M6 1h8l5 5v8l-5 5H6l-5-5V6z', mark: 'M10 5v6M10 14.2v.2' },
    warning: { word: 'Warning', shape: 'M10 1.5 19 18H1z', mark: 'M10 7v5M10 14.8v.2' },
    info: { word: 'Info', shape: 'M10 1a9 9 0 1 0 .01 0z', mark: 'M10 9.5V14M10 6v.2' },
    good: { word: 'Nothing found', shape: 'M10 1a9 9 0 1 0 .01 0z', mark: 'M6 10.5l3 3 5-6' },
};

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

function evidenceValue(key, value) {
    if (typeof value === 'string') return foreign(value); // a foreign name may equal a term of the report
    return valueNode(key, value) ?? UNKNOWN;
}

function evidenceTable(finding) {
    const rows = entriesOf(finding.evidence).filter(([key]) => key !== 'connections');
    if (!rows.length) return null;
    return el(
        'table',
        { class: 'evidence' },
        el('caption', null, 'Evidence'),
        el(
            'tbody',
            null,
            rows.map(([key, value]) =>
                el('tr', null, el('th', { scope: 'row' }, formatKey(key)), el('td', null, evidenceValue(key, value))),
            ),
        ),
    );
}

function connectionList(finding) {
    const ids = listOf(finding.evidence && finding.evidence.connections);
    if (!ids.length) return null;
    return el(
        'p',
        { class: 'connections' },
        'Among the connections behind it: ',
        ids.map((id, i) => [i ? ' ' : '', el('code', null, foreign(id))]),
    );
}

function findingCard(finding) {
    const severity = Object.hasOwn(SEVERITIES, finding.severity) ? finding.severity : 'info';
    const advice = String(finding.advice || '')
        .split('\n')
        .map((line) => line.trim())
        .filter(Boolean);
    return el(
        'article',
        { class: 'finding ' + severity, 'data-finding': finding.id },
        el('header', null, severityBadge(severity), el('code', { class: 'finding-id' }, foreign(finding.id || ''))),
        el('h3', null, foreign(finding.what || finding.id || '')),
        el(
            'div',
            { class: 'finding-body' },
            evidenceTable(finding),
            advice.length
                ? el(
                      'div',
                      { class: 'advice' },
                      el('h4', null, 'What to do'),
                      el(
                          'ul',
                          null,
                          advice.map((line) => el('li', null, foreign(line))),
                      ),
                  )
                : null,
        ),
        connectionList(finding),
    );
}

function findingsView(about, body, report) {
    const findings = listOf(body).filter((finding) => finding && typeof finding === 'object');
    const seen = report.quality && report.quality.connections > 0;
    if (findings.length) return findings.map(findingCard);
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
