/**
 * hybrid: what Jamba's 32 layers keep of one text, by how many of them attend.
 *
 * What to find out: for short texts the states are the larger part, and from some length on the caches are nearly all,
 * even with one attention layer. Cache: 2·G·K·T numbers a layer; state: channels·(N + W); 2 bytes each.
 */
"use strict";

Moving.add("hybrid", ({ knobs, stage, said }) => {
  const [LAYERS, G, K, CHANNELS, N, W, BYTES] = [32, 8, 128, 8192, 16, 4, 2];
  const TOKEN = 2 * G * K * BYTES; // of one attention layer
  const STATE = CHANNELS * (N + W) * BYTES; // of one Mamba layer
  const LENGTHS = Moving.whole(4, 20).map((power) => 2 ** power);
  const state = { attention: 4, T: 2 ** 18 };
  const place = Moving.element("div");

  function words(bytes, digits = 2) {
    const [unit, size] = bytes >= 2 ** 30 ? ["GiB", 2 ** 30] : ["MiB", 2 ** 20];
    return `${Moving.fixed(bytes / size, digits)} ${unit}`;
  }

  function short(tokens) {
    return tokens >= 2 ** 20 ? `${tokens / 2 ** 20}M` : tokens >= 1024 ? `${tokens / 1024}K` : String(tokens);
  }

  function update() {
    const { attention, T } = state;
    const mamba = LAYERS - attention;
    const [cache, states] = [attention * TOKEN * T, mamba * STATE];
    const { svg, x, y, curve } = Moving.plot(
      `bytes over tokens; at ${T.toLocaleString("en")} tokens ${Moving.counted(attention, "cache")} and ${Moving.counted(mamba, "state")}`,
      { low: LENGTHS[0], high: LENGTHS.at(-1), log: true, ticks: [2 ** 4, 2 ** 8, 2 ** 12, 2 ** 16, 2 ** 20], words: short, name: "tokens" },
      { low: 2 ** 15, high: 2 ** 37.1, log: true, ticks: [2 ** 20, 2 ** 25, 2 ** 30, 2 ** 35], words: (bytes) => words(bytes, 0), name: "kept" },
    );
    svg.append(
      Moving.text(60, 12, Moving.counted(attention, "cache"), { name: "one" }),
      Moving.text(136, 12, Moving.counted(mamba, "state"), { name: "two" }),
      Moving.text(322, 12, "dotted: 32 caches", { anchor: "end", name: "quiet" }),
    );
    curve(LENGTHS.map((length) => [length, LAYERS * TOKEN * length]), "line-one");
    svg.lastChild.setAttribute("stroke-dasharray", "2 4");
    if (attention > 0) {
      curve(LENGTHS.map((length) => [length, attention * TOKEN * length]), "line-one");
      svg.append(Moving.shape("circle", { cx: x(T), cy: y(cache), r: 6, class: "one" }));
    }
    if (mamba > 0) {
      curve(LENGTHS.map((length) => [length, states]), "line-two");
      svg.append(Moving.shape("circle", { cx: x(T), cy: y(states), r: 6, class: "two" }));
    }
    place.replaceChildren(svg);
    const meet = attention > 0 && mamba > 0 ? ` Caches and states are equal at ${Math.round(states / (attention * TOKEN)).toLocaleString("en")} tokens.` : "";
    const share = (cache + states) / (LAYERS * TOKEN * T);
    said.textContent = `${T.toLocaleString("en")} tokens: ${attention === 0 ? "no caches" : `${words(cache)} of caches`} and ${mamba === 0 ? "no states" : `${words(states)} of states`}. `
      + `Together that is ${share >= 1 ? `${Moving.fixed(share, 1)} times` : `${(100 * share).toPrecision(2)} % of`} what 32 attention layers keep.${meet}`;
  }

  knobs.append(
    Moving.slider({ label: "attention layers of 32", values: Moving.whole(0, LAYERS), value: state.attention }, (value) => { state.attention = value; update(); }),
    Moving.slider({ label: "tokens T", values: LENGTHS, value: state.T, words: (each) => each.toLocaleString("en") }, (value) => { state.T = value; update(); }),
  );
  stage.append(place);
  update();
});
