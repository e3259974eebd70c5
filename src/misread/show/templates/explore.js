"use strict";
/* The explorable part of a page. Others may rely on:
 *   #explore                     the section; #explore-data its data, as JSON
 *   #cell=4-9&arm=both           a link to a state; keys: part (name of a slice), arm, against
 *                                ("" for none), seeds (a,b), cell (true-predicted, by number, or
 *                                "all"), sort, filter, group, image (its id)
 *   button[data-cell="4-9"]      a cell of the matrix; button[data-image="ID"] an image
 *   explore-drawn                an event of document after each change; its detail: `name`, the id of
 *                                the open image in full ("" where none is), and `at`, its place
 * Text from data is only ever set as text. */
(() => {
  const data = JSON.parse(document.getElementById("explore-data").textContent);
  const $ = (name) => document.getElementById("explore-" + name);
  const names = data.classes, arms = data.arms, tile = data.tile, small = names.length <= 20;
  const scale = Math.max(1, Math.round(56 / tile.height)), treated = Math.min(1, arms.length - 1);
  const start = { part: "", arm: arms[treated].name, against: treated ? arms[0].name : "", seeds: "",
    cell: data.target ? data.target.join("-") : "all", sort: "often", filter: "all", group: "",
    image: "" };
  const state = { ...start };
  let most = 120, mostCells = 60, search = "";

  const button = (text, parent, about, onclick) => {
    const it = make("button", text, parent, { type: "button", ...about });
    it.onclick = onclick;
    return it;
  };
  const number = (value) => value.toFixed(1).replace("-", "−");
  const signed = (value) => (value > 0 ? "+" : "") + number(value);
  const count = (n, noun) => `${n.toLocaleString("en")} ${noun}${n === 1 ? "" : "s"}`;
  const place = (arm) => arms.findIndex((it) => it.name === arm);
  const part = () => data.parts.find((it) => it.name === state.part);
  const rowsOf = (a) => {
    const chosen = state.seeds === "" ? null : state.seeds.split(",");
    return arms[a].seeds.map((_, s) => s).filter((s) => !chosen || chosen.includes(arms[a].seeds[s]));
  };
  const readings = (it, a, i) => rowsOf(a).map((s) => it.as[a][i][s]).filter((k) => k >= 0);
  const share = (it, a, i, is) => {
    const read = a < 0 ? [] : readings(it, a, i);
    return read.length ? read.filter(is).length / read.length : 0;
  };
  const called = (i, j) => `${names[i]} read as ${names[j]}`;
  const held = (a, i, j) => a >= 0 && state.part === "" && state.against === arms[0].name &&
    state.seeds === "" && data.held[a].some(([k, l]) => k === i && l === j);

  const picture = (number, zoom, parent, label) => {
    const it = make("span", "", parent, { class: "tile",
      ...(label ? { role: "img", "aria-label": label } : { "aria-hidden": "true" }) });
    const down = Math.floor(number / tile.across), across = number % tile.across;
    Object.assign(it.style, { width: `${tile.width * zoom}px`, height: `${tile.height * zoom}px`,
      backgroundSize: `${tile.across * tile.width * zoom}px auto`,
      backgroundPosition: `-${across * tile.width * zoom}px -${down * tile.height * zoom}px` });
    return it;
  };

  // --- the matrix, or the list of the largest confusions --------------------------------------
  const means = (it, a) => it.counts[a].map((seeds) => {
    const rows = a < 0 ? [] : rowsOf(a);
    return seeds === 0 || !rows.length ? 0 : rows.reduce((sum, s) => sum + seeds[s], 0) / rows.length;
  });
  const cellButton = (parent, i, j, after, before, widest) => {
    const a = place(state.arm), alone = state.against === "" || state.against === state.arm;
    const value = alone ? after : after - before, holds = held(a, i, j);
    const about = { "data-cell": `${i}-${j}`, "aria-pressed": String(state.cell === `${i}-${j}`),
      "aria-label": `${called(i, j)}: ${number(after)} images a seed` + (alone ? "" :
        `, ${state.against} ${number(before)}`) + (holds ? "; the change holds up" : "") };
    about.title = about["aria-label"];
    const it = button(alone ? number(value) : signed(value), parent, about,
      () => go({ cell: `${i}-${j}`, image: "" }));
    it.className = holds ? "holds" : "";
    it.style.setProperty("--shade", `${Math.round(55 * Math.sqrt(Math.abs(value) / widest))}%`);
    it.style.setProperty("--tint", value < 0 ? "var(--fewer)" : "var(--more)");
    return it;
  };
  const matrix = () => {
    const table = $("matrix"), it = part(), a = place(state.arm), b = place(state.against);
    const after = means(it, a), before = b < 0 ? after.map(() => 0) : means(it, b);
    const alone = b < 0 || a === b;
    const values = after.map((value, c) => Math.abs(alone ? value : value - before[c]));
    const widest = Math.max(0.1, ...values);
    table.replaceChildren();
    const what = alone ? `${state.arm}: images a seed` : `${state.arm} less ${state.against}: images a seed`;
    make("caption", `${what}${state.part ? `, ${state.part}` : ""}` +
      (small ? "; true class down, read as across" : ""), table, { id: "explore-caption" });
    const marked = a >= 0 && it.cells.filter(([i, j]) => held(a, i, j)).length;
    $("key").textContent = (alone ? "" : `Orange: more than ${state.against}; blue: fewer. ` +
      (state.against === arms[0].name && state.part === "" && state.seeds === "" ? (marked ?
        "Framed: the change holds up over all confusions (exploratory); the others may be chance." :
        "No change holds up over all confusions: all of them may be chance.") : "")) +
      (it.cells_left_out ? ` ${count(it.cells_left_out, "smaller confusion")} left out.` : "");
    if (!small) return list(table, it, after, before, values, widest, alone);
    const at = new Map(it.cells.map(([i, j], c) => [`${i}-${j}`, c]));
    const head = make("tr", "", make("thead", "", table));
    make("td", "", head);
    names.forEach((name) => make("th", name, head, { scope: "col" }));
    const body = make("tbody", "", table);
    names.forEach((name, i) => {
      const row = make("tr", "", body), wrong = it.cells.reduce((sum, [k], c) => sum + (k === i ? after[c] : 0), 0);
      make("th", name, row, { scope: "row" });
      names.forEach((_, j) => {
        const field = make("td", "", row), c = at.get(`${i}-${j}`);
        if (i === j) {
          field.className = "right";
          field.textContent = it.sizes[i] ? `${(100 - 100 * wrong / it.sizes[i]).toFixed(1)}%` : "";
        } else if (c !== undefined && (after[c] || before[c] || state.cell === `${i}-${j}`)) {
          cellButton(field, i, j, after[c], before[c], widest);
        }
      });
    });
  };
  const list = (table, it, after, before, values, widest, alone) => {
    const words = search.toLowerCase();
    const found = it.cells.map((_, c) => c).filter((c) => (after[c] || before[c]) &&
      it.cells[c].some((k) => names[k].toLowerCase().includes(words)));
    found.sort((c, d) => values[d] - values[c] || c - d);
    const head = make("tr", "", make("thead", "", table));
    ["true", "read as", ...(alone ? [state.arm] : [state.against, state.arm, "change"])]
      .forEach((text) => make("th", text, head, { scope: "col" }));
    const body = make("tbody", "", table);
    found.slice(0, mostCells).forEach((c) => {
      const [i, j] = it.cells[c], row = make("tr", "", body);
      make("th", names[i], row, { scope: "row" });
      make("td", names[j], row);
      if (!alone) [before[c], after[c]].forEach((value) => make("td", number(value), row));
      cellButton(make("td", "", row), i, j, after[c], before[c], widest);
    });
    if (found.length > mostCells) {
      const field = make("td", "", make("tr", "", body), { colspan: "5" });
      button(`Show more of ${count(found.length, "confusion")}`, field, {},
        () => { mostCells *= 4; draw(); });
    }
  };

  // --- the images of a cell ---------------------------------------------------------------------
  const images = () => {
    const it = part(), a = place(state.arm), b = place(state.against);
    const [label, read] = state.cell === "all" ? [-1, -1] : state.cell.split("-").map(Number);
    const hit = (i) => (k) => read < 0 ? k !== it.labels[i] : k === read;
    const times = (arm, i) => arm < 0 ? 0 : readings(it, arm, i).filter(hit(i)).length;
    const surely = (i) => Math.max(0, ...rowsOf(a).map((s) =>
      it.sure[a] && it.as[a][i][s] >= 0 && hit(i)(it.as[a][i][s]) ? it.sure[a][i][s] : 0));
    const change = (i) => share(it, a, i, hit(i)) - share(it, b, i, hit(i));
    const keys = { often: (i) => -share(it, a, i, hit(i)), sure: (i) => -surely(i),
      changed: (i) => -Math.abs(change(i)), id: () => 0 };
    const keep = { all: () => true, broken: (i) => change(i) > 0, mended: (i) => change(i) < 0,
      disputed: (i) => it.disputed && it.disputed[i] };
    const found = it.labels.map((_, i) => i).filter((i) => (label < 0 || it.labels[i] === label) &&
      (times(a, i) || times(b, i)) && keep[state.filter](i) &&
      (state.group === "" || String(it.groups && it.groups[i]) === state.group));
    const key = new Map(found.map((i) => [i, keys[state.sort](i)]));
    found.sort((i, j) => key.get(i) - key.get(j) || i - j);
    const who = b < 0 || a === b ? state.arm : `${state.arm} or ${state.against}`;
    $("status").textContent = `${count(found.length, "image")}: ` +
      `${label < 0 ? "misread" : called(label, read)} by ${who}. Below each: seeds that misread it` +
      (b < 0 || a === b ? "." : `, ${state.against} → ${state.arm}.`);
    $("ungroup").hidden = state.group === "";
    $("ungroup").textContent = `${data.group} ${state.group} ✕`;
    $("images").replaceChildren();
    found.slice(0, most).forEach((i) => {
      const id = String(it.ids[i]), numbers = b < 0 || a === b ? `${times(a, i)}` : `${times(b, i)} → ${times(a, i)}`;
      const label = `Image ${id}, ${names[it.labels[i]]}, misread by ${numbers} seeds`;
      const one = button("", $("images"), { class: "image", "data-image": id, title: id,
        "aria-label": label, "aria-pressed": String(state.image === id) }, () => {
        go({ image: id });
        $("one").scrollIntoView({ block: "nearest" });
      });
      if (it.tile === null) make("span", id, one);
      else picture(it.tile + i, scale, one, "");
      make("span", numbers, one);
    });
    if (found.length > most) {
      button(`Show more of ${found.length}`, $("images"), {}, () => { most *= 4; draw(); });
    }
  };

  // --- one image: as it is and under each operation, by every seed of every arm -----------------
  const one = () => {
    const at = $("one"), here = part(), i = here.ids.findIndex((id) => String(id) === state.image);
    at.replaceChildren();
    if (state.image === "" || i < 0) return;
    make("h3", `Image ${here.ids[i]}: ${names[here.labels[i]]}`, at);
    const facts = make("p", "", at);
    if (here.groups) {
      facts.append(`${data.group} `);
      button(String(here.groups[i]), facts, { title: `All images of this ${data.group}` },
        () => go({ group: String(here.groups[i]), cell: "all", image: "" }));
    }
    if (here.disputed && here.disputed[i]) facts.append(" Its label is disputed.");
    data.parts.forEach((it) => {
      const k = it.ids.findIndex((id) => String(id) === state.image);
      if (k < 0) return;
      const block = make("div", "", at, { class: "reading" }), title = it.name || "as it is";
      if (it.tile !== null) picture(it.tile + k, scale * 2, block, `${names[it.labels[k]]}, ${title}`);
      const box = make("div", "", block, { class: "scroll", tabindex: "0", role: "region", "aria-label": `Readings, ${title}` });
      seedTable(make("table", "", box), it, k, title);
    });
    const m = data.maps.ids.indexOf(state.image);
    if (m < 0) return;
    make("h4", `What speaks for ${names[data.target[0]]} (blue) and for ${names[data.target[1]]} (orange)`, at);
    const row = make("div", "", at, { class: "maps" });
    for (const [arm, first] of Object.entries(data.maps.arms)) {
      const figure = make("figure", "", row);
      picture(first + m, scale * 2, figure, `Map of ${arm}`);
      make("figcaption", arm, figure);
    }
  };
  const seedTable = (table, it, i, title) => {
    make("caption", `${title}: what each seed reads${it.sure.some(Boolean) ? ", and how surely" : ""}`, table);
    const seeds = [...new Set(arms.flatMap((arm, a) => rowsOf(a).map((s) => arm.seeds[s])))];
    const head = make("tr", "", make("thead", "", table));
    make("th", "arm", head, { scope: "col" });
    seeds.forEach((seed) => make("th", seed, head, { scope: "col" }));
    const body = make("tbody", "", table);
    arms.forEach((arm, a) => {
      const row = make("tr", "", body);
      make("th", arm.name, row, { scope: "row" });
      seeds.forEach((seed) => {
        const s = arm.seeds.indexOf(seed), read = s < 0 ? -1 : it.as[a][i][s];
        const sure = it.sure[a] && read >= 0 ? ` ${it.sure[a][i][s]}%` : "";
        const field = make("td", read < 0 ? "–" : names[read] + sure, row);
        if (read >= 0 && read !== it.labels[i]) field.className = "is-harmed";
      });
    });
  };

  // --- state ------------------------------------------------------------------------------------
  const draw = () => {
    const focus = document.activeElement, has = focus && focus.dataset;
    const again = has && (has.cell ? `[data-cell="${has.cell}"]` : has.image &&
      `[data-image="${CSS.escape(has.image)}"]`);
    for (const key of ["part", "arm", "against", "sort", "filter"]) $(key).value = state[key];
    const all = [...$("seeds").querySelectorAll("input")], chosen = state.seeds.split(",");
    all.forEach((it) => { it.checked = state.seeds === "" || chosen.includes(it.value); });
    $("chosen").textContent = state.seeds === "" ? `all ${all.length}` : chosen.join(", ");
    matrix(); images(); one();
    const it = part(), i = it.ids.findIndex((id) => String(id) === state.image);
    document.dispatchEvent(new CustomEvent("explore-drawn", { detail: { at: $("one"),
      name: i < 0 ? "" : it.names ? it.names[i] : state.image } }));
    if (again && document.getElementById("explorer").querySelector(again)) {
      document.getElementById("explorer").querySelector(again).focus({ preventScroll: true });
    }
  };
  const go = (change) => {
    Object.assign(state, change);
    const said = Object.entries(state).filter(([key, value]) => value !== start[key]);
    const hash = said.length ? "#" + new URLSearchParams(said) : "#explore";
    if (hash !== location.hash) history.pushState(null, "", hash);
    draw();
  };
  const pick = (id, values) => {
    values.forEach(([value, text]) => make("option", text, $(id), { value }));
    $(id).onchange = () => go({ [id]: $(id).value, ...(id === "part" ? { image: "" } : {}) });
  };
  const known = { part: data.parts.map((it) => it.name), arm: arms.map((it) => it.name),
    against: ["", ...arms.map((it) => it.name)], sort: ["often", "sure", "changed", "id"],
    filter: ["all", "broken", "mended", "disputed"] };
  const seeds = [...new Set(arms.flatMap((arm) => arm.seeds))];
  const allowed = (key, value) => known[key] ? known[key].includes(value) : key === "cell" ?
    value === "all" || (/^\d+-\d+$/.test(value) && value.split("-").every((k) => k < names.length)) :
    key === "seeds" ? value.split(",").some((seed) => seeds.includes(seed)) : key in start;
  const load = () => {
    const said = [...new URLSearchParams(location.hash.slice(1))].filter(([key, value]) => allowed(key, value));
    Object.assign(state, start, Object.fromEntries(said));
    draw();
    const section = document.getElementById("explore"), box = section.getBoundingClientRect();
    if (said.length && (box.top > innerHeight || box.bottom < 0)) section.scrollIntoView();
  };
  pick("part", data.parts.map((it) => [it.name, it.name || "as they are"]));
  $("part").parentElement.hidden = data.parts.length === 1;
  pick("arm", arms.map((it) => [it.name, it.name]));
  pick("against", [["", "nothing: alone"], ...arms.map((it) => [it.name, it.name])]);
  $("against").parentElement.hidden = arms.length === 1;
  pick("sort", []);
  pick("filter", []);
  if (!data.parts[0].disputed) $("filter").querySelector("[value=disputed]").disabled = true;
  seeds.forEach((seed) => {
    const label = make("label", "", $("seeds"));
    const box = make("input", "", label, { type: "checkbox", value: seed });
    label.append(` ${seed}`);
    box.onchange = () => {
      const on = [...$("seeds").querySelectorAll("input:checked")].map((it) => it.value);
      if (on.length) go({ seeds: on.length === seeds.length ? "" : on.join(",") });
      else draw();
    };
  });
  $("choose").hidden = seeds.length < 2;
  $("find").hidden = small;
  $("search").oninput = () => { search = $("search").value; mostCells = 60; matrix(); };
  $("all").onclick = () => go({ cell: "all", image: "" });
  $("ungroup").onclick = () => go({ group: "" });
  $("matrix").onkeydown = (event) => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    const from = event.target.closest("td");
    if (!step || !from) return;
    event.preventDefault();
    const rows = [...$("matrix").tBodies[0].rows];
    let x = from.cellIndex, y = rows.indexOf(from.parentElement);
    for (;;) {
      x += step[0]; y += step[1];
      const field = rows[y] && rows[y].cells[x];
      if (!field) return;
      const next = field.querySelector("button");
      if (next) return next.focus();
    }
  };
  addEventListener("hashchange", load);
  document.getElementById("explorer").hidden = false;
  load();
})();
