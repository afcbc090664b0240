/**
 * hybrid: what Jamba's 32 layers keep of one text, by how many of them attend.
 *
 * What to find out: for short texts the states are the larger part, and from some length on the caches are nearly all,
 * even with one attention layer. Cache: 2·G·K·T numbers a layer; state: channels·(N + W); 2 bytes each.
 */
"use strict";

Moving.add("hybrid", (box) => {
  const [LAYERS, G, K, CHANNELS, N, W, BYTES] = [32, 8, 128, 8192, 16, 4, 2];
  const TOKEN = 2 * G * K * BYTES; // of one attention layer
  const STATE = CHANNELS * (N + W) * BYTES; // of one Mamba layer
  const [WIDTH, TOP, BOTTOM, LEFT] = [340, 30, 232, 62];
  const [SHORT, LONG] = [4, 20]; // lengths are powers of 2
  const TICKS = { "64 KiB": 2 ** 16, "1 MiB": 2 ** 20, "16 MiB": 2 ** 24, "256 MiB": 2 ** 28, "4 GiB": 2 ** 32, "64 GiB": 2 ** 36 };
  const [LOW, HIGH] = [2 ** 15, 2 ** 37.5];
  const state = { attention: 4, power: 18 };
  const said = Moving.said();
  const place = Moving.element("div");

  function words(bytes) {
    const [unit, size] = bytes >= 2 ** 30 ? ["GiB", 2 ** 30] : ["MiB", 2 ** 20];
    return `${Moving.fixed(bytes / size, 2)} ${unit}`;
  }

  function x(power) {
    return LEFT + ((power - SHORT) / (LONG - SHORT)) * (WIDTH - LEFT - 12);
  }

  function y(bytes) {
    return BOTTOM - (Math.log(bytes / LOW) / Math.log(HIGH / LOW)) * (BOTTOM - TOP);
  }

  function line(bytes, name) {
    const points = Array.from({ length: 4 * (LONG - SHORT) + 1 }, (_, i) => SHORT + i / 4);
    return Moving.shape("path", { d: `M${points.map((power) => `${x(power).toFixed(1)} ${y(bytes(2 ** power)).toFixed(1)}`).join("L")}`, class: name });
  }

  function update() {
    const [attention, mamba] = [state.attention, LAYERS - state.attention];
    const tokens = 2 ** state.power;
    const [cache, states] = [attention * TOKEN * tokens, mamba * STATE];
    const svg = Moving.drawing(WIDTH, BOTTOM + 40, `bytes over tokens; at ${tokens.toLocaleString("en")} ${attention} caches and ${mamba} states`);
    Object.entries(TICKS).forEach(([label, bytes]) => svg.append(
      Moving.shape("path", { d: `M${LEFT} ${y(bytes)}H${WIDTH}`, class: "axis" }),
      Moving.shape("text", { x: LEFT - 4, y: y(bytes) + 4, "text-anchor": "end", class: "quiet" }, label),
    ));
    [4, 8, 12, 16, 20].forEach((power) => svg.append(
      Moving.shape("text", { x: x(power), y: BOTTOM + 16, "text-anchor": "middle", class: "quiet" }, power < 10 ? String(2 ** power) : power === LONG ? "1M" : `${2 ** (power - 10)}K`),
    ));
    svg.append(
      Moving.shape("text", { x: WIDTH, y: BOTTOM + 36, "text-anchor": "end", class: "quiet" }, "tokens"),
      Moving.shape("g", { "stroke-dasharray": "2 4" }, line((length) => LAYERS * TOKEN * length, "line-one")),
      ...(attention === 0 ? [] : [line((length) => attention * TOKEN * length, "line-one"), Moving.shape("circle", { cx: x(state.power), cy: y(cache), r: 6, class: "one" })]),
      ...(mamba === 0 ? [] : [line(() => states, "line-two"), Moving.shape("circle", { cx: x(state.power), cy: y(states), r: 6, class: "two" })]),
      Moving.shape("text", { x: LEFT, y: 15, class: "one" }, `${attention} caches`),
      Moving.shape("text", { x: LEFT + 78, y: 15, class: "two" }, `${mamba} states`),
      Moving.shape("text", { x: LEFT + 158, y: 15, class: "quiet" }, "dotted: 32 caches"),
    );
    place.replaceChildren(svg);
    const meet = attention > 0 && mamba > 0 ? ` Caches and states are equal at ${Math.round(states / (attention * TOKEN)).toLocaleString("en")} tokens.` : "";
    const share = (cache + states) / (LAYERS * TOKEN * tokens);
    said.textContent = `${tokens.toLocaleString("en")} tokens: ${attention === 0 ? "no caches" : `${words(cache)} of caches`} and ${mamba === 0 ? "no states" : `${words(states)} of states`}. `
      + `Together that is ${share >= 1 ? `${Moving.fixed(share, 1)} times` : `${(100 * share).toPrecision(2)} % of`} what 32 attention layers keep.${meet}`;
  }

  function slider(name, label, min, max, words) {
    return Moving.slider({ label, min, max, value: state[name], words }, (value) => { state[name] = value; update(); });
  }

  const side = Moving.element("div", {}, Moving.controls(
    slider("attention", "attention layers of 32", 0, LAYERS, String),
    slider("power", "tokens T", SHORT, LONG, (power) => (2 ** power).toLocaleString("en")),
  ), said);
  box.append(Moving.element("div", { class: "row" }, side, place));
  update();
});
