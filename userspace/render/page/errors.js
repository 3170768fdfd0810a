// SPDX-License-Identifier: Apache-2.0
// Errors of the page's own scripts are recorded on <html> (data-error) and shown to the reader, who could otherwise
// mistake a partly drawn page for a complete one.
'use strict';

function noteError(message) {
    const root = document.documentElement;
    root.dataset.error = (root.dataset.error ? root.dataset.error + '\n' : '') + message;
    const show = () => {
        let notice = document.getElementById('error-notice');
        if (!notice) {
            notice = document.createElement('p');
            notice.id = 'error-notice';
            notice.className = 'notice';
            notice.setAttribute('role', 'alert');
            document.body.prepend(notice);
        }
        notice.textContent = 'Part of this page could not be drawn: ' + root.dataset.error;
    };
    if (document.body) show();
    else document.addEventListener('DOMContentLoaded', show);
}

window.addEventListener('error', (event) => noteError(event.message));
window.addEventListener('unhandledrejection', (event) => noteError(String(event.reason)));
// Only what the page brings itself is run, and counts as its style: anything else is an error of its own.
document.addEventListener('securitypolicyviolation', (event) =>
    noteError(event.violatedDirective + ' forbids ' + (event.blockedURI || 'a part')),
);
