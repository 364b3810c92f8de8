"use strict";
/* Bridges: looked at behind the page that is there already, and a login that is followed to its end. */
(() => {
  const HTML = { Accept: "text/html", "HX-Request": "true" };
  let following = "";

  async function renew(id, url) {
    const reply = await fetch(url, { credentials: "same-origin", headers: HTML });
    if (!reply.ok) return;
    const draft = document.createElement("template");
    draft.innerHTML = await reply.text();
    const fresh = draft.content.firstElementChild, known = document.getElementById(id);
    if (!fresh || !known) return;
    known.replaceWith(fresh);
    if (window.htmx) window.htmx.process(fresh);
    window.gateway.settle(fresh);
  }

  /* Ask how far a login is, and again, until it is over or is not shown any more. */
  async function follow() {
    const panel = document.querySelector("[data-login]");
    if (!panel || panel.dataset.over !== undefined) return;
    const { login: name, seen } = panel.dataset;
    if (following === `${name} ${seen}`) return;
    following = `${name} ${seen}`;
    const asked = encodeURIComponent(name);
    try {
      while (panel.isConnected) {
        const told = await window.gateway.send("GET", `/api/bridge-logins/${asked}?seen=${seen}`);
        if (told.steps.length > Number(seen) || told.over) {
          await renew("login", `/bridges?part=login&login=${asked}`);
          if (told.over) await renew("cards", "/bridges?part=cards&look=1");
          break;
        }
      }
    } catch { /* it was said; the link in the panel asks again */ }
    following = "";
    follow();
  }

  document.addEventListener("htmx:after:swap", follow);
  document.addEventListener("DOMContentLoaded", () => {
    follow();
    if (document.querySelector("#cards[data-look]")) renew("cards", "/bridges?part=cards&look=1");
  });
})();
