// The pages' only script. It draws charts from data blocks, opens the side panel, obeys keys. No text ever becomes markup here:
// what the server sends is swapped in by htmx, everything else is set as textContent.
"use strict";
(() => {
  const root = document.documentElement;
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  const remember = (name, value) => { document.cookie = `${name}=${value};path=/;max-age=31536000;samesite=lax`; };
  const colour = (name) => getComputedStyle(root).getPropertyValue(`--${name}`).trim();
  const typing = (node) => node && (/^(INPUT|SELECT|TEXTAREA)$/.test(node.tagName) || node.isContentEditable);

  // --- Charts ---------------------------------------------------------------------------------------------------
  const charts = new Map();
  const shown = (value, data) => value === null || value === undefined ? "—"
    : value.toLocaleString("zh-CN", { minimumFractionDigits: data.decimals, maximumFractionDigits: Math.max(data.decimals, 1) });

  function drawn(data) {
    const ink = colour("ink"), soft = colour("ink-3"), line = colour("line"), accent = colour("accent"), grey = colour("expected");
    const font = getComputedStyle(document.body).fontFamily.replaceAll("\"", "'");
    const named = data.series.length > 1 && data.series[0].shape !== "bar";
    const series = [];
    if (data.band) {
      const quiet = { type: "line", stack: "band", symbol: "none", silent: true, lineStyle: { opacity: 0 }, tooltip: { show: false } };
      series.push({ ...quiet, name: "band-low", data: data.band.low });
      series.push({ ...quiet, name: "band-high", areaStyle: { color: colour("band"), opacity: 1 },
        data: data.band.high.map((high, i) => high === null || data.band.low[i] === null ? null : high - data.band.low[i]) });
    }
    for (const one of [...data.series].reverse()) {
      const observed = one.role !== "expected";
      const tone = observed ? ink : grey;
      if (one.shape === "bar") {
        series.push({ type: "bar", name: one.name, data: one.values, barCategoryGap: "15%", itemStyle: { color: colour("ink-2") },
          emphasis: { itemStyle: { color: accent } } });
        continue;
      }
      const last = one.values.reduce((at, value, i) => value === null ? at : i, -1);
      series.push({
        type: "line", name: one.name, z: observed ? 5 : 2, color: tone, connectNulls: false,
        lineStyle: { color: tone, width: observed ? 1.8 : 1 },
        areaStyle: one.shape === "area" ? { color: colour("band"), opacity: 1 } : undefined,
        symbol: "circle",
        symbolSize: (_, at) => observed && (at.dataIndex === data.mark || lonely(one.values, at.dataIndex)) ? 7 : 0,
        data: one.values.map((value, i) => observed && i === data.mark ? { value, itemStyle: { color: accent } } : value),
        endLabel: named && last === one.values.length - 1
          ? { show: true, formatter: one.name, color: tone, fontFamily: font, fontSize: 12, distance: 6 } : { show: false },
        labelLayout: { moveOverlap: "shiftY" },
      });
    }
    const longest = named ? Math.max(...data.series.map((one) => one.name.length)) : 0;
    return {
      animation: false, textStyle: { fontFamily: font, color: ink },
      grid: { left: 8, right: named ? 16 + 12 * longest : 12, top: 16, bottom: 4, containLabel: true },
      tooltip: {
        trigger: "axis", renderMode: "richText", confine: true, backgroundColor: colour("ground"), borderColor: colour("line-2"),
        textStyle: { color: ink, fontFamily: font, fontSize: 12 }, axisPointer: { type: data.series[0].shape === "bar" ? "shadow" : "line", lineStyle: { color: soft } },
        formatter: (points) => told(data, points[0].dataIndex),
      },
      xAxis: { type: "category", data: data.labels, boundaryGap: data.series[0].shape === "bar", axisTick: { show: false },
        axisLine: { lineStyle: { color: colour("line-2") } }, axisLabel: { color: soft, fontFamily: font, fontSize: 12, hideOverlap: true } },
      yAxis: { type: "value", scale: !data.zero, name: data.zero ? "" : "轴不从 0 起", nameGap: 6,
        nameTextStyle: { color: soft, fontFamily: font, align: "left" }, minInterval: data.decimals ? undefined : 1, splitNumber: 3,
        splitLine: { lineStyle: { color: line } }, axisLabel: { color: soft, fontFamily: font, fontSize: 12 } },
      brush: data.select ? { xAxisIndex: 0, brushType: "lineX", brushMode: "single", throttleType: "debounce", throttleDelay: 150,
        brushStyle: { color: "rgba(80,120,180,.2)", borderColor: accent } } : undefined,
      series,
    };
  }
  const lonely = (values, i) => values[i] !== null && (values[i - 1] ?? null) === null && (values[i + 1] ?? null) === null;
  function told(data, i) {
    const lines = data.series.map((one) => `${one.name} ${shown(one.values[i], data)}${data.unit ? " " + data.unit : ""}`);
    if (data.band) lines.push(`${data.band.name} ${shown(data.band.low[i], data)}–${shown(data.band.high[i], data)}`);
    return [data.x[i], ...lines].join("\n");
  }

  function draw(figure) {
    const box = figure.querySelector(".chart-canvas");
    if (!box || !globalThis.echarts || box.hidden || !box.clientWidth || !figure.dataset.figures) return;
    const data = JSON.parse(figure.dataset.figures);
    const chart = echarts.getInstanceByDom(box) ?? echarts.init(box, null, { renderer: "canvas" });
    chart.setOption(drawn(data), { notMerge: true });
    charts.set(figure, chart);
    if (data.select && !figure.dataset.bound) {
      figure.dataset.bound = "1";
      const pick = (from, to) => go(data.select + (data.select.includes("?") ? "&" : "?") + `from=${data.x[from]}&to=${data.ends[to] ?? data.x[to]}`);
      chart.on("click", (at) => pick(at.dataIndex, at.dataIndex));
      chart.on("brushEnd", (at) => {
        const range = at.areas[0]?.coordRange;
        if (range && range[1] > range[0]) pick(Math.max(0, range[0]), Math.min(data.x.length - 1, range[1]));
      });
      chart.dispatchAction({ type: "takeGlobalCursor", key: "brush", brushOption: { brushType: "lineX", brushMode: "single" } });
    }
  }
  function drawAll(from = document) {
    for (const [figure, chart] of charts) if (!figure.isConnected) { chart.dispose(); charts.delete(figure); }
    all("[data-chart]", from).forEach(draw);
  }
  function go(address) {
    if (!document.getElementById("results")) { location.assign(address); return; }
    htmx.ajax("GET", address.replace("/search", "/search/results"), { target: "#results", swap: "outerHTML" });
  }
  let waiting = 0;
  addEventListener("resize", () => { clearTimeout(waiting); waiting = setTimeout(() => charts.forEach((chart) => chart.resize()), 100); });
  // Paper is always light, and narrower than the screen.
  addEventListener("beforeprint", () => {
    root.dataset.screen = root.dataset.theme;
    root.dataset.theme = "light";
    for (const [figure, chart] of charts) { draw(figure); chart.resize({ width: Math.min(figure.clientWidth, 480) }); }
  });
  addEventListener("afterprint", () => {
    root.dataset.theme = root.dataset.screen || "auto";
    for (const [figure, chart] of charts) { draw(figure); chart.resize({ width: "auto" }); }
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawAll());

  // --- Files ----------------------------------------------------------------------------------------------------
  function save(name, address) {
    const anchor = document.createElement("a");
    anchor.href = address;
    anchor.download = name;
    anchor.click();
  }
  // A cell that a spreadsheet would take for a formula gets an apostrophe before it (S7).
  const cell = (text) => { const safe = /^\s*[=+\-@＝＋－＠\t\r]/.test(text) ? `'${text}` : text; return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe; };
  function csv(figure) {
    const lines = all("tr", figure).map((row) => all("th,td", row).map((one) => cell(one.textContent.trim())).join(","));
    const address = URL.createObjectURL(new Blob(["\ufeff" + lines.join("\r\n") + "\r\n"], { type: "text/csv" }));
    save(`${figure.dataset.chart}.csv`, address);
    setTimeout(() => URL.revokeObjectURL(address), 1000);
  }
  const PAINT = ["fill", "stroke", "stroke-width", "stroke-dasharray", "font-family", "font-size", "font-weight"];
  // A drawn figure as a file of its own: what the style sheet says of each part goes with it.
  function drawing(figure) {
    const own = figure.querySelector("svg.scatter"), copy = own.cloneNode(true), ground = copy.insertBefore(document.createElementNS(own.namespaceURI, "rect"), copy.firstChild);
    const parts = all("path,circle,text", copy);
    all("path,circle,text", own).forEach((part, i) => { const style = getComputedStyle(part); for (const name of PAINT) parts[i].setAttribute(name, style.getPropertyValue(name)); });
    const { width, height } = own.viewBox.baseVal;
    for (const [name, value] of Object.entries({ width, height, fill: colour("ground") })) ground.setAttribute(name, value);
    copy.setAttribute("width", width); copy.setAttribute("height", height);
    return { address: `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`, width, height };
  }
  function svg(figure) {
    const name = `${figure.dataset.chart}.svg`;
    if (!figure.dataset.figures) { save(name, drawing(figure).address); return; }
    const box = document.createElement("div"), shape = figure.querySelector(".chart-canvas");
    const chart = echarts.init(box, null, { renderer: "svg", width: shape.clientWidth || 640, height: shape.clientHeight || 240 });
    chart.setOption({ ...drawn(JSON.parse(figure.dataset.figures)), animation: false, backgroundColor: colour("ground") });
    save(name, chart.getDataURL({ type: "svg" }));
    chart.dispose();
  }
  function png(figure) {
    const chart = charts.get(figure), name = `${figure.dataset.chart}.png`;
    if (chart) { save(name, chart.getDataURL({ type: "png", pixelRatio: 2, backgroundColor: colour("ground") })); return; }
    if (figure.dataset.figures) return;
    const { address, width, height } = drawing(figure), picture = new Image();
    picture.onload = () => {
      const canvas = Object.assign(document.createElement("canvas"), { width: 2 * width, height: 2 * height });
      canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
      save(name, canvas.toDataURL("image/png"));
    };
    picture.src = address;
  }
  function twin(figure, button) {
    const table = figure.querySelector(".chart-table"), box = figure.querySelector(".chart-canvas");
    const on = table.hidden;
    table.hidden = !on;
    if (box) box.hidden = on;
    button.textContent = on ? "图" : "表";
    button.setAttribute("aria-pressed", String(on));
    if (!on) { draw(figure); charts.get(figure)?.resize(); }
  }

  // --- Tables ---------------------------------------------------------------------------------------------------
  function sortBy(button) {
    const head = button.closest("th"), table = head.closest("table"), at = [...head.parentNode.children].indexOf(head);
    const up = head.getAttribute("aria-sort") === "descending";
    all("th[aria-sort]", table).forEach((one) => one.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    const key = (row) => row.children[at].dataset.value ?? row.children[at].textContent.trim();
    const order = (a, b) => {
      const [x, y] = [key(a), key(b)];
      const numeric = x !== "" && y !== "" && !isNaN(x) && !isNaN(y);
      return (numeric ? x - y : x.localeCompare(y, "zh-CN")) * (up ? 1 : -1);
    };
    table.tBodies[0].append(...[...table.tBodies[0].rows].sort(order));
  }
  function chooser(table) {
    const menu = document.createElement("details");
    menu.className = "columns menu";
    const label = document.createElement("summary");
    label.className = "button quiet small";
    label.textContent = "选列";
    const body = document.createElement("div");
    body.className = "menu-body";
    [...table.tHead.rows[0].cells].forEach((head, i) => {
      if (!i) return;
      const line = document.createElement("label"), box = document.createElement("input");
      line.className = "check";
      box.type = "checkbox";
      box.checked = true;
      box.addEventListener("change", () => { for (const row of table.rows) row.cells[i].hidden = !box.checked; });
      line.append(box, head.textContent.trim().replace(/\s+/g, " "));
      body.append(line);
    });
    menu.append(label, body);
    (table.closest(".scroll") ?? table).before(menu);
  }
  function stepRow(from, by) {
    const links = all("[data-row] [data-open]");
    const at = links.indexOf(from);
    links[at < 0 ? 0 : Math.max(0, Math.min(links.length - 1, at + by))]?.focus();
  }

  // --- Panel ----------------------------------------------------------------------------------------------------
  const panel = document.getElementById("panel");
  let cameFrom = null;
  function openPanel() {
    panel.hidden = false;
    panel.scrollTop = 0;
    panel.focus();
    drawAll(panel);
  }
  function closePanel() {
    if (!panel || panel.hidden) return false;
    panel.hidden = true;
    all(".open").forEach((row) => row.classList.remove("open"));
    if (/^\/hotspots\/./.test(location.pathname)) history.replaceState(null, "", "/hotspots" + location.search);
    (cameFrom?.isConnected ? cameFrom : document.getElementById("main")).focus();
    return true;
  }

  // --- htmx -----------------------------------------------------------------------------------------------------
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.target?.id !== "panel") return;
    const from = event.detail.elt;
    if (!panel.contains(from)) cameFrom = from;
    all(".open").forEach((row) => row.classList.remove("open"));
    from.closest("[data-row]")?.classList.add("open");
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    const notice = document.getElementById("notice"), { xhr } = event.detail;
    if (xhr.status < 400) { notice?.replaceChildren(); return; }
    if (xhr.status === 401) { location.reload(); return; }
    // A partial error is shown in its own place; the work on the page stays as it is.
    if (/text\/html/.test(xhr.getResponseHeader("content-type") ?? "") && !/<html/i.test(xhr.responseText.slice(0, 300))) {
      event.detail.shouldSwap = true;
      event.detail.target = notice;
      event.detail.swapOverride = "innerHTML";
    } else failed(`没有完成（${xhr.status}）。请重试；若持续出现，请告诉系统管理员。`);
  });
  document.addEventListener("htmx:sendError", () => failed("连不上服务。请检查网络后重试。"));
  document.addEventListener("htmx:timeout", () => failed("等了太久没有回答。请缩小范围或重试。"));
  function failed(sentence) {
    const line = document.createElement("p");
    line.className = "bar-error";
    line.textContent = sentence;
    document.getElementById("notice")?.replaceChildren(line);
  }
  document.addEventListener("htmx:afterSwap", (event) => {
    const target = event.detail.target;
    if (target.id === "panel") { openPanel(); return; }
    settle(document);
    if (target.id === "desk") document.querySelector("[data-focus]")?.focus({ preventScroll: false });
  });

  // --- Hands and keys -------------------------------------------------------------------------------------------
  const clicks = {
    "[data-twin]": (node) => twin(node.closest("[data-chart]"), node),
    "[data-png]": (node) => png(node.closest("[data-chart]")),
    "[data-svg]": (node) => svg(node.closest("[data-chart]")),
    "[data-csv]": (node) => csv(node.closest("[data-chart]")),
    "[data-sort]": sortBy,
    "[data-close]": closePanel,
    "[data-print]": () => print(),
    "[data-open-definition]": () => { document.getElementById("definition").open = true; },
    "[data-fold]": (node) => {
      const slim = document.body.classList.toggle("slim");
      node.setAttribute("aria-pressed", String(slim));
      remember("rail", slim ? "slim" : "wide");
      charts.forEach((chart) => chart.resize());
    },
    "[data-theme-switch]": () => {
      const dark = root.dataset.theme === "dark" || (root.dataset.theme === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
      root.dataset.theme = dark ? "light" : "dark";
      remember("theme", root.dataset.theme);
      drawAll();
    },
  };
  document.addEventListener("click", (event) => {
    for (const [selector, act] of Object.entries(clicks)) {
      const node = event.target.closest(selector);
      if (node) { act(node); return; }
    }
    all("details.menu[open]").forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; });
    const row = event.target.closest("tr[data-row]");
    if (row && !event.target.closest("a,button")) row.querySelector("[data-open]")?.click();
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.key === "Escape") {
      const menu = all("details.menu[open], details.other[open]").pop();
      if (menu) { menu.open = false; menu.querySelector("summary").focus(); } else if (!closePanel() && typing(event.target)) event.target.blur();
      return;
    }
    if (typing(event.target)) return;
    if (event.key === "/") {
      const box = document.querySelector("[data-slash]");
      if (box) { event.preventDefault(); box.focus(); box.select(); }
      return;
    }
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const here = document.activeElement;
      if (here?.matches?.("[data-open]") || (here === document.body && document.querySelector("[data-open]"))) {
        event.preventDefault();
        stepRow(here, event.key === "ArrowDown" ? 1 : -1);
      }
      return;
    }
    const desk = document.getElementById("desk");
    if (!desk || event.repeat || (panel && panel.contains(event.target))) return;
    const node = desk.querySelector(`[data-key="${CSS.escape(event.key.toLowerCase())}"]`);
    if (!node) return;
    event.preventDefault();
    if (node.tagName === "DETAILS") { node.open = true; node.querySelector("select").focus(); } else node.click();
  });

  // --- Start ----------------------------------------------------------------------------------------------------
  function settle(from) {
    all("details[data-wide-open]", from).forEach((one) => { if (innerWidth >= 720) one.open = true; });
    drawAll(from);
  }
  all("table[data-columns]").forEach(chooser);
  settle(document);
  if (panel && !panel.hidden) drawAll(panel);
  root.dataset.ready = "1";
})();
