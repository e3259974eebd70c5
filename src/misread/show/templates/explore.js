"use strict";
(() => {
  const data = JSON.parse(document.getElementById("explore-data").textContent);
  const $ = (name) => document.getElementById("explore-" + name);
  const names = data.classes, arms = Object.keys(data.arms), tile = data.tile;
  const sprite = $("sprite").src, scale = Math.max(1, Math.round(56 / tile.height));
  const state = { arm: arms[arms.length - 1], against: arms[0], cell: data.target.join("-"),
    sort: "often", filter: "all", image: "" };

  const make = (tag, text = "", parent = null) => {
    const it = document.createElement(tag);
    it.textContent = text;
    if (parent) parent.append(it);
    return it;
  };
  const misses = (arm, i, j) => data.arms[arm].as[i].filter((k) => k === j).length;
  const sure = (arm, i, s) => data.arms[arm].sure ? data.arms[arm].sure[i][s] : null;
  const wrong = (arm, i) => data.arms[arm].as[i].filter((k) => k !== data.labels[i]).length;
  const share = (arm, count) => count / data.arms[arm].seeds.length;
  const cell = () => state.cell.split("-").map(Number);

  const picture = (i, zoom, parent) => {
    const it = make("span", "", parent);
    const down = Math.floor(i / tile.across), across = i % tile.across;
    it.className = "tile";
    it.setAttribute("role", "img");
    it.setAttribute("aria-label", `test image ${data.ids[i]}, ${names[data.labels[i]]}`);
    Object.assign(it.style, { width: `${tile.width * zoom}px`, height: `${tile.height * zoom}px`,
      backgroundImage: `url(${sprite})`, backgroundSize: `${tile.across * tile.width * zoom}px auto`,
      backgroundPosition: `-${across * tile.width * zoom}px -${down * tile.height * zoom}px` });
    return it;
  };

  const matrix = () => {
    const table = $("matrix"), size = names.length;
    table.replaceChildren();
    make("caption", `${state.arm}: images a seed, read (column) of true (row)` +
      (state.arm === state.against ? "" : `; in brackets, less ${state.against}`), table);
    if (size > 40) return make("caption", "Too many classes for a table: the target is shown.", table);
    const head = make("tr", "", make("thead", "", table));
    make("th", "true", head);
    names.forEach((name) => { make("th", name, head).scope = "col"; });
    const counts = {};
    data.labels.forEach((label, i) => [state.arm, state.against].forEach((arm) =>
      data.arms[arm].as[i].forEach((read) => {
        const key = `${arm} ${label}-${read}`;
        counts[key] = (counts[key] || 0) + 1 / data.arms[arm].seeds.length;
      })));
    const body = make("tbody", "", table);
    names.forEach((name, label) => {
      const row = make("tr", "", body);
      make("th", name, row).scope = "row";
      names.forEach((_, read) => {
        const at = make("td", "", row), after = counts[`${state.arm} ${label}-${read}`] || 0;
        const before = counts[`${state.against} ${label}-${read}`] || 0;
        if (label === read || !(after || before)) return;
        const change = Math.abs(after - before) < 0.05 ? "" : ` (${after >= before ? "+" : "−"}${Math.abs(after - before).toFixed(1)})`;
        const button = make("button", after.toFixed(1) + change, at);
        button.type = "button";
        button.setAttribute("aria-pressed", String(state.cell === `${label}-${read}`));
        button.setAttribute("aria-label", `${name} read as ${names[read]}: ${after.toFixed(1)} images a seed`);
        button.onclick = () => go({ cell: `${label}-${read}`, image: "" });
      });
    });
  };

  const images = () => {
    const [label, read] = cell(), { arm, against } = state;
    const surely = (i) => Math.max(0, ...data.arms[arm].as[i].map((k, s) => k === read ? sure(arm, i, s) || 0 : 0));
    const change = (i) => share(arm, wrong(arm, i)) - share(against, wrong(against, i));
    const keys = { often: (i) => -share(arm, misses(arm, i, read)), sure: (i) => -surely(i),
      changed: (i) => -Math.abs(change(i)), id: (i) => data.ids[i] };
    const keep = { all: () => true, broken: (i) => change(i) > 0, mended: (i) => change(i) < 0,
      disputed: (i) => data.disputed && data.disputed[i] };
    const found = data.labels.map((_, i) => i).filter((i) => data.labels[i] === label &&
      (misses(arm, i, read) || misses(against, i, read)) && keep[state.filter](i));
    found.sort((a, b) => keys[state.sort](a) - keys[state.sort](b) || a - b);
    $("status").textContent = `${found.length} images of ${names[label]} read as ${names[read]} by ${arm} or ${against}.`;
    $("images").replaceChildren();
    found.forEach((i) => {
      const button = make("button", "", $("images"));
      button.type = "button";
      button.className = "image";
      button.setAttribute("aria-pressed", String(state.image === String(data.ids[i])));
      picture(i, scale, button);
      make("span", `${misses(against, i, read)} → ${misses(arm, i, read)}`, button);
      button.onclick = () => go({ image: String(data.ids[i]) });
    });
  };

  const one = () => {
    $("one").replaceChildren();
    const i = data.ids.indexOf(Number(state.image));
    if (state.image === "" || i < 0) return;
    make("h3", `Test image ${data.ids[i]}: a ${names[data.labels[i]]}`, $("one"));
    picture(i, scale * 2, $("one"));
    const about = [data.groups ? `${data.group || "group"} ${data.groups[i]}` : "",
      data.disputed && data.disputed[i] ? "its label is disputed" : ""].filter(Boolean);
    if (about.length) make("p", about.join("; "), $("one"));
    const table = make("table", "", $("one"));
    make("caption", "What each seed reads, and how surely", table);
    const seeds = data.arms[state.against].seeds, head = make("tr", "", make("thead", "", table));
    make("th", "arm", head);
    seeds.forEach((seed) => { make("th", seed, head).scope = "col"; });
    const body = make("tbody", "", table);
    arms.forEach((arm) => {
      const row = make("tr", "", body);
      make("th", arm, row).scope = "row";
      data.arms[arm].as[i].forEach((read, s) => {
        const percent = sure(arm, i, s);
        const at = make("td", names[read] + (percent === null ? "" : ` ${percent}%`), row);
        if (read !== data.labels[i]) at.className = "is-harmed";
      });
    });
  };

  const draw = () => { matrix(); images(); one(); };
  const go = (change) => {
    Object.assign(state, change);
    const parts = Object.entries(state).filter(([, value]) => value !== "");
    history.replaceState(null, "", "#" + new URLSearchParams(parts).toString());
    draw();
  };
  const pick = (id, key, values) => {
    const select = $(id);
    values.forEach((value) => { make("option", value, select).value = value; });
    select.onchange = () => go({ [key]: select.value, image: key === "arm" ? state.image : "" });
  };
  const load = () => {
    const said = new URLSearchParams(location.hash.slice(1));
    const known = { arm: arms, against: arms, sort: ["often", "sure", "changed", "id"],
      filter: ["all", "broken", "mended", "disputed"] };
    for (const [key, value] of said) {
      if (known[key] ? known[key].includes(value) : key === "cell" ? /^\d+-\d+$/.test(value) &&
          value.split("-").every((k) => Number(k) < names.length) : key === "image") state[key] = value;
    }
    for (const key of Object.keys(known)) $(key).value = state[key];
    draw();
  };
  pick("arm", "arm", arms);
  pick("against", "against", arms);
  pick("sort", "sort", []);
  pick("filter", "filter", []);
  addEventListener("hashchange", load);
  document.getElementById("explorer").hidden = false;
  load();
})();
