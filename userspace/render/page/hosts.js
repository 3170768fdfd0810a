// SPDX-License-Identifier: Apache-2.0
// Several hosts on one page: each with its own head and sections, then what they tell together.
'use strict';

function hostName(report) {
    return (report && report.meta && report.meta.host) || 'unknown host';
}

// Hosts of one name (the same after a boot, or clones) are told apart as in both_ends.
function hostNames(data) {
    const told = listOf(data.both_ends && data.both_ends.hosts).map((each) => each.host);
    return listOf(data.hosts).map((report, i) => told[i] || hostName(report));
}

function drawHost(report, name, number) {
    const main = document.getElementById('main');
    const head = el('header', { class: 'host', id: 'host' + number }, el('h1', null, foreign(name)));
    append(main, [head]);
    idPrefix = 'host' + number + '-';
    attempt(name, () => append(head, [aboutHost(report)]));
    drawSections(report);
    idPrefix = '';
    const sections = main.querySelectorAll(':scope > section[id^="host' + number + '-"]');
    append(head, [el('nav', { class: 'sections', 'aria-label': 'Sections of ' + printable(name) }, linksTo(sections))]);
}

function drawHosts(data) {
    const names = hostNames(data);
    document.title = 'tcpdwell: ' + printable(names.join(', '));
    append(document.getElementById('header'), [
        brand(),
        el('h1', null, formatCount(names.length) + ' hosts: ', foreign(names.join(', '))),
    ]);
    data.hosts.forEach((report, i) => drawHost(report || {}, names[i], i + 1));
    attempt('both ends', () => append(document.getElementById('main'), [bothEndsSection(data.both_ends || {})]));
    attempt('contents', () =>
        append(
            document.getElementById('contents'),
            linksTo(document.querySelectorAll('main > header.host, main > section#both-ends')),
        ),
    );
    document.querySelector('.skip').setAttribute('href', '#host1-findings');
}
