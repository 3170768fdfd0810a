// SPDX-License-Identifier: Apache-2.0
// The sections of a report, as it describes them itself (its "sections"): each is drawn by its kind, known or not. Some
// have a view of their own, which shows more.
'use strict';

const VIEWS_OF_KINDS = {
    facts: factsView,
    distributions: distributionsView,
    table: tableView,
    diagram: diagramView,
    timeline: timelineView,
    findings: findingsView,
};
const VIEWS_OF_SECTIONS = { disagreements: disagreementsView };

// For an unknown kind: the raw data.
function rawView(about, body) {
    return el('pre', null, printable(JSON.stringify(body, null, 2)));
}

function viewOf(about) {
    if (Object.hasOwn(VIEWS_OF_SECTIONS, about.id)) return VIEWS_OF_SECTIONS[about.id];
    return Object.hasOwn(VIEWS_OF_KINDS, about.kind) ? VIEWS_OF_KINDS[about.kind] : rawView;
}

// null if the section wasn't requested.
function drawSection(about, report) {
    const body = report[about.id];
    if (body === null || body === undefined) return null;
    return el(
        'section',
        { id: about.id, class: 'kind-' + about.kind, 'aria-labelledby': about.id + '-title' },
        el('h2', { id: about.id + '-title' }, foreign(about.title || formatKey(about.id))),
        about.help ? el('p', { class: 'help' }, foreign(about.help)) : null,
        viewOf(about)(about, body, report),
    );
}

function drawSections(report) {
    const main = document.getElementById('main');
    for (const about of listOf(report.sections))
        attempt(idPrefix + about.id, () => append(main, [drawSection(about, report)]));
}
