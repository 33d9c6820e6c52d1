// The key / goes to the search box of the page. Everything here can be done without it.
"use strict";

(() => {
    const isTyping = (target) => target.closest("input, textarea, select, [contenteditable]") !== null;

    document.addEventListener("keydown", (event) => {
        if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
        const box = document.getElementById("rh-search-text");
        if (isTyping(event.target)) return;
        event.preventDefault();
        if (box && box.getClientRects().length) {
            box.focus();
            box.select();
        } else {
            const link = document.querySelector(".rh-search a");
            if (link) window.location.assign(link.href);
        }
    });
})();
