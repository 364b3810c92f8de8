"use strict";
/* Sign in: by the link in the address, whose secret goes no further than this, or by the token of the form. */
(() => {
  const page = document.getElementById("sign-in");
  const told = document.getElementById("sign-in-told");
  const onward = page.dataset.next;

  function message(text, status) {
    try {
      const error = JSON.parse(text).error;
      return typeof error === "string" ? error : error.message;
    } catch { return `the gateway answered ${status}`; }
  }

  async function send(url, body) {
    told.textContent = "";
    try {
      const reply = await fetch(url, {
        method: "POST", credentials: "same-origin",
        headers: { "Content-Type": "application/json", Accept: "application/json" },
        body: JSON.stringify({ ...body, next: onward }),
      });
      const text = await reply.text();
      if (reply.ok) { location.replace(JSON.parse(text).next); return true; }
      told.textContent = message(text, reply.status);
    } catch { told.textContent = "the gateway does not answer"; }
    return false;
  }

  document.getElementById("by-token")?.addEventListener("submit", async (event) => {
    event.preventDefault();
    const field = document.getElementById("token");
    if (!await send("/sign-in", { token: field.value })) field.select();
  });

  const section = document.getElementById("by-link");
  async function offer() {
    const link = new URLSearchParams(location.hash.slice(1)).get("link");
    if (!link) return false;
    /* Out of the address, so that it is in no history and nobody copies it. */
    history.replaceState(null, "", location.pathname + location.search);
    section.hidden = false;
    const button = document.getElementById("use-link");
    const use = async () => { if (!await send("/sign-in/link", { link })) section.hidden = true; };
    button.addEventListener("click", use, { once: true });
    if (document.visibilityState === "visible") button.click();
    else document.addEventListener("visibilitychange", () => button.click(), { once: true });
    return true;
  }
  addEventListener("hashchange", offer);

  /* From another site's page a browser comes without its cookie: who is signed in goes on. */
  async function goOn() {
    const reply = await fetch(location.href, { credentials: "same-origin", headers: { Accept: "application/json" } });
    if (reply.ok && (await reply.json()).signed_in) location.replace(onward);
  }
  offer().then((offered) => { if (!offered) goOn().catch(() => {}); });
})();
