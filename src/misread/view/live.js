"use strict";
/* The live part of a page: a place to draw, a photo, and flags. Text from data is only ever text. */
(() => {
  const data = JSON.parse(document.getElementById("live-data").textContent);
  const $ = (name) => document.getElementById("live-" + name);
  const ask = async (address, options) => {
    let answer, said;
    try {
      answer = await fetch(address, options);
      said = await answer.json();
    } catch {
      throw new Error("misread view has ended; start it again.");
    }
    if (!answer.ok) throw new Error(said.error);
    return said;
  };

  // --- drawings and photos -----------------------------------------------------------------------
  const canvas = $("canvas"), pen = canvas.getContext("2d");
  let asked = 0, waiting = 0, drawn = false;
  const clear = () => {
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    Object.assign(pen, { lineWidth: 22, lineCap: "round", lineJoin: "round", strokeStyle: "#000" });
    drawn = false;
    asked += 1;
    clearTimeout(waiting);
    $("digits").replaceChildren();
    $("status").textContent = "";
  };
  const read = async (kind, content) => {
    const mine = asked += 1, arms = new Set([$("first").value, $("second").value]);
    const query = new URLSearchParams([["kind", kind], ...[...arms].map((arm) => ["arm", arm])]);
    $("status").textContent = "Reading; the first time the models are loaded …";
    let digits = [];
    try {
      digits = await ask(`/read?${query}`, { method: "POST", body: content });
      if (mine !== asked) return;
      $("status").textContent = digits.length === 1 ? "One digit:" : `${digits.length} digits:`;
    } catch (error) {
      if (mine === asked) $("status").textContent = error.message;
    }
    if (mine === asked) $("digits").replaceChildren(...digits.map(digit));
  };
  const digit = (it, n) => {
    const block = make("div", "", null, { class: "digit" });
    make("img", "", block, { src: it.picture, alt: `Digit ${n + 1} as the models see it` });
    const box = make("div", "", block, { class: "scroll", tabindex: "0", role: "region", "aria-label": `Readings of digit ${n + 1}` });
    const table = make("table", "", box);
    make("caption", "what each seed reads, and how surely", table);
    const seeds = [...new Set(it.arms.flatMap((arm) => arm.seeds))];
    const head = make("tr", "", make("thead", "", table)), body = make("tbody", "", table);
    make("th", "arm", head, { scope: "col" });
    seeds.forEach((seed) => make("th", seed, head, { scope: "col" }));
    it.arms.forEach((arm) => {
      const row = make("tr", "", body);
      make("th", arm.name, row, { scope: "row" });
      seeds.forEach((seed) => {
        const s = arm.seeds.indexOf(seed);
        const field = make("td", s < 0 ? "–" : `${arm.read[s]} ${arm.sure[s]}%`, row);
        if (s >= 0 && arm.sure[s] < 90) field.className = "unsure";
      });
    });
    return block;
  };
  const send = () => drawn && canvas.toBlob((blob) => read("drawing", blob), "image/png");
  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    return [(event.clientX - box.left) * canvas.width / box.width, (event.clientY - box.top) * canvas.height / box.height];
  };
  canvas.onpointerdown = (event) => {
    if (event.button) return;
    canvas.setPointerCapture(event.pointerId);
    clearTimeout(waiting);
    drawn = true;
    pen.beginPath();
    pen.moveTo(...at(event));
    pen.lineTo(...at(event));
    pen.stroke();
  };
  canvas.onpointermove = (event) => {
    if (!canvas.hasPointerCapture(event.pointerId)) return;
    pen.lineTo(...at(event));
    pen.stroke();
  };
  canvas.onpointerup = () => { waiting = setTimeout(send, 400); };
  const photo = (file) => { if (file) { clear(); read("photo", file); } };
  $("clear").onclick = () => { clear(); $("photo").value = ""; };
  $("photo").onchange = () => photo($("photo").files[0]);
  for (const kind of ["dragover", "dragleave", "drop"]) {
    $("place").addEventListener(kind, (event) => {
      event.preventDefault();
      $("place").classList.toggle("over", kind === "dragover");
      if (kind === "drop") photo(event.dataTransfer.files[0]);
    });
  }
  ["first", "second"].forEach((which, n) => {
    data.arms.forEach((arm) => make("option", arm, $(which), { value: arm }));
    if (n) $(which).value = data.arms[1] || data.arms[0] || "";
    $(which).onchange = () => $("photo").files[0] ? read("photo", $("photo").files[0]) : send();
  });
  $("read").hidden = !data.arms.length;
  $("why").hidden = !data.why;
  $("why").textContent = data.why;
  clear();

  // --- flags -------------------------------------------------------------------------------------
  let flags = {};
  const flagged = (said) => {
    flags = said;
    const n = Object.keys(flags).length;
    $("flags").textContent = n ? `${n} ${n === 1 ? "label is" : "labels are"} answered, in ${data.flags}; misread judge --answers takes it.` :
      `Open an image below to say what you think of its label; answers are written to ${data.flags}.`;
    document.querySelectorAll("button[data-image]").forEach((it) => {
      it.dataset.answer = flags[it.dataset.image] || "";
    });
    document.querySelectorAll(".flags button").forEach((it) => it.setAttribute("aria-pressed",
      String(flags[it.parentElement.dataset.name] === it.value)));
  };
  const flag = (name, answer) => ask("/flags", { method: "POST",
    body: JSON.stringify({ id: name, answer: flags[name] === answer ? "" : answer }) })
    .then(flagged, (error) => document.querySelectorAll(".flags").forEach((row) =>
      make("span", error.message, row, { role: "alert" })));
  const update = () => ask("/flags").then(flagged, (error) => { $("flags").textContent = error.message; });
  if (data.flags) {
    $("flags").hidden = false;
    document.addEventListener("explore-drawn", ({ detail: { name, at } }) => {
      if (!name) return flagged(flags);
      const row = make("p", "Its label: ", null, { class: "flags controls", "data-name": name });
      for (const answer of ["keep", "wrong", "unclear"]) {
        make("button", answer, row, { type: "button", value: answer }).onclick = () => flag(name, answer);
      }
      at.querySelector("h3").after(row);
      flagged(flags);
    });
    addEventListener("focus", update);
    update();
  }
})();
