"use strict";
/* Charts, drawn from the table behind each. Bars begin at nothing; colours are the page's. What is at the
   pointer is told in a box that floats, so that nothing moves; who has no pointer has the table. */
(() => {
  const HOUR = 3600, DAY = 86400, TICK = 58;
  const STEPS = [1, 2, 3, 4, 6, 8, 12, 24, 48, 72, 96, 168, 336];
  const colour = (name) => {
    const probe = document.createElement("span");
    probe.hidden = true;
    document.body.append(probe);
    probe.style.color = `var(--${name})`;
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found;
  };
  const faint = (text, share) => text.replace(/^rgb\((.*)\)$/, `rgba($1, ${share})`);
  const short = (value) => {
    for (const [least, letter] of [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e4, "k"]]) {
      if (Math.abs(value) >= least) return `${Number((value / (letter === "k" ? 1e3 : least)).toFixed(1))}${letter}`;
    }
    return Number(value.toFixed(4)).toLocaleString("en");
  };
  const money = (value) => `$${value.toLocaleString("en", value >= 1 || value === 0 ? { minimumFractionDigits: 2, maximumFractionDigits: 2 } : { maximumFractionDigits: 6 })}`;
  const drawn = [];

  function read(table, stacked) {
    const lines = [...table.tBodies[0].rows];
    const heads = lines.map((row) => row.querySelector("[data-x]"));
    const xs = heads.map((head) => Number(head.dataset.x));
    const labels = heads.map((head) => head.textContent);
    const count = table.tHead.rows[0].cells.length - 1;
    const real = Array.from({ length: count }, (_, i) => lines.map((row) => {
      const text = row.querySelectorAll("[data-v]")[i].dataset.v;
      return text === "" ? null : Number(text);
    }));
    const tops = real.map((series) => [...series]);
    if (stacked) for (let i = count - 2; i >= 0; i--) for (let k = 0; k < xs.length; k++) tops[i][k] = (tops[i][k] || 0) + (tops[i + 1][k] || 0);
    return { xs, labels, real, tops };
  }

  /* Ticks stand below bars of their own, at round hours and days, as many as there is room for. */
  function ticks(xs, step, width) {
    const room = Math.max(2, Math.floor(width / TICK));
    const every = STEPS.find((each) => xs.length / each <= room) || Math.ceil(xs.length / room);
    const round = step === HOUR ? xs.filter((x) => (x / HOUR) % every === 0) : [];
    return round.length > 1 || (round.length && xs.length <= every) ? round : xs.filter((_, k) => k % every === 0);
  }
  const tick = (x, step) => {
    const text = new Date(x * 1000).toISOString();
    if (step < DAY && x % DAY !== 0) return text.slice(11, 16);
    return step >= 28 * DAY ? text.slice(0, 7) : text.slice(5, 10);
  };

  /* The box at the pointer. */
  function box(place, names, tones, told, labels, real, sums) {
    const made = document.createElement("div");
    made.className = "tip";
    made.hidden = true;
    place.append(made);
    const line = (name, value, tone) => {
      const row = document.createElement("div");
      const mark = document.createElement("i"), text = document.createElement("span"), amount = document.createElement("b");
      if (tone) mark.style.background = tone;
      text.textContent = name;
      amount.textContent = value;
      row.append(mark, text, amount);
      return row;
    };
    return (chart) => {
      const k = chart.cursor.idx;
      made.hidden = k == null || chart.cursor.left < 0;
      if (made.hidden) return;
      const head = document.createElement("strong");
      head.textContent = labels[k];
      const rows = names.map((name, i) => line(name, told(real[i][k]), tones[i]));
      if (sums && names.length > 1) rows.push(line("together", told(real.reduce((all, series) => all + (series[k] || 0), 0))));
      made.replaceChildren(head, ...rows);
      const left = chart.over.offsetLeft + chart.cursor.left, wide = made.offsetWidth;
      made.style.left = `${Math.max(0, left + 14 + wide < place.clientWidth ? left + 14 : Math.min(left - 14 - wide, place.clientWidth - wide))}px`;
    };
  }

  function draw(place) {
    const table = document.getElementById(place.dataset.chart);
    if (!table || !table.tBodies[0].rows.length || !window.uPlot) return;
    const kind = place.dataset.kind, unit = place.dataset.unit, stacked = kind === "stacked";
    const { xs, labels, real, tops } = read(table, stacked);
    const names = [...table.tHead.rows[0].cells].slice(1).map((cell) => cell.textContent);
    const given = (place.dataset.tones || "").split(" ");
    const tones = names.map((_, i) => colour(given[i] || "tone-1"));
    const told = (value) => (value == null ? "\u2013" : unit === "USD" ? money(value) : `${value.toLocaleString("en")} ${unit}`);
    const step = xs.length > 1 ? xs.slice(1).reduce((least, x, k) => Math.min(least, x - xs[k]), Infinity) : HOUR;
    const axis = { stroke: colour("muted"), grid: { stroke: colour("line"), width: 1 }, ticks: { stroke: colour("line"), width: 1 }, font: "12px system-ui, sans-serif" };
    const bars = kind === "lines" ? undefined : uPlot.paths.bars({ size: [0.8, 64], align: 0 });
    place.replaceChildren();
    const tip = box(place, names, tones, told, labels, real, stacked);
    const width = Math.max(200, place.clientWidth);
    const made = new uPlot({
      width, height: 200, tzDate: (at) => uPlot.tzDate(new Date(at * 1000), "Etc/UTC"),
      cursor: { y: false, drag: { x: false, y: false }, points: { show: kind === "lines" } }, legend: { show: false },
      hooks: { setCursor: [tip] },
      scales: { x: { time: true, range: (_, low, high) => [low - step / 2, high + step / 2] }, y: { range: (_, low, high) => [Math.min(0, low || 0), Math.max(high, 0) * 1.08 || 1] } },
      axes: [
        { ...axis, grid: { show: false }, splits: () => ticks(xs, step, width - 60), values: (_, at) => at.map((x) => tick(x, step)) },
        { ...axis, size: (_, values) => 18 + 7.5 * Math.max(2, ...(values || []).map((text) => text.length)), values: (_, found) => found.map((value) => (unit === "USD" ? `$${short(value)}` : short(value))) }],
      series: [{}, ...names.map((label, i) => ({
        label, stroke: tones[i], width: kind === "lines" ? 2 : 0, fill: kind === "lines" ? faint(tones[i], 0.12) : tones[i], paths: bars, points: { show: false },
      }))],
    }, [xs, ...tops], place);
    drawn.push({ place, made });
  }

  window.drawCharts = (from) => {
    for (const place of from.querySelectorAll("[data-chart]:not([data-drawn])")) {
      place.dataset.drawn = "yes";
      draw(place);
    }
  };
  const anew = () => {
    for (const { place, made } of drawn.splice(0)) {
      made.destroy();
      if (place.isConnected) draw(place);
    }
  };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", anew);
  let width = innerWidth, soon = 0;
  addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    clearTimeout(soon);
    soon = setTimeout(anew, 150);
  });
})();
