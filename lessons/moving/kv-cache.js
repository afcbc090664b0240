/**
 * kv-cache: what keys and values of one conversation take.
 *
 * Bytes are 2·L·G·K·S·n: keys and values, layers, key-value heads, head width, tokens, bytes of a number. The width of a
 * head is Llama's 128; the query heads that could share a key-value head are 32.
 */
"use strict";

Moving.add("kv-cache", (box) => {
  const K = 128;
  const CARD = 80e9; // bytes of one accelerator's memory
  const HEADS = [1, 2, 4, 8, 16, 32];
  const LENGTHS = [1, 2, 4, 8, 16, 32, 64, 128].map((thousands) => thousands * 1024);
  const BYTES = { "16 bits": 2, "8 bits": 1, "4 bits": 0.5 };
  const GIB = 2 ** 30;
  const state = { G: 8, L: 32, S: 8192, n: 2 };
  const said = Moving.said();
  const place = Moving.element("div");

  function size(G) {
    return 2 * state.L * G * K * state.S * state.n;
  }

  function words(bytes) {
    return bytes >= GIB ? `${Moving.fixed(bytes / GIB, 2)} GiB` : `${Moving.fixed(bytes / 2 ** 20, 1)} MiB`;
  }

  function update() {
    const most = Math.max(size(HEADS.at(-1)), 1);
    const svg = Moving.drawing(340, HEADS.length * 28 + 22, `cache by key-value heads; with ${state.G}: ${words(size(state.G))}`);
    svg.append(Moving.shape("text", { x: 2, y: 13, class: "quiet" }, "key-value heads"));
    HEADS.forEach((G, row) => {
      const y = 22 + row * 28;
      const width = Math.max((size(G) / most) * 200, 1);
      svg.append(
        Moving.shape("text", { x: 24, y: y + 16, "text-anchor": "end" }, String(G)),
        Moving.shape("rect", { x: 34, y, width, height: 22, rx: 2, class: G === state.G ? "one" : "one faint" }),
        Moving.shape("text", { x: 40 + width, y: y + 16, class: G === state.G ? "" : "quiet" }, words(size(G))),
      );
    });
    place.replaceChildren(svg);
    const { G, L, S, n } = state;
    const fit = Math.floor(CARD / size(G));
    said.textContent = `2 · ${L} · ${G} · ${K} · ${S.toLocaleString("en")} · ${n} bytes = ${words(size(G))}. `
      + (fit === 0 ? "Not one such conversation fits into 80 GB." : `80 GB hold ${fit.toLocaleString("en")} such, without the weights.`);
  }

  const names = Object.fromEntries(Object.keys(BYTES).map((name) => [name, name]));

  function set(name, value) {
    state[name] = value;
    update();
  }

  box.append(
    Moving.controls(
      Moving.slider({ label: "key-value heads G", min: 0, max: HEADS.length - 1, value: HEADS.indexOf(state.G), words: (at) => String(HEADS[at]) }, (at) => set("G", HEADS[at])),
      Moving.slider({ label: "layers L", min: 8, max: 128, step: 8, value: state.L }, (value) => set("L", value)),
      Moving.slider({ label: "tokens S", min: 0, max: LENGTHS.length - 1, value: LENGTHS.indexOf(state.S), words: (at) => LENGTHS[at].toLocaleString("en") }, (at) => set("S", LENGTHS[at])),
      Moving.choice("a number takes", names, "16 bits", (name) => set("n", BYTES[name])).element,
    ),
    Moving.element("p", { class: "formula-line" }, "bytes = 2 · L · G · K · S · n"),
    place,
    said,
  );
  update();
});
