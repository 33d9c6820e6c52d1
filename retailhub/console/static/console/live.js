// Renews parts of a page: each element with data-live="<seconds>" and an id is replaced by the one with the same id
// from a fresh copy of the page. It pauses while nobody looks, and says when it could not. Without this script a
// reload does the same. What is only live for a while leaves data-live out when it is over.
"use strict";

(() => {
  if (window.retailhubLive) return;
  window.retailhubLive = true;

  const TIMEOUT = 15000;
  let failures = 0;
  let fresh = new Date();

  const parts = () => [...document.querySelectorAll("[data-live][id]")];
  const pause = () => Math.min(...parts().map((part) => Number(part.dataset.live) || 10)) * 1000;
  const clock = (moment) => moment.toLocaleTimeString([], { hour12: false });

  function say(text, stale) {
    for (const place of document.querySelectorAll("[data-live-state]")) {
      place.textContent = text;
      place.classList.toggle("rh-bad", stale);
      // only trouble is announced: a clock that is read out each few seconds helps nobody
      if (stale) place.setAttribute("role", "alert");
      else place.removeAttribute("role");
    }
    for (const part of parts()) part.classList.toggle("rh-stale", stale);
  }

  function isUsed(part) {
    const chosen = document.getSelection();
    return chosen && !chosen.isCollapsed && part.contains(chosen.anchorNode);
  }

  function replace(part, next) {
    if (isUsed(part) || part.outerHTML === next.outerHTML) return;
    const open = [...part.querySelectorAll("details[id][open]")].map((each) => each.id);
    const scrolled = [...part.querySelectorAll(".rh-scroll")].map((each) => each.scrollLeft);
    const focus = part.contains(document.activeElement) ? document.activeElement : null;
    const focusables = (within) => [...within.querySelectorAll("a, button, input, select, summary, [tabindex]")];
    const place = focus ? focusables(part).indexOf(focus) : -1;
    const address = focus ? focus.getAttribute("href") : null;
    const made = document.importNode(next, true);
    for (const id of open) made.querySelector(`#${CSS.escape(id)}`)?.setAttribute("open", "");
    part.replaceWith(made);
    made.querySelectorAll(".rh-scroll").forEach((each, n) => { each.scrollLeft = scrolled[n] || 0; });
    if (!focus) return;
    const same = address ? focusables(made).find((each) => each.getAttribute("href") === address) : null;
    (same || focusables(made)[place])?.focus({ preventScroll: true });
  }

  async function renew() {
    const answer = await fetch(location.href, {
      credentials: "same-origin",
      headers: { "X-Live": "1" },
      signal: AbortSignal.timeout(TIMEOUT),
    });
    if (answer.redirected) throw new Error("you are not logged in any more");
    if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const found = parts().map((part) => [part, page.getElementById(part.id)]);
    if (found.some(([, next]) => !next)) throw new Error("the page has changed; load it again");
    for (const [part, next] of found) replace(part, next);
  }

  async function look() {
    if (!parts().length) return;
    if (!document.hidden) {
      try {
        await renew();
        failures = 0;
        fresh = new Date();
        say(`As of ${clock(fresh)}.`, false);
      } catch (error) {
        failures += 1;
        const why = error instanceof TypeError || error.name === "TimeoutError" ? "RetailHub did not answer" : error.message;
        say(`Not renewed: ${why}. What you see is from ${clock(fresh)}.`, true);
      }
    }
    if (parts().length) setTimeout(look, pause() * Math.min(1 + failures, 6));
  }

  let waiting = parts().length ? setTimeout(look, pause()) : null;
  document.addEventListener("visibilitychange", () => {
    // who comes back must not read what is old
    if (document.hidden || !waiting) return;
    const age = (new Date() - fresh) / 1000;
    if (age > 60) say(`From ${clock(fresh)}; it is being renewed.`, false);
  });
})();
