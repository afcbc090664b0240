/**
 * windows: which of 24 tokens can reach the last one through a stack of layers that look back W tokens, itself included.
 *
 * What to find out: each layer brings W − 1 places, so the reach is L · (W − 1); and one layer that sees everything, at
 * any height, brings the whole text, for a cache of the whole text. This is the sum of lesson 6.
 */
"use strict";

Moving.add("windows", ({ knobs, stage, said }) => {
  const S = 24;
  const LAST = S - 1;
  const FULL = { none: () => 0, lowest: () => 1, highest: () => state.L }; // the number of the full layer
  const [LEFT, RIGHT, TOP, HEIGHT] = [62, 332, 12, 264];
  const state = { L: 3, W: 4, full: "none", back: 9 };
  const place = Moving.element("div");

  function step(layer) { // how far a token looks back in this layer
    return layer === FULL[state.full]() ? LAST : state.W - 1;
  }

  function reaches() { // how far back the last token depends on what goes into each layer; the last entry is itself
    const found = [0];
    for (let layer = state.L; layer > 0; layer -= 1) {
      found.unshift(Math.min(found[0] + step(layer), LAST));
    }
    return found;
  }

  function x(token) {
    return LEFT + (token / LAST) * (RIGHT - LEFT);
  }

  function y(level) {
    return TOP + (state.L - level) * Math.min(HEIGHT / state.L, 88);
  }

  function looks(level, reach) { // all that the tokens of this level look at, if the last one depends on them
    const tokens = Moving.whole(LAST - reach, LAST);
    const pairs = tokens.flatMap((token) => Moving.whole(Math.max(0, token - step(level)), token).map((seen) => [token, seen]));
    return Moving.shape("path", { d: pairs.map(([token, seen]) => `M${x(token).toFixed(1)} ${y(level)}L${x(seen).toFixed(1)} ${y(level - 1)}`).join(""), class: "edge" });
  }

  function way() { // of the chosen token to the last one
    const points = [];
    let rest = state.back;
    for (let level = 0; level <= state.L; level += 1) {
      points.push(`${x(LAST - rest).toFixed(1)} ${y(level)}`);
      rest -= level < state.L ? Math.min(rest, step(level + 1)) : 0;
    }
    return Moving.shape("path", { d: `M${points.join("L")}`, class: "line-two" });
  }

  function update() {
    const { L, W, back } = state;
    const full = FULL[state.full]();
    const reach = reaches();
    const floor = y(0);
    const arrives = back <= reach[0];
    const svg = Moving.drawing(340, floor + 46, `${reach[0] + 1} of ${S} tokens can reach the last one through ${L} layers`);
    Moving.whole(1, L).forEach((level) => svg.append(looks(level, reach[level])));
    if (arrives) {
      svg.append(way());
    }
    Moving.whole(0, L).forEach((level) => {
      svg.append(Moving.text(LEFT - 12, y(level) + 4.5, level === 0 ? "tokens" : `${level === full ? "full " : "layer "}${level}`, { anchor: "end", name: level > 0 && level === full ? "three" : "quiet" }));
      Moving.whole(0, LAST).forEach((token) => {
        const on = token >= LAST - reach[level];
        svg.append(Moving.shape("circle", { cx: x(token).toFixed(1), cy: y(level), r: on ? 4 : 2, class: on ? "one" : "quiet" }));
      });
    });
    svg.append(Moving.shape("circle", { cx: x(LAST - back).toFixed(1), cy: floor, r: 6, class: arrives ? "two" : "lost" }));
    [0, 5, 10, 15, 20, LAST].forEach((token) => svg.append(Moving.text(x(token), floor + 24, String(token), { anchor: "middle", name: "quiet" })));
    svg.append(Moving.text(LEFT - 12, floor + 24, "place", { anchor: "end", name: "quiet" }));
    svg.append(Moving.text(RIGHT + 6, floor + 42, "filled: token 23 can depend on it", { anchor: "end", name: "quiet" }));
    place.replaceChildren(svg);
    const kept = (full ? S : 0) + (L - (full ? 1 : 0)) * W;
    const formula = full ? `Layer ${full} sees everything, so the reach is the whole text`
      : `The reach is ${L} · (${W} − 1) = ${Moving.counted(L * (W - 1), "place")}${L * (W - 1) > LAST ? ", more than there are" : ""}`;
    said.textContent = `${formula}: token ${LAST} can depend on ${reach[0] + 1} of ${S} tokens. The one ${back} back, token ${LAST - back}, `
      + `${arrives ? "can arrive" : `is out of reach by ${Moving.counted(back - reach[0], "place")}`}. The caches keep ${kept} of ${L * S} keys.`;
  }

  function set(name, value) {
    state[name] = value;
    update();
  }

  knobs.append(
    Moving.slider({ label: "layers L", values: Moving.whole(1, 6), value: state.L }, (L) => set("L", L)),
    Moving.slider({ label: "window W", values: Moving.whole(2, 8), value: state.W }, (W) => set("W", W)),
    Moving.slider({ label: "places back to a token", values: Moving.whole(1, LAST), value: state.back }, (back) => set("back", back)),
    Moving.choice("a layer that sees everything", { none: "none", lowest: "the lowest", highest: "the highest" }, state.full, (key) => set("full", key)).element,
  );
  stage.append(place);
  update();
});
