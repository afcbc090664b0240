/**
 * memory: how long a channel remembers, by the bias of its step.
 *
 * What to find out: the bias sets Δ = softplus(bias), and only the product of Δ and |A| counts. After n tokens e^(nΔA) is
 * left, a half for n = ln 2 / (Δ·|A|). Mamba's biases begin with steps between 0.001 and 0.1.
 */
"use strict";

Moving.add("memory", ({ knobs, stage, said }) => {
  const state = { bias: 0, rate: 1 };
  const place = Moving.element("div");

  function step() {
    return Math.log1p(Math.exp(state.bias));
  }

  function left(tokens) {
    return Math.exp(-tokens * step() * state.rate);
  }

  function words(tokens) {
    return Moving.counted(tokens < 10 ? Number(tokens.toPrecision(2)) : Math.round(tokens), "token");
  }

  function update() {
    const half = Math.log(2) / (step() * state.rate);
    const { svg, x, y, curve } = Moving.plot(
      `what is left of an input, over the tokens since; a half after ${words(half)}`,
      { low: 0.01, high: 10000, log: true, ticks: [0.01, 0.1, 1, 10, 100, 1000], name: "tokens later" },
      { low: 0, high: 1, ticks: [0, 0.5, 1], name: "left" },
    );
    const [from, to] = [0.1, 0.001].map((each) => x(Math.log(2) / (each * state.rate)));
    svg.prepend(Moving.shape("rect", { x: from, y: y(1), width: to - from, height: y(0) - y(1), class: "three", opacity: ".16" }));
    curve(Moving.whole(-100, 200).map((each) => 10 ** (each / 50)).map((tokens) => [tokens, left(tokens)]), "line-one");
    svg.append(
      Moving.shape("circle", { cx: x(half), cy: y(0.5), r: 6, class: "one" }),
      Moving.text(322, 12, "half-lives with Δ from 0.1 to 0.001", { anchor: "end", name: "three" }),
    );
    place.replaceChildren(svg);
    said.textContent = `Δ = softplus(${Moving.fixed(state.bias, 1)}) = ${step().toPrecision(2)}. Each token leaves e^(ΔA) ${left(1) < 1e-4 ? "< 0.0001" : `= ${Moving.fixed(left(1), 4)}`} of the state, `
      + `so half of an input is left after ln 2 / (Δ · ${state.rate}) = ${words(half)}.`;
  }

  function set(name, value) {
    state[name] = value;
    update();
  }

  const biases = Moving.whole(-70, 20).map((each) => each / 10);
  knobs.append(
    Moving.slider({ label: "bias", values: biases, value: 0, words: (bias) => Moving.fixed(bias, 1) }, (bias) => set("bias", bias)),
    Moving.slider({ label: "A", values: Moving.whole(1, 16), value: 1, words: (rate) => `−${rate}` }, (rate) => set("rate", rate)),
  );
  stage.append(place);
  update();
});
