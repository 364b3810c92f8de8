"use strict";
/* Pieces of the page that are renewed while somebody looks: `data-renew` is the address, `data-every` the
   seconds, `data-then` those after the first time. What is open stays open, and what has the focus keeps it. */
(() => {
  const CONTROLS = "a, button, summary, select, input";
  const name = (each) => each.getAttribute("aria-label") || each.textContent;

  function put(place, html) {
    const active = document.activeElement;
    const held = place.contains(active) ? [active.tagName, name(active)] : null;
    const open = [...place.querySelectorAll("details")].map((each) => each.open);
    place.innerHTML = html;
    const all = [...place.querySelectorAll("details")];
    if (all.length === open.length) all.forEach((each, i) => { each.open = open[i]; });
    if (held) [...place.querySelectorAll(CONTROLS)].find((each) => each.tagName === held[0] && name(each) === held[1])?.focus({ preventScroll: true });
    window.gateway.settle(place);
  }

  function keep(place) {
    let every = Number(place.dataset.every) * 1000;
    let told = "", asked = Date.now(), asking = false;
    const renew = async () => {
      if (asking || document.hidden || Date.now() - asked < every) return;
      asking = true;
      asked = Date.now();
      try {
        const reply = await fetch(place.dataset.renew, {
          credentials: "same-origin", redirect: "manual", headers: { Accept: "text/html", "HX-Request": "true" },
        });
        if (reply.type === "opaqueredirect" || reply.status === 401) { location.reload(); return; }
        const html = reply.ok ? await reply.text() : told;
        if (html !== told) { told = html; put(place, html); }
        if (place.dataset.then) every = Number(place.dataset.then) * 1000;
      } catch { /* the gateway is away; the next try tells */ } finally { asking = false; }
    };
    document.addEventListener("visibilitychange", renew);
    setInterval(renew, 500);
  }

  document.addEventListener("DOMContentLoaded", () => document.querySelectorAll("[data-renew]").forEach(keep));
})();
