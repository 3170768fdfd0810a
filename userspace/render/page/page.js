// SPDX-License-Identifier: Apache-2.0
// Reads the report out of the page and draws it. When all of it is drawn, <html> has data-ready="yes".
'use strict';

// When printed, what is folded is shown, but for what says the same again or is explained elsewhere.
function openDetailsForPrinting() {
    const closed = () => [...document.querySelectorAll('details:not([open]):not(.screen-only)')];
    let opened = [];
    window.addEventListener('beforeprint', () => {
        opened = closed();
        for (const each of opened) each.open = true;
    });
    window.addEventListener('afterprint', () => {
        for (const each of opened) each.open = false;
    });
}

// An error in one part must not prevent the others from being drawn.
function attempt(what, act) {
    try {
        act();
    } catch (error) {
        noteError(what + ': ' + error.message);
    }
}

function skipToFirstSection() {
    const first = document.querySelector('main > section');
    if (first) document.querySelector('.skip').setAttribute('href', '#' + first.id);
}

function drawPage() {
    const report = JSON.parse(document.getElementById('report').textContent);
    if (listOf(report.sections).some((about) => about.kind === 'reports')) {
        drawReports(report);
    } else {
        attempt('header', () => renderHeader(report));
        drawSections(report);
        attempt('contents', renderContents);
    }
    attempt('skip', skipToFirstSection);
    attempt('charts', drawCharts);
    attempt('address', followAddress);
    window.addEventListener('hashchange', followAddress);
    openDetailsForPrinting();
    document.documentElement.dataset.ready = 'yes';
}

drawPage();
