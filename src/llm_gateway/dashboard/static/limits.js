"use strict";
/* Keys: make, limit and rotate them. A key that was made is in this page alone, until it is left. */
(() => {
  const find = (text, from = document) => from.querySelector(text);
  const COUNTS = ["requests_per_minute", "tokens_per_minute", "parallel"];
  const DOLLARS = ["usd_per_day", "usd_per_week", "usd_per_month"];
  const shown = find("#shown-key");
  let key = "", meant = "", stale = false;

  function limitsOf(fields) {
    const limits = {};
    for (const name of [...COUNTS, ...DOLLARS]) if (fields[name] !== "") limits[name] = Number(fields[name]);
    const models = fields.models.split(",").map((each) => each.trim()).filter(Boolean);
    if (models.length) limits.models = models;
    return limits;
  }

  function forget() {
    key = "";
    find("[data-key-text]", shown).textContent = "";
  }

  function show(answer) {
    key = answer.key;
    stale = true;
    find("[data-key-name]", shown).textContent = answer.row.name;
    find("[data-key-text]", shown).textContent = key;
    shown.showModal();
  }

  const WAYS = {
    async make(fields) {
      const { name, client, machine, person } = fields;
      const days = Number(fields.keep_content_days || 0);
      const asked = { name, client, machine, person, keep_content_days: days, limits: limitsOf(fields) };
      show(await gateway.send("POST", "/api/keys", asked));
    },
    async limit(fields) {
      await gateway.send("PUT", `/api/key-limits/${encodeURIComponent(meant)}`, limitsOf(fields));
      location.reload();
    },
    async rotate(fields) {
      const asked = { overlap_seconds: Number(fields.overlap_seconds) };
      show(await gateway.send("POST", `/api/key-rotations/${encodeURIComponent(meant)}`, asked));
    },
  };

  for (const form of document.querySelectorAll("[data-key-form]")) {
    const dialog = form.closest("dialog"), problem = find("[data-key-error]", form);
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const button = find("button.primary", form);
      button.disabled = true;
      problem.textContent = "";
      try {
        await WAYS[form.dataset.keyForm](Object.fromEntries(new FormData(form)));
        dialog.close();
        form.reset();
      } catch (error) {
        problem.textContent = error.message;
        gateway.say("");
      }
      button.disabled = false;
    });
    find("[data-shut]", form).addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => { problem.textContent = ""; });
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-limits-of], [data-rotate]");
    if (!button) return;
    const dialog = find(button.dataset.limitsOf ? "#limit-key" : "#rotate-key");
    meant = button.dataset.limitsOf || button.dataset.rotate;
    find("[data-key-name]", dialog).textContent = button.dataset.name;
    if (button.dataset.limitsOf) {
      const limits = JSON.parse(button.dataset.limits), form = find("form", dialog);
      for (const name of [...COUNTS, ...DOLLARS]) form.elements[name].value = limits[name] ?? "";
      form.elements.models.value = (limits.models || []).join(", ");
    }
    dialog.showModal();
  });

  find("[data-key-copy]", shown).addEventListener("click", () => gateway.copy(key));
  find("[data-key-done]", shown).addEventListener("click", () => shown.close());
  shown.addEventListener("close", () => {
    forget();
    if (stale) location.reload();
  });
  /* a page that is left may be kept by the browser, to go back to */
  addEventListener("pagehide", () => { forget(); stale = false; if (shown.open) shown.close(); });
})();
