/**
 * kv-cache: what keys and values of one conversation take. To find out: which of the four knobs bring a long text onto
 * one card, and that all of them only multiply.
 *
 * Bytes are 2·L·G·K·S·n: keys and values, layers, key-value heads, head width, tokens, bytes of a number. The width of a
 * head is Llama's 128; the query heads that could share a key-value head are 32.
 */
"use strict";

Moving.add("kv-cache", ({ knobs, stage, said }) => {
  const K = 128;
  const CARD = 80e9; // bytes of one accelerator's memory
  const HEADS = [1, 2, 4, 8, 16, 32];
  const BYTES = { "16 bits": 2, "8 bits": 1, "4 bits": 0.5 };
  const GIB = 2 ** 30;
  const [LEFT, RIGHT, FLOOR] = [34, 250, 22 + HEADS.length * 28];
  const [LOW, HIGH] = [2 ** 19, 2 ** 39]; // bytes at the ends of the bars
  const state = { G: 8, L: 32, S: 8192, n: 2 };
  const place = Moving.element("div");

  function size(G) {
    return 2 * state.L * G * K * state.S * state.n;
  }

  function words(bytes) {
    return bytes >= GIB ? `${Moving.fixed(bytes / GIB, 2)} GiB` : `${Moving.fixed(bytes / 2 ** 20, 1)} MiB`;
  }

  function x(bytes) {
    return LEFT + (Math.log(bytes / LOW) / Math.log(HIGH / LOW)) * (RIGHT - LEFT);
  }

  function update() {
    const svg = Moving.drawing(340, FLOOR + 38, `cache by key-value heads; with ${state.G}: ${words(size(state.G))}`);
    svg.append(Moving.text(2, 13, "key-value heads", { name: "quiet" }));
    HEADS.forEach((G, row) => {
      const y = 22 + row * 28;
      const chosen = G === state.G;
      svg.append(
        Moving.text(24, y + 16, String(G), { anchor: "end" }),
        Moving.shape("rect", { x: LEFT, y, width: x(size(G)) - LEFT, height: 22, rx: 2, class: chosen ? "one" : "one faint" }),
        Moving.text(338, y + 16, words(size(G)), { anchor: "end", name: chosen ? "" : "quiet" }),
      );
    });
    svg.append(
      Moving.shape("path", { d: `M${x(CARD)} 20V${FLOOR}`, class: "mark" }),
      Moving.text(x(CARD), FLOOR + 14, "80 GB", { anchor: "middle", name: "quiet" }),
      Moving.text(x(2 ** 20), FLOOR + 14, "1 MiB", { anchor: "middle", name: "quiet" }),
      Moving.text(x(GIB), FLOOR + 14, "1 GiB", { anchor: "middle", name: "quiet" }),
      Moving.text(LEFT, FLOOR + 32, "each bar: twice the bytes of the one above", { name: "quiet" }),
    );
    place.replaceChildren(svg);
    const { G, L, S, n } = state;
    const fit = Math.floor(CARD / size(G));
    said.textContent = `2 · ${L} · ${G} · ${K} · ${S.toLocaleString("en")} · ${Moving.counted(n, "byte")} = ${words(size(G))}. `
      + (fit === 0 ? "Not one such conversation fits into 80 GB." : `80 GB hold ${Moving.counted(fit, "such conversation")}, without the weights.`);
  }

  function set(name, value) {
    state[name] = value;
    update();
  }

  const names = Object.fromEntries(Object.keys(BYTES).map((name) => [name, name]));
  const lengths = Moving.whole(0, 7).map((power) => 1024 * 2 ** power);
  knobs.append(
    Moving.slider({ label: "key-value heads G", values: HEADS, value: state.G }, (value) => set("G", value)),
    Moving.slider({ label: "layers L", values: Moving.whole(1, 16).map((each) => 8 * each), value: state.L }, (value) => set("L", value)),
    Moving.slider({ label: "tokens S", values: lengths, value: state.S, words: (each) => each.toLocaleString("en") }, (value) => set("S", value)),
    Moving.choice("a number takes", names, "16 bits", (name) => set("n", BYTES[name])).element,
  );
  stage.append(Moving.element("p", { class: "formula-line" }, "bytes = 2 · L · G · K · S · n"), place);
  update();
});
