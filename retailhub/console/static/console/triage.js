// Keys of the triage page, and the progress of an act on many. Everything here can be done without it.
"use strict";

(() => {
    const more = document.getElementById("bulk-more");
    if (more) {
        window.setTimeout(() => more.submit(), 200);
    }

    const table = document.getElementById("result_list");
    const search = document.getElementById("triage-q");
    const help = document.getElementById("triage-help");
    if (!help) {
        return;
    }
    const rows = table ? [...table.querySelectorAll("tbody tr")] : [];
    const boxes = rows.map((row) => row.querySelector("input[name=pick]"));
    let here = -1;

    const show = (position) => {
        if (!rows.length) {
            return;
        }
        here = Math.min(Math.max(position, 0), rows.length - 1);
        rows.forEach((row, each) => row.classList.toggle("rh-here", each === here));
        rows[here].querySelector("a.rh-open").focus({ preventScroll: true });
        rows[here].scrollIntoView({ block: "nearest" });
    };

    const act = (name) => {
        const all = document.getElementById("triage-all");
        const some = boxes.some((box) => box && box.checked) || (all && all.checked);
        const button = document.querySelector(`#triage-form button[data-act="${name}"]`);
        if (button && some) {
            button.click();
        } else if (button && here >= 0) {
            const back = encodeURIComponent(window.location.search.replace(/^\?/, ""));
            window.location.assign(`${rows[here].dataset.url.replace(/change\/$/, "")}act/${name}/?from=${back}`);
        }
    };

    const keys = {
        j: () => show(here + 1),
        k: () => show(here < 0 ? 0 : here - 1),
        x: () => here >= 0 && boxes[here] && boxes[here].click(),
        c: () => act("claim"),
        e: () => act("snooze"),
        n: () => act("note"),
        "/": () => search.focus(),
        "?": () => help.showModal(),
    };

    document.addEventListener("keydown", (event) => {
        const typing = event.target.closest("input:not([type=checkbox]), select, textarea, dialog[open]");
        if (event.ctrlKey || event.metaKey || event.altKey || typing || help.open || !(event.key in keys)) {
            return;
        }
        event.preventDefault();
        event.stopPropagation();
        keys[event.key]();
    }, { capture: true }); // before keys that every page has

    const opener = document.getElementById("triage-help-open");
    if (opener) {
        opener.hidden = false;
        opener.addEventListener("click", () => help.showModal());
    }
    const page = document.getElementById("triage-page");
    if (page) {
        page.hidden = false;
        page.addEventListener("change", () => boxes.forEach((box) => (box.checked = page.checked)));
    }
})();
