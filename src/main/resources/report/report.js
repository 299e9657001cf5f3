"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  // Okabe and Ito's palette, told apart with any kind of colour vision; shapes repeat the message.
  const PALETTE = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#8a8a8a", "#b8a800"];
  const PALETTE_DARK = ["#4fa8e0", "#e69f00", "#2bc49a", "#dd8fb8", "#ef7d2f", "#8fd0f5", "#b4b4b4", "#d6c400"];
  const SHAPES = ["circle", "rect", "triangle", "diamond", "pin", "arrow", "roundRect", "emptyCircle"];
  const methods = [...new Set(data.recipes.map(recipe => recipe.method))];
  const byLabel = new Map(data.recipes.map(recipe => [recipe.label, recipe]));
  const palette = () => matchMedia("(prefers-color-scheme: dark)").matches ? PALETTE_DARK : PALETTE;
  const colour = method => palette()[methods.indexOf(method) % PALETTE.length];
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
    return make("details", {}, make("summary", {}, "Source"),
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
      const word = value.t.replace(/,.*/, "");
      const icon = { "held": "✓ ", "did not hold": "✗ " }[word] || "– ";
      content = make("span", { class: "verdict " + word.replaceAll(" ", "-") }, icon + value.t);
    } else if (name === "group") {
      content = make("span", { class: "group" + (value.t === "1" ? " first" : "") }, value.t);
    } else if (["recipe", "95 % interval", "interval", "on", "method", "task"].includes(name)) {
      classes.push("keep");
    } else if (["statement", "reason", "trial", "choice"].includes(name)) {
      classes.push("wide");
    }
    if (name === "id" && data.trials[value.t]) content = make("a", { href: "#trial-" + value.t }, value.t);
    return make("td", { class: classes.join(" ") || null }, content);
  }

  const ALIASES = { r: "rank", "λ": "ratio", lambda: "ratio", "η": "learning-rate", lr: "learning-rate" };

  /**
   * A filter of rows: comparisons and words, joined by "and", "or" and blanks, which mean "and".
   * "method = lora and rank <= 8" asks settings and columns, other words any cell.
   */
  function filter(text) {
    const tokens = text.match(/"[^"]*"|[^\s<>=!~]+\s*(?:<=|>=|!=|=|<|>|~)\s*(?:"[^"]*"|\S+)|\S+/g) || [];
    const any = [[]];
    for (const token of tokens) {
      if (/^or$/i.test(token)) any.push([]);
      else if (!/^and$/i.test(token)) any[any.length - 1].push(term(token));
    }
    return row => any.some(all => all.every(holds => holds(row)));
  }

  function term(token) {
    const parts = /^([^\s<>=!~]+)\s*(<=|>=|!=|=|<|>|~)\s*"?([^"]*)"?$/.exec(token);
    const word = token.replaceAll('"', "").toLowerCase();
    if (!parts) return row => row.text.includes(word);
    const name = (ALIASES[parts[1].toLowerCase()] || parts[1]).toLowerCase(), asked = parts[3].toLowerCase();
    return row => {
      const own = row.values[name];
      if (own === undefined) return row.text.includes(word.replace(/\s/g, ""));
      const x = number(own), y = number(asked), both = x !== null && y !== null;
      switch (parts[2]) {
        case "=": return both ? x === y : own.toLowerCase() === asked;
        case "!=": return both ? x !== y : own.toLowerCase() !== asked;
        case "~": return own.toLowerCase().includes(asked);
        case "<": return both && x < y;
        case ">": return both && x > y;
        case "<=": return both && x <= y;
        default: return both && x >= y;
      }
    };
  }

  /** What a filter asks of a row: its cells by column, and the settings of its recipe or trial. */
  function asked(header, cells, label, id) {
    const values = {};
    header.forEach((name, i) => { values[(ALIASES[name] || name).toLowerCase()] = cells[i]; });
    const recipe = byLabel.get(label) || data.trials[id];
    if (recipe) Object.assign(values, recipe.settings);
    return { values, text: [...cells, label || ""].join(" ").toLowerCase() };
  }

  function download(name, header, rows) {
    const quote = text => {
      const safe = /^[=+\-@]/.test(text) && number(text) === null ? "'" + text : text;
      return /[",\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
    };
    const text = [header, ...rows].map(row => row.map(quote).join(",")).join("\n") + "\n";
    const link = make("a", { href: URL.createObjectURL(new Blob([text], { type: "text/csv" })), download: name + ".csv" });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  /** A table that is sorted by its headers, filtered by words and, where it has one, by task. */
  function table(section) {
    const state = { column: -1, descending: false, words: "", task: "" };
    const labels = section.recipes || section.rows.map(row => (row[section.header.indexOf("recipe")] || {}).t);
    const ids = section.rows.map(row => (row[section.header.indexOf("id")] || {}).t);
    const known = section.rows.map((row, i) => asked(section.header, row.map(value => value.t), labels[i], ids[i]));
    const whole = row => section.id === "claims" && row[1].t.startsWith("all of");
    const byTask = section.header[0] === "task";
    const tasks = byTask ? [...new Set(section.rows.map(row => row[0].t))] : [];
    if (byTask && tasks.length > 1 && section.rows.length > 30) state.task = tasks[0];
    const body = make("tbody");
    const count = make("span", { class: "count" });
    const heads = section.header.map((name, column) =>
      make("th", { scope: "col", class: section.numbers[column] ? "number" : null },
        make("button", { type: "button", onclick: () => sort(column) }, name)));

    function sort(column) {
      // Numbers are asked for the largest, words from A on; the third time the order is as it was.
      const first = section.numbers[column];
      if (state.column !== column) { state.column = column; state.descending = first; }
      else if (state.descending === first) state.descending = !first;
      else state.column = -1;
      heads.forEach((head, i) => i === state.column
        ? head.setAttribute("aria-sort", state.descending ? "descending" : "ascending")
        : head.removeAttribute("aria-sort"));
      fill();
      say(state.column < 0 ? "In the report's order"
        : `Sorted by ${section.header[column]}, ${state.descending ? "descending" : "ascending"}`);
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

    let rows = [];

    function fill() {
      const takes = filter(state.words);
      rows = section.rows.filter((row, i) => (!state.task || row[0].t === state.task) && takes(known[i]));
      if (state.column >= 0) rows = [...rows].sort(order);
      // Rows that sum others up stand with them or not at all.
      body.replaceChildren(...rows.filter(row => state.column < 0 || !whole(row)).map(row => make("tr",
        { class: section.id !== "claims" ? null : whole(row) ? "whole" : "part" },
        ...row.map((value, column) => cell(section, row, column)))));
      count.textContent = rows.length === section.rows.length
        ? `${rows.length} rows` : `${rows.length} of ${section.rows.length} rows`;
    }

    fill();
    const words = make("input", { type: "search", placeholder: "method = lora and rank <= 8",
      oninput: event => { state.words = event.target.value; fill(); } });
    const csv = make("button", { type: "button", class: "plain", onclick: () =>
      download(section.id, section.header, rows.map(row => row.map(value => value.t))) }, "CSV");
    const tools = make("div", { class: "tools" },
      tasks.length > 1 ? choice("Task", [["", "all"], ...tasks.map(t => [t, t])], state.task,
        value => { state.task = value; fill(); }) : null,
      section.rows.length > 5 ? make("label", {}, "Filter: settings, columns or words", words) : null, count, csv);
    return [tools, make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": section.title },
      make("table", {}, make("thead", {}, make("tr", {}, ...heads)), body))];
  }

  /** White or black, whichever contrasts more with a colour. */
  function inkOn(rgb) {
    const linear = rgb.map(c => c / 255).map(c => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4);
    const luminance = .2126 * linear[0] + .7152 * linear[1] + .0722 * linear[2];
    return 1.05 / (luminance + .05) >= (luminance + .05) / .05 ? "#ffffff" : "#000000";
  }

  function shaded(caption, corner, columns, rows, cells, texts) {
    const known = cells.flat().filter(value => value !== null);
    const least = Math.min(...known), span = Math.max(...known) - least || 1;
    const from = style("--heat-low").split(",").map(Number), to = style("--heat-high").split(",").map(Number);
    const paint = (value, text) => {
      if (value === null) return make("td", {}, "—");
      const rgb = from.map((c, i) => Math.round(c + (to[i] - c) * (value - least) / span));
      return make("td", { style: `background: rgb(${rgb}); color: ${inkOn(rgb)}` }, text);
    };
    return make("div", { class: "heat", tabindex: "0", role: "region", "aria-label": caption }, make("table", {},
      make("caption", {}, caption),
      make("thead", {}, make("tr", {}, make("th", {}, corner), ...columns.map(c => make("th", { scope: "col" }, c)))),
      make("tbody", {}, ...rows.map((name, i) =>
        make("tr", {}, make("th", { scope: "row" }, name), ...cells[i].map((value, j) => paint(value, texts[i][j])))))));
  }

  /** Method × targets × rank against λ, shaded, for one task at a time. */
  function interactions(section) {
    const tasks = [...new Set(section.rows.map(row => row[0].t))];
    const place = make("div");
    const draw = task => {
      const rows = section.rows.filter(row => row[0].t === task);
      place.replaceChildren(shaded(`${task}: score × 100`, "", section.header.slice(4),
        rows.map(row => `${row[1].t} ${row[2].t}${row[3].t === "—" ? "" : " r=" + row[3].t}`),
        rows.map(row => row.slice(4).map(value => number(value.t) === null ? null : number(value.t) / 100)),
        rows.map(row => row.slice(4).map(value => value.t))));
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
      shaded(map.title, "η_V ＼ η_QK", map.columns, map.rows, map.scores, map.texts)));
    draw();
    redraws.push(draw);
    return place;
  }

  const redraws = [];
  const escape = text => echarts.format.encodeHTML(String(text));

  /** A chart of the library, drawn again where width or colours change. */
  function chart(title, height, build) {
    const box = make("div", { class: "chart", role: "img", "aria-label": title });
    let drawn = null;
    const draw = () => {
      const options = build();
      box.style.height = `${typeof height === "function" ? height() : height}px`;
      if (drawn) drawn.dispose();
      drawn = echarts.init(box, null, { renderer: "canvas" });
      drawn.setOption({ animation: false, backgroundColor: "transparent",
        textStyle: { color: style("--ink"), fontFamily: getComputedStyle(document.body).fontFamily }, ...options });
      // For who tests or asks the page.
      box.chart = drawn;
    };
    redraws.push(draw);
    new ResizeObserver(() => drawn && drawn.resize()).observe(box);
    return { box, draw };
  }

  function axis(name, more = {}) {
    const soft = style("--soft"), line = style("--line");
    return { name, nameLocation: "middle", nameGap: 32, scale: true, nameTextStyle: { color: soft },
      axisLabel: { color: soft, hideOverlap: true }, axisLine: { lineStyle: { color: line } },
      splitLine: { lineStyle: { color: line } }, ...more };
  }

  const narrow = () => innerWidth < 640;

  /** Means of recipes with their intervals, the best first; marks of the first tie group are filled. */
  function forest() {
    const tasks = [...new Set(data.forest.map(row => row.task))];
    if (!tasks.length) return null;
    let task = tasks[0];
    const rows = () => data.forest.filter(row => row.task === task).sort((a, b) => a.mean - b.mean);
    const picture = chart("Scores of recipes with 95 % intervals", () => 90 + 26 * rows().length, () => {
      const shown = rows(), names = shown.map(row => row.recipe);
      const tint = row => colour(byLabel.get(row.recipe).method);
      return {
        grid: { left: narrow() ? 128 : 190, right: narrow() ? 16 : 150, top: 8, bottom: 48 },
        tooltip: { confine: true, formatter: item => {
          const row = shown[item.dataIndex];
          return `${escape(row.recipe)}<br>${row.mean.toFixed(2)}`
            + (row.low === null ? " (one seed)" : ` (${row.low.toFixed(2)} … ${row.high.toFixed(2)}; ${row.seeds} seeds)`)
            + (row.group === null ? "" : `<br>tie group ${row.group}`) + `<br>${escape(row.cost)}`;
        } },
        xAxis: axis(`score × 100 on ${task}`, { type: "value" }),
        yAxis: [{ type: "category", data: names, axisLabel: { color: style("--ink"), width: narrow() ? 116 : 178, overflow: "truncate", fontSize: narrow() ? 11 : 12 },
          axisTick: { show: false }, axisLine: { show: false } },
        { type: "category", data: shown.map(row => row.cost), position: "right", axisTick: { show: false }, axisLine: { show: false },
          axisLabel: { show: !narrow(), color: style("--soft") } }],
        series: [
          { type: "boxplot", boxWidth: [4, 8], data: shown.map(row => row.low === null ? [] : [row.low, row.mean, row.mean, row.mean, row.high])
            .map((value, i) => ({ value, itemStyle: { borderColor: tint(shown[i]), borderWidth: 2 } })), tooltip: { show: true } },
          { type: "scatter", symbolSize: 11, data: shown.map(row => ({ value: [row.mean, row.recipe],
            symbol: shape(byLabel.get(row.recipe).method),
            itemStyle: { color: row.group === 1 ? tint(row) : style("--card"), borderColor: tint(row), borderWidth: 2 } })) },
        ],
      };
    });
    const change = value => { task = value; picture.draw(); };
    return { draw: picture.draw, content: [tasks.length > 1 ? make("div", { class: "tools" }, choice("Task", tasks.map(t => [t, t]), task, change)) : null,
      legend(), picture.box, make("p", { class: "note" }, "Filled: not told apart from the best. Lines: 95 % intervals over seeds. Right: what learns and how long it trains.")] };
  }

  const legend = () => make("div", { class: "legend", "aria-hidden": "true" },
    ...methods.map(method => make("span", { style: `--key: ${colour(method)}` }, data.labels[method] || method)));

  /** Mean of the curves of each recipe's seeds, the band from the lowest to the highest. */
  function curves() {
    const tasks = [...new Set(data.curves.map(curve => curve.task))];
    if (!tasks.length) return null;
    const state = { task: tasks[0], what: "score", words: "" };
    const names = { score: "score × 100 on the reported sets", validation: "score × 100 on the validation part", loss: "training loss" };
    const MOST = 12;
    const note = make("span", { class: "count" });
    const picture = chart("Learning curves, mean of seeds", 400, () => {
      const takes = filter(state.words);
      const groups = new Map();
      for (const curve of data.curves) {
        const trial = data.trials[curve.id];
        if (curve.task !== state.task || !takes(asked([], [curve.title], curve.recipe, curve.id))) continue;
        const label = curve.recipe || trial.title;
        if (!groups.has(label)) groups.set(label, new Map());
        for (const point of curve.points) {
          if (point[state.what] === null) continue;
          if (!groups.get(label).has(point.step)) groups.get(label).set(point.step, []);
          groups.get(label).get(point.step).push(state.what === "loss" ? point.loss : 100 * point[state.what]);
        }
      }
      const all = [...groups].filter(([, steps]) => steps.size);
      const mean = list => list.reduce((a, b) => a + b, 0) / list.length;
      const last = ([, steps]) => mean(steps.get(Math.max(...steps.keys())));
      all.sort((a, b) => state.what === "loss" ? last(a) - last(b) : last(b) - last(a));
      const shown = all.slice(0, MOST);
      note.textContent = all.length > MOST ? `the best ${MOST} of ${all.length} recipes; filter for others` : `${all.length} recipes`;
      return {
        grid: { left: 58, right: 16, top: 12, bottom: 48 },
        tooltip: { confine: true, formatter: item => `${escape(item.seriesName)}<br>step ${item.value[0]}: ${item.value[1].toFixed(2)} (${item.value[2].toFixed(2)} … ${item.value[3].toFixed(2)})` },
        xAxis: axis("optimizer steps", { type: "value" }), yAxis: axis(narrow() ? "" : names[state.what], { type: "value", nameGap: 42 }),
        series: shown.map(([label, steps]) => {
          const method = (byLabel.get(label) || {}).method;
          return { type: "line", name: label, emphasis: { focus: "series", lineStyle: { width: 4 } }, symbol: shape(method), symbolSize: 7,
            lineStyle: { width: 2, color: colour(method) }, itemStyle: { color: colour(method) },
            data: [...steps].sort((a, b) => a[0] - b[0]).map(([step, list]) => [step, ...[mean(list), Math.min(...list), Math.max(...list)].map(y => +y.toFixed(4))]) };
        }),
      };
    });
    const set = key => value => { state[key] = value; picture.draw(); };
    const section = make("section", { id: "curves" }, make("h2", {}, "Learning curves"),
      make("p", { class: "note" }, "The mean of each recipe's seeds; hover or tap for the lowest and the highest. Colours and marks are methods."),
      make("div", { class: "tools" },
        choice("Task", tasks.map(t => [t, t]), tasks[0], set("task")),
        choice("Quantity", [["score", "reported sets"], ["validation", "validation"], ["loss", "training loss"]], "score", set("what")),
        make("label", {}, "Filter", make("input",
          { type: "search", placeholder: "method = lora and rank <= 8", oninput: event => set("words")(event.target.value) })), note),
      legend(), picture.box, from(data.curvesFrom));
    return { id: "curves", title: "Learning curves", section, draw: picture.draw };
  }

  /** Any two measures of recipes against each other, with the front where one is to be high and one low. */
  function pareto() {
    const groups = [...new Set(data.points.map(point => `${point.task} · ${point.machine}`))];
    if (!groups.length) return null;
    const names = { score: "score × 100", parameters: "trainable scalars", bytes: "peak memory, MB", seconds: "training time, s" };
    if (data.points.some(p => Number.isFinite(p.costs.retention))) names.retention = "rise of the loss of texts of retention, nats a token";
    const signed = ["score", "retention"];
    const state = { group: groups[0], x: "parameters", y: "score" };
    const value = (p, name) => name === "score" ? 100 * p.score : name === "bytes" ? p.costs.bytes / 1e6 : p.costs[name];
    const picture = chart("Recipes by two measures", 400, () => {
      const points = data.points.filter(p => `${p.task} · ${p.machine}` === state.group
        && [state.x, state.y].every(name => Number.isFinite(value(p, name)) && (signed.includes(name) || value(p, name) > 0)));
      const better = (a, b, name) => name === "score" ? value(a, name) - value(b, name) : value(b, name) - value(a, name);
      const whole = points.filter(p => p.whole);
      const front = whole.filter(p => !whole.some(q => better(q, p, state.x) >= 0 && better(q, p, state.y) >= 0
        && (better(q, p, state.x) > 0 || better(q, p, state.y) > 0))).sort((a, b) => value(a, state.x) - value(b, state.x));
      const scale = name => axis(names[name], { type: name === "parameters" ? "log" : "value", nameGap: name === state.y ? 44 : 32 });
      return {
        grid: { left: 64, right: 20, top: 14, bottom: 50 },
        tooltip: { confine: true, formatter: item => item.seriesType === "line" ? "front" : `${escape(item.data.name)}<br>${escape(item.data.text)}<br>${item.value.map((v, i) => `${names[i ? state.y : state.x]} ${v.toLocaleString("en", { maximumFractionDigits: 2 })}`).join("<br>")}` },
        xAxis: scale(state.x), yAxis: scale(state.y),
        series: [{ type: "line", name: "front", step: "end", silent: true, symbol: "none", lineStyle: { type: "dashed", color: style("--ink"), width: 1.5 },
          data: front.map(p => [value(p, state.x), value(p, state.y)]) },
        { type: "scatter", symbolSize: 12, data: points.map(p => ({ name: p.recipe, text: p.text, value: [value(p, state.x), value(p, state.y)], symbol: shape(p.method),
          itemStyle: { color: colour(p.method), borderColor: style("--card"), borderWidth: 1 } })) }],
      };
    });
    const set = key => chosen => { state[key] = chosen; picture.draw(); };
    return { draw: picture.draw, content: [make("div", { class: "tools" },
      choice("Task · machine", groups.map(g => [g, g]), groups[0], set("group")),
      choice("Across", Object.entries(names), state.x, set("x")), choice("Up", Object.entries(names), state.y, set("y"))),
    legend(), picture.box] };
  }

  /** Recipes as lines through their settings to their scores. */
  function parallel() {
    const varied = data.axes.filter(name => new Set(data.recipes.map(r => r.settings[name])).size > 1);
    const tasks = [...new Set(data.forest.map(row => row.task))];
    if (varied.length < 1 || data.recipes.length < 3 || !tasks.length) return null;
    const value = text => text === undefined ? "—" : text;
    const picture = chart("Settings and scores of recipes", 380, () => {
      const dims = varied.map((name, dim) => {
        const values = [...new Set(data.recipes.map(r => value(r.settings[name])))];
        values.sort((a, b) => number(a) !== null && number(b) !== null ? number(a) - number(b) : a.localeCompare(b));
        return { dim, name, type: "category", data: values };
      });
      tasks.forEach((task, i) => dims.push({ dim: varied.length + i, name: task, scale: true }));
      const ofTask = task => new Map(data.forest.filter(row => row.task === task).map(row => [row.recipe, row.mean]));
      const scores = tasks.map(ofTask);
      return {
        tooltip: { confine: true },
        parallelAxis: dims,
        parallel: { left: narrow() ? 40 : 70, right: narrow() ? 44 : 80, top: 42, bottom: 22, parallelAxisDefault: {
          nameTextStyle: { color: style("--ink"), fontSize: narrow() ? 10 : 12 }, nameGap: 16, axisLabel: { color: style("--ink"), textBorderColor: style("--card"), textBorderWidth: 4, fontSize: narrow() ? 10 : 12 },
          axisLine: { lineStyle: { color: style("--soft") } }, areaSelectStyle: { color: style("--accent") } } },
        series: [{ type: "parallel", smooth: false, lineStyle: { width: 2, opacity: .65 }, inactiveOpacity: .06,
          data: data.recipes.map(r => ({ name: r.label, lineStyle: { color: colour(r.method) },
            value: [...varied.map(name => value(r.settings[name])), ...scores.map(of => of.has(r.label) ? +of.get(r.label).toFixed(2) : "-")] })) }],
      };
    });
    return { id: "parallel", title: "Settings and scores", draw: picture.draw, section: make("section", { id: "parallel" },
      make("h2", {}, "Settings and scores"), make("p", { class: "note" }, "A line a recipe, from its settings to its mean scores × 100. Drag along an axis to keep the lines that pass there; click it to keep all."),
      legend(), picture.box) };
  }

  function importance(section) {
    const tasks = [...new Set(section.rows.map(row => row[0].t))];
    if (!tasks.length) return null;
    const names = [...new Set(section.rows.map(row => row[1].t))].reverse();
    const picture = chart("Share of the variance of scores by axis", () => 70 + (16 + 14 * tasks.length) * names.length, () => ({
      grid: { left: narrow() ? 120 : 190, right: 50, top: tasks.length > 1 ? 34 : 8, bottom: 44 },
      legend: tasks.length > 1 ? { top: 0, textStyle: { color: style("--ink") } } : undefined,
      tooltip: { confine: true, formatter: item => `${escape(item.name)}<br>${escape(item.seriesName)}: ${item.value} %` },
      xAxis: axis("share of the variance, %", { type: "value", min: 0, scale: false }),
      yAxis: { type: "category", data: names, axisLabel: { color: style("--ink"), width: narrow() ? 108 : 178, overflow: "truncate" }, axisTick: { show: false } },
      series: tasks.map((task, i) => ({ type: "bar", name: task, itemStyle: { color: palette()[i % PALETTE.length] }, label: { show: true, position: "right", color: style("--ink"), formatter: "{c} %" },
        data: names.map(name => { const row = section.rows.find(r => r[0].t === task && r[1].t === name); return row ? number(row[2].t) : "-"; }) })),
    }));
    return picture;
  }

  /** A trial by itself: settings, curve, and the commands that replay and export it. */
  function trial() {
    const place = document.getElementById("trial");
    const id = (/^#trial-([0-9a-f]+)$/.exec(location.hash) || [])[1];
    const known = id && data.trials[id];
    place.hidden = !known;
    if (!known) { place.replaceChildren(); return; }
    const curve = data.curves.find(one => one.id === id);
    const picture = curve ? chart("Learning curve", 260, () => ({
      grid: { left: 58, right: 16, top: 34, bottom: 46 }, legend: { textStyle: { color: style("--ink") } }, tooltip: { trigger: "axis", confine: true },
      xAxis: axis("optimizer steps", { type: "value" }), yAxis: axis("", { type: "value" }),
      series: [["score", "reported sets"], ["validation", "validation"]].map(([what, name]) => ({ type: "line", name,
        data: curve.points.filter(p => p[what] !== null).map(p => [p.step, +(100 * p[what]).toFixed(2)]) })),
    })) : null;
    place.replaceChildren(make("h2", {}, known.title), make("p", { class: "note" }, `${id} · ${known.status}${known.score === null ? "" : ` · score ${(100 * known.score).toFixed(2)}`}`),
      picture ? picture.box : "", make("pre", {}, `jobs/replay.sh ${id}\njobs/export.sh ${id} output/export/${id}`),
      make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Settings" }, make("table", {}, make("thead", {}, make("tr", {},
        make("th", { scope: "col", class: "plain" }, "setting"), make("th", { scope: "col", class: "plain" }, "value"))),
      make("tbody", {}, ...Object.entries(known.settings).map(([name, text]) => make("tr", {}, make("td", {}, name), make("td", {}, text)))))),
      make("p", {}, make("a", { href: "#trials" }, "All trials")));
    if (picture) picture.draw();
    place.scrollIntoView();
  }

  document.getElementById("sweep").textContent = data.sweep;
  document.getElementById("state").textContent = data.state;
  const later = [];
  const summary = document.getElementById("summary");
  if (data.question) summary.append(make("h2", { class: "question" }, data.question));
  for (const sentence of data.answers) {
    const word = (/: (held|did not hold|cannot tell)\b/.exec(sentence) || [])[1];
    summary.append(make("p", { class: "answer" + (word ? " of-" + word.replaceAll(" ", "-") : "") }, sentence));
  }
  const best = forest();
  if (best) { summary.append(...best.content.filter(Boolean)); later.push(best.draw); }
  const place = document.getElementById("sections");
  const contents = document.getElementById("contents");
  const add = (id, title, section) => {
    place.append(section);
    contents.append(make("li", {}, make("a", { href: "#" + id }, title)));
  };
  const LINES = { claims: curves, interactions: parallel };
  for (const section of data.sections) {
    const extra = [];
    if (section.id === "costs") {
      const picture = pareto();
      if (picture) { extra.push(...picture.content); later.push(picture.draw); }
    }
    if (section.id === "importance") {
      const picture = importance(section);
      if (picture) { extra.push(picture.box); later.push(picture.draw); }
    }
    if (section.id === "interactions") extra.push(...interactions(section));
    if (section.id === "heatmaps") extra.push(heatmaps());
    const shown = section.rows.length && section.id !== "interactions" && section.id !== "heatmaps" ? table(section) : [];
    add(section.id, section.title, make("section", { id: section.id }, make("h2", {}, section.title),
      make("p", { class: "note" }, section.note), ...extra, ...shown, from(section)));
    const more = LINES[section.id] && LINES[section.id]();
    if (more) { add(more.id, more.title, more.section); later.push(more.draw); }
  }
  const list = (id, title, note, header, numbers, rows) => add(id, title, make("section", { id }, make("h2", {}, title),
    make("p", { class: "note" }, note), ...table({ id, title, header, numbers, rows: rows.map(row => row.map(t => ({ t }))) })));
  list("trials", "Trials", "Every trial with a row; its id leads to its settings and curve, and to the commands that replay and export it.",
    ["id", "trial", "status", "score"], [false, false, false, true],
    Object.entries(data.trials).map(([id, one]) => [id, one.title, one.status, one.score === null ? "—" : (100 * one.score).toFixed(2)]));
  if (data.missing.length) {
    list("missing", "Missing trials", "Asked for by the sweep file and without a row when this report was made: waiting, running or lost.",
      ["id", "trial"], [false, false], data.missing);
  }
  later.forEach(draw => draw());
  addEventListener("hashchange", trial);
  trial();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => redraws.forEach(draw => draw()));
})();
