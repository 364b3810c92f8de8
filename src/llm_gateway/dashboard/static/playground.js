"use strict";
/* One prompt, several models: each answer is read as it comes, and put in as text, never as anything else. */
(() => {
  const find = (text, from = document) => from.querySelector(text);
  const form = find("#ask"), answers = find("#answers"), draft = find("#answer");
  const go = find("#go"), halt = find("#halt"), warning = find("#metered");
  const inputs = [...document.querySelectorAll('#models input[name="model"]')];
  const known = new Map([...document.querySelectorAll("#choices option")].map((each) => [each.value, each.dataset]));
  const running = new Set();

  const chosen = () => inputs.map((input) => input.value.trim()).filter(Boolean);

  /* what is chosen is in the address, what is asked is not */
  function settle() {
    let costs = false;
    for (const input of inputs) {
      const about = known.get(input.value.trim());
      if (about) find("[data-note]", input.closest(".model")).textContent = about.note;
      else if (input.value.trim() !== input.defaultValue || !input.value) find("[data-note]", input.closest(".model")).textContent = "";
      costs ||= Boolean(about && (about.paid === "metered" || about.paid === "mixed"));
    }
    warning.hidden = !costs;
    const query = new URLSearchParams();
    if (chosen().length) query.set("models", chosen().join(","));
    history.replaceState(null, "", `${location.pathname}${query.size ? `?${query}` : ""}`);
  }

  const seconds = (ms) => (ms < 10000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`);
  function dollars(amount) {
    if (amount === 0) return "$0.00";
    if (amount < 0.000001) return "<$0.000001";
    return `$${amount >= 1 ? amount.toFixed(2) : amount >= 0.01 ? amount.toFixed(4) : amount.toFixed(6)}`;
  }

  function facts(column, end) {
    const list = find(".facts", column), about = end.estimated ? " (estimated)" : "";
    const told = [];
    if (end.provider) told.push(["Answered by", `${end.provider}/${end.model}`]);
    if (end.tokens_in != null) told.push(["Tokens in", end.tokens_in.toLocaleString() + about]);
    if (end.tokens_out != null) told.push(["Tokens out", end.tokens_out.toLocaleString() + about]);
    if (end.cost_usd != null) told.push(["Cost", dollars(end.cost_usd)]);
    if (end.worth_usd != null) told.push(["API-equivalent", dollars(end.worth_usd)]);
    if (end.ttft_ms != null && !end.error) told.push(["First token", seconds(end.ttft_ms)]);
    if (end.total_ms != null) told.push(["Total", seconds(end.total_ms)]);
    for (const [name, value] of told) {
      const term = document.createElement("dt"), text = document.createElement("dd");
      term.textContent = name;
      text.textContent = value;
      list.append(term, text);
    }
    list.hidden = !told.length;
    if (end.request_id) {
      const row = find("[data-row-of]", column);
      find("a", row).href = `/requests/${encodeURIComponent(end.request_id)}`;
      row.hidden = false;
    }
    if (end.error) find("[data-problem]", column).textContent = end.error;
  }

  function take(column, line) {
    const piece = JSON.parse(line);
    if (piece.text) find(".said", column).append(piece.text);
    if (piece.thinking) {
      find("[data-thinking]", column).hidden = false;
      find("[data-thinking] pre", column).append(piece.thinking);
    }
    if (piece.end) facts(column, piece.end);
    return Boolean(piece.end);
  }

  async function read(column, reply) {
    const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "", ended = false;
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      const lines = (rest + value).split("\n");
      rest = lines.pop();
      for (const line of lines) if (line) ended = take(column, line) || ended;
    }
    if (!ended) throw new Error("the answer broke off");
  }

  async function ask(model, asked) {
    const column = draft.content.firstElementChild.cloneNode(true);
    const said = find(".said", column), stop = find("[data-halt]", column), copy = find("[data-take]", column);
    const leaving = new AbortController();
    find("h2", column).textContent = model;
    answers.append(column);
    stop.addEventListener("click", () => leaving.abort());
    copy.addEventListener("click", () => gateway.copy(said.textContent));
    running.add(leaving);
    const problem = find("[data-problem]", column);
    try {
      const reply = await fetch("/playground/answers", {
        method: "POST", credentials: "same-origin", redirect: "manual", signal: leaving.signal,
        headers: { "Content-Type": "application/json", "X-LLM-Gateway-CSRF": gateway.csrf },
        body: JSON.stringify({ ...asked, model }),
      });
      if (reply.ok) await read(column, reply);
      else problem.textContent = gateway.reason(await reply.text(), reply.status);
    } catch (error) {
      const stopped = leaving.signal.aborted;
      problem.classList.toggle("stopped", stopped);
      problem.textContent = stopped ? "Stopped. What was used until then is on record." : error.message || gateway.reason("", 0);
    }
    running.delete(leaving);
    said.removeAttribute("aria-busy");
    stop.hidden = true;
    copy.hidden = !said.textContent;
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const fields = Object.fromEntries(new FormData(form));
    const asked = { prompt: fields.prompt, system: fields.system };
    if (fields.temperature !== "") asked.temperature = Number(fields.temperature);
    if (fields.max_tokens !== "") asked.max_tokens = Number(fields.max_tokens);
    for (const each of running) each.abort();
    answers.replaceChildren();
    go.disabled = true;
    halt.hidden = false;
    await Promise.all(chosen().map((model) => ask(model, asked)));
    go.disabled = false;
    halt.hidden = true;
  });
  halt.addEventListener("click", () => { for (const each of running) each.abort(); });
  for (const input of inputs) {
    input.addEventListener("input", settle);
    input.addEventListener("change", settle);
  }
  find("#prompt").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
})();
