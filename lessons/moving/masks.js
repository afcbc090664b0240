/**
 * masks: who may look at whom, with three tokens. To find out: which outputs a single cell of a mask can move.
 *
 * Weights are a row of the table EXPONENTIALS, cut by the mask and divided by what is left of its sum; an output is the
 * mean of VALUES by these weights. Pressing a cell switches it, and the outputs that move are marked.
 */
"use strict";

Moving.add("masks", ({ knobs, stage, said }) => {
  const VALUES = [3, 6, 9];
  const EXPONENTIALS = [[1, 2, 1], [1, 1, 2], [2, 1, 1]];
  const PREFIX = 2;
  const PRESETS = {
    encoder: () => true,
    causal: (i, j) => j <= i,
    prefix: (i, j) => j <= i || j < PREFIX,
    padded: (i, j) => j < PREFIX,
  };
  const NAMES = { encoder: "encoder", causal: "causal", prefix: `prefix of ${PREFIX}`, padded: "padded" };
  const places = VALUES.map((_, i) => i);
  let mask = preset("causal");
  let before = null;

  function preset(name) {
    return places.map((i) => places.map((j) => PRESETS[name](i, j)));
  }

  function weights(i) {
    const kept = places.map((j) => (mask[i][j] ? EXPONENTIALS[i][j] : 0));
    const sum = kept.reduce((one, other) => one + other, 0);
    return kept.map((each) => each / sum); // 0/0 where nothing is left
  }

  function output(i) {
    return weights(i).reduce((sum, weight, j) => sum + weight * VALUES[j], 0);
  }

  function shown(number) {
    return Number.isNaN(number) ? "NaN" : Moving.fixed(number, 2);
  }

  const outputs = places.map(() => Moving.element("td"));
  const cells = places.map((i) => places.map((j) => Moving.button("", () => {
    mask[i][j] = !mask[i][j];
    choice.press(Object.keys(PRESETS).find((name) => String(preset(name)) === String(mask)));
    update();
  })));
  const choice = Moving.choice("mask", NAMES, "causal", (name) => {
    mask = preset(name);
    update();
  });

  function update() {
    const now = places.map(output);
    const moved = places.filter((i) => before && shown(before[i]) !== shown(now[i]));
    places.forEach((i) => {
      weights(i).forEach((weight, j) => {
        const cell = cells[i][j];
        cell.textContent = mask[i][j] ? shown(weight) : "·";
        cell.setAttribute("aria-pressed", String(mask[i][j]));
        cell.setAttribute("aria-label", `query ${i} looks at key ${j}, weight ${mask[i][j] ? shown(weight) : "none"}`);
      });
      outputs[i].textContent = shown(now[i]);
      outputs[i].className = moved.includes(i) ? "moved" : "";
    });
    const names = moved.map((i) => `output ${i} from ${shown(before[i])} to ${shown(now[i])}`);
    const empty = places.some((i) => Number.isNaN(now[i])) ? " A row without keys is 0/0." : "";
    said.textContent = before === null ? "Press a cell: a filled one may be looked at."
      : `${names.length === 0 ? "No output has moved." : `Moved: ${names.join(", ")}.`}${empty}`;
    before = now;
  }

  const head = Moving.element("tr", {}, Moving.element("td"),
    ...places.map((j) => Moving.element("th", { scope: "col" }, `key ${j}`)), Moving.element("th", { scope: "col" }, "output"));
  const value = Moving.element("tr", {}, Moving.element("th", { scope: "row" }, "value"),
    ...VALUES.map((each) => Moving.element("td", {}, String(each))), Moving.element("td"));
  const rows = places.map((i) => Moving.element("tr", {}, Moving.element("th", { scope: "row" }, `query ${i}`),
    ...cells[i].map((cell) => Moving.element("td", {}, cell)), outputs[i]));
  knobs.append(choice.element);
  stage.append(Moving.element("table", { class: "cells" }, head, value, ...rows));
  update();
});
