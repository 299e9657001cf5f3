"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  // Okabe and Ito's palette, told apart with any kind of colour vision; shapes repeat the message.
  const PALETTE = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#8a8a8a", "#b8a800"];
  const SHAPES = ["circle", "rect", "triangle", "rectRot", "star", "crossRot", "cross", "rectRounded"];
  const methods = [...new Set(data.curves.map(c => c.method).concat(data.points.map(p => p.method)))];
  const colour = method => PALETTE[methods.indexOf(method) % PALETTE.length];
  const shape = method => SHAPES[methods.indexOf(method) % SHAPES.length];

  function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (value !== null && value !== undefined) element.setAttribute(name, value);
    }
    element.append(...children.filter(child => child !== null && child !== undefined));
    return element;
  }

  const say = text => { document.getElementById("announce").textContent = text; };
  const style = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  /** The number that a cell begins with, its K and M counted; null for none. */
  function number(text) {
    const match = /^[+-]?\d+(\.\d+)?(e[+-]?\d+)?([KM])?\b/.exec(text.replace("−", "-"));
    if (!match) return null;
    return parseFloat(match[0]) * ({ K: 1e3, M: 1e6 }[match[3]] || 1);
  }

  function choice(label, options, chosen, change) {
    const select = make("select", { onchange: event => change(event.target.value) },
      ...options.map(([value, text]) => make("option", { value }, text)));
    select.value = chosen;
    return make("label", {}, label, select);
  }

  function from(section) {
    return make("details", {}, make("summary", {}, "Where from"),
      make("p", {}, `${section.count.toLocaleString("en")} rows of this query, by jobs/query.sh:`),
      make("pre", {}, section.source));
  }

  function cell(section, row, column) {
    const value = row[column];
    const classes = [];
    if (section.numbers[column]) classes.push("number");
    if (value.m) classes.push(value.m);
    let content = make("span", {}, value.t);
    const name = section.header[column];
    if (name === "verdict") {
      const icon = { "held": "✓ ", "did not hold": "✗ ", "cannot tell": "? ", "not tested": "– " }[value.t];
      content = make("span", { class: "verdict " + value.t.replaceAll(" ", "-") }, icon + value.t);
    } else if (name === "group") {
      content = make("span", { class: "group" + (value.t === "1" ? " first" : "") }, value.t);
    } else if (["recipe", "95 % interval", "interval", "on", "method", "task"].includes(name)) {
      classes.push("keep");
    } else if (["statement", "for", "reason", "trial", "choice"].includes(name)) {
      classes.push("wide");
    }
    return make("td", { class: classes.join(" ") || null }, content);
  }

  /** A table that is sorted by its headers, filtered by words and, where it has one, by task. */
  function table(section) {
    const state = { column: -1, descending: false, words: "", task: "" };
    const byTask = section.header[0] === "task";
    const tasks = byTask ? [...new Set(section.rows.map(row => row[0].t))] : [];
    if (byTask && tasks.length > 1 && section.rows.length > 30) state.task = tasks[0];
    const body = make("tbody");
    const count = make("span", { class: "count" });
    const heads = section.header.map((name, column) =>
      make("th", { scope: "col", class: section.numbers[column] ? "number" : null },
        make("button", { type: "button", onclick: () => sort(column) }, name)));

    function sort(column) {
      // Numbers are asked for the largest, words from A on.
      state.descending = state.column === column ? !state.descending : section.numbers[column];
      state.column = column;
      heads.forEach((head, i) => i === column
        ? head.setAttribute("aria-sort", state.descending ? "descending" : "ascending")
        : head.removeAttribute("aria-sort"));
      fill();
      say(`Sorted by ${section.header[column]}, ${state.descending ? "descending" : "ascending"}`);
    }

    function order(a, b) {
      const x = number(a[state.column].t), y = number(b[state.column].t);
      if (section.numbers[state.column] && (x === null || y === null)) {
        return (x === null) - (y === null);  // what is missing comes last either way
      }
      const difference = x !== null && y !== null ? x - y
        : a[state.column].t.localeCompare(b[state.column].t, "en", { numeric: true });
      return state.descending ? -difference : difference;
    }

    function fill() {
      const words = state.words.toLowerCase().split(/\s+/).filter(Boolean);
      let rows = section.rows.filter(row =>
        (!state.task || row[0].t === state.task)
        && words.every(word => row.some(value => value.t.toLowerCase().includes(word))));
      if (state.column >= 0) rows = [...rows].sort(order);
      body.replaceChildren(...rows.map(row => make("tr",
        { class: section.id !== "claims" || state.column >= 0 ? null
            : row[1].t.startsWith("all of") || row[1].t.startsWith("no such") ? "whole" : "part" },
        ...row.map((value, column) => cell(section, row, column)))));
      count.textContent = rows.length === section.rows.length
        ? `${rows.length} rows` : `${rows.length} of ${section.rows.length} rows`;
    }

    fill();
    const filter = make("input", { type: "search", placeholder: "such as LoRA QV",
      oninput: event => { state.words = event.target.value; fill(); } });
    const tools = section.rows.length > 5 ? make("div", { class: "tools" },
      tasks.length > 1 ? choice("Task", [["", "all"], ...tasks.map(t => [t, t])], state.task,
        value => { state.task = value; fill(); }) : null,
      make("label", {}, "Rows with all of these words", filter), count) : null;
    return [tools, make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": section.title },
      make("table", {}, make("thead", {}, make("tr", {}, ...heads)), body))];
  }

  function shaded(caption, corner, columns, rows, cells) {
    const known = cells.flat().filter(value => value !== null);
    const least = Math.min(...known), span = Math.max(...known) - least || 1;
    const paint = value => {
      if (value === null) return make("td", {}, "—");
      const depth = (value - least) / span;
      const ink = depth > .55 ? style("--card") : style("--ink");
      return make("td", { style: `background: rgba(${style("--heat")}, ${(.08 + .9 * depth).toFixed(3)}); color: ${ink}` },
        (100 * value).toFixed(2));
    };
    return make("div", { class: "heat", tabindex: "0", role: "region", "aria-label": caption }, make("table", {},
      make("caption", {}, caption),
      make("thead", {}, make("tr", {}, make("th", {}, corner), ...columns.map(c => make("th", { scope: "col" }, c)))),
      make("tbody", {}, ...rows.map((name, i) =>
        make("tr", {}, make("th", { scope: "row" }, name), ...cells[i].map(paint))))));
  }

  /** Method × targets × rank against λ, shaded, for one task at a time. */
  function interactions(section) {
    const tasks = [...new Set(section.rows.map(row => row[0].t))];
    const place = make("div");
    const draw = task => {
      const rows = section.rows.filter(row => row[0].t === task);
      place.replaceChildren(shaded(`${task}: score × 100`, "", section.header.slice(4),
        rows.map(row => `${row[1].t} ${row[2].t}${row[3].t === "—" ? "" : " r=" + row[3].t}`),
        rows.map(row => row.slice(4).map(value => number(value.t) === null ? null : number(value.t) / 100))));
    };
    if (!tasks.length) return [];
    draw(tasks[0]);
    redraws.push(() => draw(picker.querySelector("select").value));
    const picker = choice("Task", tasks.map(t => [t, t]), tasks[0], draw);
    return [make("div", { class: "tools" }, picker), place];
  }

  function heatmaps() {
    const place = make("div");
    const draw = () => place.replaceChildren(...data.heatmaps.map(map =>
      shaded(map.title, "η_V ＼ η_QK", map.columns, map.rows, map.scores)));
    draw();
    redraws.push(draw);
    return place;
  }

  const redraws = [];
  const legend = () => make("div", { class: "legend", "aria-hidden": "true" },
    ...methods.map(method => make("span", { style: `--key: ${colour(method)}` }, method)));

  function themed(options) {
    const ink = style("--soft"), line = style("--line");
    for (const axis of Object.values(options.scales)) {
      axis.ticks = { ...axis.ticks, color: ink };
      axis.grid = { color: line };
      axis.title = { display: true, color: ink, text: axis.label };
    }
    options.plugins = { legend: { display: false }, ...options.plugins };
    options.maintainAspectRatio = false;
    options.animation = false;
    return options;
  }

  function chart(title, build) {
    const canvas = make("canvas", { role: "img", "aria-label": title });
    let drawn = null;
    const draw = () => {
      if (drawn) drawn.destroy();
      drawn = new Chart(canvas, build());
      // For who tests or asks the page.
      canvas.chart = drawn;
    };
    redraws.push(draw);
    return { box: make("div", { class: "chart" }, canvas), draw };
  }

  function curves() {
    const tasks = [...new Set(data.curves.map(curve => curve.task))];
    if (!tasks.length) return null;
    const state = { task: tasks[0], what: "score", words: "" };
    const names = { score: "score × 100 on the reported sets", validation: "score × 100 on the validation part", loss: "mean training loss since the point before" };
    const picture = chart("Learning curves, one a trial", () => {
      const words = state.words.toLowerCase().split(/\s+/).filter(Boolean);
      const shown = data.curves.filter(curve => curve.task === state.task
        && words.every(word => curve.title.toLowerCase().includes(word)));
      return {
        type: "line",
        data: { datasets: shown.map(curve => ({
          label: curve.title,
          data: curve.points.filter(p => p[state.what] !== null)
            .map(p => ({ x: p.step, y: state.what === "loss" ? p.loss : 100 * p[state.what] })),
          borderColor: colour(curve.method) + "a0", backgroundColor: colour(curve.method),
          hoverBorderColor: colour(curve.method), borderWidth: 1.5, hoverBorderWidth: 4,
          pointStyle: shape(curve.method), pointRadius: 3, pointHoverRadius: 7, tension: 0,
        })) },
        options: themed({
          interaction: { mode: "nearest", intersect: false },
          scales: { x: { type: "linear", label: "optimizer steps" }, y: { label: names[state.what], grace: "4%" } },
          plugins: { tooltip: { callbacks: {
            title: items => items[0].dataset.label,
            label: item => `step ${item.parsed.x}: ${item.parsed.y.toFixed(state.what === "loss" ? 4 : 2)}`,
          } } },
        }),
      };
    });
    const set = key => value => { state[key] = value; picture.draw(); };
    const section = make("section", { id: "curves" }, make("h2", {}, "Learning curves"),
      make("p", { class: "note" }, "One line a trial; hover or tap for its title. Colours and marks are methods."),
      make("div", { class: "tools" },
        choice("Task", tasks.map(t => [t, t]), tasks[0], set("task")),
        choice("What", [["score", "reported sets"], ["validation", "validation"], ["loss", "training loss"]], "score", set("what")),
        make("label", {}, "Trials with all of these words", make("input",
          { type: "search", placeholder: "such as lora λ=4", oninput: event => set("words")(event.target.value) }))),
      legend(), picture.box, from(data.curvesFrom));
    return { id: "curves", title: "Learning curves", section, draw: picture.draw };
  }

  function pareto() {
    const groups = [...new Set(data.points.map(point => `${point.task} · ${point.machine}`))];
    if (!groups.length) return null;
    const state = { group: groups[0], cost: "parameters" };
    const names = { parameters: "trainable scalars", bytes: "peak memory, MB", seconds: "training time, s" };
    const picture = chart("Score against cost, one point a recipe", () => {
      const points = data.points.filter(p => `${p.task} · ${p.machine}` === state.group && p.costs[state.cost] > 0);
      const scale = state.cost === "bytes" ? 1e6 : 1;
      const at = p => ({ x: p.costs[state.cost] / scale, y: 100 * p.score, recipe: p.recipe });
      const front = points.filter(p => p.front.includes(state.cost)).map(at).sort((a, b) => a.x - b.x);
      return {
        type: "scatter",
        data: { datasets: [
          { type: "line", label: "front", data: front, borderColor: style("--ink"), borderWidth: 1.5, borderDash: [5, 4],
            stepped: "before", pointRadius: 0, pointHitRadius: 0 },
          ...methods.map(method => ({
            label: method, data: points.filter(p => p.method === method).map(at),
            backgroundColor: colour(method) + "c0", borderColor: colour(method), borderWidth: 2,
            pointStyle: shape(method), pointRadius: 6, pointHoverRadius: 10,
          })),
        ] },
        options: themed({
          interaction: { mode: "nearest", intersect: true },
          scales: { x: { type: state.cost === "parameters" ? "logarithmic" : "linear", label: names[state.cost] }, y: { label: "score × 100", grace: "4%" } },
          plugins: { tooltip: { filter: item => item.dataset.label !== "front", callbacks: {
            title: items => items.length ? items[0].raw.recipe : "",
            label: item => `${item.parsed.y.toFixed(2)} at ${item.parsed.x.toLocaleString("en", { maximumFractionDigits: 2 })} ${names[state.cost]}`,
          } } },
        }),
      };
    });
    const set = key => value => { state[key] = value; picture.draw(); };
    return { draw: picture.draw, content: [make("div", { class: "tools" },
      choice("Task · machine", groups.map(g => [g, g]), groups[0], set("group")),
      choice("Cost", Object.entries(names), "parameters", set("cost"))),
      legend(), picture.box, make("div", { style: "height: 1rem" })] };
  }

  function summary() {
    const cards = data.best.map(best => make("div", { class: "card" },
      make("h2", {}, `Best on ${best.task}`), make("p", { class: "big" }, best.score),
      make("p", {}, make("strong", {}, best.recipe)),
      make("p", {}, best.ties === 0 ? "ahead of all others" : `not told apart from ${best.ties} other${best.ties > 1 ? "s" : ""}`)));
    const counts = {};
    for (const verdict of data.verdicts) counts[verdict] = (counts[verdict] || 0) + 1;
    cards.push(make("div", { class: "card" }, make("h2", {}, "The paper's statements, here"),
      make("p", { class: "big" }, `${counts["held"] || 0} held`),
      make("p", {}, Object.entries(counts).filter(([verdict]) => verdict !== "held")
        .map(([verdict, count]) => `${count} ${verdict}`).join(", "))));
    cards.push(make("div", { class: "card" }, make("h2", {}, "Trials"),
      make("p", { class: "big" }, `${data.finished}`),
      make("p", {}, `finished; ${data.failed} without a score; ${data.missing.length} missing`)));
    document.getElementById("summary").append(...cards);
  }

  document.getElementById("sweep").textContent = data.sweep;
  document.getElementById("state").textContent = data.state;
  summary();
  const place = document.getElementById("sections");
  const contents = document.getElementById("contents");
  const later = [];
  const add = (id, title, section) => {
    place.append(section);
    contents.append(make("li", {}, make("a", { href: "#" + id }, title)));
  };
  for (const section of data.sections) {
    const extra = [];
    if (section.id === "costs") {
      const picture = pareto();
      if (picture) { extra.push(...picture.content); later.push(picture.draw); }
    }
    if (section.id === "interactions") extra.push(...interactions(section));
    if (section.id === "heatmaps") extra.push(heatmaps());
    const shown = section.rows.length && section.id !== "interactions" && section.id !== "heatmaps" ? table(section) : [];
    add(section.id, section.title, make("section", { id: section.id }, make("h2", {}, section.title),
      make("p", { class: "note" }, section.note), ...extra, ...shown, from(section)));
    if (section.id === "claims") {
      const lines = curves();
      if (lines) { add(lines.id, lines.title, lines.section); later.push(lines.draw); }
    }
  }
  if (data.missing.length) {
    const section = { id: "missing", title: "Missing trials", header: ["id", "trial"], numbers: [false, false],
      rows: data.missing.map(row => row.map(t => ({ t }))) };
    add("missing", "Missing trials", make("section", { id: "missing" }, make("h2", {}, "Missing trials"),
      make("p", { class: "note" }, "Asked for by the sweep file and without a row when this report was made: waiting, running or lost."),
      ...table(section)));
  }
  later.forEach(draw => draw());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => redraws.forEach(draw => draw()));
})();
