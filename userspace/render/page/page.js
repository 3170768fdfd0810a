// SPDX-License-Identifier: Apache-2.0
// Reads the report out of the page and draws it. When all of it stands, <html> has data-ready="yes".
'use strict';

// Everything is on paper that could be unfolded.
function openDetailsForPrinting() {
    const closed = () => [...document.querySelectorAll('details:not([open])')];
    let opened = [];
    window.addEventListener('beforeprint', () => {
        opened = closed();
        for (const each of opened) each.open = true;
    });
    window.addEventListener('afterprint', () => {
        for (const each of opened) each.open = false;
    });
}

// A part that fails must not take the others with it.
function attempt(what, act) {
    try {
        act();
    } catch (error) {
        noteError(what + ': ' + error.message);
    }
}

// The sections of one host's report.
function drawSections(report) {
    const main = document.getElementById('main');
    const parts = {
        findingsSection,
        servicesSection,
        remotesSection,
        portsSection,
        dwellSection,
        latenciesSection,
        timelineSection,
        diagramSection,
        detailsSection,
    };
    for (const [name, part] of Object.entries(parts)) attempt(idPrefix + name, () => append(main, [part(report)]));
}

function drawPage() {
    const report = JSON.parse(document.getElementById('report').textContent);
    if (Array.isArray(report.hosts)) {
        drawHosts(report);
    } else {
        attempt('header', () => renderHeader(report));
        drawSections(report);
        attempt('contents', renderContents);
    }
    attempt('charts', drawCharts);
    attempt('address', followAddress);
    window.addEventListener('hashchange', followAddress);
    openDetailsForPrinting();
    document.documentElement.dataset.ready = 'yes';
}

drawPage();
