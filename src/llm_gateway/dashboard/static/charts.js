"use strict";
/* Charts, drawn from the table behind each. Bars begin at nothing; colours are the page's. */
(() => {
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
    for (const [least, letter] of [[1e9, "G"], [1e6, "M"], [1e4, "k"]]) {
      if (Math.abs(value) >= least) return `${Number((value / (letter === "k" ? 1e3 : least)).toFixed(1))}${letter}`;
    }
    return Number(value.toFixed(4)).toLocaleString("en");
  };
  const drawn = [];

  function read(table, stacked) {
    const lines = [...table.tBodies[0].rows];
    const xs = lines.map((row) => Number(row.querySelector("[data-x]").dataset.x));
    const count = table.tHead.rows[0].cells.length - 1;
    const real = Array.from({ length: count }, (_, i) => lines.map((row) => {
      const text = row.querySelectorAll("[data-v]")[i].dataset.v;
      return text === "" ? null : Number(text);
    }));
    const tops = real.map((series) => [...series]);
    if (stacked) for (let i = count - 2; i >= 0; i--) for (let k = 0; k < xs.length; k++) tops[i][k] = (tops[i][k] || 0) + (tops[i + 1][k] || 0);
    return { xs, real, tops };
  }

  function draw(place) {
    const table = document.getElementById(place.dataset.chart);
    if (!table || !table.tBodies[0].rows.length) return;
    const kind = place.dataset.kind, unit = place.dataset.unit, tones = place.dataset.tones.split(" ");
    const { xs, real, tops } = read(table, kind === "stacked");
    const names = [...table.tHead.rows[0].cells].slice(1).map((cell) => cell.textContent);
    const told = (value) => (value == null ? "\u2013" : unit === "USD" ? `$${value.toFixed(value >= 1 ? 2 : 4)}` : `${value.toLocaleString("en")} ${unit}`);
    const step = xs.length > 1 ? xs[1] - xs[0] : 3600;
    const axis = { stroke: colour("muted"), grid: { stroke: colour("line"), width: 1 }, ticks: { stroke: colour("line"), width: 1 }, font: "12px system-ui, sans-serif" };
    const bars = kind === "lines" ? undefined : uPlot.paths.bars({ size: [0.8, 64], align: 0 });
    place.replaceChildren();
    const made = new uPlot({
      width: Math.max(240, place.clientWidth), height: 200, tzDate: (at) => uPlot.tzDate(new Date(at * 1000), "Etc/UTC"),
      cursor: { y: false }, legend: { live: true },
      scales: { x: { time: true, range: (_, low, high) => [low - step / 2, high + step / 2] }, y: { range: (_, low, high) => [0, Math.max(high, 0) * 1.08 || 1] } },
      axes: [{ ...axis, values: xs.length > 1 && step >= 86400 ? (_, at) => at.map((x) => new Date(x * 1000).toISOString().slice(5, 10)) : undefined, space: 64 },
        { ...axis, size: 56, values: (_, found) => found.map((value) => (unit === "USD" ? `$${short(value)}` : short(value))) }],
      series: [{ label: "Time (UTC)", value: (_, at) => (at == null ? "\u2013" : new Date(at * 1000).toISOString().slice(0, step >= 86400 ? 10 : 16).replace("T", " ")) },
        ...names.map((label, i) => {
          const tone = colour(tones[i] || "tone-1");
          return { label, stroke: tone, width: kind === "lines" ? 2 : 1, fill: faint(tone, kind === "lines" ? 0.12 : 0.75), paths: bars, points: { show: false }, value: (_, value, at, k) => told(k == null ? null : real[i][k]) };
        })],
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
