/**
 * memory: how long a channel remembers, by the bias of its step.
 *
 * What to find out: the bias sets Δ = softplus(bias), and only the product of Δ and |A| counts. After n tokens e^(nΔA) is
 * left, a half for n = ln 2 / (Δ·|A|). Mamba's biases begin with steps between 0.001 and 0.1.
 */
"use strict";

Moving.add("memory", (box) => {
  const [WIDTH, TOP, BOTTOM, LEFT] = [340, 28, 210, 32];
  const [FIRST, LAST] = [-1, 4]; // the axis goes from 0.1 to 10,000 tokens
  const state = { bias: 0, rate: 1 };
  const said = Moving.said();
  const place = Moving.element("div");

  function step() {
    return Math.log1p(Math.exp(state.bias));
  }

  function left(tokens) {
    return Math.exp(-tokens * step() * state.rate);
  }

  function x(tokens) {
    return LEFT + ((Math.log10(tokens) - FIRST) / (LAST - FIRST)) * (WIDTH - LEFT - 12);
  }

  function y(share) {
    return TOP + (1 - share) * (BOTTOM - TOP);
  }

  function words(tokens) {
    return tokens < 10 ? tokens.toPrecision(2) : Math.round(tokens).toLocaleString("en");
  }

  function update() {
    const half = Math.log(2) / (step() * state.rate);
    const svg = Moving.drawing(WIDTH, BOTTOM + 40, `what is left of an input, over the tokens since; a half after ${words(half)}`);
    const [from, to] = [0.1, 0.001].map((each) => x(Math.log(2) / (each * state.rate)));
    svg.append(
      Moving.shape("rect", { x: from, y: TOP, width: to - from, height: BOTTOM - TOP, class: "three", opacity: ".16" }),
      Moving.shape("text", { x: (from + to) / 2, y: 16, "text-anchor": "middle", class: "three" }, "half-lives with Δ from 0.1 to 0.001"),
    );
    [0, 0.5, 1].forEach((share) => svg.append(
      Moving.shape("path", { d: `M${LEFT} ${y(share)}H${WIDTH - 12}`, class: "axis" }),
      Moving.shape("text", { x: LEFT - 5, y: y(share) + 4, "text-anchor": "end", class: "quiet" }, String(share)),
    ));
    [0.1, 1, 10, 100, 1000].forEach((tokens) => svg.append(
      Moving.shape("text", { x: x(tokens), y: BOTTOM + 16, "text-anchor": "middle", class: "quiet" }, tokens.toLocaleString("en")),
    ));
    const tokens = Array.from({ length: 201 }, (_, i) => 10 ** (FIRST + ((LAST - FIRST) * i) / 200));
    svg.append(
      Moving.shape("path", { d: `M${tokens.map((n) => `${x(n).toFixed(1)} ${y(left(n)).toFixed(1)}`).join("L")}`, class: "line-one" }),
      Moving.shape("circle", { cx: x(half), cy: y(0.5), r: 6, class: "one" }),
      Moving.shape("text", { x: LEFT, y: BOTTOM + 36, class: "quiet" }, "share that is left"),
      Moving.shape("text", { x: WIDTH - 12, y: BOTTOM + 36, "text-anchor": "end", class: "quiet" }, "tokens later"),
    );
    place.replaceChildren(svg);
    said.textContent = `Δ = softplus(${Moving.fixed(state.bias, 1)}) = ${step().toPrecision(2)}. Each token leaves e^(ΔA) = ${Moving.fixed(left(1), 4)} of the state, `
      + `so half of an input is left after ln 2 / (Δ · ${state.rate}) = ${words(half)} tokens.`;
  }

  function set(name, value) {
    state[name] = value;
    update();
  }

  const side = Moving.element("div", {}, Moving.controls(
    Moving.slider({ label: "bias", min: -7, max: 2, step: 0.1, value: 0, words: (bias) => Moving.fixed(bias, 1) }, (bias) => set("bias", bias)),
    Moving.slider({ label: "A", min: 1, max: 16, value: 1, words: (rate) => `−${rate}` }, (rate) => set("rate", rate)),
  ), said);
  box.append(Moving.element("div", { class: "row" }, side, place));
  update();
});
