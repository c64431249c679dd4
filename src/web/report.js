// The report page. Reads the JSON in #data (written by report_data.cc) and draws each section. Words from data reach the page only
// through textContent and setAttribute.
(() => {
  "use strict";
  const data = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);

  // --- small things ---

  function make(tag, attributes, ...children) {
    const svg = ["svg", "path", "line", "text", "circle", "g"].includes(tag);
    const element = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (name === "on") for (const [event, handler] of Object.entries(value)) element.addEventListener(event, handler);
      else if (name === "style") Object.assign(element.style, value);
      else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value === true ? "" : value);
    }
    for (const child of children.flat()) if (child !== null && child !== undefined) element.append(child);
    return element;
  }

  // Five decimals tell scores apart; large numbers need fewer.
  function score(value) {
    if (value === null || value === undefined) return "-";
    const size = Math.abs(value);
    if (size !== 0 && (size >= 1e5 || size < 1e-4)) return value.toExponential(3);
    return value.toFixed(size >= 1000 ? 1 : size >= 100 ? 2 : size >= 10 ? 3 : 5);
  }

  function seconds(value) {
    if (value === null || value === undefined) return "-";
    if (value < 0.001) return (value * 1e6).toFixed(0) + " us";
    if (value < 1) return (value * 1e3).toFixed(value < 0.01 ? 1 : 0) + " ms";
    if (value < 60) return value.toFixed(2) + " s";
    if (value < 3600) return Math.floor(value / 60) + " min " + Math.round(value % 60) + " s";
    return Math.floor(value / 3600) + " h " + Math.round((value % 3600) / 60) + " min";
  }

  const count = (value) => value.toLocaleString("en-US");
  const word = (value) => (typeof value === "string" ? value : JSON.stringify(value));

  const tip = byId("tip");
  function showTip(event, text) {
    tip.textContent = text;
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    tip.style.left = Math.max(4, Math.min(event.clientX + 14, innerWidth - box.width - 8)) + "px";
    tip.style.top = Math.max(4, Math.min(event.clientY + 14, innerHeight - box.height - 8)) + "px";
  }
  const hideTip = () => { tip.hidden = true; };
  const withTip = (text) => ({ mousemove: (event) => showTip(event, text()), mouseleave: hideTip });

  function select(label, options, value, changed) {
    const box = make("select", { on: { change: () => changed(box.value) } }, options.map(([key, text]) => make("option", { value: key, selected: String(key) === String(value) }, text)));
    return make("label", {}, label + " ", box);
  }

  const share = (value, low, high) => (high > low ? (value - low) / (high - low) : 0.5);
  function shade(cell, part) {
    const percent = Math.round(Math.min(1, Math.max(0, part)) * 100);
    cell.style.background = `color-mix(in oklab, var(--high) ${percent}%, var(--low))`;
    cell.style.color = percent > 55 ? "var(--on-high)" : "var(--text)";
  }

  // --- facts ---

  function drawFacts() {
    const facts = data.facts, tasks = facts.tasks;
    const best = data.paths.find((path) => path.rank === 1);
    const rows = [];
    if (best && data.metrics.length) rows.push([score(best.scores[0].mean) + " ± " + score(best.scores[0].std), "best " + data.metrics[0].name]);
    rows.push([count(data.paths.length), "paths"], [count(facts.nodes), "nodes"]);
    if (facts.folds) rows.push([facts.folds, "folds"]);
    rows.push([count(tasks.executed), "tasks run"], [count(tasks.remembered), "remembered"]);
    for (const kind of ["failed", "skipped", "pruned", "cancelled"]) if (tasks[kind]) rows.push([count(tasks[kind]), kind]);
    rows.push([seconds(facts.seconds), "wall time"]);
    if (data.timeline.workers) rows.push([data.timeline.workers, data.timeline.workers === 1 ? "worker" : "workers"]);
    rows.push([facts.seed, "seed"], [facts.started.replace("T", " ").replace("Z", " UTC"), "started"], [facts.run, "run"]);
    byId("facts").append(...rows.map(([value, name]) => make("div", {}, make("b", {}, String(value)), make("span", {}, name))));
  }

  // --- ranked table ---

  function drawRanking() {
    const section = byId("ranking");
    if (!data.paths.length) { section.hidden = true; return; }
    const shownAtOnce = 100;
    const state = { column: 0, down: false, filter: "", limit: shownAtOnce };
    const means = data.paths.flatMap((path) => (path.scores.length ? [path.scores[0].low, path.scores[0].high, path.scores[0].mean] : [])).filter((value) => value !== null);
    const low = Math.min(...means), high = Math.max(...means);

    const columns = [{ title: "rank", of: (path) => path.rank || Infinity, text: (path) => path.rank || "-" }];
    data.metrics.forEach((metric, index) => {
      const at = (path) => path.scores[index] || {};
      columns.push({ title: metric.name, of: (path) => at(path).mean ?? null, text: (path) => score(at(path).mean), down: metric.higher });
      if (index > 0) return;
      columns.push({ title: "±", of: (path) => at(path).std ?? null, text: (path) => score(at(path).std) });
      columns.push({ title: "interval", of: (path) => at(path).low ?? null, node: (path) => whisker(at(path)) });
    });
    columns.push({ title: "time", of: (path) => path.seconds, text: (path) => seconds(path.seconds) });
    for (const parameter of data.params.slice(0, 6)) {
      const name = parameter.name;
      columns.push({ title: name, of: (path) => (name in path.params ? path.params[name] : null), text: (path) => (name in path.params ? word(path.params[name]) : "") });
    }
    columns.push({ title: "pipeline", left: true, of: (path) => path.label, text: (path) => path.label + (path.status === "done" ? "" : " (" + path.status + ")") });

    function whisker(of) {
      if (of.mean === null || of.mean === undefined || !means.length) return null;
      const left = (value) => (share(value, low, high) * 94 + 3).toFixed(2) + "%";
      const width = ((share(of.high, low, high) - share(of.low, low, high)) * 94).toFixed(2) + "%";
      return make("div", { class: "whisker", on: withTip(() => `mean ${score(of.mean)}\n${score(of.low)} to ${score(of.high)}`) },
        make("i", { style: { left: left(of.low), width } }), make("b", { style: { left: left(of.mean) } }));
    }

    function detail(path) {
      const folds = Math.max(0, ...path.scores.map((one) => one.folds.length));
      const head = make("tr", {}, make("th", { class: "text" }, "metric"), [...Array(folds).keys()].map((fold) => make("th", {}, "fold " + (fold + 1))),
        ["mean", "±", "low", "high"].map((title) => make("th", {}, title)));
      const rows = path.scores.map((one, index) => make("tr", {}, make("td", { class: "text" }, data.metrics[index].name), one.folds.map((value) => make("td", {}, score(value))),
        [one.mean, one.std, one.low, one.high].map((value) => make("td", {}, score(value)))));
      const params = Object.entries(path.params).map(([name, value]) => name + " = " + word(value)).join(", ");
      return make("tr", {}, make("td", { class: "detail", colspan: columns.length }, make("div", {}, path.label), params ? make("div", { class: "note" }, params) : null,
        make("div", { class: "scroll" }, make("table", {}, head, rows))));
    }

    const body = make("tbody", {}), note = make("p", { class: "note" });
    const headers = columns.map((column, index) => make("th", { class: column.left ? "text" : "", on: { click: () => {
      state.down = state.column === index ? !state.down : Boolean(column.down);
      state.column = index;
      draw();
    } } }, column.title));

    function compare(a, b) {
      const x = columns[state.column].of(a), y = columns[state.column].of(b);
      if (x === null || y === null) return (x === null) - (y === null);   // what has no value stays last
      const order = typeof x === "number" && typeof y === "number" ? x - y : word(x).localeCompare(word(y));
      return state.down ? -order : order;
    }

    function draw() {
      headers.forEach((header, index) => header.setAttribute("aria-sort", index !== state.column ? "none" : state.down ? "descending" : "ascending"));
      const words = state.filter.toLowerCase().split(/\s+/).filter(Boolean);
      const text = (path) => (path.label + " " + path.status + " " + Object.entries(path.params).map(([name, value]) => name + "=" + word(value)).join(" ")).toLowerCase();
      const found = data.paths.filter((path) => words.every((one) => text(path).includes(one)));
      const sorted = found.map((path, index) => [path, index]).sort(([a, i], [b, j]) => compare(a, b) || i - j).map(([path]) => path);
      body.replaceChildren(...sorted.slice(0, state.limit).map((path) => {
        const row = make("tr", { class: "path" + (path.rank === 1 ? " best" : "") + (path.status === "failed" ? " bad" : "") }, columns.map((column) =>
          make("td", { class: column.left ? "label" : "", title: column.left ? path.label : null }, column.node ? column.node(path) : String(column.text(path)))));
        row.addEventListener("click", () => {
          if (row.nextSibling && !row.nextSibling.classList.contains("path")) row.nextSibling.remove();
          else row.after(detail(path));
        });
        return row;
      }));
      note.textContent = found.length > state.limit ? `${count(state.limit)} of ${count(found.length)} shown` : found.length < data.paths.length ? `${count(found.length)} of ${count(data.paths.length)}` : "A click on a row shows its folds; on a heading, sorts.";
      more.hidden = found.length <= state.limit;
    }

    const more = make("button", { on: { click: () => { state.limit *= 5; draw(); } } }, "show more");
    const search = make("input", { type: "search", placeholder: "filter, such as pca.components=45", "aria-label": "filter", on: { input: () => { state.filter = search.value; state.limit = shownAtOnce; draw(); } } });
    section.append(make("div", { class: "bar" }, search, more), make("div", { class: "scroll" }, make("table", { class: "rank" }, make("thead", {}, make("tr", {}, headers)), body)), note);
    draw();
  }

  // --- parameters ---

  function drawParameters() {
    const section = byId("parameters");
    const scored = data.paths.filter((path) => path.scores.some((one) => one.mean !== null));
    const params = data.params.filter((parameter) => parameter.values.length > 1);
    if (!scored.length || (!params.length && scored.length < 2)) { section.hidden = true; return; }
    const state = { metric: 0, rows: 0, columns: 0, by: "best" };
    // The first two that vary together.
    outer: for (let i = 0; i < params.length; ++i) {
      for (let j = i + 1; j < params.length; ++j) {
        if (scored.some((path) => params[i].name in path.params && params[j].name in path.params)) { state.rows = i; state.columns = j; break outer; }
      }
    }
    const place = make("div", { class: "scroll" }), controls = make("div", { class: "bar" }), note = make("p", { class: "note" });
    section.append(controls, place, note);

    const better = (a, b) => (data.metrics[state.metric].higher ? a > b : a < b);
    const mean = (path) => (path.scores[state.metric] ? path.scores[state.metric].mean : null);
    // What one cell shows: the best path through it, or the mean of all.
    function gather(paths) {
      const values = paths.filter((path) => mean(path) !== null);
      if (!values.length) return null;
      const best = values.reduce((a, b) => (better(mean(b), mean(a)) ? b : a));
      return { value: state.by === "best" ? mean(best) : values.reduce((sum, path) => sum + mean(path), 0) / values.length, best, count: values.length };
    }
    const through = (parameter, value) => (path) => parameter.name in path.params && word(path.params[parameter.name]) === word(value);
    const about = (cell) => `${data.metrics[state.metric].name} ${score(cell.value)}` + (cell.count > 1 ? ` (${state.by} of ${cell.count} paths)` : "") + `\n${cell.best.label}\nrank ${cell.best.rank || "-"}`;

    function drawMatrix(down, across) {
      const grid = down.values.map((y) => across.values.map((x) => gather(scored.filter(through(down, y)).filter(through(across, x)))));
      const values = grid.flat().filter(Boolean).map((cell) => cell.value);
      const low = Math.min(...values), high = Math.max(...values), higher = data.metrics[state.metric].higher;
      const best = higher ? high : low;
      const head = make("tr", {}, make("th", { class: "corner" }, down.name + " \\ " + across.name), across.values.map((x) => make("th", {}, word(x))));
      place.replaceChildren(make("table", { class: "heat" }, head, down.values.map((y, row) => make("tr", {}, make("th", { class: "side" }, word(y)), grid[row].map((cell) => {
        if (!cell) return make("td", { class: "none" }, "");
        const td = make("td", { class: cell.value === best ? "best" : "", on: withTip(() => about(cell)) }, score(cell.value));
        shade(td, higher ? share(cell.value, low, high) : 1 - share(cell.value, low, high));
        return td;
      })))));
    }

    function drawBars(rows) {
      const values = rows.map((row) => row.cell.value), low = Math.min(...values), high = Math.max(...values);
      const floor = low >= 0 && low < high / 3 ? 0 : low - (high - low) * 0.25;   // bars from zero hide what differs in the third digit
      place.replaceChildren(make("div", { class: "bars" }, rows.flatMap((row) => [make("span", {}, row.name),
        make("i", { style: { width: (share(row.cell.value, floor, high) * 100).toFixed(1) + "%" }, on: withTip(() => about(row.cell)) }), make("span", {}, score(row.cell.value))])));
      if (floor > 0) note.textContent = `Bars start at ${score(floor)}.`;
    }

    function drawLine(parameter) {
      const points = parameter.values.map((x) => ({ x, cell: gather(scored.filter(through(parameter, x))) })).filter((point) => point.cell);
      const xs = points.map((point) => point.x);
      const log = xs[0] > 0 && xs[xs.length - 1] / xs[0] >= 50;
      const spread = points.map((point) => point.cell.best.scores[state.metric].std || 0);
      const width = 820, height = 300, left = 70, right = 20, top = 14, bottom = 40;
      const low = Math.min(...points.map((point, i) => point.cell.value - spread[i])), high = Math.max(...points.map((point, i) => point.cell.value + spread[i]));
      const scale = (x) => (log ? Math.log(x) : x);
      const px = (x) => left + share(scale(x), scale(xs[0]), scale(xs[xs.length - 1])) * (width - left - right);
      const py = (y) => height - bottom - share(y, low, high) * (height - top - bottom);
      const chart = make("svg", { class: "chart", viewBox: `0 0 ${width} ${height}`, role: "img" });
      for (let tick = 0; tick <= 4; ++tick) {
        const y = low + (high - low) * tick / 4;
        chart.append(make("line", { class: "grid", x1: left, x2: width - right, y1: py(y), y2: py(y) }), make("text", { x: left - 8, y: py(y) + 4, "text-anchor": "end" }, score(y)));
      }
      const upper = points.map((point, i) => `${px(point.x)},${py(point.cell.value + spread[i])}`), lower = points.map((point, i) => `${px(point.x)},${py(point.cell.value - spread[i])}`).reverse();
      chart.append(make("path", { class: "spread", d: "M" + upper.concat(lower).join("L") + "Z" }), make("path", { class: "mean", d: "M" + points.map((point) => `${px(point.x)},${py(point.cell.value)}`).join("L") }));
      let free = 0;   // where the next label fits
      for (const point of points) {
        const room = word(point.x).length * 4 + 4;
        if (px(point.x) - room >= free) {
          chart.append(make("text", { x: px(point.x), y: height - bottom + 18, "text-anchor": "middle" }, word(point.x)));
          free = px(point.x) + room;
        }
        chart.append(make("circle", { cx: px(point.x), cy: py(point.cell.value), r: 4.5, on: withTip(() => about(point.cell)) }));
      }
      chart.append(make("text", { x: (left + width - right) / 2, y: height - 4, "text-anchor": "middle" }, parameter.name + (log ? " (logarithmic)" : "")));
      place.replaceChildren(chart);
      note.textContent = "The band is one deviation over folds.";
    }

    function draw() {
      note.textContent = "";
      controls.replaceChildren();
      if (data.metrics.length > 1) controls.append(select("metric", data.metrics.map((metric, index) => [index, metric.name]), state.metric, (value) => { state.metric = Number(value); draw(); }));
      if (params.length > 1) {
        const names = params.map((parameter, index) => [index, parameter.name]);
        controls.append(select("rows", names, state.rows, (value) => { state.rows = Number(value); draw(); }), select("columns", names, state.columns, (value) => { state.columns = Number(value); draw(); }));
      }
      if (params.length > 2 || scored.length > params.reduce((product, parameter) => product * parameter.values.length, 1)) {
        controls.append(select("cell shows", [["best", "the best path"], ["mean", "the mean of its paths"]], state.by, (value) => { state.by = value; draw(); }));
      }
      if (!params.length) {
        drawBars(scored.slice(0, 30).map((path) => ({ name: path.label, cell: gather([path]) })).filter((row) => row.cell));
      } else if (params.length > 1 && state.rows !== state.columns) {
        drawMatrix(params[state.rows], params[state.columns]);
      } else {
        const parameter = params[state.rows];
        const numeric = parameter.values.length > 2 && parameter.values.every((value) => typeof value === "number");
        if (numeric) drawLine(parameter);
        else drawBars(parameter.values.map((value) => ({ name: word(value), cell: gather(scored.filter(through(parameter, value))) })).filter((row) => row.cell));
      }
    }
    draw();
  }

  // --- timeline ---

  const hues = [212, 28, 140, 340, 265, 55, 185, 0];
  function color(node) {
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    const hue = node < 0 ? 0 : node < hues.length ? hues[node] : (node * 137.5) % 360;
    return `hsl(${hue} ${node < 0 ? 0 : 58}% ${dark ? 62 : 46}%)`;
  }

  function drawTimeline() {
    const section = byId("timeline"), line = data.timeline;
    if (!line.tasks) {
      section.append(make("p", { class: "note" }, "Nothing ran: every result was remembered."));
      return;
    }
    const rowHeight = line.workers > 24 ? 12 : 24, axis = 22, left = 34;
    const canvas = make("canvas", { role: "img", "aria-label": "timeline of workers" });
    const view = { from: 0, to: line.span_ms || 1 };
    let drag = null;
    const reset = make("button", { hidden: true, on: { click: () => { view.from = 0; view.to = line.span_ms || 1; draw(); } } }, "whole run");
    const rows = [];
    for (const block of line.blocks) (rows[block[0]] = rows[block[0]] || []).push(block);

    const width = () => canvas.clientWidth || 1000;
    const px = (ms) => left + ((ms - view.from) / (view.to - view.from)) * (width() - left - 4);
    const ms = (x) => view.from + ((x - left) / (width() - left - 4)) * (view.to - view.from);

    function draw() {
      const ratio = devicePixelRatio || 1, height = line.workers * rowHeight + axis;
      canvas.width = Math.round(width() * ratio);
      canvas.height = Math.round(height * ratio);
      canvas.style.height = height + "px";
      const pen = canvas.getContext("2d"), style = getComputedStyle(document.documentElement);
      pen.scale(ratio, ratio);
      pen.font = "11px system-ui, sans-serif";
      pen.fillStyle = style.getPropertyValue("--soft");
      const step = niceStep((view.to - view.from) / Math.max(2, width() / 110));
      for (let tick = Math.ceil(view.from / step) * step; tick <= view.to; tick += step) {
        pen.fillRect(px(tick), line.workers * rowHeight, 1, 4);
        pen.fillText(tick === 0 ? "0" : seconds(tick / 1000), px(tick) + 3, line.workers * rowHeight + 14);
      }
      for (let worker = 0; worker < line.workers; ++worker) {
        pen.fillStyle = style.getPropertyValue("--soft");
        if (rowHeight > 12) pen.fillText(String(worker + 1), 8, worker * rowHeight + 15);
        for (const [, start, length, node, , , failed] of rows[worker] || []) {
          if (start + length < view.from || start > view.to) continue;
          const x = Math.max(left, px(start)), end = Math.min(width() - 4, px(start + length));
          pen.fillStyle = failed ? style.getPropertyValue("--bad") : color(node);
          pen.fillRect(x, worker * rowHeight + 2, Math.max(0.6, end - x - (end - x > 4 ? 1 : 0)), rowHeight - 4);
        }
      }
      if (drag && drag.to !== undefined) {
        pen.globalAlpha = 0.25;
        pen.fillStyle = style.getPropertyValue("--strong");
        pen.fillRect(Math.min(drag.from, drag.to), 0, Math.abs(drag.to - drag.from), line.workers * rowHeight);
        pen.globalAlpha = 1;
      }
      reset.hidden = view.from === 0 && view.to === (line.span_ms || 1);
    }

    function niceStep(rough) {
      const power = 10 ** Math.floor(Math.log10(Math.max(rough, 1e-6)));
      return [1, 2, 5, 10].map((part) => part * power).find((step) => step >= rough) || power * 10;
    }

    function under(event) {
      const box = canvas.getBoundingClientRect(), at = ms(event.clientX - box.left), worker = Math.floor((event.clientY - box.top) / rowHeight);
      const reach = (view.to - view.from) / width();
      return (rows[worker] || []).find(([, start, length]) => at >= start - reach && at <= start + length + reach);
    }

    canvas.addEventListener("mousemove", (event) => {
      if (drag) {
        drag.to = event.clientX - canvas.getBoundingClientRect().left;
        hideTip();
        draw();
        return;
      }
      const block = under(event);
      if (!block) { hideTip(); return; }
      const [worker, start, length, , text, tasks, failed] = block;
      showTip(event, (tasks > 1 ? `${count(tasks)} tasks, the longest: ` : "") + text + `\nworker ${worker + 1}, ${seconds(length / 1000)} from ${seconds(start / 1000)}` + (failed ? "\nfailed" : ""));
    });
    canvas.addEventListener("mouseleave", () => { drag = null; hideTip(); draw(); });
    canvas.addEventListener("mousedown", (event) => { drag = { from: event.clientX - canvas.getBoundingClientRect().left }; });
    canvas.addEventListener("mouseup", () => {
      if (drag && drag.to !== undefined && Math.abs(drag.to - drag.from) > 5) {
        const ends = [ms(Math.min(drag.from, drag.to)), ms(Math.max(drag.from, drag.to))];
        view.from = Math.max(0, ends[0]);
        view.to = Math.min(line.span_ms || 1, ends[1]);
      }
      drag = null;
      draw();
    });
    addEventListener("resize", draw);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { draw(); legend(); });

    const names = make("div", { class: "legend" });
    function legend() {
      const used = new Set(line.blocks.map((block) => block[3]));
      names.replaceChildren(...data.nodes.map((name, node) => [name, node]).filter(([, node]) => used.has(node)).slice(0, 40)
        .map(([name, node]) => make("span", {}, make("i", { style: { background: color(node) } }), name)));
    }
    const busy = (100 * line.busy_ms) / Math.max(1e-9, line.span_ms * line.workers);
    section.append(make("div", { class: "bar" }, make("span", { class: "note", style: { margin: 0 } }, `${count(line.tasks)} tasks, workers busy ${busy.toFixed(0)} % of ${seconds(line.span_ms / 1000)}; drag to look closer`), reset), canvas, names);
    if (line.merged) section.append(make("p", { class: "note" }, "Short tasks are drawn together; the trace (headrace trace) has each."));
    legend();
    draw();
  }

  // --- confusion matrices ---

  function drawConfusion() {
    const section = byId("confusion"), all = data.confusion.paths;
    if (!all.length) { section.hidden = true; return; }
    const state = { at: 0, percent: false };
    const place = make("div", { class: "scroll" });
    function draw() {
      const { classes, counts } = all[state.at], n = classes.length, small = n > 30;
      const sums = classes.map((_, row) => counts.slice(row * n, row * n + n).reduce((sum, value) => sum + value, 0));
      const head = make("tr", {}, make("th", { class: "corner" }, "truth \\ predicted"), classes.map((name) => make("th", { title: name }, small ? "" : name)));
      const rows = classes.map((name, row) => make("tr", {}, make("th", { class: "side", title: name }, small ? "" : name), classes.map((other, column) => {
        const value = counts[row * n + column], part = sums[row] ? value / sums[row] : 0;
        const cell = make("td", { on: withTip(() => `truth ${name}, predicted ${other}\n${count(value)} rows, ${(part * 100).toFixed(2)} % of ${name}`) },
          small ? "" : value === 0 ? "" : state.percent ? (part * 100).toFixed(1) : count(value));
        shade(cell, Math.sqrt(part));   // the root lets rare mistakes be seen
        return cell;
      })));
      place.replaceChildren(make("table", { class: "heat" + (small ? " small" : "") }, head, rows));
    }
    const names = all.map((one, index) => [index, (data.paths[one.row].rank || "-") + "  " + data.paths[one.row].label]);
    section.append(make("div", { class: "bar" }, select("path", names, 0, (value) => { state.at = Number(value); draw(); }),
      select("cells", [["count", "rows"], ["percent", "percent of the truth"]], "count", (value) => { state.percent = value === "percent"; draw(); })), place,
      make("p", { class: "note" }, "Held-out rows, summed over folds." + (data.confusion.left_out ? ` ${count(data.confusion.left_out)} paths of lower rank are left out.` : "")));
    draw();
  }

  // --- failures ---

  function drawFailures() {
    const section = byId("failures");
    if (!data.failures.length) { section.hidden = true; return; }
    const shownAtOnce = 8;
    const rows = data.failures.map((failure, index) => make("div", { class: "failure", hidden: index >= shownAtOnce },
      make("b", {}, `${failure.node}: ${failure.phase}` + (failure.fold >= 0 ? `, fold ${failure.fold + 1}` : "") + `, attempt ${failure.attempt}`),
      make("p", {}, `error ${failure.code}: ${failure.message}`), failure.advice ? make("p", { class: "note" }, failure.advice) : null,
      make("p", { class: "note" }, [failure.where, failure.object ? "object " + failure.object.slice(0, 12) : ""].filter(Boolean).join(", "))));
    const all = make("button", { hidden: rows.length <= shownAtOnce, on: { click: () => {
      for (const row of rows) row.hidden = false;
      all.hidden = true;
    } } }, `show all ${count(rows.length)}`);
    section.append(...rows, all);
    if (data.failures_all > data.failures.length) section.append(make("p", { class: "note" }, `${count(data.failures_all - data.failures.length)} more failed tasks are not listed.`));
  }

  // The source stands in the middle of a tall drawing.
  const drawing = document.querySelector("#graph .scroll");
  drawing.scrollTop = (drawing.scrollHeight - drawing.clientHeight) / 2;

  drawFacts();
  drawFailures();
  drawRanking();
  drawParameters();
  drawTimeline();
  drawConfusion();
})();
