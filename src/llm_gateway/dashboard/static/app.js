"use strict";
/* What every page does beside being a page: keys, copying, times of here, sending, live rows. */
(() => {
  const find = (text, from = document) => from.querySelector(text);
  const all = (text, from = document) => [...from.querySelectorAll(text)];
  const csrf = find('meta[name="csrf"]').content;
  const told = find("#told");
  let hush = 0;

  function say(text, bad = false) {
    told.className = bad ? "bad" : "";
    told.textContent = text;
    clearTimeout(hush);
    hush = setTimeout(() => { told.textContent = ""; }, bad ? 12000 : 4000);
  }

  function reason(text, status) {
    try {
      const error = JSON.parse(text).error;
      const message = typeof error === "string" ? error : error && error.message;
      if (message) return message;
    } catch { /* not JSON: the status has to do */ }
    return status ? `the gateway answered ${status}` : "the gateway does not answer";
  }

  /* Send JSON, return JSON; say why not, and throw. */
  async function send(method, url, body) {
    let reply;
    try {
      reply = await fetch(url, {
        method, credentials: "same-origin", redirect: "manual",
        headers: { "Content-Type": "application/json", Accept: "application/json", "X-LLM-Gateway-CSRF": csrf },
        body: body === undefined ? undefined : JSON.stringify(body),
      });
    } catch (error) { say(reason("", 0), true); throw error; }
    const text = await reply.text();
    if (!reply.ok) {
      const why = reason(text, reply.status);
      say(why, true);
      throw new Error(why);
    }
    return text ? JSON.parse(text) : {};
  }

  /* htmx sends what a form says as JSON, with the token that proves that the page is ours. */
  function listed(form) {
    const values = {};
    for (const [name, value] of form) {
      if (name.endsWith("[]")) (values[name.slice(0, -2)] ||= []).push(value);
      else values[name] = value;
    }
    return values;
  }
  document.addEventListener("htmx:config:request", (event) => {
    const request = event.detail.ctx.request;
    request.headers["X-LLM-Gateway-CSRF"] = csrf;
    if (request.method !== "GET" && request.body) request.json = JSON.stringify(listed(request.body));
  });
  document.addEventListener("htmx:before:request", (event) => {
    const request = event.detail.ctx.request;
    if (request.method === "GET") return;
    request.headers["Content-Type"] = "application/json";
    request.body = request.json;
  });
  document.addEventListener("htmx:before:swap", (event) => {
    const ctx = event.detail.ctx;
    const status = ctx.response && ctx.response.status;
    if (status >= 400) {
      event.preventDefault();
      if (status === 401) location.assign(`/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`);
      else say(reason(ctx.text, status), true);
    }
  });
  document.addEventListener("htmx:error", () => say(reason("", 0), true));
  document.addEventListener("htmx:after:swap", () => settle(document));

  /* what is on the page, made ready; called again for what comes later */
  const shown = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
  const today = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
  function settle(from) {
    for (const each of all("time[datetime]:not([title])", from)) {
      const at = new Date(each.dateTime);
      if (Number.isNaN(at.getTime())) continue;
      each.title = each.textContent;
      const near = at.toDateString() === new Date().toDateString();
      each.textContent = (near ? today : shown).format(at);
    }
    if (window.drawCharts) window.drawCharts(from);
  }

  async function copy(text) {
    try { await navigator.clipboard.writeText(text); }
    catch {
      const field = document.createElement("textarea");
      field.value = text;
      document.body.append(field);
      field.select();
      document.execCommand("copy");
      field.remove();
    }
    say("Copied");
  }

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button, [data-copy]");
    if (!button) return;
    if (button.dataset.copy !== undefined) {
      const curl = button.dataset.curl !== undefined;
      await copy(curl ? button.dataset.copy.replace("$LLM_GATEWAY_URL", location.origin) : button.dataset.copy);
      return;
    }
    if (button.dataset.dialog) { find(`#${button.dataset.dialog}`).showModal(); return; }
    if (button.dataset.send) {
      if (button.dataset.ask && !confirm(button.dataset.ask)) return;
      button.disabled = true;
      try {
        await send(button.dataset.send, button.dataset.url, button.dataset.body ? JSON.parse(button.dataset.body) : {});
        if (button.dataset.then) location.assign(button.dataset.then);
        else location.reload();
      } catch { button.disabled = false; }
    }
  });

  /* keys */
  let going = 0;
  const rows = () => all("[data-row]").filter((row) => row.offsetParent !== null);
  const marked = () => find("[data-row].at");
  function mark(step) {
    const there = rows();
    if (!there.length) return;
    const at = there.indexOf(marked());
    const next = there[Math.min(there.length - 1, Math.max(0, at < 0 ? (step > 0 ? 0 : there.length - 1) : at + step))];
    marked()?.classList.remove("at");
    next.classList.add("at");
    next.scrollIntoView({ block: "nearest" });
    (find("a, button, summary", next) || next).focus({ preventScroll: true });
  }
  function typing(target) {
    return target.closest("input, textarea, select, [contenteditable]") !== null;
  }
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.key === "Escape") {
      if (typing(event.target)) { event.target.blur(); return; }
      const close = find("[data-close]");
      if (close && !find("dialog[open]")) close.click();
      return;
    }
    if (typing(event.target) || find("dialog[open]")) return;
    if (going && Date.now() - going < 1500) {
      going = 0;
      const link = find(`.top [data-key="${CSS.escape(event.key)}"]`);
      if (link) { event.preventDefault(); link.click(); }
      return;
    }
    switch (event.key) {
      case "g": going = Date.now(); break;
      case "/": event.preventDefault(); find("#search")?.focus(); break;
      case "?": find("#keys").showModal(); break;
      case "j": mark(1); break;
      case "k": mark(-1); break;
      case "Enter": {
        const row = marked();
        if (row && !event.target.closest("a, button, summary")) (find("[data-open]", row) || find("a", row))?.click();
        break;
      }
      case ".": {
        const curl = find("[data-curl]", marked() || document) || find("[data-curl]");
        if (curl) curl.click();
        break;
      }
      case "l": find("[data-live-switch]")?.click(); break;
    }
  });

  /* Live rows: a stream of rows that the server has made, put above the others or in the place of the one with
     the same id. Not while the page is hidden or somebody points at the table; then they are counted. */
  for (const table of all("[data-live]")) {
    const body = find("tbody", table);
    const most = Number(table.dataset.most || 50);
    const pill = find(`[data-fresh="${table.id}"]`);
    const button = find(`[data-live-switch="${table.id}"]`);
    let source = null, on = true, over = false, waiting = new Map();
    const put = (id, html) => {
      const draft = document.createElement("template");
      draft.innerHTML = html;
      const row = draft.content.firstElementChild;
      if (!row) return;
      const known = document.getElementById(row.id);
      if (known && body.contains(known)) {
        if (known.classList.contains("at")) row.classList.add("at");
        known.replaceWith(row);
      } else {
        row.classList.add("fresh");
        body.prepend(row);
        for (const old of [...body.children].slice(most)) old.remove();
        document.getElementById(`${table.id}-nothing`)?.remove();
        table.hidden = false;
      }
      settle(row);
    };
    const flush = () => {
      for (const [id, html] of waiting) put(id, html);
      waiting = new Map();
      if (pill) pill.hidden = true;
    };
    const take = (event) => {
      const id = event.lastEventId, known = document.getElementById(`r-${id}`);
      if (over && !known) {
        waiting.set(id, event.data);
        if (pill) { pill.hidden = false; pill.textContent = `${waiting.size} new`; }
      } else put(id, event.data);
    };
    const close = () => { source?.close(); source = null; table.dataset.state = "off"; };
    const open = () => {
      if (source || !on || document.hidden) return;
      source = new EventSource(table.dataset.live);
      source.addEventListener("open", () => { table.dataset.state = "on"; });
      /* the browser asks again by itself, but for an answer that was a refusal */
      source.addEventListener("error", () => {
        table.dataset.state = "lost";
        if (source && source.readyState === EventSource.CLOSED) { close(); setTimeout(open, 3000); }
      });
      source.addEventListener("row", take);
      source.addEventListener("over", () => { close(); location.reload(); });
    };
    document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
    body.addEventListener("pointerenter", () => { over = true; });
    body.addEventListener("pointerleave", () => { over = false; flush(); });
    pill?.addEventListener("click", flush);
    button?.addEventListener("click", () => {
      on = !on;
      button.setAttribute("aria-pressed", String(on));
      button.textContent = on ? "Live" : "Paused";
      if (on) open(); else close();
    });
    open();
  }

  window.gateway = { send, say, copy, settle, reason, csrf };
  settle(document);
  document.documentElement.dataset.ready = "yes";
})();
