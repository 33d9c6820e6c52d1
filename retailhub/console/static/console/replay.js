// Keeps the progress of a replay fresh while it is under way; without this script a reload does the same.
"use strict";

const place = document.getElementById("replay-progress");
const PAUSE = 2000;

function part() {
  return place.querySelector("[data-state]");
}

async function look() {
  if (document.hidden) {
    setTimeout(look, PAUSE);
    return;
  }
  const before = part().dataset.state;
  try {
    const answer = await fetch(place.dataset.url, { credentials: "same-origin" });
    if (answer.redirected || !answer.ok) return;
    place.innerHTML = await answer.text();
  } catch {
    setTimeout(look, PAUSE * 5);
    return;
  }
  if (part().dataset.state !== before || part().dataset.live === "no") {
    // what may be done now, and the list of what came of it, are on the rest of the page
    location.reload();
    return;
  }
  setTimeout(look, PAUSE);
}

if (place && part().dataset.live === "yes") setTimeout(look, PAUSE);
