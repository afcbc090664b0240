/**
 * scaling: the loss of all divisions of one budget of FLOPs into size and tokens. To find out: the size term falls and
 * the token term rises with the size, their sum is lowest near where they cross, and a miss there wastes compute.
 *
 * loss = E + A / size^α + B / tokens^β with the numbers of part 8, and FLOPs = 6 · size · tokens.
 */
"use strict";

Moving.add("scaling", ({ knobs, stage, said }) => {
  const LAW = { E: 1.8172, A: 482.01, B: 2085.43, alpha: 0.3478, beta: 0.3658 };
  const BUDGETS = [1e20, 1e21, 1e22, 1e23, 5.88e23, 1e24, 1e25]; // 5.88e23 are Chinchilla's
  const BILLIONS = [0.1, 0.2, 0.35, 0.5, 0.7, 1, 1.5, 2, 3.5, 5, 7, 10, 15, 20, 35, 50, 70, 100, 140, 200, 280, 350, 500, 700, 1000];
  const state = { flops: 5.88e23, size: 35e9 };
  const place = Moving.element("div");

  function sizeTerm(size) {
    return LAW.A / size ** LAW.alpha;
  }

  function tokenTerm(tokens) {
    return LAW.B / tokens ** LAW.beta;
  }

  function best(flops) {
    const ratio = (LAW.alpha * LAW.A) / (LAW.beta * LAW.B);
    return (ratio * (flops / 6) ** LAW.beta) ** (1 / (LAW.alpha + LAW.beta));
  }

  function above(size, flops) { // the loss above the irreducible one
    return sizeTerm(size) + tokenTerm(flops / 6 / size);
  }

  function share(gap, flops) { // of the budget, with which the best division gets as low
    let [low, high] = [1e-9, 1];
    for (let half = 0; half < 60; half += 1) {
      const middle = Math.sqrt(low * high);
      [low, high] = above(best(middle * flops), middle * flops) > gap ? [middle, high] : [low, middle];
    }
    return high;
  }

  function percent(part) {
    return `${Number((100 * part).toPrecision(part < 0.01 ? 1 : 2))} %`;
  }

  function count(number) { // 35 billion
    const [unit, name] = number < 1e9 ? [1e6, "million"] : number < 1e12 ? [1e9, "billion"] : [1e12, "trillion"];
    return `${Number((number / unit).toPrecision(3)).toLocaleString("en")} ${name}`;
  }

  function budget(flops) { // 5.88 · 10²³
    const [factor, power] = flops.toExponential().split("e+");
    return `${factor === "1" ? "" : `${factor} · `}10${[...power].map((digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit]).join("")}`;
  }

  function update() {
    const { flops } = state;
    const [lowest, gap] = [best(flops), above(state.size, flops)];
    const { svg, x, y, curve } = Moving.plot(
      `loss above ${LAW.E} over the size; lowest at ${count(lowest)} parameters`,
      { low: 1e8, high: 1e12, log: true, ticks: [1e8, 1e9, 1e10, 1e11, 1e12], words: (tick) => String(tick / 1e9), name: "billions of parameters" },
      { low: 0.02, high: 5, log: true, ticks: [0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5], name: `loss − ${LAW.E}:` },
      290,
    );
    const sizes = Moving.whole(0, 80).map((each) => 1e8 * 10 ** (each / 20));
    curve(sizes.map((each) => [each, sizeTerm(each)]), "line-two");
    curve(sizes.map((each) => [each, tokenTerm(flops / 6 / each)]), "line-three");
    curve(sizes.map((each) => [each, above(each, flops)]), "line-one");
    svg.append(
      Moving.shape("path", { d: `M${x(lowest)} ${y(above(lowest, flops))}V254`, class: "mark" }),
      Moving.shape("circle", { cx: x(state.size), cy: y(gap), r: 6, class: "one" }),
      Moving.text(118, 12, "size term", { name: "two" }),
      Moving.text(196, 12, "token term", { name: "three" }),
      Moving.text(322, 12, "sum", { anchor: "end", name: "one" }),
    );
    place.replaceChildren(svg);
    const tokens = flops / 6 / state.size;
    const miss = share(gap, flops);
    said.textContent = `${count(state.size)} parameters read ${count(tokens)} tokens, ${Number((tokens / state.size).toPrecision(2)).toLocaleString("en", { maximumSignificantDigits: 2 })} for each parameter: `
      + `loss ${Moving.fixed(LAW.E + gap, 3)}. The best division is ${count(lowest)} and ${count(flops / 6 / lowest)}, with ${Moving.fixed(LAW.E + above(lowest, flops), 3)}. `
      + (miss > 0.995 ? "Yours is as good." : `It would reach your loss with ${percent(miss)} of the FLOPs: your model is ${state.size < lowest ? "too small" : "too large for so little text"}.`);
  }

  knobs.append(
    Moving.slider({ label: "FLOPs", values: BUDGETS, value: state.flops, words: budget }, (value) => { state.flops = value; update(); }),
    Moving.slider({ label: "parameters", values: BILLIONS.map((each) => Math.round(each * 1e9)), value: state.size, words: count }, (value) => { state.size = value; update(); }),
  );
  stage.append(place);
  update();
});
