// SPDX-License-Identifier: Apache-2.0
// Several reports on one page: one for each host with its own head, then the report on both ends.
'use strict';

// A heading over the sections of `report`, whose ids all begin with `id`. about(report): the content under it.
function drawReport(report, title, id, about) {
    const main = document.getElementById('main');
    const head = el('header', { class: 'host', id }, el('h1', null, foreign(title)));
    append(main, [head]);
    idPrefix = id + '-';
    attempt(title, () => append(head, [about(report)]));
    drawSections(report);
    idPrefix = '';
    const sections = [...main.querySelectorAll(':scope > section')].filter((each) => each.id.startsWith(id + '-'));
    append(head, [el('nav', { class: 'sections', 'aria-label': 'Sections of ' + printable(title) }, linksTo(sections))]);
}

function drawMember(about, member) {
    if (about.kind === 'reports')
        listOf(member).forEach((report, i) =>
            drawReport(report || {}, listOf(about.names)[i] || 'unknown host', 'host' + (i + 1), aboutHost),
        );
    else drawReport(member || {}, about.title || formatKey(about.id), about.id, () => null);
}

function drawReports(data) {
    const names = data.sections.flatMap((about) => listOf(about.names));
    document.title = 'tcpdwell: ' + printable(names.join(', '));
    append(document.getElementById('header'), [
        brand(),
        el('h1', null, formatCount(names.length) + ' hosts: ', foreign(names.join(', '))),
    ]);
    for (const about of data.sections) attempt(about.id, () => drawMember(about, data[about.id]));
    attempt('contents', () =>
        append(document.getElementById('contents'), linksTo(document.querySelectorAll('main > header.host'))),
    );
}
