/**
 * shapes: one budget of weights, cut into more or fewer layers.
 *
 * What to find out: a layer has 12·D² weights, so it is a square whose side is the width, and all shapes cover the same
 * area. Four times as many layers are half as wide and keep twice as much of each token. A width here need not be whole.
 */
"use strict";

Moving.add("shapes", ({ knobs, stage, said }) => {
  const BUDGET = 49152;
  const [MOST, WIDTH, PIXELS] = [64, 340, 2.5]; // PIXELS: of one number of the width
  const place = Moving.element("div");

  function kept(L, D) { // of each token, a key and a value
    return 2 * L * D;
  }

  function words(number) {
    return Moving.plain(Number(number.toPrecision(4)));
  }

  function update(L) {
    const D = Math.sqrt(BUDGET / (12 * L));
    const columns = Math.ceil(Math.sqrt(L));
    const side = D * PIXELS;
    const svg = Moving.drawing(WIDTH, 194, `${L} layers of width ${words(D)}, each a square of the same width`);
    for (let layer = 0; layer < L; layer += 1) {
      const [x, y] = [(layer % columns) * side, Math.floor(layer / columns) * side];
      svg.append(Moving.shape("rect", { x: x + 0.75, y: y + 0.75, width: side - 1.5, height: side - 1.5, rx: 2, class: "one" }));
    }
    const bars = [["width D", D, 64, "one"], ["layers L", L, MOST, "two"], ["kept 2 · L · D", kept(L, D), 1024, "three"]];
    bars.forEach(([label, value, largest, name], row) => svg.append(
      Moving.text(240, 16 + 62 * row, label, { name: "quiet" }),
      Moving.shape("rect", { x: 240, y: 24 + 62 * row, width: 98 * (value / largest), height: 10, rx: 2, class: name }),
      Moving.text(240, 50 + 62 * row, words(value)),
    ));
    place.replaceChildren(svg);
    const equals = Number.isInteger(D) ? "=" : "≈";
    const more = L === 1 ? "" : `, ${Number(Math.sqrt(L).toPrecision(3))} times as many as with one layer`;
    said.textContent = `12 · ${L} · ${words(D)}² ${equals} 49,152 weights, as always. D / L is ${Number((D / L).toPrecision(3))}. `
      + `Of each token 2 · ${L} · ${words(D)} ${equals} ${words(kept(L, D))} numbers are kept${more}.`;
  }

  knobs.append(Moving.slider({ label: "layers L", values: Moving.whole(1, MOST), value: 4 }, update));
  stage.append(place);
  update(4);
});
