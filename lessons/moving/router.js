/**
 * router: tokens fall into the buffers of their experts, and those that find one full are dropped. To find out: which
 * factor keeps all choices of an unbalanced router, and how many places then stay empty.
 *
 * Each expert has ceil(T·k·c/E) places. They are given in GShard's order: all first choices in the order of the
 * tokens, then all second choices. The logits lean to expert 0, as those of an untrained router may.
 */
"use strict";

Moving.add("router", ({ knobs, stage, said }) => {
  const T = 8;
  const E = 4;
  const SLOT = 30;
  const WIDTH = 320;
  const LEANING = [0.9, 0.4, 0, -0.3]; // added to the logits of each expert
  const experts = LEANING.map((_, e) => e);
  const drawn = Moving.chance(7);
  const logits = Array.from({ length: T }, () => LEANING.map((lean) => lean + 2 * (drawn() - 0.5)));
  const choices = logits.map((row) => [...experts].sort((one, other) => row[other] - row[one]));
  let k = 2;
  let factor = 1;

  function route() {
    const capacity = Math.ceil((T * k * factor) / E);
    const buffers = experts.map(() => []);
    const lost = experts.map(() => []);
    for (let rank = 0; rank < k; rank += 1) {
      choices.forEach((row, token) => {
        const expert = row[rank];
        (buffers[expert].length < capacity ? buffers : lost)[expert].push({ token, rank });
      });
    }
    return { capacity, buffers, lost };
  }

  const place = Moving.element("div");

  function chip(x, y, { token, rank }, name) {
    const number = Moving.text(x + 29, y + 18, `${token}${"′".repeat(rank)}`, { anchor: "middle", name: name === "lost" ? "" : "on" });
    return [Moving.shape("rect", { x, y, width: 58, height: SLOT - 5, rx: 4, class: name }), number];
  }

  function update() {
    const { capacity, buffers, lost } = route();
    const deepest = Math.max(...lost.map((each) => each.length));
    const floor = 30 + capacity * SLOT;
    const height = floor + 14 + (deepest ? 22 + deepest * SLOT : 0);
    const dropped = lost.flat().length;
    const words = `${capacity} places in each of ${E} experts; ${dropped} of ${T * k} choices are dropped`;
    const svg = Moving.drawing(WIDTH, height, words);
    experts.forEach((e) => {
      const x = 10 + e * 80;
      svg.append(Moving.text(x + 29, 18, `expert ${e}`, { anchor: "middle", name: "quiet" }));
      for (let slot = 0; slot < capacity; slot += 1) {
        svg.append(Moving.shape("rect", { x, y: 28 + slot * SLOT, width: 58, height: SLOT - 5, rx: 4, class: "slot" }));
      }
      buffers[e].forEach((each, slot) => svg.append(...chip(x, 28 + slot * SLOT, each, each.rank === 0 ? "one" : "three")));
      lost[e].forEach((each, slot) => svg.append(...chip(x, floor + 30 + slot * SLOT, each, "lost")));
    });
    svg.append(Moving.shape("path", { d: `M4 ${floor + 4}H${WIDTH - 4}`, class: "axis" }));
    if (deepest) {
      svg.append(Moving.text(10, floor + 22, "dropped", { name: "quiet" }));
    }
    place.replaceChildren(svg);
    const none = choices.map((row, token) => token).filter((token) => !buffers.flat().some((each) => each.token === token));
    const idle = capacity * E - buffers.flat().length;
    said.textContent = `capacity ⌈${T} · ${k} · ${factor} / ${E}⌉ = ${Moving.counted(capacity, "place")}. ${dropped} of ${T * k} choices ${dropped === 1 ? "is" : "are"} dropped, `
      + `and ${none.length || "no"} ${none.length === 1 ? "token loses" : "tokens lose"} every choice; ${idle} of ${capacity * E} places ${idle === 1 ? "stays" : "stay"} empty.`;
  }

  knobs.append(
    Moving.slider({ label: "capacity factor c", values: Moving.whole(2, 8).map((each) => each / 4), value: factor }, (value) => { factor = value; update(); }),
    Moving.slider({ label: "experts of a token k", values: [1, 2, 3], value: k }, (value) => { k = value; update(); }),
  );
  stage.append(place);
  update();
});
